//! The gateway of the text messages: named pipes that servers take for their outbox. A message is handed to whoever
//! waits for its phone, and kept nowhere.

use std::{
    collections::HashMap,
    fs::{File, OpenOptions},
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, Receiver, Sender},
    },
};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// Who waits for messages, by phone.
type Phones = Arc<Mutex<HashMap<String, Sender<String>>>>;

/// The gateway. Its pipes stay as long as it does.
pub struct Gateway {
    phones: Phones,
    /// Both ends are open here, so that a server finds a reader whenever it starts, and a reader no end when it dies.
    pipes: Vec<File>,
}

#[derive(Deserialize)]
struct Line {
    to: String,
    text: String,
}

impl Gateway {
    /// A gateway that reads from pipes which it makes at these paths.
    ///
    /// # Errors
    /// When a pipe cannot be made or opened.
    pub fn open(paths: &[PathBuf]) -> Result<Self> {
        let phones = Phones::default();
        let mut pipes = Vec::new();
        for path in paths {
            make_pipe(path)?;
            let open = || OpenOptions::new().read(true).write(true).open(path);
            pipes.push(open().with_context(|| format!("open {}", path.display()))?);
            let (reader, phones) = (open()?, Arc::clone(&phones));
            std::thread::spawn(move || hand_out(reader, &phones));
        }
        Ok(Self { phones, pipes })
    }

    /// The messages to a phone (`+7…`) from now on: their codes.
    pub fn listen(&self, phone: &str) -> Receiver<String> {
        let (sender, receiver) = mpsc::channel();
        let mut phones = self.phones.lock().unwrap_or_else(PoisonError::into_inner);
        phones.insert(phone.to_owned(), sender);
        receiver
    }

    /// How many servers it can serve.
    pub fn pipes(&self) -> usize {
        self.pipes.len()
    }
}

fn make_pipe(path: &Path) -> Result<()> {
    if path.exists() {
        std::fs::remove_file(path).with_context(|| format!("remove {}", path.display()))?;
    }
    let made = Command::new("mkfifo").arg("-m").arg("600").arg(path).status().context("start mkfifo")?;
    ensure!(made.success(), "mkfifo {}: {made}", path.display());
    Ok(())
}

/// Reads until the program ends.
fn hand_out(pipe: File, phones: &Phones) {
    let mut reader = BufReader::with_capacity(64 * 1024, pipe);
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line).unwrap_or(0) == 0 {
            return;
        }
        // A server that is killed within a write leaves half a line; the next one begins behind it.
        let begins = line.windows(5).rposition(|window| window == b"{\"at\"").unwrap_or(0);
        let Ok(Line { to, text }) = serde_json::from_slice(&line[begins..]) else { continue };
        let Some((_, code)) = text.rsplit_once('#') else { continue };
        let phones = phones.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(listener) = phones.get(&to) {
            // Nobody need listen any more.
            let _ = listener.send(code.to_owned());
        }
    }
}
