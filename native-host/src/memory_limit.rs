//! How much memory a worker may have with its module. One that leaks on and on would have the system end whichever
//! program is the largest, or stand still; so it ends itself, and no other.
//!
//! What counts is memory that can be written and is the process's own: a module may reserve or map as much as it likes. Where
//! more is refused, most modules end their process there. For those that do not the worker looks ([`is_spent`]), and ends
//! with [`SPENT`].
//!
//! Elsewhere than on Linux and Windows there is no such limit.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(windows)]
mod windows;

#[cfg(target_os = "linux")]
use self::linux as system;
#[cfg(windows)]
use self::windows as system;

use anyhow::Result;

/// The status with which a worker ends whose memory is spent.
pub const SPENT: i32 = 81;

/// Sets the limit, in MiB, for good.
///
/// # Errors
/// The system refuses.
pub fn set(mebibytes: u32) -> Result<()> {
    #[cfg(any(target_os = "linux", windows))]
    system::set(u64::from(mebibytes) << 20)?;
    #[cfg(not(any(target_os = "linux", windows)))]
    let _ = mebibytes;
    Ok(())
}

/// Is nearly all of it taken? Windows' own count is not asked for: there the limit alone ends a module.
pub fn is_spent(mebibytes: u32) -> bool {
    #[cfg(target_os = "linux")]
    return system::taken().is_some_and(|taken| taken >= (u64::from(mebibytes) << 20) / 8 * 7);
    #[cfg(not(target_os = "linux"))]
    {
        let _ = mebibytes;
        false
    }
}
