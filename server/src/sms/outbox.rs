//! The outbox file: every message is a line of JSON, `{"at","to","text"}`.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use async_trait::async_trait;
use serde::Serialize;

use super::{
    Message,
    gateway::{Gateway, Outgoing, Sent},
};

/// Its name among gateways.
pub const OUTBOX: &str = "outbox";

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
}

#[async_trait]
impl Gateway for Outbox {
    fn name(&self) -> &'static str {
        OUTBOX
    }

    /// A line that is there twice does no harm.
    fn patience(&self) -> Option<Duration> {
        None
    }

    /// Appends messages, each in one write, so that a reader never sees half a line.
    async fn send(&self, messages: &[Outgoing]) -> Vec<Sent> {
        let (path, count) = (self.path.clone(), messages.len());
        let messages: Vec<Message> = messages.iter().map(|outgoing| outgoing.message.clone()).collect();
        let appended = tokio::task::spawn_blocking(move || append(&path, &messages)).await;
        let (written, outcome) = appended.unwrap_or_else(|error| (0, Err(io::Error::other(error))));
        if let Err(error) = outcome {
            tracing::error!(%error, "the outbox takes no text messages");
        }
        let sent = |index| match index < written {
            true => Sent::Accepted(Vec::new()),
            false => Sent::NotNow("outbox".to_owned(), None),
        };
        (0..count).map(sent).collect()
    }
}

/// Answers how many were written, and why no more.
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
