//! What a workstation gets for one portal: the host as a Debian package that brings the extension to every browser, and the
//! extension alone, for browsers' stores and for machines that are not Debian.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use qcert_extension::{Browser, archive, updates};
use serde_json::Value;

use super::bill_of_materials;
use super::deb::{self, read};
use super::extension_key::ExtensionKey;
use super::host::{self, FIREFOX_ID};
use super::third_party;
use crate::repository::root;
use crate::setup::Toolbox;

/// What somebody wants.
pub struct Order<'a> {
    /// The portal's origin.
    pub origin: &'a str,
    pub key: &'a ExtensionKey,
    /// Further extensions that may start the host: those that stores have made of this one.
    pub store_ids: &'a [String],
    /// Where the extension's files will be published, without a slash at the end.
    pub published: &'a str,
    /// The host, built.
    pub host: &'a Path,
    /// The module for keys that a token only stores, built.
    pub module: &'a Path,
    pub version: &'a str,
    pub thorough: bool,
}

/// Every file that was made. Their names say the version, but for those that browsers look for.
pub struct Made {
    pub package: PathBuf,
    pub files: Vec<PathBuf>,
}

impl Made {
    /// What was made, and what comes next.
    pub fn report(&self, order: &Order<'_>, key: Option<&Path>) -> String {
        let mut text = String::new();
        for file in &self.files {
            let _ = writeln!(text, "{}", file.display());
        }
        let (origin, published, id) = (order.origin, order.published, order.key.id());
        let name = self.package.file_name().unwrap_or_default().to_string_lossy();
        let _ = write!(
            text,
            "\nFor {origin} alone. The extension is {id} in Chromium, Chrome and Edge, {FIREFOX_ID} in Firefox.\n\n\
             Next, on a Debian workstation (browsers get host and extension from it, and need no server):\n    \
               apt-get install ./{name} && qcert-host doctor\n\
             For other workstations: publish the .crx, the .xpi, updates.xml and updates.json under {published}/\n\
             and have the browsers' policies install from there, or send the .zip to the stores: docs/workstation.md\n"
        );
        if let Some(key) = key {
            let _ = write!(
                text,
                "\nThe extension's key was made here: {}\n\
                 Keep it secret and do not lose it: with another key it is another extension. Next time: --extension-key FILE\n",
                key.display()
            );
        }
        text
    }
}

impl Order<'_> {
    /// Makes everything in `out`; `stage` is emptied and used.
    pub fn make(&self, tools: &Toolbox, stage: &Path, out: &Path) -> Result<Made> {
        fs::create_dir_all(out).with_context(|| format!("make {}", out.display()))?;
        let sources = root().join("extension/src");
        let version = extension_version(&sources)?;
        let zip = archive::for_chromium(&sources, self.origin)?;
        let crx = self.key.sign(tools, &zip, out)?;
        let updates_json = format!("{}/updates.json", self.published);
        // Firefox asks nobody for updates but by TLS.
        let asked = updates_json.starts_with("https://").then_some(updates_json.as_str());
        let xpi = archive::for_firefox(&sources, self.origin, asked)?;
        let contents = host::Contents {
            origin: self.origin,
            id: &self.key.id(),
            store_ids: self.store_ids,
            extension_version: &version,
            crx: &crx,
            xpi: &xpi,
        };
        let package =
            host::host(self.host, self.module, self.version, self.thorough)
                .pack(tools, stage, out, |stage| contents.lay_out(tools, self.host, stage))?;
        let name = |ending: &str| format!("qcert-extension-{version}.{ending}");
        let address = |ending: &str| format!("{}/{}", self.published, name(ending));
        let [of_host, of_extension] = self.bills(tools, &sources, &version)?;
        let updates_xml = updates::for_chromium(&self.key.id(), &version, &address("crx"));
        let updates_json = updates::for_firefox(FIREFOX_ID, &version, &address("xpi"), &xpi);
        let host_bill = format!("qcert-host-{}.cdx.json", env!("CARGO_PKG_VERSION"));
        let written = [
            (name("zip"), zip),
            (name("crx"), crx),
            (name("xpi"), xpi),
            ("updates.xml".to_owned(), updates_xml.into_bytes()),
            ("updates.json".to_owned(), updates_json.into_bytes()),
            (host_bill, of_host.into_bytes()),
            (name("cdx.json"), of_extension.into_bytes()),
        ];
        let mut files = vec![package.clone()];
        for (name, content) in written {
            let path = out.join(name);
            fs::write(&path, content).with_context(|| format!("write {}", path.display()))?;
            files.push(path);
        }
        Ok(Made { package, files })
    }

    /// Of the host and of the extension.
    fn bills(&self, tools: &Toolbox, sources: &Path, extension_version: &str) -> Result<[String; 2]> {
        let time = bill_of_materials::time(tools, &deb::epoch(tools)?)?;
        let crates = third_party::crates(tools, host::PARTS)?;
        let digests = bill_of_materials::digests(&read("Cargo.lock")?)?;
        let version = env!("CARGO_PKG_VERSION");
        let of_host = bill_of_materials::of_program("qcert-host", version, &time, &crates, &digests);
        let files = qcert_extension::files(sources, Browser::Chromium, self.origin)?;
        let of_extension = bill_of_materials::of_files("qcert-extension", extension_version, &time, &files);
        Ok([of_host, of_extension])
    }
}

fn extension_version(sources: &Path) -> Result<String> {
    let text = fs::read(sources.join("manifest.json")).context("read the extension's manifest")?;
    let manifest: Value = serde_json::from_slice(&text).context("read the extension's manifest")?;
    Ok(manifest["version"].as_str().context("the extension's manifest has no version")?.to_owned())
}
