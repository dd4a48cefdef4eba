//! What a process on Windows can give up by itself. The network is not among it: that takes a firewall's rule, or an
//! AppContainer, in which no vendor's module was ever tried.

use std::io;

use anyhow::{Result, ensure};
use windows_sys::Win32::System::{
    Diagnostics::Debug::{SEM_FAILCRITICALERRORS, SEM_NOGPFAULTERRORBOX, SEM_NOOPENFILEERRORBOX, SetErrorMode},
    ErrorReporting::{WER_FAULT_REPORTING_FLAG_NOHEAP, WerSetFlags},
    LibraryLoader::SetDllDirectoryW,
    Threading::{
        PROCESS_MITIGATION_POLICY, ProcessExtensionPointDisablePolicy, ProcessImageLoadPolicy,
        SetProcessMitigationPolicy,
    },
};

/// Bits of PROCESS_MITIGATION_IMAGE_LOAD_POLICY: NoRemoteImages, NoLowMandatoryLabelImages.
const NOT_FROM_SHARES_NOR_FROM_THE_WEB: u32 = 0b11;

/// Bit of PROCESS_MITIGATION_EXTENSION_POINT_DISABLE_POLICY: DisableExtensionPoints.
const NO_EXTENSION_POINTS: u32 = 0b1;

/// What is given up, and whether that was done.
pub fn give_up() -> Vec<(&'static str, Result<()>)> {
    vec![
        ("reports of crashes with the heap in them", without_crash_reports()),
        ("libraries from the current folder", without_the_current_folder()),
        ("libraries from shares and from the web", mitigate(ProcessImageLoadPolicy, NOT_FROM_SHARES_NOR_FROM_THE_WEB)),
        ("libraries of AppInit and hooks", mitigate(ProcessExtensionPointDisablePolicy, NO_EXTENSION_POINTS)),
    ]
}

/// A PIN must not end up in a report (invariant 1); nor may a module that fails put up a box that nobody sees.
fn without_crash_reports() -> Result<()> {
    // SAFETY: both take flags and nothing else.
    let reported = unsafe {
        SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX | SEM_NOOPENFILEERRORBOX);
        WerSetFlags(WER_FAULT_REPORTING_FLAG_NOHEAP)
    };
    ensure!(reported >= 0, "HRESULT {reported:#x}");
    Ok(())
}

/// The browser starts the host wherever it likes: what lies there is not what a module asks for.
fn without_the_current_folder() -> Result<()> {
    let nowhere = [0];
    // SAFETY: an empty string, which ends with its zero.
    done(unsafe { SetDllDirectoryW(nowhere.as_ptr()) })
}

fn mitigate(policy: PROCESS_MITIGATION_POLICY, bits: u32) -> Result<()> {
    // SAFETY: both policies are unions of one u32, whose address and size these are.
    done(unsafe { SetProcessMitigationPolicy(policy, (&raw const bits).cast(), size_of_val(&bits)) })
}

fn done(result: windows_sys::core::BOOL) -> Result<()> {
    if result == 0 { Err(io::Error::last_os_error().into()) } else { Ok(()) }
}
