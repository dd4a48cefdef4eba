//! An authority with its data, and the servers that work on them.

use std::{
    fs::{self, File, OpenOptions},
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::{
    clock::Stopwatch,
    http::{Connection, Question},
};

/// How long a server may take to begin.
const BEGINS: Duration = Duration::from_secs(30);

/// Limits that load from one address does not reach, and intervals that a test can wait for.
const UNLIMITED: [(&str, &str); 7] = [
    ("QCERT__OTP__HOURLY_BY_ADDRESS", "1000000"),
    ("QCERT__OTP__HOURLY_BY_PHONE", "1000000"),
    ("QCERT__OTP__HOURLY_IN_ALL", "1000000"),
    ("QCERT__OTP__HOURLY_TRIES_BY_ADDRESS", "1000000"),
    ("QCERT__OTP__RESEND_SECONDS", "1"),
    ("QCERT__OTP__TRIES", "100"),
    ("RUST_LOG", "warn"),
];

/// An authority with its data in a directory.
pub struct Installation {
    program: PathBuf,
    directory: PathBuf,
    port: u16,
    settings: Vec<(String, String)>,
}

impl Installation {
    /// Makes an authority in an empty directory, with these settings beside the defaults.
    ///
    /// # Errors
    /// When the server's program fails.
    pub fn make(program: &Path, directory: &Path, settings: &[(&str, String)]) -> Result<Self> {
        fs::create_dir_all(directory).with_context(|| format!("make {}", directory.display()))?;
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let installation =
            Self { program: program.to_owned(), directory: directory.to_owned(), port: free_port()?, settings };
        installation.run(&["ca", "init"])?;
        Ok(installation)
    }

    /// Runs the server's program on the same data, and returns what it printed.
    ///
    /// # Errors
    /// When it fails.
    pub fn run(&self, arguments: &[&str]) -> Result<String> {
        let output = self.command(arguments).stdin(Stdio::null()).output().context("start qcert-server")?;
        let told = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "qcert-server {}: {}\n{told}", arguments.join(" "), output.status);
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Imports applications.
    ///
    /// # Errors
    /// When the server's program refuses them.
    pub fn import(&self, applications: &[Value]) -> Result<()> {
        let file = self.directory.join("applications.json");
        fs::write(&file, serde_json::to_vec(applications)?).context("write applications")?;
        self.run(&["applications", "import", &file.to_string_lossy()]).map(drop)
    }

    /// Where the data are.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Host and port as browsers know them, whichever server they reach.
    pub fn host(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// The journal of the CA's signatures.
    pub fn journal(&self) -> PathBuf {
        self.directory.join("signatures")
    }

    /// The named pipe or file for the text messages of the `n`th server.
    pub fn outbox(&self, n: usize) -> PathBuf {
        self.directory.join(format!("messages-{n}"))
    }

    /// Starts the `n`th server, from 0; each has an address of its own.
    ///
    /// # Errors
    /// When it cannot be started, or does not begin.
    pub fn start(&self, n: usize) -> Result<Server> {
        let server = self.launch(n, if n == 0 { self.port } else { free_port()? })?;
        server.wait(&self.directory)
    }

    /// Starts the `n`th server again on its address, without waiting for it.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn launch(&self, n: usize, port: u16) -> Result<Server> {
        let log = self.directory.join(format!("server-{n}.log"));
        let log = OpenOptions::new().create(true).append(true).open(&log).context("open the server's log")?;
        let mut command = self.command(&["serve"]);
        command
            .env("QCERT__SERVER__LISTEN", format!("127.0.0.1:{port}"))
            .env("QCERT__SMS__OUTBOX", self.outbox(n))
            .stdin(Stdio::null())
            .stderr(log.try_clone()?)
            .stdout(log);
        let child = command.spawn().context("start qcert-server")?;
        Ok(Server { child, address: SocketAddr::from(([127, 0, 0, 1], port)), host: self.host() })
    }

    /// What the servers have printed.
    pub fn log(&self) -> String {
        let files = (0..8).map(|n| self.directory.join(format!("server-{n}.log")));
        files.filter_map(|file| fs::read_to_string(file).ok()).collect()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .current_dir(&self.directory)
            .env("QCERT__SERVER__ORIGIN", format!("http://{}", self.host()))
            .env("QCERT__CA__SIGNATURE_JOURNAL", self.journal())
            .envs(UNLIMITED)
            .envs(self.settings.iter().cloned());
        command
    }
}

/// A running server. Dropped, it is killed.
pub struct Server {
    child: Child,
    address: SocketAddr,
    host: String,
}

impl Server {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process id.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// A connection to it.
    pub fn connection(&self) -> Connection {
        Connection::new(self.address, self.host.clone())
    }

    /// SIGKILL, at once; it has no chance to do anything.
    ///
    /// # Errors
    /// When it had ended by itself before.
    pub fn kill(mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("the server had ended by itself, {status}");
        }
        self.child.kill()?;
        self.child.wait().map(drop).context("wait for the server's end")
    }

    /// SIGTERM: it may finish what it has begun, and has to end well within this time.
    ///
    /// # Errors
    /// When it ends otherwise, or not.
    pub fn stop(mut self, within: Duration) -> Result<()> {
        let told = Command::new("kill").args(["-TERM", &self.process().to_string()]).status().context("start kill")?;
        ensure!(told.success(), "kill: {told}");
        let stopwatch = Stopwatch::start();
        loop {
            if let Some(status) = self.child.try_wait()? {
                ensure!(status.success(), "the server that was told to end: {status}");
                return Ok(());
            }
            ensure!(stopwatch.elapsed() < within, "the server did not end in {within:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn wait(mut self, directory: &Path) -> Result<Self> {
        let stopwatch = Stopwatch::start();
        while stopwatch.elapsed() < BEGINS {
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended, {status}; its log is in {}", directory.display());
            }
            if self.answers() {
                return Ok(self);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        bail!("the server did not begin to answer; its log is in {}", directory.display())
    }

    /// Does it answer?
    pub fn answers(&self) -> bool {
        let question = Question { method: "GET", path: "/healthz", cookie: None, bearer: None, body: None };
        self.connection().ask(&question).is_ok_and(|answer| answer.status == 200)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that nobody listens on now.
///
/// # Errors
/// When there is none.
pub fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("look for a free port")?;
    Ok(listener.local_addr()?.port())
}

/// A program of this workspace, from the same target directory as the running one.
///
/// # Errors
/// When it was not built.
pub fn built(name: &str) -> Result<PathBuf> {
    let running = std::env::current_exe().context("ask for the path of this program")?;
    // A test lies in target/<profile>/deps, a program in target/<profile>.
    let found = running.ancestors().skip(1).take(2).map(|directory| directory.join(name)).find(|path| path.exists());
    found.with_context(|| format!("{name} is not built beside this program; `cargo build -p {name}` builds it"))
}

/// A file for what a program prints.
///
/// # Errors
/// When it cannot be made.
pub fn log_file(path: &Path) -> Result<File> {
    File::create(path).with_context(|| format!("create {}", path.display()))
}
