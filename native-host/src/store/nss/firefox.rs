//! Firefox's profiles: each has an NSS database of its own, in the format that `sql:` names.

use std::path::{Path, PathBuf};

use crate::places::{configuration_folder, home};

/// Where Firefox keeps `profiles.ini`, below the home: its own package, since 147 below the folder of configurations,
/// and the sandboxes of snap and flatpak, which share these files with the person.
#[cfg(not(target_os = "macos"))]
const BELOW_HOME: &[&str] = &[
    ".mozilla/firefox",
    "snap/firefox/common/.mozilla/firefox",
    ".var/app/org.mozilla.firefox/.mozilla/firefox",
    ".var/app/org.mozilla.firefox/config/mozilla/firefox",
];

/// On macOS it has one place.
#[cfg(target_os = "macos")]
const BELOW_HOME: &[&str] = &[];

/// Below the folder of configurations.
const CONFIGURED: &str = if cfg!(target_os = "macos") { "Firefox" } else { "mozilla/firefox" };

/// The databases of all profiles that were used at least once; Firefox makes a database when it first opens a profile.
pub fn databases() -> Vec<PathBuf> {
    let at_home = home().into_iter().flat_map(|home| BELOW_HOME.iter().map(move |folder| home.join(folder)));
    let configured = configuration_folder().map(|folder| folder.join(CONFIGURED));
    let mut found: Vec<PathBuf> = at_home.chain(configured).flat_map(|folder| profiles(&folder)).collect();
    found.retain(|profile| profile.join("cert9.db").exists());
    found.sort();
    found.dedup();
    found
}

/// The profiles that a `profiles.ini` names.
fn profiles(folder: &Path) -> Vec<PathBuf> {
    let list = std::fs::read_to_string(folder.join("profiles.ini")).unwrap_or_default();
    // Sections begin with `[`; those of profiles have a path, relative to the list unless they say otherwise.
    let sections = list.split("\n[").filter(|section| section.trim_start_matches('[').starts_with("Profile"));
    sections.filter_map(|section| Some(folder.join(value(section, "Path")?))).collect()
}

fn value<'a>(section: &'a str, key: &str) -> Option<&'a str> {
    let values = section.lines().filter_map(|line| line.split_once('='));
    values.into_iter().find(|(name, _)| name.trim() == key).map(|(_, value)| value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_are_found_whether_their_path_is_relative_or_not() {
        let folder = tempfile::tempdir().unwrap();
        let list = "[Install4F96D1932A9F858E]\nDefault=a.default\nLocked=1\n\n\
                    [Profile1]\r\nName=work\r\nIsRelative=0\r\nPath=/srv/work\r\n\n\
                    [Profile0]\nName=default\nIsRelative=1\nPath=Profiles/a.default\nDefault=1\n\n\
                    [Profile2]\nName=broken\n\n[General]\nVersion=2\nPath=no\n";
        std::fs::write(folder.path().join("profiles.ini"), list).unwrap();
        let expected = [PathBuf::from("/srv/work"), folder.path().join("Profiles/a.default")];
        assert_eq!(profiles(folder.path()), expected);
    }

    #[test]
    fn where_no_firefox_was_there_are_no_profiles() {
        let folder = tempfile::tempdir().unwrap();
        assert!(profiles(folder.path()).is_empty());
        std::fs::write(folder.path().join("profiles.ini"), [0xff, 0xfe, b'[']).unwrap();
        assert!(profiles(folder.path()).is_empty());
    }
}
