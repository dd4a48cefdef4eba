//! Which module is the vendor's: `QCERT_PKCS11_MODULE`, or the line `module: PATH` of `/etc/qcert/pkcs11.conf`, or the
//! module of Rutoken. A program that runs with the rights of somebody else (setuid) does not hear the variable.

use std::{env, fs, path::PathBuf};

const FILE: &str = "/etc/qcert/pkcs11.conf";
const USUAL: &str = "/usr/lib/librtpkcs11ecp.so";

/// The vendor's module.
pub fn module() -> PathBuf {
    from_environment()
        .or_else(|| fs::read_to_string(FILE).ok().as_deref().and_then(parse))
        .unwrap_or_else(|| USUAL.into())
}

fn from_environment() -> Option<PathBuf> {
    // SAFETY: it reads one number that the kernel gave the process at its start.
    let own_rights = unsafe { libc::getauxval(libc::AT_SECURE) } == 0;
    env::var_os("QCERT_PKCS11_MODULE").filter(|_| own_rights).map(PathBuf::from)
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
}
