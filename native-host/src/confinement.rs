//! What the host gives up before it does anything: core files, being read by other programs of the same person, and
//! the network. A PKCS#11 module is somebody else's code in its worker, which gives all of it up before it loads the module.
//! Programs that they start (NSS's) inherit it, but for the second.
//!
//! The last two are Linux's; macOS keeps them. Windows has its own list, which is shorter.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
use self::unix as system;
#[cfg(windows)]
use self::windows as system;

/// What could not be given up, in words for the support. The host works without it: the kernel is an old or odd one.
pub type Kept = Vec<String>;

/// Gives everything up, for all threads and for good.
pub fn confine() -> Kept {
    let given_up = system::give_up();
    given_up.iter().filter_map(|(what, done)| done.as_ref().err().map(|error| format!("{what}: {error}"))).collect()
}
