//! Where each system keeps what: a person's folders, the administrator's configuration, PKCS#11 modules.
//!
//! Every system answers the same questions: `person_file` (the person's configuration), `system_file` (everybody's),
//! `log_file`, `well_known_modules`, `stored_key_module` (our own, for other programs); and has names for them: `WRITTEN` (as the help writes them), `NO_HOME` (a person
//! without a folder), `SMART_CARD_SERVICE`.

#[cfg(target_os = "macos")]
mod macos;
#[cfg(all(unix, not(target_os = "macos")))]
mod unix;
#[cfg(windows)]
mod windows;

use std::path::PathBuf;

#[cfg(target_os = "macos")]
pub use macos::*;
#[cfg(all(unix, not(target_os = "macos")))]
pub use unix::*;
#[cfg(windows)]
pub use windows::*;

/// Places as the help writes them.
pub struct Written {
    /// The person's configuration.
    pub person: &'static str,
    /// The system's configuration.
    pub system: &'static str,
    /// A module, for an example.
    pub module: &'static str,
    /// The authority's certificates, for an example.
    pub certificates: &'static str,
    /// The log.
    pub log: &'static str,
}

/// A folder that the environment names; a relative one would depend on who started the host.
fn named(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute())
}

/// The person's home.
#[cfg(unix)]
pub fn home() -> Option<PathBuf> {
    named("HOME")
}

/// Why a person has no folder.
#[cfg(unix)]
pub const NO_HOME: &str = "HOME is not set";

/// Each of these files in the first of these folders that has it.
fn first_found(names: &[&str], folders: &[PathBuf]) -> Vec<PathBuf> {
    let find = |name: &&str| folders.iter().map(|folder| folder.join(name)).find(|path| path.exists());
    names.iter().filter_map(find).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_is_taken_from_the_first_folder_and_once() {
        let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
        for folder in &folders {
            std::fs::write(folder.path().join("b"), "").unwrap();
        }
        std::fs::write(folders[1].path().join("a"), "").unwrap();
        let folders = folders.each_ref().map(|folder| folder.path().to_owned());
        assert_eq!(first_found(&["a", "b", "c"], &folders), [folders[1].join("a"), folders[0].join("b")]);
    }

    #[test]
    fn every_place_is_a_whole_path() {
        assert!(system_file().is_absolute());
        for place in [person_file(), log_file()] {
            assert!(place.unwrap().is_absolute());
        }
    }
}
