//! Files that are there whole or not at all.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use anyhow::Context;

/// Writes a new file that its owner alone can read. It appears under its name only when all of it is on disk.
///
/// # Errors
/// When the file is there already, or cannot be written.
pub fn write_new_private(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    write(path, bytes, 0o600).with_context(|| format!("cannot write {}", path.display()))
}

/// Writes a new file that everybody may read.
///
/// # Errors
/// When the file is there already, or cannot be written.
pub fn write_new(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    write(path, bytes, 0o644).with_context(|| format!("cannot write {}", path.display()))
}

/// Writes a file that everybody may read, in place of the one that is there.
///
/// # Errors
/// When it cannot be written; then the old one is there.
pub fn replace(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let temporary = temporary(path);
    let written = write_created(&temporary, bytes, 0o644).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written.with_context(|| format!("cannot write {}", path.display()))?;
    sync_directory(path.parent().unwrap_or(Path::new(".")))
}

/// Waits until the names in a directory are on disk.
///
/// # Errors
/// When the disk fails.
pub fn sync_directory(path: &Path) -> anyhow::Result<()> {
    #[cfg(unix)]
    fs::File::open(path)
        .and_then(|directory| directory.sync_all())
        .with_context(|| format!("cannot write {}", path.display()))?;
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// Makes an empty file that its owner alone can read, if there is none.
///
/// # Errors
/// When it cannot be made.
pub fn make_private_file(path: &Path) -> anyhow::Result<()> {
    match write_created(path, b"", 0o600) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(error).with_context(|| format!("cannot write {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Makes a directory, and those above it, that its owner alone can enter.
///
/// # Errors
/// When it cannot be made.
pub fn make_private_directory(path: &Path) -> anyhow::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).with_context(|| format!("cannot make the directory {}", path.display()))
}

fn write(path: &Path, bytes: &[u8], mode: u32) -> std::io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    let temporary = temporary(path);
    let written = write_created(&temporary, bytes, mode)
        // A link, unlike a rename, refuses to take the place of a file that is there.
        .and_then(|()| fs::hard_link(&temporary, path));
    let _ = fs::remove_file(&temporary);
    written?;
    #[cfg(unix)]
    fs::File::open(directory)?.sync_all()?;
    Ok(())
}

/// A name beside a file that no other process has, and no other thread of this one.
fn temporary(path: &Path) -> PathBuf {
    static WRITTEN: AtomicU64 = AtomicU64::new(0);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let (process, nth) = (std::process::id(), WRITTEN.fetch_add(1, Ordering::Relaxed));
    path.with_file_name(format!(".{name}.{process}.{nth}.new"))
}

fn write_created(path: &Path, bytes: &[u8], mode: u32) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_there_is_never_overwritten() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("deep/key.pem");
        write_new_private(&path, b"first").unwrap();
        assert!(write_new_private(&path, b"second").is_err());
        assert_eq!(fs::read(&path).unwrap(), b"first");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_is_replaced_by_many_threads_at_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("audit.head");
        std::thread::scope(|scope| {
            for writer in 0..8 {
                let path = &path;
                scope.spawn(move || (0..20).for_each(|_| replace(path, format!("{writer}").as_bytes()).unwrap()));
            }
        });
        assert_eq!(fs::read(&path).unwrap().len(), 1);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing is left beside it");
    }
}
