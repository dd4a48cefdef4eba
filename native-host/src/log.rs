//! The host's log: short lines, for the support. A browser throws away what the host writes to stderr.
//!
//! **Invariant:** what a line is made of are words of ours, names of commands, codes, and names of modules and of CKR_*
//! values. Nothing that a frame says gets in: no PIN, no sensor bytes, no name of a person, no origin.
//!
//! Several hosts write to one file, each line by one append. A log that cannot be written is no reason not to work.

use std::{
    fmt::Display,
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{access::open_private, clock, places};

/// When the log is this long, it becomes the older one, and the older one before it is gone.
const MAX_BYTES: u64 = 1024 * 1024;

/// The longest line, in characters.
const MAX_LINE: usize = 300;

/// How much is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Nothing.
    Off,
    /// What went wrong.
    Error,
    /// What was done, too.
    #[default]
    Info,
}

/// Where lines go.
pub struct Log {
    path: Option<PathBuf>,
    level: Level,
    max_bytes: u64,
    now: fn() -> OffsetDateTime,
}

impl Log {
    /// The person's log.
    pub fn of_person(level: Level) -> Self {
        Self { path: places::log_file(), level, max_bytes: MAX_BYTES, now: clock::now }
    }

    /// No log: a person at a terminal is told what there is to tell.
    pub fn off() -> Self {
        Self { path: None, level: Level::Off, max_bytes: MAX_BYTES, now: clock::now }
    }

    /// Something went wrong.
    pub fn error(&self, what: impl Display) {
        self.write(Level::Error, "error", &what);
    }

    /// Something was done.
    pub fn info(&self, what: impl Display) {
        self.write(Level::Info, "info", &what);
    }

    fn write(&self, level: Level, word: &str, what: &dyn Display) {
        if level > self.level {
            return;
        }
        let Some(path) = &self.path else { return };
        let now = (self.now)().replace_nanosecond(0).unwrap_or(OffsetDateTime::UNIX_EPOCH).format(&Rfc3339);
        let line = format!("{} {} {word} {what}", now.unwrap_or_default(), std::process::id());
        let mut line: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_LINE).collect();
        line.push('\n');
        // A full or read-only disk hurts nobody.
        let _ = self.append(path, line.as_bytes());
    }

    fn append(&self, path: &Path, line: &[u8]) -> io::Result<()> {
        let mut file = open_private(path)?;
        if !self.has_room(&file, line)? {
            if self.rotate(path, line)? {
                file = open_private(path)?;
            } else if file.metadata()?.len() > 2 * self.max_bytes {
                // Whoever is at it stands still: better a line too few than a disk that fills.
                return Ok(());
            }
        }
        file.write_all(line)
    }

    fn has_room(&self, file: &File, line: &[u8]) -> io::Result<bool> {
        Ok(file.metadata()?.len() + line.len() as u64 <= self.max_bytes)
    }

    /// Makes the log the older one; false if another host is at it. Nobody waits for that: they write some lines too many,
    /// up to twice the limit.
    fn rotate(&self, path: &Path, line: &[u8]) -> io::Result<bool> {
        let turn = open_private(&path.with_extension("log.lock"))?;
        if turn.try_lock().is_err() {
            return Ok(false);
        }
        // Another may have done it before the lock was ours.
        if !self.has_room(&open_private(path)?, line)? {
            std::fs::rename(path, path.with_extension("log.1"))?;
        }
        Ok(true)
    }
}

/// The last lines of the person's log, oldest first.
pub fn last_lines(count: usize) -> Vec<String> {
    places::log_file().map(|path| last_lines_of(&path, count)).unwrap_or_default()
}

fn last_lines_of(path: &Path, count: usize) -> Vec<String> {
    let text = std::fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let mut lines: Vec<_> = text.lines().rev().take(count).map(str::to_owned).collect();
    lines.reverse();
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(folder: &Path, max_bytes: u64) -> Log {
        let path = Some(folder.join("deep/host.log"));
        Log { path, level: Level::Info, max_bytes, now: || OffsetDateTime::UNIX_EPOCH }
    }

    #[test]
    fn a_line_has_the_time_the_process_and_no_line_break_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        log(folder.path(), 1000).error("one\ntwo \u{1b}[31m");
        log(folder.path(), 1000).info("x".repeat(1000));
        let text = std::fs::read_to_string(folder.path().join("deep/host.log")).unwrap();
        let (first, second) = text.split_once('\n').unwrap();
        assert_eq!(first, format!("1970-01-01T00:00:00Z {} error one two  [31m", std::process::id()));
        assert_eq!(second.len(), MAX_LINE + 1);
    }

    #[test]
    fn the_last_lines_are_the_last_ones_in_their_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("host.log");
        assert_eq!(last_lines_of(&path, 2), Vec::<String>::new());
        std::fs::write(&path, "a\nb\nc\n").unwrap();
        assert_eq!(last_lines_of(&path, 2), ["b", "c"]);
    }

    #[test]
    fn a_level_says_what_is_written() {
        for (level, lines) in [(Level::Off, 0), (Level::Error, 1), (Level::Info, 2)] {
            let folder = tempfile::tempdir().unwrap();
            let log = Log { level, ..log(folder.path(), 1000) };
            log.error("a");
            log.info("b");
            let text = std::fs::read_to_string(folder.path().join("deep/host.log")).unwrap_or_default();
            assert_eq!(text.lines().count(), lines, "{level:?}");
        }
    }

    #[test]
    fn many_writers_garble_no_line_and_leave_one_older_file_and_no_more_than_twice_the_limit() {
        const LIMIT: u64 = 20_000;
        const WRITERS: u64 = 8;
        let folder = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for writer in 0..WRITERS {
                let folder = folder.path();
                scope.spawn(move || {
                    (0..500).for_each(|n| log(folder, LIMIT).info(format!("writer {writer} line {n}.")))
                });
            }
        });
        let mut names: Vec<_> = std::fs::read_dir(folder.path().join("deep")).unwrap().map(|e| e.unwrap()).collect();
        names.sort_by_key(std::fs::DirEntry::file_name);
        let names: Vec<_> = names.iter().map(|entry| entry.file_name().into_string().unwrap()).collect();
        assert_eq!(names, ["host.log", "host.log.1", "host.log.lock"]);
        for name in ["host.log", "host.log.1"] {
            let text = std::fs::read_to_string(folder.path().join("deep").join(name)).unwrap();
            // Each writer may have one line on its way when that is reached.
            assert!(text.len() as u64 <= 2 * LIMIT + WRITERS * (MAX_LINE as u64 + 1), "{name}: {}", text.len());
            // Wine looks for the end and then writes there; Unix and Windows do it in one step.
            for line in text.lines().filter(|_| cfg!(unix)) {
                assert!(line.starts_with("1970-01-01T00:00:00Z ") && line.ends_with('.'), "{line}");
                assert_eq!(line.matches("writer").count(), 1, "{line}");
            }
        }
    }

    #[test]
    fn a_log_that_cannot_be_written_hurts_nobody() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("deep"), "a file where the folder should be").unwrap();
        log(folder.path(), 1000).error("a");
        let full = Log { path: Some("/dev/full".into()), ..log(folder.path(), 1000) };
        full.error("a");
    }
}
