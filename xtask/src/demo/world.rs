//! What the demo keeps under `target/demo`: CA, database, token, person's home, browser's profile.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::children::Child;
use crate::run::run_quietly;
use crate::setup::Toolbox;
use crate::{repository, under_target};

pub const PORTAL: &str = "http://localhost:8080";
const ADDRESS: &str = "127.0.0.1:8080";
pub const PIN: &str = "12345678";
const TOKEN_LABEL: &str = "Qcert demo";
/// Where Debian and its kin keep SoftHSM's PKCS#11 module.
const SOFTHSM: [&str; 4] = [
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/lib/libsofthsm2.so",
];

pub struct World {
    directory: PathBuf,
    messages: PathBuf,
}

/// Says who may have the port before anything is built for it.
pub fn require_free_port() -> Result<()> {
    if TcpStream::connect(ADDRESS).is_ok() {
        bail!(
            "something already listens on {ADDRESS}, where the demo's portal would be: another demo, perhaps. \
             `ss -ltnp sport = :8080` tells which program it is; end it and run this again."
        );
    }
    Ok(())
}

impl World {
    /// Makes what is not there yet.
    pub fn prepare(tools: &Toolbox, fresh: bool) -> Result<Self> {
        let directory = under_target("demo");
        let world = Self { messages: directory.join("data/sms.jsonl"), directory };
        if fresh {
            world.forget()?;
        }
        for name in ["home", "softhsm/tokens", "data"] {
            fs::create_dir_all(world.path(name)).with_context(|| format!("create {name} of the demo"))?;
        }
        world.make_token(tools)?;
        world.make_authority(tools)?;
        world.register_host(tools)?;
        Ok(world)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// The file to which the server appends text messages.
    pub fn messages(&self) -> &Path {
        &self.messages
    }

    pub fn log(&self, name: &str) -> Result<File> {
        let path = self.path(name);
        OpenOptions::new().create(true).append(true).open(&path).with_context(|| format!("open {}", path.display()))
    }

    /// The environment in which the demo's person and token live.
    pub fn furnish(&self, command: &mut Command) {
        command
            .env("HOME", self.path("home"))
            .env("QCERT_HOST_CONFIG", self.path("host.toml"))
            .env("SOFTHSM2_CONF", self.path("softhsm/softhsm2.conf"));
        // These would lead out of the demo's home.
        for name in ["XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"] {
            command.env_remove(name);
        }
    }

    /// `qcert-server`, started in the demo's directory, so that its embedded defaults (`./data`) lie there.
    pub fn server(&self, tools: &Toolbox, arguments: &[&str]) -> Command {
        let mut command = tools.command(&repository::program("qcert-server").to_string_lossy());
        command.current_dir(&self.directory).args(arguments);
        // A sent request can be seen and taken back, and somebody who tries the sign-in again and again is not locked out.
        command.env("QCERT__ISSUANCE__WAIT_SECONDS", "5").env("QCERT__OTP__HOURLY_BY_PHONE", "100");
        command
    }

    pub fn wait_until_served(&self, server: &mut Child) -> Result<()> {
        for _ in 0..100 {
            if let Some(status) = server.ended()? {
                let log = fs::read_to_string(self.path("server.log")).unwrap_or_default();
                let last: Vec<&str> = log.lines().rev().take(5).collect();
                bail!("the server did not start: {status}\n{}", last.into_iter().rev().collect::<Vec<_>>().join("\n"));
            }
            if healthy() {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(100));
        }
        bail!("the server does not answer on {PORTAL}/healthz; see {}", self.path("server.log").display());
    }

    fn forget(&self) -> Result<()> {
        for name in ["home", "softhsm", "data", "chromium", "host.toml", "server.log", "chromium.log"] {
            let path = self.path(name);
            let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            match removed {
                Err(error) if path.exists() => return Err(error).with_context(|| format!("remove {}", path.display())),
                _ => {}
            }
        }
        Ok(())
    }

    fn make_token(&self, tools: &Toolbox) -> Result<()> {
        let configuration = self.path("softhsm/softhsm2.conf");
        let tokens = self.path("softhsm/tokens");
        let text =
            format!("directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n", tokens.display());
        fs::write(&configuration, text).with_context(|| format!("write {}", configuration.display()))?;
        if fs::read_dir(&tokens).context("look at the tokens")?.next().is_some() {
            return Ok(());
        }
        let mut command = tools.command("softhsm2-util");
        command.args(["--init-token", "--free", "--label", TOKEN_LABEL, "--so-pin", PIN, "--pin", PIN]);
        run_quietly(command.env("SOFTHSM2_CONF", configuration)).context("make the token").map(drop)
    }

    fn make_authority(&self, tools: &Toolbox) -> Result<()> {
        let done = self.path("data/imported");
        if done.exists() {
            return Ok(());
        }
        run_quietly(&mut self.server(tools, &["ca", "init"])).context("make the CA")?;
        let mut command = self.server(tools, &["applications", "import"]);
        command.arg(repository::root().join("demo/applications.json"));
        run_quietly(&mut command).context("import the demo's applications")?;
        fs::write(&done, "").context("note that the applications are imported")
    }

    /// Writes the host's configuration and tells the demo's Chromium about it; nothing outside `target/demo` changes.
    fn register_host(&self, tools: &Toolbox) -> Result<()> {
        let module =
            SOFTHSM.iter().find(|path| Path::new(path).exists()).context("SoftHSM's PKCS#11 module is missing")?;
        let configuration = self.path("host.toml");
        // Only the demo's token: p11-kit's proxy would show it twice, and a person's own tokens are none of ours.
        fs::write(&configuration, format!("modules = [\"{module}\"]\n")).context("write the host's configuration")?;
        let mut command = tools.command(&repository::program("qcert-host").to_string_lossy());
        command.args(["register", "--browser", "chromium", "--portal", PORTAL, "--user-data-dir"]);
        command.arg(self.path("chromium"));
        self.furnish(&mut command);
        run_quietly(&mut command).context("register the host").map(drop)
    }
}

/// Whether the portal says that it is well: RFC 9112 by hand, for one line of an answer.
fn healthy() -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect(ADDRESS)?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost:8080\r\nConnection: close\r\n\r\n")?;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer)?;
        Ok(&answer == b"HTTP/1.1 200")
    };
    ask().unwrap_or(false)
}
