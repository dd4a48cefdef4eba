//! A person's workplace: folders in a temporary one, the real registry, and the real host over pipes.

use std::{
    io::{Read, Write},
    path::PathBuf,
    process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio},
    sync::{
        Mutex, MutexGuard, PoisonError,
        mpsc::{self, Receiver, RecvTimeoutError},
    },
    time::Duration,
};

use serde_json::Value;

pub const ORIGIN: &str = "https://ca.example";
pub const EXTENSION: &str = "chrome-extension://janafhkdmnhiphgcpjmeohjibkidkkib/";

/// How long a frame may take on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(60);

/// Browsers take no longer frame from a host.
const MAX_FRAME: usize = 1024 * 1024;

/// There is one registry for all tests.
static REGISTRY: Mutex<()> = Mutex::new(());

pub struct Workplace {
    folder: tempfile::TempDir,
    _registry: MutexGuard<'static, ()>,
}

impl Workplace {
    pub fn new() -> Self {
        let _registry = REGISTRY.lock().unwrap_or_else(PoisonError::into_inner);
        Self { folder: tempfile::tempdir().unwrap(), _registry }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Says what is in a file below the workplace, and writes it.
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_qcert-host"));
        command
            .env("APPDATA", self.path("roaming"))
            .env("LOCALAPPDATA", self.path("local"))
            .env("ProgramData", self.path("everybody"));
        command
    }

    /// The host as a person starts it.
    pub fn host(&self, arguments: &[&str]) -> Output {
        self.command().args(arguments).output().unwrap()
    }

    /// The same, and it succeeds.
    pub fn done(&self, arguments: &[&str]) {
        let output = self.host(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
    }

    /// The host as a browser starts it.
    pub fn browser(&self, arguments: &[&str]) -> Browser {
        let mut command = self.command();
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        Browser { to: child.stdin.take(), frames: frames(child.stdout.take().unwrap()), child }
    }
}

/// What is below a key of the registry, as Windows' own program prints it; nothing if the key is not there.
pub fn registry(key: &str) -> String {
    let output = Command::new("reg").args(["query", key, "/s"]).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Writes and removes keys of the registry as Windows' own program does.
pub fn reg(arguments: &[&str]) {
    let output = Command::new("reg").args(arguments).arg("/f").output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
}

/// The browser's end of the pipes.
pub struct Browser {
    child: Child,
    to: Option<ChildStdin>,
    frames: Receiver<Vec<u8>>,
}

impl Browser {
    /// Sends a frame (four bytes of length, as this machine writes them).
    pub fn send(&mut self, text: &str) {
        let length = u32::try_from(text.len()).unwrap().to_ne_bytes();
        let to = self.to.as_mut().unwrap();
        to.write_all(&[&length, text.as_bytes()].concat()).unwrap();
        to.flush().unwrap();
    }

    /// The next frame.
    pub fn next(&mut self) -> Value {
        let frame = self.frames.recv_timeout(PATIENCE).expect("a frame");
        serde_json::from_slice(&frame).unwrap()
    }

    /// Goes away: the host ends well, and had nothing more to say. What it said to nobody, on stderr.
    pub fn close(mut self) -> String {
        drop(self.to.take());
        assert_eq!(self.frames.recv_timeout(PATIENCE), Err(RecvTimeoutError::Disconnected));
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert!(self.child.wait().unwrap().success());
        said
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

/// Frames as they come, until there are no more, or what comes is none.
fn frames(mut from: ChildStdout) -> Receiver<Vec<u8>> {
    let (sender, frames) = mpsc::channel();
    std::thread::spawn(move || {
        let mut length = [0; 4];
        while from.read_exact(&mut length).is_ok() {
            let mut frame = vec![0; usize::min(u32::from_ne_bytes(length) as usize, MAX_FRAME)];
            if from.read_exact(&mut frame).is_err() || sender.send(frame).is_err() {
                return;
            }
        }
    });
    frames
}
