//! Each browser has a folder in which it looks for manifests: its documentation on native messaging says so.

#[cfg(not(target_os = "macos"))]
mod freedesktop;
// Its table is a matter of paths, so it is tried everywhere.
#[cfg(any(target_os = "macos", test))]
mod macos;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use qcert_protocol::workstation::HOST_NAME;

#[cfg(not(target_os = "macos"))]
use self::freedesktop::folder;
#[cfg(target_os = "macos")]
use self::macos::folder;
use super::{Browser, Place};
use crate::places::NO_HOME;

/// The manifest's file.
///
/// # Errors
/// A person without a home.
pub fn manifest_path(browser: Browser, place: &Place) -> Result<PathBuf> {
    let folder = folder(browser, place).context(NO_HOME)?;
    Ok(folder.join(format!("{HOST_NAME}.json")))
}

/// The manifest by which the browser would start the host.
pub fn found(browser: Browser, place: &Place) -> Option<PathBuf> {
    manifest_path(browser, place).ok().filter(|path| path.exists())
}

/// Nothing more to tell: the manifest lies where it is looked for.
///
/// # Errors
/// None.
pub fn point_to(_browser: Browser, _place: &Place, _manifest: &Path) -> Result<()> {
    Ok(())
}

/// Nothing was told.
///
/// # Errors
/// None.
pub fn point_nowhere(_browser: Browser, _place: &Place) -> Result<()> {
    Ok(())
}
