//! The outbox file: every message is a line of JSON, `{"at","to","text"}`.

use std::{io, path::PathBuf};

use serde::Serialize;
use tokio::io::AsyncWriteExt;

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

    /// Appends one message, in one write, so that a reader never sees half a line.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub async fn deliver(&self, message: &Message) -> io::Result<()> {
        let line = Line { at: message.at, to: &message.to, text: &message.text };
        let mut json = serde_json::to_vec(&line)?;
        json.push(b'\n');
        if let Some(directory) = self.path.parent() {
            tokio::fs::create_dir_all(directory).await?;
        }
        let mut options = tokio::fs::OpenOptions::new();
        options.create(true).append(true);
        #[cfg(unix)]
        options.mode(0o600);
        let mut file = options.open(&self.path).await?;
        file.write_all(&json).await?;
        file.flush().await
    }
}
