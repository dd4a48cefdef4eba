//! The chain's head outside the database. A chain that was cut at its end is whole in itself; a server therefore writes
//! down, on its own disk, the last event that it has seen committed, and the chain must have that event for ever.
//!
//! A head is written after the commit, so what a head says was committed: a server that is killed leaves a head that
//! is a little behind, and never one that is ahead. It moves on only along a chain that has the event it names, so a
//! database that was put back from a backup does not make it forget.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::{files, hex};

/// The last event that was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// Its place in the chain.
    pub place: i64,
    /// The server that told it.
    pub node: String,
    /// Its number among that server's events.
    pub sequence: i64,
    /// Its code.
    #[serde(with = "hex::array")]
    pub mac: [u8; 32],
}

/// Reads a head; none if there is no file.
///
/// # Errors
/// When it cannot be read, or is no head.
pub fn read(path: &Path) -> anyhow::Result<Option<Head>> {
    let text = match std::fs::read(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        other => other.with_context(|| format!("cannot read {}", path.display()))?,
    };
    let head = serde_json::from_slice(&text);
    head.with_context(|| format!("{} is not a head of the audit's chain", path.display())).map(Some)
}

/// Writes a head in place of the one that is there: whole, and on the disk.
///
/// # Errors
/// When it cannot be written.
pub fn write(path: &Path, head: &Head) -> anyhow::Result<()> {
    files::replace(path, format!("{}\n", serde_json::to_string(head)?).as_bytes())
}

/// A head that follows its chain.
pub struct Follower {
    path: PathBuf,
    /// The place up to which there is nothing to do.
    place: i64,
    /// Was it said that the chain does not have what the head names?
    told: bool,
}

impl Follower {
    /// Follows with the head in this file.
    pub fn new(path: PathBuf) -> Self {
        Self { path, place: 0, told: false }
    }

    /// Is it there already, so that nothing is to be done?
    pub fn is_at(&self, last: &Head) -> bool {
        self.place == last.place
    }

    /// The head as it is written down. It is read each time, for another program may have moved it on.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn known(&self) -> anyhow::Result<Option<Head>> {
        read(&self.path)
    }

    /// Moves on to the end of the chain, if at the place of the `known` head the chain has the code that was `found`.
    ///
    /// # Errors
    /// When the head cannot be written.
    pub fn follow(&mut self, last: &Head, known: Option<&Head>, found: Option<[u8; 32]>) -> anyhow::Result<()> {
        if let Some(known) = known.filter(|known| found != Some(known.mac)) {
            if !std::mem::replace(&mut self.told, true) {
                let Head { place, node, sequence, .. } = known;
                tracing::error!(place, node, sequence, "the audit does not have an event that it had before");
            }
            return Ok(());
        }
        if known.is_none_or(|known| known.place < last.place) {
            write(&self.path, last)?;
        }
        self.place = last.place;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(place: i64) -> Head {
        Head { place, node: "a".to_owned(), sequence: place, mac: [u8::try_from(place).unwrap(); 32] }
    }

    #[test]
    fn a_head_moves_on_along_its_own_chain_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("head");
        let mut follower = Follower::new(path.clone());
        assert_eq!(follower.known().unwrap(), None);
        follower.follow(&head(5), None, None).unwrap();
        assert_eq!(read(&path).unwrap(), Some(head(5)));
        assert!(follower.is_at(&head(5)) && !follower.is_at(&head(6)));
        for found in [None, Some([9; 32])] {
            follower.follow(&head(7), Some(&head(5)), found).unwrap();
            assert_eq!(read(&path).unwrap(), Some(head(5)), "the chain has another event there");
        }
        follower.follow(&head(7), Some(&head(5)), Some([5; 32])).unwrap();
        follower.follow(&head(6), Some(&head(7)), Some([7; 32])).unwrap();
        assert_eq!(read(&path).unwrap(), Some(head(7)), "it never goes back");
    }

    #[test]
    fn what_is_no_head_is_not_taken_for_none() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("head");
        std::fs::write(&path, "{}").unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("is not a head of the audit's chain"));
    }
}
