//! The known folders of Windows, as the environment of every process names them.

use std::path::PathBuf;

use super::{Written, first_found, named};

/// For the help.
pub const WRITTEN: Written = Written {
    person: r"%APPDATA%\Qcert\host.toml",
    system: r"%ProgramData%\Qcert\host.toml",
    module: r"C:\Windows\System32\rtPKCS11ECP.dll",
    certificates: r"C:\ProgramData\Qcert\authority.pem",
    log: r"%LOCALAPPDATA%\Qcert\host.log",
};

/// Why a person has no folder.
pub const NO_HOME: &str = "APPDATA is not set";

/// What readers are reached through.
pub const SMART_CARD_SERVICE: &str = "SCardSvr";

/// Where the makers' installers put their 64-bit PKCS#11 modules, in the order of preference.
const MODULES: &[&str] =
    &["rtPKCS11ECP.dll", "opensc-pkcs11.dll", "softhsm2-x64.dll", "jcPKCS11-2.dll", "jckt2.dll", "eTPKCS11.dll"];

/// Each well-known module, in the system's folder or in that of its own program.
pub fn well_known_modules() -> Vec<PathBuf> {
    let system = named("SystemRoot").map(|root| root.join("System32"));
    let programs = named("ProgramFiles");
    let of_program = |folder: &str| programs.as_ref().map(|programs| programs.join(folder));
    let folders = [system, of_program(r"OpenSC Project\OpenSC\pkcs11"), of_program(r"SoftHSM2\lib")];
    first_found(MODULES, &folders.into_iter().flatten().collect::<Vec<_>>())
}

/// Our own module for keys that a token only stores: there is none for Windows.
pub fn stored_key_module() -> Option<PathBuf> {
    None
}

/// The configuration of everybody on this machine, `%ProgramData%\Qcert\host.toml`.
pub fn system_file() -> PathBuf {
    system_folder().join("host.toml")
}

/// `%APPDATA%\Qcert\host.toml`.
pub fn person_file() -> Option<PathBuf> {
    person_folder().map(|folder| folder.join("host.toml"))
}

/// `%LOCALAPPDATA%\Qcert\host.log`.
pub fn log_file() -> Option<PathBuf> {
    named("LOCALAPPDATA").map(|folder| folder.join(r"Qcert\host.log"))
}

/// What is everybody's.
pub fn system_folder() -> PathBuf {
    named("ProgramData").unwrap_or_else(|| r"C:\ProgramData".into()).join("Qcert")
}

/// What is this person's, on every machine of a domain.
pub fn person_folder() -> Option<PathBuf> {
    named("APPDATA").map(|folder| folder.join("Qcert"))
}
