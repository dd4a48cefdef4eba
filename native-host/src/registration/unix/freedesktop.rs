//! Folders of manifests on Linux.

use std::path::PathBuf;

use super::{Browser, Place};
use crate::places::{configuration_folder, home};

/// None for a person without a home.
pub fn folder(browser: Browser, place: &Place) -> Option<PathBuf> {
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
