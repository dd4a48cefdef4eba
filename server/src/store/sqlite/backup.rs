//! Copies of the file: made while the server runs, put back while it does not.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, bail, ensure};
use rusqlite::{Connection, ErrorCode, OpenFlags, backup::Backup};

use super::{connection, migrations};
use crate::files::{make_private_directory, make_private_file};

/// What was wrong when a file is opened that is damaged.
const DAMAGED: [ErrorCode; 2] = [ErrorCode::DatabaseCorrupt, ErrorCode::NotADatabase];

/// Copies the database to a new file, for its owner alone. It is the database as it was at one moment, whoever writes
/// meanwhile; the file appears when it is whole, on the disk and checked.
///
/// # Errors
/// When there is no database, or `to` is there already, cannot be written or is not whole.
pub fn backup(database: &Path, to: &Path) -> anyhow::Result<()> {
    ensure!(!to.exists(), "{} is there already: a backup never takes another's place", to.display());
    let temporary = temporary(to)?;
    let written = copy(database, &temporary).and_then(|()| {
        // A link, unlike a rename, refuses to take the place of a file that is there.
        fs::hard_link(&temporary, to).with_context(|| format!("cannot write {}", to.display()))
    });
    let _ = fs::remove_file(&temporary);
    written?;
    sync_directory(to)
}

/// Puts a backup in the place of the database. With `replace`, a database that is there is kept beside it; answers its
/// name.
///
/// # Errors
/// When a server, or another program, has the database open; when there is one and it is not to be replaced; when the
/// backup is not whole, or of a newer server.
pub fn restore(backup: &Path, database: &Path, replace: bool) -> anyhow::Result<Option<PathBuf>> {
    let is_there = database.exists();
    ensure!(
        replace || !is_there,
        "{} is there already: with --replace it is kept beside the backup that takes its place",
        database.display()
    );
    make_private_directory(directory(database))?;
    let temporary = temporary(database)?;
    let placed = copy(backup, &temporary).and_then(|()| {
        let kept = if is_there { Some(keep(database)?) } else { None };
        fs::rename(&temporary, database).with_context(|| format!("cannot write {}", database.display()))?;
        Ok(kept)
    });
    let _ = fs::remove_file(&temporary);
    let kept = placed?;
    sync_directory(database)?;
    Ok(kept)
}

/// Copies a database to a file that is not there, checks it, and leaves it on the disk.
fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    let unusable = || format!("{} cannot be read as a database of this server", from.display());
    ensure!(from.is_file(), "there is no {}", from.display());
    let source = connection::reading(from).with_context(unusable)?;
    ensure!(migrations::version(&source).with_context(unusable)? > 0, unusable());
    make_private_file(to)?;
    let mut copy = Connection::open_with_flags(to, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // It is nothing before it is whole, so nothing of it is to be kept should the copying break off.
    copy.execute_batch("PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF")?;
    // All pages in one step: in steps, it would begin anew whenever somebody writes.
    Backup::new(&source, &mut copy)?
        .run_to_completion(i32::MAX, Duration::from_millis(100), None)
        .with_context(|| format!("cannot copy {}", from.display()))?;
    check(&copy).with_context(|| format!("{} is damaged", from.display()))?;
    copy.close().map_err(|(_, error)| error)?;
    fs::File::open(to)?.sync_all()?;
    Ok(())
}

fn check(copy: &Connection) -> anyhow::Result<()> {
    // One file, without others beside it.
    copy.execute_batch("PRAGMA journal_mode = DELETE")?;
    let found: String = copy.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    ensure!(found == "ok", "{found}");
    let mut broken = copy.prepare("PRAGMA foreign_key_check")?;
    ensure!(!broken.exists([])?, "a row refers to nothing");
    Ok(())
}

/// Links the database to a name beside its own, when nobody has it open.
fn keep(database: &Path) -> anyhow::Result<PathBuf> {
    // To leave the journal mode in which several share it, one has to be alone; and its file is whole after that.
    let alone = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_WRITE).and_then(|connection| {
        connection.busy_timeout(Duration::from_secs(1))?;
        connection.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get::<_, String>(0))
    });
    let damaged = |error: &rusqlite::Error| error.sqlite_error_code().is_some_and(|code| DAMAGED.contains(&code));
    match alone {
        Ok(mode) if mode == "delete" => {}
        Err(error) if damaged(&error) => {}
        _ => bail!("{} is in use: stop the server first", database.display()),
    }
    let kept = beside(database, ".replaced")?;
    ensure!(!kept.exists(), "{} is there already: move it away first", kept.display());
    fs::hard_link(database, &kept).with_context(|| format!("cannot write {}", kept.display()))?;
    // What belongs to a damaged one must not be taken for the other's.
    for end in ["-wal", "-shm"] {
        let file = beside(database, end)?;
        if file.exists() {
            fs::rename(&file, beside(&kept, end)?)?;
        }
    }
    Ok(kept)
}

fn directory(file: &Path) -> &Path {
    file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn beside(file: &Path, end: &str) -> anyhow::Result<PathBuf> {
    let name = file.file_name().with_context(|| format!("{} names no file", file.display()))?;
    let mut name = name.to_owned();
    name.push(end);
    Ok(file.with_file_name(name))
}

/// A name for a file that is not whole yet, free.
fn temporary(file: &Path) -> anyhow::Result<PathBuf> {
    let temporary = beside(file, &format!(".{}.new", std::process::id()))?;
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot write {}", temporary.display()))
        }
        _ => Ok(temporary),
    }
}

fn sync_directory(file: &Path) -> anyhow::Result<()> {
    #[cfg(unix)]
    fs::File::open(directory(file))?.sync_all()?;
    #[cfg(not(unix))]
    let _ = file;
    Ok(())
}
