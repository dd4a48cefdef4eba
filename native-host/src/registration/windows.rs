//! Each browser has a key in the registry, whose default value says where the manifest is: its documentation on native
//! messaging says so. The manifests lie beside the configuration.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use qcert_protocol::workstation::HOST_NAME;
use windows_registry::{CURRENT_USER, Key, LOCAL_MACHINE};

use super::{Browser, Place};
use crate::{
    access::check_system_owner,
    places::{NO_HOME, person_folder, system_folder},
};

/// `ERROR_FILE_NOT_FOUND` as an HRESULT: there is no such key.
const NOT_FOUND: i32 = 0x8007_0002_u32.cast_signed();

/// Below which nothing is taken back, empty or not.
const SOFTWARE: &str = "Software";

/// The manifest's file.
///
/// # Errors
/// A person without a folder; a browser with data of its own, for which there is no key.
pub fn manifest_path(browser: Browser, place: &Place) -> Result<PathBuf> {
    let folder = match place {
        Place::Person => person_folder().context(NO_HOME)?,
        Place::System => system_folder(),
        Place::UserData(_) => bail!("on Windows every browser asks the registry: leave --user-data-dir out"),
    };
    let short = match browser {
        Browser::Chromium => "chromium",
        Browser::Chrome => "chrome",
        Browser::Edge => "edge",
        Browser::Firefox => "firefox",
    };
    Ok(folder.join(format!("{HOST_NAME}.{short}.json")))
}

fn root(place: &Place) -> &'static Key {
    if let Place::System = place { LOCAL_MACHINE } else { CURRENT_USER }
}

/// The names of the keys, from `Software` to ours.
fn keys(browser: Browser) -> Vec<&'static str> {
    let vendor: &[&str] = match browser {
        Browser::Chromium => &["Chromium"],
        Browser::Chrome => &["Google", "Chrome"],
        Browser::Edge => &["Microsoft", "Edge"],
        Browser::Firefox => &["Mozilla"],
    };
    [&[SOFTWARE], vendor, &["NativeMessagingHosts", HOST_NAME]].concat()
}

/// The manifest by which the browser would start the host.
pub fn found(browser: Browser, place: &Place) -> Option<PathBuf> {
    let key = root(place).open(keys(browser).join("\\")).ok()?;
    key.get_string("").ok().map(PathBuf::from)
}

/// Tells the browser where the manifest is.
///
/// # Errors
/// Those of the registry: the whole machine's is the administrators'. A folder of the system that somebody else has
/// made, who could put another manifest there.
pub fn point_to(browser: Browser, place: &Place, manifest: &Path) -> Result<()> {
    if let Place::System = place {
        check_system_owner(&system_folder())?;
    }
    let path = keys(browser).join("\\");
    let manifest = manifest.to_str().context("the manifest's path is not Unicode")?;
    let written = root(place).create(&path).and_then(|key| key.set_string("", manifest));
    written.with_context(|| format!("writing the registry's {path}"))
}

/// Takes the key back, and those above it that nobody else uses.
///
/// # Errors
/// Those of the registry: the whole machine's is the administrators'.
pub fn point_nowhere(browser: Browser, place: &Place) -> Result<()> {
    let (root, keys) = (root(place), keys(browser));
    let ours = keys.join("\\");
    match root.remove_tree(&ours) {
        Err(error) if error.code().0 == NOT_FOUND => {}
        removed => removed.with_context(|| format!("removing the registry's {ours}"))?,
    }
    for length in (2..keys.len()).rev() {
        let path = keys[..length].join("\\");
        match root.open(&path) {
            Ok(key) if is_empty(&key) => drop(key),
            Ok(_) => return Ok(()),
            Err(_) => continue,
        }
        root.remove_tree(&path).with_context(|| format!("removing the registry's {path}"))?;
    }
    Ok(())
}

fn is_empty(key: &Key) -> bool {
    let keys = key.keys().is_ok_and(|mut keys| keys.next().is_none());
    keys && key.values().is_ok_and(|mut values| values.next().is_none())
}
