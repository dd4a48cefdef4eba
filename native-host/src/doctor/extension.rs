//! In which profiles of browsers the extension is installed. Each browser keeps its own list: Chromium and its kin a folder
//! for each extension and version, Firefox `extensions.json`. One that was loaded by hand is in neither.

use std::path::Path;

use qcert_protocol::{
    ErrorCode,
    workstation::{Check, CheckedPart},
};
use serde_json::Value;

use super::{
    finding::{advice, ok, warning},
    machine::Machine,
};
use crate::FIREFOX_EXTENSION_ID;

/// Where Chromium and its kin have their profiles, in the person's home.
#[cfg(all(unix, not(target_os = "macos")))]
const CHROMIUM_KIN: [(&str, &str); 3] = [
    ("Chromium", ".config/chromium"),
    ("Google Chrome", ".config/google-chrome"),
    ("Microsoft Edge", ".config/microsoft-edge"),
];
#[cfg(target_os = "macos")]
const CHROMIUM_KIN: [(&str, &str); 3] = [
    ("Chromium", "Library/Application Support/Chromium"),
    ("Google Chrome", "Library/Application Support/Google/Chrome"),
    ("Microsoft Edge", "Library/Application Support/Microsoft Edge"),
];
#[cfg(windows)]
const CHROMIUM_KIN: [(&str, &str); 3] = [
    ("Chromium", r"AppData\Local\Chromium\User Data"),
    ("Google Chrome", r"AppData\Local\Google\Chrome\User Data"),
    ("Microsoft Edge", r"AppData\Local\Microsoft\Edge\User Data"),
];

/// Where Firefox has its own.
#[cfg(all(unix, not(target_os = "macos")))]
const FIREFOX_PROFILES: &str = ".mozilla/firefox";
#[cfg(target_os = "macos")]
const FIREFOX_PROFILES: &str = "Library/Application Support/Firefox/Profiles";
#[cfg(windows)]
const FIREFOX_PROFILES: &str = r"AppData\Roaming\Mozilla\Firefox\Profiles";

/// A check for each profile that has it, in Chromium and its kin under one of these ids.
pub fn check(machine: &Machine, extensions: &[String]) -> Vec<Check> {
    let chromium = CHROMIUM_KIN.iter().flat_map(|(browser, folder)| {
        let profiles = machine.folders_in_home(folder);
        profiles.into_iter().filter_map(|profile| Some(found(browser, &profile, &in_chromium(&profile, extensions)?)))
    });
    let firefox = machine.folders_in_home(FIREFOX_PROFILES).into_iter().filter_map(|profile| {
        let (version, active) = in_firefox(&profile)?;
        let check = found("Mozilla Firefox", &profile, &version);
        Some(if active { check } else { switched_off(check) })
    });
    chromium.chain(firefox).collect()
}

/// Nowhere.
pub fn nowhere() -> Check {
    let text = advice(
        [
            "В профилях браузеров расширения нет (загруженное вручную отсюда не видно).",
            "No browser profile has the extension (one that was loaded by hand is not seen from here).",
        ],
        [
            "Установите расширение, которое предлагает портал, и откройте страницу проверки.",
            "Install the extension that the portal offers, and open the page with the check.",
        ],
    );
    warning(CheckedPart::Extension, "-", ErrorCode::ExtensionMissing, text)
}

fn found(browser: &str, profile: &Path, version: &str) -> Check {
    ok(CheckedPart::Extension, format!("{browser} {}: {version}", profile.display()))
}

fn switched_off(check: Check) -> Check {
    let text = advice(
        ["Расширение выключено.", "The extension is switched off."],
        ["Включите его в настройках браузера.", "Switch it on in the browser's settings."],
    );
    warning(check.part, check.subject, ErrorCode::ExtensionMissing, text)
}

/// The latest version of `Extensions/<id>/<version>_<n>`.
fn in_chromium(profile: &Path, extensions: &[String]) -> Option<String> {
    let folders = extensions.iter().map(|id| profile.join("Extensions").join(id));
    let entries = folders.filter_map(|folder| std::fs::read_dir(folder).ok()).flatten().flatten();
    let versions = entries.filter(|entry| entry.path().is_dir()).map(|entry| entry.file_name());
    let latest = versions.max()?.to_string_lossy().into_owned();
    Some(latest.split('_').next().unwrap_or_default().to_owned())
}

/// Its version, and is it switched on?
fn in_firefox(profile: &Path) -> Option<(String, bool)> {
    let text = std::fs::read(profile.join("extensions.json")).ok()?;
    let list: Value = serde_json::from_slice(&text).ok()?;
    let ours = list["addons"].as_array()?.iter().find(|addon| addon["id"] == FIREFOX_EXTENSION_ID)?;
    Some((ours["version"].as_str().unwrap_or_default().to_owned(), ours["active"] != false))
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use qcert_protocol::workstation::CheckState;

    use super::*;
    use crate::EXTENSION_ID;

    #[test]
    fn the_extension_is_found_in_every_profile_that_has_it() {
        let root = tempfile::tempdir().unwrap();
        let home = root.path().join("home/person");
        let chromium = format!("{}/Default/Extensions/{EXTENSION_ID}", CHROMIUM_KIN[0].1);
        let firefox = format!("{FIREFOX_PROFILES}/a");
        for folder in [format!("{chromium}/0.1.0_0"), format!("{chromium}/0.2.0_0"), firefox.clone()] {
            std::fs::create_dir_all(home.join(folder)).unwrap();
        }
        let addons =
            |id: &str, active: bool| format!(r#"{{"addons":[{{"id":"{id}","version":"0.3","active":{active}}}]}}"#);
        let file = home.join(firefox).join("extensions.json");
        let ours = [EXTENSION_ID.to_owned()];
        let states =
            || check(&Machine::made_up(root.path()), &ours).into_iter().map(|check| check.state).collect::<Vec<_>>();

        assert!(check(&Machine::made_up(root.path()), &ours)[0].subject.ends_with("Default: 0.2.0"));
        std::fs::write(&file, addons("another@example", true)).unwrap();
        assert_eq!(states(), [CheckState::Ok]);
        std::fs::write(&file, addons(FIREFOX_EXTENSION_ID, true)).unwrap();
        assert_eq!(states(), [CheckState::Ok, CheckState::Ok]);
        std::fs::write(&file, addons(FIREFOX_EXTENSION_ID, false)).unwrap();
        assert_eq!(states(), [CheckState::Ok, CheckState::Warning]);
    }
}
