//! What the host gives up before it does anything: core files, being read by other programs of the same person, and
//! the network. A PKCS#11 module is somebody else's code in this process, so all of it comes before the first is loaded.
//! Programs that the host starts (NSS's) inherit it, but for the second.
//!
//! The last two are Linux's; elsewhere the host keeps them.

/// What could not be given up, in words for the support. The host works without it: the kernel is an old or odd one.
pub type Kept = Vec<String>;

/// Gives everything up, for all threads and for good.
pub fn confine() -> Kept {
    let given_up = [
        #[cfg(unix)]
        ("core files", without_core_files()),
        #[cfg(target_os = "linux")]
        ("memory that others may read", without_readers()),
        #[cfg(all(
            target_os = "linux",
            any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")
        ))]
        ("network", network::leave()),
    ];
    let given_up: &[(&str, anyhow::Result<()>)] = &given_up;
    given_up.iter().filter_map(|(what, done)| done.as_ref().err().map(|error| format!("{what}: {error}"))).collect()
}

/// A PIN must not end up in a core file (invariant 1).
#[cfg(unix)]
fn without_core_files() -> anyhow::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    Ok(setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?)
}

/// Nor in a program of the same person that attaches to this one.
#[cfg(target_os = "linux")]
fn without_readers() -> anyhow::Result<()> {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}

/// The kernel's own filter of calls.
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")))]
mod network {
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
}
