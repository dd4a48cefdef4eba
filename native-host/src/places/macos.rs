//! The folders of macOS: each program has one of its own below `Library`, a person's or everybody's.

use std::path::{Path, PathBuf};

use super::{Written, first_found, home};

/// For the help.
pub const WRITTEN: Written = Written {
    person: "~/Library/Application Support/Qcert/host.toml",
    system: "/Library/Application Support/Qcert/host.toml",
    module: "/Library/Frameworks/rtpkcs11ecp.framework/rtpkcs11ecp",
    certificates: "/Library/Application Support/Qcert/authority.pem",
    log: "~/Library/Logs/Qcert/host.log",
};

/// What readers are reached through; the system starts it when it is asked for.
pub const SMART_CARD_SERVICE: &str = "com.apple.ctkpcscd";

/// PKCS#11 modules in the order of preference: a framework's library has the framework's name. The proxy of p11-kit shows
/// the tokens of all others once more, so it comes last.
const MODULES: &[&str] = &[
    "rtpkcs11ecp.framework/rtpkcs11ecp",
    "librtpkcs11ecp.dylib",
    "opensc-pkcs11.so",
    "libsofthsm2.so",
    "jcPKCS11-2.framework/jcPKCS11-2",
    "p11-kit-proxy.dylib",
];

/// Folders in which they are looked for: those of the makers' installers, and of Homebrew on both kinds of machine.
const FOLDERS: &[&str] = &[
    "/Library/Frameworks",
    "/Library/OpenSC/lib",
    "/usr/local/lib",
    "/opt/homebrew/lib",
    "/opt/homebrew/lib/softhsm",
    "/usr/local/lib/softhsm",
];

/// The name of our own module for keys that a token only stores: its file without the ending.
pub const STORED_KEY_MODULE: &str = "qcert-pkcs11";

/// There is none for macOS.
pub fn stored_key_module() -> Option<PathBuf> {
    None
}

/// Each well-known module where it is first found.
pub fn well_known_modules() -> Vec<PathBuf> {
    first_found(MODULES, &FOLDERS.iter().map(PathBuf::from).collect::<Vec<_>>())
}

/// The configuration of everybody on this machine.
pub fn system_file() -> PathBuf {
    Path::new("/Library/Application Support/Qcert/host.toml").to_owned()
}

/// `~/Library/Application Support/Qcert/host.toml`.
pub fn person_file() -> Option<PathBuf> {
    configuration_folder().map(|folder| folder.join("Qcert/host.toml"))
}

/// `~/Library/Logs/Qcert/host.log`.
pub fn log_file() -> Option<PathBuf> {
    home().map(|home| home.join("Library/Logs/Qcert/host.log"))
}

/// `~/Library/Application Support`.
pub fn configuration_folder() -> Option<PathBuf> {
    home().map(|home| home.join("Library/Application Support"))
}
