//! stdin and stdout belong to frames alone. They are taken away from everybody else in the process: whatever a PKCS#11
//! module prints goes to stderr from then on.
//!
//! Every system answers: `take_stdin`, without the buffer of [`std::io::Stdin`], in which a PIN would stay, and
//! `take_stdout`.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub use unix::*;
#[cfg(windows)]
pub use windows::*;
