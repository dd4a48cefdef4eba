//! The extension in one file. The same files make the same bytes: order, times and modes are fixed.

use std::{
    io::{Cursor, Write},
    path::Path,
};

use anyhow::{Context, Result};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use crate::{Browser, Files, change_manifest, files};

/// What a store of Chromium's kin takes, and what is signed as [`crate::crx`]: without `key`, which names the extension as
/// long as nobody has signed it.
///
/// # Errors
/// As [`files`].
pub fn for_chromium(sources: &Path, origin: &str) -> Result<Vec<u8>> {
    let mut files = files(sources, Browser::Chromium, origin)?;
    change_manifest(&mut files, |manifest| {
        manifest.as_object_mut().and_then(|keys| keys.remove("key")).map(drop).context("the manifest has no key")
    })?;
    zip(&files)
}

/// What Firefox installs, and what Mozilla signs; it looks for new versions at an address, if one is given. Firefox
/// takes no other than `https:`.
///
/// # Errors
/// As [`files`].
pub fn for_firefox(sources: &Path, origin: &str, updates: Option<&str>) -> Result<Vec<u8>> {
    let mut files = files(sources, Browser::Firefox, origin)?;
    if let Some(address) = updates {
        change_manifest(&mut files, |manifest| {
            manifest["browser_specific_settings"]["gecko"]["update_url"] = address.into();
            Ok(())
        })?;
    }
    zip(&files)
}

fn zip(files: &Files) -> Result<Vec<u8>> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(zip::DateTime::default())
        .unix_permissions(0o644);
    for (name, content) in files {
        archive.start_file(name, options).with_context(|| format!("add {name}"))?;
        archive.write_all(content).with_context(|| format!("add {name}"))?;
    }
    Ok(archive.finish().context("end the archive")?.into_inner())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use serde_json::Value;

    use super::*;

    const ORIGIN: &str = "https://qcert.example";

    fn sources() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../src")
    }

    fn manifest(archive: &[u8]) -> Value {
        let mut archive = zip::ZipArchive::new(Cursor::new(archive)).unwrap();
        let mut text = String::new();
        archive.by_name("manifest.json").unwrap().read_to_string(&mut text).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn what_a_store_takes_names_no_key_of_ours() {
        let manifest = manifest(&for_chromium(&sources(), ORIGIN).unwrap());
        assert!(manifest.get("key").is_none());
        assert_eq!(manifest["content_scripts"][0]["matches"][0], "https://qcert.example/*");
    }

    #[test]
    fn firefox_is_told_where_new_versions_are_if_they_are_anywhere() {
        let address = "https://qcert.example/extension/updates.json";
        let gecko = |updates| {
            manifest(&for_firefox(&sources(), ORIGIN, updates).unwrap())["browser_specific_settings"]["gecko"].clone()
        };
        assert_eq!(gecko(Some(address))["update_url"], address);
        assert!(gecko(None).get("update_url").is_none());
    }

    #[test]
    fn an_archive_tells_nothing_of_when_and_by_whom_it_was_made() {
        let packed = for_chromium(&sources(), ORIGIN).unwrap();
        let mut archive = zip::ZipArchive::new(Cursor::new(&packed)).unwrap();
        let mut names = Vec::new();
        for index in 0..archive.len() {
            let file = archive.by_index(index).unwrap();
            assert_eq!(file.last_modified(), Some(zip::DateTime::default()));
            assert_eq!(file.unix_mode(), Some(0o100_644));
            names.push(file.name().unwrap().to_string());
        }
        assert!(names.is_sorted() && names.contains(&"_locales/ru/messages.json".to_owned()), "{names:?}");
        assert_eq!(packed, for_chromium(&sources(), ORIGIN).unwrap());
    }
}
