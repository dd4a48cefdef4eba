//! The host's package: the program, its registration with every browser, the administrator's settings, the module for keys
//! that a token only stores, and the extension with what has browsers install it.
//!
//! What is in `/etc` only because browsers look there, and is not for anybody to edit, is a link to a file of the package: it
//! goes when the package is removed, and does not wait to be purged as configuration would.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use qcert_extension::updates;
use serde_json::{Value, json};

use super::deb::{self, Deb, link};
use super::third_party::Part;
use crate::run::run_quietly;
use crate::setup::Toolbox;

/// The extension's id in Firefox.
pub const FIREFOX_ID: &str = "portal@qcert.ru";

/// The host's name among browsers.
const NAME: &str = "ru.qcert.host";

const PROGRAM: &str = "usr/bin/qcert-host";
const SETTINGS: &str = "etc/qcert/host.toml";
const SHARED: &str = "usr/share/qcert-host";

/// Where the browsers of Chromium's kin look for what the administrator says.
const CHROMIUM_AND_KIN: [&str; 3] = ["etc/chromium", "etc/opt/chrome", "etc/opt/edge"];

/// Firefox as Debian builds it takes what lies there without asking and without Mozilla's signature.
const ADD_ONS: &str = "usr/share/mozilla/extensions/{ec8030f7-c20a-464f-9b0e-13a3a9e97384}";

/// From the clone into the package, with the mode that it has there.
const FILES: &[(&str, &str, u32)] = &[
    ("native-host/package/host.toml", SETTINGS, 0o644),
    ("native-host/package/lintian-overrides", "usr/share/lintian/overrides/qcert-host", 0o644),
    (
        "native-host/package/examples/firefox-policies.json",
        "usr/share/doc/qcert-host/examples/firefox-policies.json",
        0o644,
    ),
    ("native-host/package/examples/pkcs11.conf", "usr/share/doc/qcert-host/examples/pkcs11.conf", 0o644),
    (
        "native-host/package/examples/qcert-pkcs11.module",
        "usr/share/doc/qcert-host/examples/qcert-pkcs11.module",
        0o644,
    ),
    ("docs/workstation.md", "usr/share/doc/qcert-host/workstation.md", 0o644),
    ("SECURITY.md", "usr/share/doc/qcert-host/SECURITY.md", 0o644),
];

/// What is linked into program and module.
pub const PARTS: &[Part] = &[("qcert-host", "x86_64-unknown-linux-gnu"), ("qcert-pkcs11", "x86_64-unknown-linux-gnu")];

/// Where PKCS#11 modules are on Debian, by their short names for p11-kit; the host looks there.
const MODULE: &str = "usr/lib/x86_64-linux-gnu/pkcs11/qcert-pkcs11.so";

pub fn host<'a>(program: &'a Path, module: &'a Path, version: &'a str, thorough: bool) -> Deb<'a> {
    Deb {
        name: "qcert-host",
        descriptions: "native-host/package",
        built: vec![(program, PROGRAM.to_owned()), (module, MODULE.to_owned())],
        files: FILES,
        manual: "native-host/package/qcert-host.1",
        settings: SETTINGS,
        parts: PARTS,
        version,
        thorough,
    }
}

/// What is another for every portal.
pub struct Contents<'a> {
    pub origin: &'a str,
    /// The extension's in Chromium and its kin.
    pub id: &'a str,
    pub store_ids: &'a [String],
    pub extension_version: &'a str,
    pub crx: &'a [u8],
    pub xpi: &'a [u8],
}

impl Contents<'_> {
    pub fn lay_out(&self, tools: &Toolbox, host: &Path, stage: &Path) -> Result<()> {
        self.settings(stage)?;
        self.registration(tools, host, stage)?;
        let extension = format!("{SHARED}/extension");
        let crx = format!("{extension}/qcert.crx");
        let update = updates::for_chromium(self.id, self.extension_version, &format!("file:///{crx}"));
        deb::write(&stage.join(crx), self.crx)?;
        deb::write(&stage.join(format!("{extension}/updates.xml")), update)?;
        let xpi = format!("{extension}/qcert.xpi");
        deb::write(&stage.join(&xpi), self.xpi)?;
        link(stage, &format!("{ADD_ONS}/{FIREFOX_ID}.xpi"), &xpi)?;
        let policy = format!("{SHARED}/policy.json");
        deb::write(&stage.join(&policy), self.policy(&extension))?;
        CHROMIUM_AND_KIN
            .iter()
            .try_for_each(|browser| link(stage, &format!("{browser}/policies/managed/qcert-host.json"), &policy))
    }

    /// Which extensions may start the host; which sites may use it, its own `register` adds.
    fn settings(&self, stage: &Path) -> Result<()> {
        let path = stage.join(SETTINGS);
        let text = fs::read_to_string(&path).context("read the host's settings")?;
        let ids: Vec<_> = [self.id].into_iter().chain(self.store_ids.iter().map(String::as_str)).collect();
        // A TOML array of strings is written like a JSON one.
        let line = format!("extension_ids = {}", serde_json::to_string(&ids)?);
        deb::write(&path, text.replace("extension_ids = []", &line))
    }

    /// The host itself writes its manifests and the allow list, and refuses what is no origin. That they are what
    /// `qcert-host register --system` would write, and where, is tried in `trial::workstation`.
    fn registration(&self, tools: &Toolbox, host: &Path, stage: &Path) -> Result<()> {
        let registered = stage.with_extension("registered");
        for (browser, folder, name) in
            [("chromium", "NativeMessagingHosts", "chromium"), ("firefox", "native-messaging-hosts", "firefox")]
        {
            let mut register = tools.command(&host.to_string_lossy());
            register.args(["register", "--portal", self.origin, "--browser", browser, "--user-data-dir"]);
            run_quietly(register.arg(&registered).env("QCERT_HOST_CONFIG", stage.join(SETTINGS)))?;
            let written = registered.join(folder).join(format!("{NAME}.json"));
            let text = fs::read_to_string(&written).with_context(|| format!("read {}", written.display()))?;
            let manifest: Value = serde_json::from_str(&text).context("read the host's manifest")?;
            let text = text.replace(&manifest["path"].to_string(), &format!("\"/{PROGRAM}\""));
            deb::write(&stage.join(format!("{SHARED}/native-messaging/{name}.json")), text)?;
        }
        fs::remove_dir_all(&registered).with_context(|| format!("remove {}", registered.display()))?;
        let manifest = |name: &str| format!("{SHARED}/native-messaging/{name}.json");
        for browser in CHROMIUM_AND_KIN {
            link(stage, &format!("{browser}/native-messaging-hosts/{NAME}.json"), &manifest("chromium"))?;
        }
        link(stage, &format!("usr/lib/mozilla/native-messaging-hosts/{NAME}.json"), &manifest("firefox"))
    }

    /// The extension is installed and stays; the host may be started even where an administrator has forbidden all. Of two
    /// files with the same policy Chromium takes one, so this one says that the lists of all files count.
    fn policy(&self, extension: &str) -> String {
        let lists = ["ExtensionInstallForcelist", "NativeMessagingAllowlist"];
        let policy = json!({
            lists[0]: [format!("{};file:///{extension}/updates.xml", self.id)],
            lists[1]: [NAME],
            "PolicyListMultipleSourceMergeList": lists,
        });
        format!("{policy:#}\n")
    }
}
