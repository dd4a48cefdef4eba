//! Descriptors 0 and 1 get another meaning. The copies are closed when a child is started, so certutil and its kin
//! cannot reach them either.

use std::{fs::File, io, os::fd::AsFd};

/// The way in; others find an end there.
///
/// # Errors
/// Those of duplicating descriptors.
pub fn take_stdin() -> io::Result<File> {
    let pipe = io::stdin().as_fd().try_clone_to_owned()?;
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    Ok(pipe.into())
}

/// The way out.
///
/// # Errors
/// Those of duplicating descriptors.
pub fn take_stdout() -> io::Result<File> {
    let pipe = io::stdout().as_fd().try_clone_to_owned()?;
    rustix::stdio::dup2_stdout(io::stderr())?;
    Ok(pipe.into())
}
