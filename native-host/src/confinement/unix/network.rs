//! The kernel's own filter of calls.

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    apply_filter_all_threads,
};

/// Bit of a call's number by which a program of x86-64 makes a call of x32.
#[cfg(target_arch = "x86_64")]
const X32: i64 = 0x4000_0000;

/// A socket is made only of a family that stays on this machine: AF_UNIX, to reach pcscd, and AF_NETLINK, by which
/// drivers learn from the kernel that something was plugged in. A module that tries another gets EACCES, and may go
/// on without. A ring of io_uring makes sockets past any filter, so none is made. A call of another architecture's
/// kind ends the process.
pub fn leave() -> anyhow::Result<()> {
    let other_than = |family: libc::c_int| {
        SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, u64::from(family.unsigned_abs()))
    };
    let of_the_network = SeccompRule::new(vec![other_than(libc::AF_UNIX)?, other_than(libc::AF_NETLINK)?])?;
    // No rule means: whatever the arguments.
    let calls = [(libc::SYS_socket, vec![of_the_network]), (libc::SYS_io_uring_setup, Vec::new())];
    #[cfg(target_arch = "x86_64")]
    let calls = calls.into_iter().flat_map(|(call, rules)| [(call, rules.clone()), (call | X32, rules)]);
    let refused = SeccompAction::Errno(libc::EACCES.unsigned_abs());
    let architecture = std::env::consts::ARCH.try_into()?;
    let filter = SeccompFilter::new(calls.into_iter().collect(), SeccompAction::Allow, refused, architecture)?;
    Ok(apply_filter_all_threads(&BpfProgram::try_from(filter)?)?)
}
