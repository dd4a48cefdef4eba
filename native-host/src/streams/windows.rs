//! Each C library in a process remembers by which handle it prints, and a module may bring its own or find one that was
//! there first. So the handle itself gets another meaning.
//!
//! Bytes are bytes there: text mode is a matter of C libraries.

use std::{
    fs::{File, OpenOptions},
    io,
    os::windows::io::{AsHandle, AsRawHandle, BorrowedHandle, IntoRawHandle, OwnedHandle},
};

use windows_sys::Win32::Foundation::CloseHandle;

/// A process that has just begun has some dozens of handles. Windows gives a free number before it makes a new one.
const FREE_NUMBERS: usize = 4096;

/// The way in; others find an end there.
///
/// # Errors
/// Those of duplicating handles.
pub fn take_stdin() -> io::Result<File> {
    take(io::stdin().as_handle(), &OpenOptions::new().read(true).open("NUL")?.into())
}

/// The way out.
///
/// # Errors
/// Those of duplicating handles.
pub fn take_stdout() -> io::Result<File> {
    // A browser need not give its host a stderr.
    let instead = match io::stderr().as_handle().try_clone_to_owned() {
        Ok(stderr) if !stderr.as_raw_handle().is_null() => stderr,
        _ => OpenOptions::new().write(true).open("NUL")?.into(),
    };
    take(io::stdout().as_handle(), &instead)
}

/// What a handle was, under another number; `instead` is what its number means from now on.
fn take(standard: BorrowedHandle<'_>, instead: &OwnedHandle) -> io::Result<File> {
    let ours = standard.try_clone_to_owned()?;
    let number = standard.as_raw_handle();
    // SAFETY: nobody owns a standard handle, and its number is good again below, or this process ends.
    if unsafe { CloseHandle(number) } == 0 {
        return Err(io::Error::last_os_error());
    }
    let mut others = Vec::new();
    while others.len() < FREE_NUMBERS {
        let copy = instead.try_clone()?;
        if copy.as_raw_handle() == number {
            // Open as long as this process.
            let _ = copy.into_raw_handle();
            return Ok(ours.into());
        }
        others.push(copy);
    }
    Err(io::Error::other("a standard handle cannot be replaced"))
}
