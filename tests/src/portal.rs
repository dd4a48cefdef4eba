//! The authority's side: a server with a database and a CA of its own, and the text messages it sends.

use std::{
    cell::RefCell,
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::programs::{self, Daemon};

/// What a test wants otherwise than the server's defaults: names of environment variables and their values.
pub type Settings<'a> = &'a [(&'a str, &'a str)];

/// A running server.
pub struct Portal {
    directory: PathBuf,
    port: u16,
    settings: Vec<(String, String)>,
    server: RefCell<Option<Daemon>>,
}

impl Portal {
    /// Makes a CA, imports the demo's applications, and starts the server.
    ///
    /// # Errors
    /// A program is not built, or fails.
    pub fn start(directory: &Path, settings: Settings) -> Result<Self> {
        Self::start_at(directory, settings, free_port()?)
    }

    /// The same at a port of one's choice.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_at(directory: &Path, settings: Settings, port: u16) -> Result<Self> {
        fs::create_dir_all(directory).context("make the portal's directory")?;
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let portal = Self { directory: directory.to_owned(), port, settings, server: RefCell::new(None) };
        programs::run(&mut portal.program(&["ca", "init"])?)?;
        let applications = programs::repository().join("demo/applications.json");
        programs::run(portal.program(&["applications", "import"])?.arg(applications))?;
        portal.resume()?;
        Ok(portal)
    }

    /// Scheme, host and port.
    pub fn origin(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    /// Ends the server as a crash does.
    pub fn stop(&self) {
        self.server.take();
    }

    /// Starts the server again, on the same port and data.
    ///
    /// # Errors
    /// It does not answer.
    pub fn resume(&self) -> Result<()> {
        let mut serve = self.program(&["serve"])?;
        let mut server = Daemon::start(&mut serve, self.directory.join("server.log"))?;
        server.wait_for("the server's answer", |_| self.get("/healthz").ok())?;
        self.server.replace(Some(server));
        Ok(())
    }

    /// The server's process id, while it runs.
    pub fn process(&self) -> Option<u32> {
        self.server.borrow().as_ref().map(Daemon::process)
    }

    /// What the server has printed.
    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.join("server.log")).unwrap_or_default()
    }

    /// The directory where the server works; its data are in `data/`.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Runs the server's program with other arguments, on the same data, and returns what it printed.
    ///
    /// # Errors
    /// It fails.
    pub fn run(&self, arguments: &[&str]) -> Result<String> {
        Ok(String::from_utf8_lossy(&programs::run(&mut self.program(arguments)?)?).into_owned())
    }

    /// The text messages to one phone (`+7…`), oldest first.
    pub fn messages(&self, phone: &str) -> Vec<String> {
        let lines = fs::read_to_string(self.messages_file()).unwrap_or_default();
        let parsed = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        parsed.filter(|message| message["to"] == phone).filter_map(|m| m["text"].as_str().map(str::to_owned)).collect()
    }

    /// The file to which the server appends text messages.
    pub fn messages_file(&self) -> PathBuf {
        self.directory.join("data/sms.jsonl")
    }

    /// Waits for the `n`th text message (from 1) to a phone.
    ///
    /// # Errors
    /// It does not come within ten seconds.
    pub async fn message(&self, phone: &str, n: usize) -> Result<String> {
        for _ in 0..500 {
            if let Some(text) = self.messages(phone).into_iter().nth(n - 1) {
                return Ok(text);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        anyhow::bail!("no text message number {n} came; the server says:\n{}", self.log())
    }

    /// The body of what the server answers to GET, asked outside any browser.
    ///
    /// # Errors
    /// It does not answer with 200.
    pub fn get(&self, path: &str) -> Result<Vec<u8>> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).context("connect to the server")?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        // HTTP/1.0 ends the answer with the connection: no chunks to put together.
        write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost:{}\r\n\r\n", self.port)?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).context("read the server's answer")?;
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").context("an answer without a head")?;
        let status = String::from_utf8_lossy(&answer[..end]).lines().next().unwrap_or_default().to_owned();
        ensure!(status.contains(" 200"), "GET {path}: {status}");
        Ok(answer.split_off(end + 4))
    }

    fn program(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = Command::new(programs::built("qcert-server", "qcert-server")?);
        command
            .args(arguments)
            .current_dir(&self.directory)
            .env("QCERT__SERVER__LISTEN", format!("127.0.0.1:{}", self.port))
            .env("QCERT__SERVER__ORIGIN", self.origin())
            .env("QCERT__SERVER__FRONTEND", programs::page()?)
            .envs(self.settings.iter().cloned());
        Ok(command)
    }
}

/// The one-time password in a text message: what its last line repeats after `#`.
///
/// # Errors
/// The message is not of the form that PROTOCOL.md gives.
pub fn password(message: &str) -> Result<&str> {
    let last = message.lines().last().unwrap_or_default();
    let (domain, password) = last.split_once(" #").context("the last line has no one-time password")?;
    ensure!(domain.starts_with('@'), "the last line does not begin with @");
    ensure!(message.lines().next().is_some_and(|text| text.contains(password)), "the text does not have the password");
    Ok(password)
}

/// A port that nobody uses now.
///
/// # Errors
/// There is none.
pub(crate) fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("look for a free port")?;
    Ok(listener.local_addr()?.port())
}
