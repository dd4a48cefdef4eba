//! Which module stands behind `qcert-pkcs11`: the first that is named by `QCERT_PKCS11_MODULE`, by the line `module: PATH`
//! of the person's `~/.config/qcert/pkcs11.conf` or of everybody's `/etc/qcert/pkcs11.conf`; else Rutoken's.
//!
//! The person's goes before the administrator's: whose keys their programs find is theirs to say, as in NSS's databases.
//! A program that runs with the rights of somebody else (setuid) hears neither the variable nor the person.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

const EVERYBODYS: &str = "/etc/qcert/pkcs11.conf";
const USUAL: &str = "/usr/lib/librtpkcs11ecp.so";

/// The module behind, for the process that this is.
pub fn module() -> PathBuf {
    let own = has_own_rights();
    let named = env::var_os("QCERT_PKCS11_MODULE").filter(|_| own).map(PathBuf::from);
    let person = || persons_file().filter(|_| own);
    named.unwrap_or_else(|| first_named(person().as_deref()))
}

/// The same for any program of this person, whatever the environment of this one says.
pub fn module_of_person() -> PathBuf {
    first_named(persons_file().as_deref())
}

/// `$XDG_CONFIG_HOME/qcert/pkcs11.conf`, else `~/.config/qcert/pkcs11.conf`.
pub fn persons_file() -> Option<PathBuf> {
    let folder = |variable| env::var_os(variable).map(PathBuf::from).filter(|folder| folder.is_absolute());
    let configuration = folder("XDG_CONFIG_HOME").or_else(|| Some(folder("HOME")?.join(".config")))?;
    Some(configuration.join("qcert/pkcs11.conf"))
}

fn first_named(person: Option<&Path>) -> PathBuf {
    let files = person.into_iter().chain([Path::new(EVERYBODYS)]);
    let mut named = files.filter_map(|file| parse(&fs::read_to_string(file).ok()?));
    named.next().unwrap_or_else(|| USUAL.into())
}

fn has_own_rights() -> bool {
    #[cfg(target_os = "linux")]
    // SAFETY: it reads one number that the kernel gave the process at its start.
    return unsafe { libc::getauxval(libc::AT_SECURE) } == 0;
    #[cfg(not(target_os = "linux"))]
    false
}

/// A form that p11-kit's files have, too. An absolute path, or the loader would look elsewhere.
fn parse(text: &str) -> Option<PathBuf> {
    let value = text.lines().find_map(|line| line.trim().strip_prefix("module:"))?;
    Some(PathBuf::from(value.trim())).filter(|path| path.is_absolute())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_names_an_absolute_path() {
        assert_eq!(parse("# Rutoken\nmodule: /usr/lib/a b.so \n"), Some("/usr/lib/a b.so".into()));
        assert_eq!(parse("module: a.so"), None);
        assert_eq!(parse("# module: /a.so"), None);
    }

    #[test]
    fn a_person_names_their_own_module() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pkcs11.conf");
        fs::write(&file, "module: /opt/vendor.so\n").unwrap();
        assert_eq!(first_named(Some(&file)), Path::new("/opt/vendor.so"));
        assert_eq!(first_named(Some(&folder.path().join("none"))), first_named(None));
    }
}
