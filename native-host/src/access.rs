//! Who may read, write and start a file, in the ways of each system.
//!
//! Every system answers: `open_private` (a file for this person alone), `let_everybody_read`, `is_program`, and
//! `check_system_owner` (did an administrator make this file or folder?).

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub use unix::*;
#[cfg(windows)]
pub use windows::*;
