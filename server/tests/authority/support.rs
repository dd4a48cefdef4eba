//! An authority in a directory of its own.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Child, ChildStdout, Command, Output, Stdio},
    sync::{Arc, Mutex},
};

use qcert_pki::Certificate;
use qcert_server::{ca::Ca, clock::Clock, config::Settings};
use tempfile::TempDir;
use time::{Duration, OffsetDateTime};

pub const ORIGIN: &str = "http://localhost:8080";

pub struct Place {
    directory: TempDir,
    settings: String,
    environment: Vec<(String, String)>,
}

impl Place {
    /// With settings, TOML.
    pub fn with(settings: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self { directory, settings: settings.to_owned(), environment: Vec::new() }
    }

    pub fn environment(&mut self, name: &str, value: impl ToString) {
        self.environment.push((name.to_owned(), value.to_string()));
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes a file that its owner alone can read.
    pub fn secret(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o600)).unwrap();
    }

    pub fn change(&mut self, settings: &str) {
        self.settings = settings.to_owned();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        fs::write(self.path("qcert.toml"), &self.settings).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_qcert-server"));
        command.current_dir(self.directory.path()).args(arguments).env("QCERT__SERVER__LISTEN", "127.0.0.1:0");
        command.envs(self.environment.iter().cloned());
        command
    }

    /// Runs `qcert-server` with words that are separated by spaces.
    pub fn run(&self, line: &str) -> Output {
        let output = self.command(&line.split(' ').collect::<Vec<_>>()).output().unwrap();
        eprint!("{line}: {}{}", text(&output.stdout), text(&output.stderr));
        output
    }

    /// Runs it and kills it after so many milliseconds; it may have ended by then.
    pub fn killed(&self, line: &str, after: u64) {
        let mut command = self.command(&line.split(' ').collect::<Vec<_>>());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(after));
        let _ = child.kill();
        child.wait().unwrap();
    }

    pub fn done(&self, line: &str) -> String {
        let output = self.run(line);
        assert!(output.status.success(), "{line}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// What it says when it refuses.
    pub fn refused(&self, line: &str) -> String {
        let output = self.run(line);
        assert!(!output.status.success(), "{line}");
        text(&output.stderr)
    }

    pub fn openssl(&self, line: &str) -> Output {
        let mut command = Command::new("openssl");
        let output = command.current_dir(self.directory.path()).args(line.split(' ')).output().unwrap();
        eprint!("openssl {line}: {}{}", text(&output.stdout), text(&output.stderr));
        output
    }

    pub fn openssl_does(&self, line: &str) -> String {
        let output = self.openssl(line);
        assert!(output.status.success(), "openssl {line}");
        text(&output.stdout)
    }

    /// `ca list`, as (identifier, state, place of the key).
    pub fn list(&self) -> Vec<(String, String, String)> {
        let list: serde_json::Value = serde_json::from_str(&self.done("ca list --json")).unwrap();
        let word = |entry: &serde_json::Value, name: &str| entry[name].as_str().unwrap().to_owned();
        let all = list.as_array().unwrap().iter();
        all.map(|entry| (word(entry, "id"), word(entry, "state"), word(entry, "key"))).collect()
    }

    pub fn states(&self) -> Vec<String> {
        self.list().into_iter().map(|(_, state, _)| state).collect()
    }

    /// Names in the authority's directory.
    pub fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("data/ca")).map(|entries| entries.map(Result::unwrap).collect());
        let entries: Vec<fs::DirEntry> = entries.unwrap_or_default();
        let mut names: Vec<String> =
            entries.iter().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// The only file with this ending, as a path from the place.
    pub fn file(&self, ending: &str) -> String {
        let names = self.files();
        let mut found = names.iter().filter(|name| name.starts_with("issuing-") && name.ends_with(ending));
        let name = found.next().unwrap();
        assert_eq!(found.next(), None);
        format!("data/ca/{name}")
    }

    pub fn settings(&self) -> Settings {
        let directory = self.path("data/ca").display().to_string();
        let variables = [("QCERT__CA__DIRECTORY".to_owned(), directory)].into();
        Settings::read(&self.settings, &variables).unwrap()
    }

    /// The authority as a server has it, at a time from now.
    pub fn load(&self, later: Duration) -> (Ca, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock(Mutex::new(now() + later)));
        (Ca::load(&self.settings().ca, ORIGIN, clock.clone()).unwrap(), clock)
    }

    pub fn serve(&self) -> Serving {
        let mut child = self.command(&["serve"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let port = line.trim().strip_prefix("listening on http://localhost:").unwrap().parse().unwrap();
        Serving { child, port, _stdout: stdout }
    }
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The machine's time: the program that is typed has no other.
pub fn now() -> OffsetDateTime {
    qcert_server::clock::SystemClock.now()
}

pub struct ManualClock(Mutex<OffsetDateTime>);

impl ManualClock {
    pub fn advance(&self, by: Duration) {
        *self.0.lock().unwrap() += by;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> OffsetDateTime {
        *self.0.lock().unwrap()
    }
}

/// Signs, and sees that the certificate's key did.
pub async fn signs(issuer: &qcert_server::ca::Issuer) -> anyhow::Result<()> {
    let signature = issuer.sign(b"to be signed").await?;
    let key = issuer.certificate().public_key();
    key.verify(issuer.signature_algorithm(), b"to be signed", &signature).unwrap();
    Ok(())
}

/// A server that is ended with its test.
pub struct Serving {
    child: Child,
    port: u16,
    _stdout: BufReader<ChildStdout>,
}

impl Serving {
    /// Status line and headers, and the body.
    pub fn get(&self, path: &str) -> (String, Vec<u8>) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        (text(&answer[..end]), answer[end + 4..].to_vec())
    }

    pub fn chain(&self) -> Vec<Certificate> {
        Certificate::parse_pem(&text(&self.get("/ca/chain.pem").1)).unwrap()
    }

    /// Ends it; what it wrote into its log.
    pub fn log(mut self) -> String {
        let _ = self.child.kill();
        let mut log = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        log
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
