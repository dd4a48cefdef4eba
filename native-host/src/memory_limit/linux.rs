//! RLIMIT_DATA. Since Linux 4.7 it counts every private mapping that can be written, not the heap alone; RLIMIT_AS would
//! count what is only reserved, which some runtimes do by the tebibyte.

use anyhow::Result;
use rustix::process::{Resource, Rlimit, setrlimit};

/// Sets the limit, in bytes.
pub fn set(bytes: u64) -> Result<()> {
    Ok(setrlimit(Resource::Data, Rlimit { current: Some(bytes), maximum: Some(bytes) })?)
}

/// What counts of this process now, in bytes; none without /proc.
pub fn taken() -> Option<u64> {
    // proc_pid_statm(5): the sixth number is "data + stack", in pages.
    let pages = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = pages.split_whitespace().nth(5)?.parse().ok()?;
    Some(pages * region::page::size() as u64)
}
