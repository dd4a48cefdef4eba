//! The text messages of the demo: the server appends them to a file, this prints what is new in it.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::Value;

pub struct Messages {
    file: PathBuf,
    read: u64,
    /// The beginning of a line whose end is not written yet.
    begun: Vec<u8>,
}

impl Messages {
    /// Those that are written from now on.
    pub fn from_now_on(file: &Path) -> Result<Self> {
        let read = match file.metadata() {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == ErrorKind::NotFound => 0,
            Err(error) => return Err(error).with_context(|| format!("look at {}", file.display())),
        };
        Ok(Self { file: file.to_path_buf(), read, begun: Vec::new() })
    }

    pub fn print_new(&mut self) -> Result<()> {
        for message in self.take_new()? {
            println!("{message}");
        }
        Ok(())
    }

    fn take_new(&mut self) -> Result<Vec<String>> {
        let mut file = match File::open(&self.file) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error).with_context(|| format!("open {}", self.file.display())),
        };
        file.seek(SeekFrom::Start(self.read))?;
        self.read += file.read_to_end(&mut self.begun)? as u64;
        let whole = self.begun.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let lines: Vec<u8> = self.begun.drain(..whole).collect();
        Ok(String::from_utf8_lossy(&lines).lines().map(shown).collect())
    }
}

/// A message as a telephone shows it: sender's time, number, text.
fn shown(line: &str) -> String {
    let message: Value = serde_json::from_str(line).unwrap_or_default();
    match (message["at"].as_str(), message["to"].as_str(), message["text"].as_str()) {
        (Some(at), Some(to), Some(text)) => {
            format!("\n✉  {at}  to {to}\n   {}", text.trim_end().replace('\n', "\n   "))
        }
        _ => format!("\n✉  {line}"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, OpenOptions};
    use std::io::Write;

    use super::*;

    #[test]
    fn only_whole_new_messages_are_shown() {
        let path = std::env::temp_dir().join(format!("qcert-xtask-messages-{}.jsonl", std::process::id()));
        fs::write(&path, "{\"at\":\"1\",\"to\":\"+7\",\"text\":\"old\"}\n").unwrap();
        let mut messages = Messages::from_now_on(&path).unwrap();
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        write!(file, "{{\"at\":\"2\",\"to\":\"+7\",").unwrap();
        assert!(messages.take_new().unwrap().is_empty());
        writeln!(file, "\"text\":\"code 1234\\n@localhost #1234\"}}").unwrap();
        assert_eq!(messages.take_new().unwrap(), ["\n✉  2  to +7\n   code 1234\n   @localhost #1234"]);
        assert!(messages.take_new().unwrap().is_empty());
        fs::remove_file(&path).unwrap();
    }
}
