//! Which module stands behind `qcert-pkcs11` in this person's programs: where it is not the right one already, the person's
//! `pkcs11.conf` says so.

use std::{fs, io, path::Path};

pub use qcert_pkcs11_behind::configuration::module_of_person;
use qcert_pkcs11_behind::configuration::persons_file;

use super::same;
use crate::configuration::write_whole;

/// How a file begins that is ours to remove.
const WRITTEN: &str = "# Written by qcert-host register-module; unregister-module removes it.\n";

/// Is it this one?
pub fn is(module: &Path) -> bool {
    same(&module_of_person(), module)
}

/// From now on it is this one.
///
/// # Errors
/// Those of the file system.
pub fn put(module: &Path) -> io::Result<()> {
    if is(module) {
        return Ok(());
    }
    let file = persons_file().ok_or(io::ErrorKind::NotFound)?;
    let text = format!("{WRITTEN}module: {}\n", module.display());
    write_whole(&file, text.as_bytes()).map_err(io::Error::other)
}

/// Takes that back.
pub fn take_back() {
    let Some(file) = persons_file() else { return };
    if fs::read_to_string(&file).is_ok_and(|text| text.starts_with(WRITTEN)) {
        // One that stays does no harm: nobody asks for it.
        let _ = fs::remove_file(&file);
        let _ = file.parent().map(fs::remove_dir);
    }
}
