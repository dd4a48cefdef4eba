//! A job of this process alone. What counts is what it has committed, not what it has reserved.

use std::{io, ptr::null};

use anyhow::{Result, ensure};
use windows_sys::Win32::System::{
    JobObjects::{
        AssignProcessToJobObject, CreateJobObjectW, JOB_OBJECT_LIMIT_PROCESS_MEMORY,
        JOBOBJECT_EXTENDED_LIMIT_INFORMATION, JobObjectExtendedLimitInformation, SetInformationJobObject,
    },
    Threading::GetCurrentProcess,
};

/// Sets the limit, in bytes.
pub fn set(bytes: u64) -> Result<()> {
    let mut limits = JOBOBJECT_EXTENDED_LIMIT_INFORMATION::default();
    limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_PROCESS_MEMORY;
    limits.ProcessMemoryLimit = usize::try_from(bytes)?;
    let length = size_of_val(&limits) as u32;
    // SAFETY: a job without a name and with the usual rights takes no pointers. Its handle stays open as long as the process
    // lives, which costs nothing.
    let job = unsafe { CreateJobObjectW(null(), null()) };
    ensure!(!job.is_null(), io::Error::last_os_error());
    // SAFETY: this class of information is this struct, whose address and length these are.
    let set =
        unsafe { SetInformationJobObject(job, JobObjectExtendedLimitInformation, (&raw const limits).cast(), length) };
    ensure!(set != 0, io::Error::last_os_error());
    // SAFETY: the job is open, and a process may put itself into one.
    ensure!(unsafe { AssignProcessToJobObject(job, GetCurrentProcess()) } != 0, io::Error::last_os_error());
    Ok(())
}
