//! Makes of the extension's sources what one browser loads, for one portal. The sources are loaded as they are; two
//! things differ: the manifest, of which each browser reads keys of its own and warns of the others', and the portal's
//! origin, in `portal.js` and in the pattern of the content script.
//!
//! Packed, it is an archive for a store or for Firefox ([`archive`]), or one that its maker has signed ([`crx`]); browsers
//! look for new ones in [`updates`].
//!
//! Errors are only reported: `anyhow`.

pub mod archive;
pub mod crx;
pub mod updates;

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The family of browsers that a manifest is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Browser {
    /// Chromium, Chrome, Edge and their kin.
    Chromium,
    /// Firefox.
    Firefox,
}

/// The line that packaging replaces.
const SOURCE_ORIGIN: &str = "export const PORTAL_ORIGIN = 'http://localhost:8080';";

/// The extension's files by their paths in it, `/` between the parts.
pub type Files = BTreeMap<String, Vec<u8>>;

/// The extension for a browser and a portal (scheme, host and port as browsers write them).
///
/// # Errors
/// The sources are not those of the extension, or the origin is none.
pub fn files(sources: &Path, browser: Browser, origin: &str) -> Result<Files> {
    let pattern = pattern(origin)?;
    let mut files = Files::new();
    collect(sources, "", &mut files)?;
    change_manifest(&mut files, |manifest| for_browser(manifest, browser, &pattern))?;
    let portal = files.get_mut("portal.js").context("the sources have no portal.js")?;
    let text = std::str::from_utf8(portal).context("read portal.js")?;
    ensure!(text.contains(SOURCE_ORIGIN), "portal.js does not have the line that packaging replaces");
    let line = format!("export const PORTAL_ORIGIN = '{origin}';");
    *portal = text.replace(SOURCE_ORIGIN, &line).into_bytes();
    Ok(files)
}

/// Writes the extension for a browser and a portal into a directory, which is made.
///
/// # Errors
/// As [`files`]; the directory cannot be written.
pub fn write(sources: &Path, browser: Browser, origin: &str, target: &Path) -> Result<()> {
    for (name, content) in files(sources, browser, origin)? {
        let path = target.join(name);
        let directory = path.parent().unwrap_or(target);
        fs::create_dir_all(directory).with_context(|| format!("make {}", directory.display()))?;
        fs::write(&path, content).with_context(|| format!("write {}", path.display()))?;
    }
    Ok(())
}

/// Changes the manifest among the extension's files.
///
/// # Errors
/// There is none, or it is not JSON; what the change says.
pub fn change_manifest(files: &mut Files, change: impl FnOnce(&mut Value) -> Result<()>) -> Result<()> {
    let text = files.get_mut("manifest.json").context("the extension has no manifest")?;
    let mut manifest = serde_json::from_slice(text).context("read the manifest")?;
    change(&mut manifest)?;
    *text = format!("{manifest:#}\n").into_bytes();
    Ok(())
}

/// SHA-256, in hexadecimal digits.
pub fn digest(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A manifest with what one browser reads, and nothing of which it would warn.
fn for_browser(manifest: &mut Value, browser: Browser, pattern: &str) -> Result<()> {
    manifest["content_scripts"][0]["matches"] = json!([pattern]);
    let keys = manifest.as_object_mut().context("the manifest is not an object")?;
    let (others, background) = match browser {
        Browser::Chromium => (&["browser_specific_settings"][..], "scripts"),
        Browser::Firefox => (&["key", "minimum_chrome_version"][..], "service_worker"),
    };
    for other in others {
        keys.remove(*other).with_context(|| format!("the manifest has no {other}"))?;
    }
    let scripts =
        keys.get_mut("background").and_then(Value::as_object_mut).context("the manifest has no background")?;
    scripts.remove(background).with_context(|| format!("the manifest's background has no {background}"))?;
    Ok(())
}

/// The match pattern of an origin. Patterns name no port: the worker checks the rest.
fn pattern(origin: &str) -> Result<String> {
    let (scheme, rest) = origin.split_once("://").context("an origin is scheme://host")?;
    ensure!(matches!(scheme, "https" | "http"), "an origin begins with https:// or http://: {origin}");
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-:[]".contains(&b);
    ensure!(!rest.is_empty() && rest.bytes().all(allowed), "an origin is scheme, host and port alone: {origin}");
    let host = match rest.rsplit_once(':') {
        Some((host, port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => rest,
    };
    ensure!(!host.is_empty(), "an origin has a host: {origin}");
    Ok(format!("{scheme}://{host}/*"))
}

fn collect(directory: &Path, below: &str, files: &mut Files) -> Result<()> {
    for entry in fs::read_dir(directory).with_context(|| format!("list {}", directory.display()))? {
        let entry = entry?;
        let name = format!("{below}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &format!("{name}/"), files)?;
        } else {
            let content = fs::read(entry.path()).with_context(|| format!("read {}", entry.path().display()))?;
            files.insert(name, content);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(browser: Browser, origin: &str) -> (Value, String) {
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../src");
        let target = tempfile::tempdir().unwrap();
        write(&sources, browser, origin, target.path()).unwrap();
        let read = |name: &str| fs::read_to_string(target.path().join(name)).unwrap();
        (serde_json::from_str(&read("manifest.json")).unwrap(), read("portal.js"))
    }

    #[test]
    fn each_browser_gets_the_manifest_that_it_reads_without_a_warning() {
        let (chromium, _) = written(Browser::Chromium, "https://qcert.example");
        assert_eq!(chromium["background"], json!({"service_worker": "worker.js", "type": "module"}));
        assert!(chromium["key"].is_string() && chromium.get("browser_specific_settings").is_none());
        let (firefox, _) = written(Browser::Firefox, "https://qcert.example");
        assert_eq!(firefox["background"], json!({"scripts": ["worker.js"], "type": "module"}));
        assert_eq!(firefox["browser_specific_settings"]["gecko"]["id"], "portal@qcert.ru");
        assert!(firefox.get("key").is_none() && firefox.get("minimum_chrome_version").is_none());
    }

    #[test]
    fn the_extension_is_for_one_origin_and_asks_for_nothing_else() {
        for (origin, pattern) in [
            ("https://qcert.example", "https://qcert.example/*"),
            ("https://qcert.example:8443", "https://qcert.example/*"),
            ("http://[::1]:8080", "http://[::1]/*"),
        ] {
            for browser in [Browser::Chromium, Browser::Firefox] {
                let (manifest, portal) = written(browser, origin);
                assert_eq!(manifest["content_scripts"][0]["matches"], json!([pattern]));
                assert_eq!(manifest["permissions"], json!(["nativeMessaging"]));
                assert!(manifest.get("host_permissions").is_none());
                assert!(portal.contains(&format!("PORTAL_ORIGIN = '{origin}';")), "{portal}");
                assert!(!portal.contains("localhost:8080"), "{portal}");
            }
        }
    }

    #[test]
    fn what_is_no_origin_is_refused_before_anything_is_written() {
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../src");
        let directory = tempfile::tempdir().unwrap();
        for origin in
            ["", "qcert.example", "ftp://h", "https://", "https://a/b", "https://*", "https://A", "https://a'"]
        {
            let target = directory.path().join("extension");
            assert!(write(&sources, Browser::Firefox, origin, &target).is_err(), "{origin}");
            assert!(!target.exists(), "{origin}");
        }
    }
}
