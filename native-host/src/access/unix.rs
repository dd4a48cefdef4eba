//! Modes of files.

use std::{
    fs::{DirBuilder, File, OpenOptions, Permissions},
    io::{self, ErrorKind},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::Path,
};

/// Opens a file to append to, and makes it and its folder for this person alone.
///
/// # Errors
/// Those of the file system.
pub fn open_private(path: &Path) -> io::Result<File> {
    let open = || OpenOptions::new().append(true).create(true).mode(0o600).open(path);
    match open() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            DirBuilder::new().recursive(true).mode(0o700).create(path.parent().ok_or(error)?)?;
            open()
        }
        opened => opened,
    }
}

/// Lets this person alone enter a folder.
///
/// # Errors
/// Those of the file system.
pub fn keep_private(folder: &Path) -> io::Result<()> {
    std::fs::set_permissions(folder, Permissions::from_mode(0o700))
}

/// Lets everybody read a file that was made for this person alone.
///
/// # Errors
/// Those of the file system.
pub fn let_everybody_read(path: &Path) -> io::Result<()> {
    std::fs::set_permissions(path, Permissions::from_mode(0o644))
}

/// Is there a program that can be started?
pub fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

/// Only root writes to the system's folders.
///
/// # Errors
/// None.
pub fn check_system_owner(_path: &Path) -> anyhow::Result<()> {
    Ok(())
}
