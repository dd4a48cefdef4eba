//! The places of the XDG Base Directory Specification, and of the File System Hierarchy.

use std::path::{Path, PathBuf};

use super::{Written, first_found, home, named};

/// For the help.
pub const WRITTEN: Written = Written {
    person: "~/.config/qcert/host.toml",
    system: "/etc/qcert/host.toml",
    module: "/usr/lib/librtpkcs11ecp.so",
    certificates: "/etc/qcert/authority.pem",
    log: "~/.local/state/qcert/host.log",
};

/// What readers are reached through.
pub const SMART_CARD_SERVICE: &str = "pcscd";

/// Where PKCS#11 modules usually are, in the order of preference. The proxy of p11-kit shows the tokens of all
/// others once more, so it comes last.
const MODULES: &[&str] =
    &["librtpkcs11ecp.so", "opensc-pkcs11.so", "libsofthsm2.so", "libjcPKCS11-2.so", "libjckt2.so", "p11-kit-proxy.so"];

/// Folders in which they are looked for.
const FOLDERS: &[&str] = &[
    "/usr/lib/softhsm",
    "/usr/lib/x86_64-linux-gnu/softhsm",
    "/usr/lib/aarch64-linux-gnu/softhsm",
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib64",
    "/usr/lib64/pkcs11",
    "/usr/lib",
    "/usr/lib/pkcs11",
    "/usr/local/lib",
    "/opt/aktivco/rutokenecp/amd64",
    "/opt/aktivco/rutokenecp/x86_64",
];

/// Our own module, by which other programs use keys that a token only stores: its file without the ending.
pub const STORED_KEY_MODULE: &str = "qcert-pkcs11";

/// Folders in which it is looked for; the package puts it into the first of Debian's.
const STORED_KEY_FOLDERS: &[&str] = &[
    "/usr/lib/x86_64-linux-gnu/pkcs11",
    "/usr/lib/aarch64-linux-gnu/pkcs11",
    "/usr/lib64/pkcs11",
    "/usr/lib/pkcs11",
    "/usr/local/lib/pkcs11",
];

/// Our own module, if it is installed.
pub fn stored_key_module() -> Option<PathBuf> {
    let folders: Vec<_> = STORED_KEY_FOLDERS.iter().map(PathBuf::from).collect();
    first_found(&[&format!("{STORED_KEY_MODULE}.so")], &folders).pop()
}

/// Each well-known module where it is first found.
pub fn well_known_modules() -> Vec<PathBuf> {
    first_found(MODULES, &FOLDERS.iter().map(PathBuf::from).collect::<Vec<_>>())
}

/// The configuration of everybody on this machine.
pub fn system_file() -> PathBuf {
    Path::new("/etc/qcert/host.toml").to_owned()
}

/// `~/.config/qcert/host.toml`.
pub fn person_file() -> Option<PathBuf> {
    configuration_folder().map(|folder| folder.join("qcert/host.toml"))
}

/// `~/.local/state/qcert/host.log`, or under `$XDG_STATE_HOME`.
pub fn log_file() -> Option<PathBuf> {
    let folder = named("XDG_STATE_HOME").or_else(|| home().map(|home| home.join(".local/state")));
    folder.map(|folder| folder.join("qcert/host.log"))
}

/// `$XDG_CONFIG_HOME`, else `~/.config`.
pub fn configuration_folder() -> Option<PathBuf> {
    named("XDG_CONFIG_HOME").or_else(|| home().map(|home| home.join(".config")))
}

/// `$XDG_DATA_HOME`, else `~/.local/share`.
pub fn data_folder() -> Option<PathBuf> {
    named("XDG_DATA_HOME").or_else(|| home().map(|home| home.join(".local/share")))
}
