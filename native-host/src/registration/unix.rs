//! Each browser has a folder in which it looks for manifests: its documentation on native messaging says so.

use std::path::{Path, PathBuf};

use anyhow::Result;
use qcert_protocol::workstation::HOST_NAME;

use super::{Browser, Place};
use crate::places::{configuration_folder, home};

/// The manifest's file.
///
/// # Errors
/// A person without a home.
pub fn manifest_path(browser: Browser, place: &Place) -> Result<PathBuf> {
    let folder = folder(browser, place).ok_or_else(|| anyhow::anyhow!(crate::places::NO_HOME))?;
    Ok(folder.join(format!("{HOST_NAME}.json")))
}

fn folder(browser: Browser, place: &Place) -> Option<PathBuf> {
    match (place, browser) {
        (Place::UserData(folder), Browser::Firefox) => Some(folder.join("native-messaging-hosts")),
        (Place::UserData(folder), _) => Some(folder.join("NativeMessagingHosts")),
        (Place::System, Browser::Chromium) => Some("/etc/chromium/native-messaging-hosts".into()),
        (Place::System, Browser::Chrome) => Some("/etc/opt/chrome/native-messaging-hosts".into()),
        (Place::System, Browser::Edge) => Some("/etc/opt/edge/native-messaging-hosts".into()),
        (Place::System, Browser::Firefox) => Some("/usr/lib/mozilla/native-messaging-hosts".into()),
        (Place::Person, Browser::Chromium) => in_configuration("chromium"),
        (Place::Person, Browser::Chrome) => in_configuration("google-chrome"),
        (Place::Person, Browser::Edge) => in_configuration("microsoft-edge"),
        (Place::Person, Browser::Firefox) => home().map(|home| home.join(".mozilla/native-messaging-hosts")),
    }
}

fn in_configuration(browser: &str) -> Option<PathBuf> {
    configuration_folder().map(|folder| folder.join(browser).join("NativeMessagingHosts"))
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
