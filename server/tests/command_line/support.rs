//! The program, run in a directory of the test's own.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, ChildStdout, Command, Output, Stdio},
};

pub fn server(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_qcert-server"));
    command.current_dir(directory).args(arguments).env("QCERT__SERVER__LISTEN", "127.0.0.1:0");
    command
}

pub fn run(directory: &Path, arguments: &[&str]) -> Output {
    server(directory, arguments).output().unwrap()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A server that is ended with its test.
pub struct Serving {
    pub child: Child,
    pub port: u16,
    _stdout: BufReader<ChildStdout>,
}

impl Serving {
    pub fn start(directory: &Path) -> Self {
        Self::start_with(directory, &[])
    }

    /// With variables of its own.
    pub fn start_with(directory: &Path, variables: &[(&str, &str)]) -> Self {
        Self::of(server(directory, &["serve"]).envs(variables.iter().copied()))
    }

    /// With its log in the file `log`.
    pub fn logging(directory: &Path) -> Self {
        let log = File::create(directory.join("log")).unwrap();
        Self::of(server(directory, &["serve"]).stderr(log))
    }

    fn of(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let port = line.trim().rsplit_once(':').unwrap().1.parse().unwrap();
        Self { child, port, _stdout: stdout }
    }

    pub fn get(&self, path: &str) -> String {
        self.ask(&format!("GET {path} HTTP/1.1\r\n"), "")
    }

    pub fn ask(&self, line: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let headers = format!("Host: localhost\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
        let media = if body.is_empty() { "" } else { "Content-Type: application/json\r\n" };
        write!(stream, "{line}{headers}{media}\r\n{body}").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A directory with an authority and the demo's applications.
pub fn with_applications() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/../demo/applications.json");
    for arguments in [["ca", "init"].as_slice(), &["applications", "import", demo]] {
        assert!(run(directory.path(), arguments).status.success());
    }
    directory
}
