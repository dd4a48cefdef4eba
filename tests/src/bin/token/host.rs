//! The browser's end of the host's pipes, and the computer on which it runs.

use std::{
    io::{Read, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{self, Receiver},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use qcert_journeys::{Token, token::PIN};
use serde_json::{Value, json};

const ORIGIN: &str = "https://ca.example";

/// Nothing that is measured takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A computer with one token.
pub struct Computer {
    directory: tempfile::TempDir,
    token: Token,
}

impl Computer {
    /// With these modules.
    pub fn with(modules: &[PathBuf]) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let token = Token::make(directory.path(), "token", PIN)?;
        let this = Self { directory, token };
        this.set_modules(modules)?;
        Ok(this)
    }

    /// Tells the host of other modules.
    pub fn set_modules(&self, modules: &[PathBuf]) -> Result<()> {
        // A TOML array of strings is written like a JSON one.
        let modules = serde_json::to_string(modules)?;
        let text = format!("allowed_origins = [\"{ORIGIN}\"]\nmodules = {modules}\nlog = \"off\"\n");
        std::fs::write(self.path("host.toml"), text).context("write the host's configuration")
    }

    /// From now on the shim shows an empty reader.
    pub fn pull(&self) -> Result<()> {
        self.token.pull()
    }

    /// From now on the shim hangs.
    pub fn hang(&self) -> Result<()> {
        self.token.control("hang slots")
    }

    /// A file of this computer.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A program on this computer.
    pub fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command
            .current_dir(self.directory.path())
            .env("HOME", self.path("home"))
            .env("SOFTHSM2_CONF", self.token.configuration())
            .env("QCERT_SHIM_CONTROL", self.token.control_file())
            .env("QCERT_HOST_CONFIG", self.path("host.toml"));
        for name in ["XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"] {
            command.env_remove(name);
        }
        command
    }
}

/// A host that runs.
pub struct Host {
    child: Child,
    pipe: ChildStdin,
    frames: Receiver<Vec<u8>>,
    next_id: u32,
}

impl Host {
    /// Starts it, and hears its hello.
    pub fn start(computer: &Computer, program: &Path) -> Result<Self> {
        let mut command = computer.command(program);
        command.arg("chrome-extension://janafhkdmnhiphgcpjmeohjibkidkkib/");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("start the host")?;
        let pipe = child.stdin.take().context("the host has no stdin")?;
        let mut said = child.stdout.take().context("the host has no stdout")?;
        let (sender, frames) = mpsc::channel();
        std::thread::spawn(move || while next_frame(&mut said).is_some_and(|frame| sender.send(frame).is_ok()) {});
        let mut this = Self { child, pipe, frames, next_id: 0 };
        let hello = this.next()?;
        ensure!(hello["event"] == "hello", "the host did not say hello: {hello}");
        Ok(this)
    }

    /// Its process id.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Asks, and answers the id.
    pub fn send(&mut self, command: &str, params: Value, pin: bool) -> Result<String> {
        self.next_id += 1;
        let id = self.next_id.to_string();
        let mut request = json!({"id": id, "origin": ORIGIN, "command": command, "params": params});
        if pin {
            request["authorization"] = json!({"pin": PIN});
        }
        let text = request.to_string();
        let length = u32::try_from(text.len())?.to_ne_bytes();
        self.pipe.write_all(&[&length, text.as_bytes()].concat()).context("write to the host")?;
        Ok(id)
    }

    /// What it says next.
    pub fn next(&mut self) -> Result<Value> {
        let frame = self.frames.recv_timeout(PATIENCE).context("the host says nothing")?;
        serde_json::from_slice(&frame).context("read what the host says")
    }

    /// The result of a request; what is said meanwhile is passed over.
    pub fn result(&mut self, id: &str) -> Result<Value> {
        loop {
            let frame = self.next()?;
            if frame["id"] == id && frame["event"].is_null() {
                if !frame["error"].is_null() {
                    bail!("the host answers {frame}");
                }
                return Ok(frame["result"].clone());
            }
        }
    }

    /// Asks and hears the result.
    pub fn ask(&mut self, command: &str, params: Value, pin: bool) -> Result<Value> {
        let id = self.send(command, params, pin)?;
        self.result(&id)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn next_frame(pipe: &mut impl Read) -> Option<Vec<u8>> {
    let mut length = [0; 4];
    pipe.read_exact(&mut length).ok()?;
    let mut frame = vec![0; u32::from_ne_bytes(length) as usize];
    pipe.read_exact(&mut frame).ok()?;
    Some(frame)
}

/// The id of the only token in a list.
pub fn token_id(tokens: &Value) -> Result<String> {
    let readers = tokens["readers"].as_array().context("a list has no readers")?;
    let id = readers.iter().find_map(|reader| reader["token"]["id"].as_str());
    id.map(str::to_owned).with_context(|| format!("no token: {tokens}"))
}
