//! A worker's process, and the pipes to it. What its module prints goes nowhere.

use std::{
    collections::HashMap,
    io::{self, Read},
    path::{Path, PathBuf},
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio},
    sync::{
        Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, Receiver, Sender},
    },
};

use qcert_protocol::workstation::{Failure, Outcome, Stage};
use serde::Serialize;
use serde_json::{json, value::RawValue};

use crate::{frame, link::Beginning, memory_limit, worker};

#[cfg(windows)]
const CREATE_NO_WINDOW: u32 = 0x0800_0000;

/// What whoever asked a worker hears.
pub enum Heard {
    /// Where the operation is.
    Progress(Stage),
    /// How it ended.
    Answer(Outcome<Box<RawValue>>),
}

/// The process of one module.
pub struct Process {
    child: Mutex<Child>,
    /// None when it is to end.
    pipe: Mutex<Option<ChildStdin>>,
    waiting: Mutex<HashMap<String, Sender<Heard>>>,
    /// Why it ended.
    ended: OnceLock<Failure>,
    next_id: AtomicU64,
}

impl Process {
    /// Starts the process; the pipes are what it says and what its module prints.
    ///
    /// # Errors
    /// The system starts no more processes.
    pub fn start(module: &Path, beginning: &Beginning) -> io::Result<(Self, ChildStdout, ChildStderr)> {
        let mut command = Command::new(own_program()?);
        command.arg(worker::ARGUMENT).arg(module);
        // The host has no console, and its worker is to open none.
        #[cfg(windows)]
        std::os::windows::process::CommandExt::creation_flags(&mut command, CREATE_NO_WINDOW);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let (Some(mut pipe), Some(said), Some(printed)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        // One that is gone already is buried as any other.
        let _ = frame::write(&mut pipe, beginning, usize::MAX);
        let process = Self {
            child: Mutex::new(child),
            pipe: Mutex::new(Some(pipe)),
            waiting: Mutex::default(),
            ended: OnceLock::new(),
            next_id: AtomicU64::new(0),
        };
        Ok((process, said, printed))
    }

    /// Asks in the words of a frame of the browser, which has this id. What is heard ends without an answer if the
    /// process ends before.
    pub fn pass_on(&self, id: &str, frame: &[u8]) -> Receiver<Heard> {
        let (sender, heard) = mpsc::channel();
        lock(&self.waiting).insert(id.to_owned(), sender);
        let written = match lock(&self.pipe).as_mut() {
            Some(pipe) => frame::write_raw(pipe, frame),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        };
        if written.is_err() {
            lock(&self.waiting).remove(id);
        }
        heard
    }

    /// Asks in words of the host's own.
    pub fn ask(&self, command: &str, params: impl Serialize) -> Receiver<Heard> {
        // Longer than an id of the browser, so that the two cannot meet.
        let id = format!("{:065}", self.next_id.fetch_add(1, Ordering::Relaxed));
        let request = json!({"id": id, "origin": "", "command": command, "params": params});
        self.pass_on(&id, request.to_string().as_bytes())
    }

    /// Hands on what the process said of a request.
    pub fn heard(&self, id: &str, heard: Heard) {
        let mut waiting = lock(&self.waiting);
        let sender = match heard {
            Heard::Progress(_) => waiting.get(id).cloned(),
            Heard::Answer(_) => waiting.remove(id),
        };
        // Who asked may have lost patience.
        let _ = sender.map(|sender| sender.send(heard));
    }

    /// Lets it end by itself.
    pub fn hang_up(&self) {
        drop(lock(&self.pipe).take());
    }

    /// Ends it.
    pub fn kill(&self, why: Failure) {
        let _ = self.ended.set(why);
        let _ = lock(&self.child).kill();
    }

    /// It said its last: takes it off the system's list, and tells all who wait.
    pub fn bury(&self, otherwise: impl FnOnce(&str) -> Failure) -> &Failure {
        let mut child = lock(&self.child);
        let _ = child.kill();
        let status = match child.wait() {
            Ok(status) if status.code() == Some(memory_limit::SPENT) => "it took all its memory".to_owned(),
            Ok(status) => status.to_string(),
            Err(_) => "no status".to_owned(),
        };
        let why = self.ended.get_or_init(|| otherwise(&status));
        lock(&self.waiting).clear();
        why
    }

    /// Why it ended, if it did.
    pub fn why_ended(&self) -> Option<&Failure> {
        self.ended.get()
    }
}

/// This program, as it is: an upgrade may have put another one in its place.
fn own_program() -> io::Result<PathBuf> {
    let program = std::env::current_exe()?;
    let itself = PathBuf::from("/proc/self/exe");
    Ok(if cfg!(target_os = "linux") && !program.exists() { itself } else { program })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads what is printed, to its end, and throws it away; says once that something was.
pub fn drain(mut printed: ChildStderr, note: impl FnOnce()) {
    let mut chunk = [0; 4096];
    let mut note = Some(note);
    while printed.read(&mut chunk).is_ok_and(|length| length > 0) {
        if let Some(note) = note.take() {
            note();
        }
    }
}
