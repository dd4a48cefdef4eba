//! Registration with browsers: the manifest of native messaging that tells a browser where the host is and which
//! extensions may start it.
//!
//! How a browser finds it differs: on Unix by its place, on Windows by the registry.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::{
    fmt,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};
use qcert_protocol::{ErrorCode, workstation::HOST_NAME};
use serde_json::json;

pub use self::system::found;
#[cfg(unix)]
use self::unix as system;
#[cfg(windows)]
use self::windows as system;
use crate::{
    FIREFOX_EXTENSION_ID,
    access::is_program,
    configuration::{half_written_prefix, write_whole},
};

/// A browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Browser {
    /// Chromium.
    Chromium,
    /// Google Chrome.
    Chrome,
    /// Microsoft Edge.
    Edge,
    /// Mozilla Firefox.
    Firefox,
}

impl Browser {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Chromium, Self::Chrome, Self::Edge, Self::Firefox];
}

impl fmt::Display for Browser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Chromium => "Chromium",
            Self::Chrome => "Google Chrome",
            Self::Edge => "Microsoft Edge",
            Self::Firefox => "Mozilla Firefox",
        })
    }
}

/// For whom.
pub enum Place {
    /// For this person.
    Person,
    /// For everybody on this machine.
    System,
    /// For a browser that was started with `--user-data-dir` (or with a profile's home of its own).
    UserData(PathBuf),
}

/// The origin of an extension in Chromium and its kin.
fn origin(extension: &str) -> String {
    format!("chrome-extension://{extension}/")
}

/// The manifest's content.
fn manifest(browser: Browser, program: &Path, extensions: &[String]) -> serde_json::Value {
    let mut manifest = json!({
        "name": HOST_NAME,
        "description": "Qcert: works with the token",
        "path": program,
        "type": "stdio",
    });
    if browser == Browser::Firefox {
        manifest["allowed_extensions"] = json!([FIREFOX_EXTENSION_ID]);
    } else {
        manifest["allowed_origins"] = extensions.iter().map(|id| origin(id)).collect();
    }
    manifest
}

/// Writes the manifest, unless it is there already, and shows it to the browser; says where it is.
///
/// # Errors
/// Those of the file system and the registry; a person without a home.
pub fn register(browser: Browser, place: &Place, program: &Path, extensions: &[String]) -> Result<PathBuf> {
    let path = system::manifest_path(browser, place)?;
    let text = format!("{}\n", serde_json::to_string_pretty(&manifest(browser, program, extensions))?);
    let is_link = path.symlink_metadata().is_ok_and(|data| data.is_symlink());
    if is_link || std::fs::read(&path).ok().as_deref() != Some(text.as_bytes()) {
        write_whole(&path, text.as_bytes())?;
    }
    system::point_to(browser, place, &path)?;
    Ok(path)
}

/// Removes the manifest; says where it was, if it was. What an interrupted registration left goes too, and a folder in
/// which nothing else is.
///
/// # Errors
/// Those of the file system and the registry; a person without a home; a manifest that names another program which is
/// there.
pub fn unregister(browser: Browser, place: &Place, program: &Path) -> Result<Option<PathBuf>> {
    let path = system::manifest_path(browser, place)?;
    if let Some(other) = named_program(&path).filter(|other| other != program && is_program(other)) {
        bail!("{} belongs to {}, which can remove it", path.display(), other.display());
    }
    system::point_nowhere(browser, place)?;
    let removed = match std::fs::remove_file(&path) {
        Ok(()) => Some(path.clone()),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error).with_context(|| format!("removing {}", path.display())),
    };
    clear_away(&path);
    Ok(removed)
}

/// The program that a manifest names.
fn named_program(manifest: &Path) -> Option<PathBuf> {
    let manifest: serde_json::Value = serde_json::from_slice(&std::fs::read(manifest).ok()?).ok()?;
    manifest["path"].as_str().map(PathBuf::from)
}

/// Removes halves of a manifest, then its folder and the one around it, if they are empty: a browser that needs them
/// makes them.
fn clear_away(manifest: &Path) {
    let (Some(folder), Some(name)) = (manifest.parent(), manifest.file_name()) else { return };
    let half = half_written_prefix(name);
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(&half) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
    // A folder in which something is stays.
    let _ = std::fs::remove_dir(folder);
    let _ = folder.parent().map(std::fs::remove_dir);
}

/// Can this browser start the host by this manifest, for one of these extensions at least (Firefox: for ours)?
///
/// # Errors
/// `host_missing` for a manifest that is damaged or names no program that can be started, `host_forbidden` for one
/// that names none of the extensions.
pub fn check_manifest(browser: Browser, path: &Path, extensions: &[String]) -> Result<(), ErrorCode> {
    let text = std::fs::read(path).map_err(|_| ErrorCode::HostMissing)?;
    let manifest: serde_json::Value = serde_json::from_slice(&text).map_err(|_| ErrorCode::HostMissing)?;
    let program = manifest["path"].as_str().filter(|_| manifest["name"] == HOST_NAME).map(Path::new);
    if !program.is_some_and(is_program) {
        return Err(ErrorCode::HostMissing);
    }
    let (list, ours) = match browser {
        Browser::Firefox => ("allowed_extensions", vec![FIREFOX_EXTENSION_ID.to_owned()]),
        _ => ("allowed_origins", extensions.iter().map(|id| origin(id)).collect()),
    };
    let named = manifest[list].as_array().is_some_and(|list| list.iter().any(|one| ours.iter().any(|id| one == id)));
    if named { Ok(()) } else { Err(ErrorCode::HostForbidden) }
}

/// Is this an origin as browsers write it (RFC 6454 §6.2): scheme, host, port unless it is the scheme's own, and
/// nothing else? Only this machine may do without TLS.
///
/// # Errors
/// What is wrong with it.
pub fn check_origin(origin: &str) -> Result<()> {
    let (host, usual_port) = match origin.split_once("://") {
        Some(("https", host)) => (host, ":443"),
        Some(("http", host)) => (host, ":80"),
        _ => anyhow::bail!("the portal's origin begins with https:// (http:// only on localhost): {origin}"),
    };
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        _ => (host, None),
    };
    let good_name = !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-._[]:".contains(&b));
    let good_port = port.is_none_or(|port| !port.starts_with('0') && port.parse::<u16>().is_ok());
    ensure!(good_name && good_port, "an origin is scheme, host in lower case and port, with no path: {origin}");
    ensure!(!host.ends_with(usual_port), "browsers leave the usual port out of an origin: {origin}");
    let local = matches!(name, "localhost" | "127.0.0.1" | "[::1]") || name.ends_with(".localhost");
    ensure!(usual_port == ":443" || local, "outside localhost the portal's origin begins with https://: {origin}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EXTENSION_ID;

    #[test]
    fn an_origin_is_as_browsers_write_it() {
        for good in [
            "https://ca.example",
            "https://ca.example:8443",
            "http://localhost:8080",
            "http://127.0.0.1:1",
            "http://[::1]:8080",
            "https://xn--80ak6aa92e.example",
        ] {
            check_origin(good).unwrap();
        }
        for bad in [
            "ca.example",
            "https://",
            "https://ca.example/",
            "https://ca.example:443",
            "http://ca.example",
            "https://CA.example",
            "https://ca.example:99999",
            "https://a b",
            "https://user@ca.example",
            "*",
            "file://",
        ] {
            assert!(check_origin(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn each_browser_gets_the_manifest_that_it_understands() {
        let chromium = manifest(Browser::Chromium, Path::new("/opt/qcert-host"), &["one".into(), "another".into()]);
        assert_eq!(chromium["allowed_origins"], json!(["chrome-extension://one/", "chrome-extension://another/"]));
        let firefox = manifest(Browser::Firefox, Path::new("/opt/qcert-host"), &[]);
        assert_eq!(firefox["allowed_extensions"], json!([FIREFOX_EXTENSION_ID]));
        assert!(firefox.get("allowed_origins").is_none());
    }

    #[test]
    fn a_manifest_is_good_if_it_names_one_of_the_extensions() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("manifest.json");
        let program = std::env::current_exe().unwrap();
        let check = |extensions: &[&str]| {
            let extensions: Vec<_> = extensions.iter().map(|id| (*id).to_owned()).collect();
            check_manifest(Browser::Chromium, &path, &extensions)
        };
        std::fs::write(&path, manifest(Browser::Chromium, &program, &["ours".into()]).to_string()).unwrap();
        assert!(check(&["a store's", "ours"]).is_ok());
        assert_eq!(check(&["a store's"]), Err(ErrorCode::HostForbidden));
    }

    #[test]
    fn the_extensions_ids_are_those_of_its_own_manifest() {
        use base64::{Engine, engine::general_purpose::STANDARD};
        use sha2::{Digest, Sha256};
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../extension/src/manifest.json");
        let manifest: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let key = STANDARD.decode(manifest["key"].as_str().unwrap()).unwrap();
        let digest = Sha256::digest(&key);
        let letters = digest[..16].iter().flat_map(|byte| [byte >> 4, byte & 15]);
        assert_eq!(letters.map(|digit| char::from(b'a' + digit)).collect::<String>(), EXTENSION_ID);
        assert_eq!(manifest["browser_specific_settings"]["gecko"]["id"], FIREFOX_EXTENSION_ID);
    }
}
