//! Limits of the process, and on Linux the kernel's own filter of calls.

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")))]
mod network;

use anyhow::Result;

/// What is given up, and whether that was done.
pub fn give_up() -> Vec<(&'static str, Result<()>)> {
    vec![
        ("core files", without_core_files()),
        #[cfg(target_os = "linux")]
        ("memory that others may read", without_readers()),
        #[cfg(all(
            target_os = "linux",
            any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")
        ))]
        ("network", network::leave()),
    ]
}

/// A PIN must not end up in a core file (invariant 1).
fn without_core_files() -> Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    Ok(setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?)
}

/// Nor in a program of the same person that attaches to this one.
#[cfg(target_os = "linux")]
fn without_readers() -> Result<()> {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}
