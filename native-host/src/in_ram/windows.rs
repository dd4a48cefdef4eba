//! Windows lets a process lock about as much as its working set is promised to have, which at first are 200 KiB.

use windows_sys::Win32::System::Threading::{GetCurrentProcess, SetProcessWorkingSetSize};

/// Promised, in bytes: some frames of the largest kind, and what the process needs besides.
const LEAST: usize = 8 * 1024 * 1024;

/// May be exceeded while there is memory enough.
const MOST: usize = 64 * 1024 * 1024;

/// Asks for room. If that is refused, locking will be, and is told there.
pub fn make_room() {
    // SAFETY: the pseudo handle of this process, and two sizes.
    unsafe { SetProcessWorkingSetSize(GetCurrentProcess(), LEAST, MOST) };
}
