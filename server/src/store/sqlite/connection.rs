//! Connections to the file: how they are opened, and what is asked of them.

use std::{path::Path, time::Duration};

use rusqlite::{Connection, OpenFlags};

use super::{StoreError, Stored};

/// How long a connection waits for the lock of another program on the same file.
const PATIENCE: Duration = Duration::from_secs(30);
/// More than there are statements, so that each is compiled once.
const STATEMENTS: usize = 256;

/// Opens the connection that writes; makes the file if it is not there.
pub(super) fn writing(file: &Path) -> Stored<Connection> {
    let connection = open(file, OpenFlags::SQLITE_OPEN_CREATE)?;
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(refused(format!(
            "its journal mode is {mode} and cannot be made WAL: it has to be on a disk of this machine"
        )));
    }
    // What is answered as done is on the disk. Sealed messages and superseded hashes are overwritten, not only
    // unlinked. A checkpoint for every 16 MiB, not for every 4: it is paid by whoever commits then. What a backup or a
    // migration made of the log is given back.
    connection.execute_batch(
        "PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; PRAGMA wal_autocheckpoint = 4000; \
         PRAGMA cache_size = -65536; PRAGMA journal_size_limit = 67108864;",
    )?;
    let synchronous: i64 = connection.query_row("PRAGMA synchronous", [], |row| row.get(0))?;
    if synchronous != 2 {
        return Err(refused(format!("synchronous is {synchronous}, not 2 (FULL)")));
    }
    Ok(connection)
}

/// Opens a connection that only reads.
pub(super) fn reading(file: &Path) -> Stored<Connection> {
    let connection = open(file, OpenFlags::empty())?;
    connection.execute_batch("PRAGMA query_only = ON; PRAGMA cache_size = -16384;")?;
    Ok(connection)
}

/// Opens a connection that makes nothing, not even the files beside the database.
pub(super) fn looking(file: &Path) -> Stored<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut log = file.as_os_str().to_owned();
    log.push("-wal");
    let connection = if Path::new(&log).exists() {
        Connection::open_with_flags(file, flags)?
    } else {
        // Nobody writes a database without its log, and one that does not change is read without making one.
        let path = file.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
        Connection::open_with_flags(format!("file:{path}?immutable=1"), flags | OpenFlags::SQLITE_OPEN_URI)?
    };
    connection.busy_timeout(Duration::from_secs(2))?;
    Ok(connection)
}

fn open(file: &Path, create: OpenFlags) -> Stored<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | create;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.execute_batch("PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;")?;
    Ok(connection)
}

fn refused(why: String) -> StoreError {
    StoreError::Unavailable(format!("the file is not usable: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_that_cannot_have_a_write_ahead_log_is_refused() {
        // A database in memory has no other file beside it, as one on a share of another machine may not have.
        let refused = writing(Path::new(":memory:")).map(drop).unwrap_err().to_string();
        assert!(refused.contains("its journal mode is memory and cannot be made WAL"), "{refused}");
    }

    #[test]
    fn what_is_committed_is_on_the_disk_however_the_file_was_used_before() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("qcert.sqlite");
        let before = Connection::open(&file).unwrap();
        before.execute_batch("PRAGMA journal_mode = DELETE; PRAGMA synchronous = OFF; CREATE TABLE t (c)").unwrap();
        drop(before);
        let connection = writing(&file).unwrap();
        let asked =
            |what: &str| connection.pragma_query_value(None, what, |row| row.get::<_, rusqlite::types::Value>(0));
        assert_eq!(asked("journal_mode").unwrap(), "wal".to_owned().into());
        assert_eq!(asked("synchronous").unwrap(), 2.into());
    }
}
