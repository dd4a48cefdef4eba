//! The outbox file: every message is a line of JSON, `{"at","to","text"}`.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::Message;

/// Appends messages to a file.
pub struct Outbox {
    path: PathBuf,
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(with = "time::serde::rfc3339")]
    at: time::OffsetDateTime,
    to: &'a str,
    text: &'a str,
}

impl Outbox {
    /// An outbox; the file and its directory are made with the first message.
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Appends messages, each in one write, so that a reader never sees half a line. Answers how many of them were
    /// written, and why no more.
    pub async fn deliver(&self, messages: Vec<Message>) -> (usize, io::Result<()>) {
        let path = self.path.clone();
        let appended = tokio::task::spawn_blocking(move || append(&path, &messages)).await;
        appended.unwrap_or_else(|error| (0, Err(io::Error::other(error))))
    }
}

fn append(path: &Path, messages: &[Message]) -> (usize, io::Result<()>) {
    let mut file = match open(path) {
        Ok(file) => file,
        Err(error) => return (0, Err(error)),
    };
    for (written, message) in messages.iter().enumerate() {
        if let Err(error) = write_line(&mut file, message) {
            return (written, Err(error));
        }
    }
    (messages.len(), Ok(()))
}

fn open(path: &Path) -> io::Result<File> {
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn write_line(file: &mut File, message: &Message) -> io::Result<()> {
    let line = Line { at: message.at, to: &message.to, text: &message.text };
    let mut json = serde_json::to_vec(&line)?;
    json.push(b'\n');
    file.write_all(&json)
}
