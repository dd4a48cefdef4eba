//! Folders of manifests on macOS.

use std::path::PathBuf;

use super::{Browser, Place};
use crate::places::home;

/// None for a person without a home.
pub fn folder(browser: Browser, place: &Place) -> Option<PathBuf> {
    let around = match place {
        Place::UserData(folder) => folder.clone(),
        Place::System => PathBuf::from("/Library").join(match browser {
            Browser::Chromium => "Application Support/Chromium",
            Browser::Chrome => "Google/Chrome",
            Browser::Edge => "Microsoft/Edge",
            Browser::Firefox => "Application Support/Mozilla",
        }),
        Place::Person => home()?.join("Library/Application Support").join(match browser {
            Browser::Chromium => "Chromium",
            Browser::Chrome => "Google/Chrome",
            Browser::Edge => "Microsoft Edge",
            Browser::Firefox => "Mozilla",
        }),
    };
    Some(around.join("NativeMessagingHosts"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As their documentation writes them.
    const DOCUMENTED: [(Browser, &str, &str); 4] = [
        (
            Browser::Chromium,
            "/Library/Application Support/Chromium/NativeMessagingHosts",
            "Library/Application Support/Chromium/NativeMessagingHosts",
        ),
        (
            Browser::Chrome,
            "/Library/Google/Chrome/NativeMessagingHosts",
            "Library/Application Support/Google/Chrome/NativeMessagingHosts",
        ),
        (
            Browser::Edge,
            "/Library/Microsoft/Edge/NativeMessagingHosts",
            "Library/Application Support/Microsoft Edge/NativeMessagingHosts",
        ),
        (
            Browser::Firefox,
            "/Library/Application Support/Mozilla/NativeMessagingHosts",
            "Library/Application Support/Mozilla/NativeMessagingHosts",
        ),
    ];

    #[test]
    fn a_manifest_lies_where_each_browsers_documentation_says() {
        for (browser, of_everybody, of_a_person) in DOCUMENTED {
            assert_eq!(folder(browser, &Place::System), Some(of_everybody.into()));
            assert_eq!(folder(browser, &Place::Person), home().map(|home| home.join(of_a_person)));
        }
    }
}
