//! Passphrases and PINs: read when they are needed, from a file or a systemd credential, and wiped afterwards. They are
//! never an argument or an environment variable, which other processes can read.

use std::path::{Component, Path, PathBuf};

use anyhow::{Context, bail, ensure};
use zeroize::Zeroizing;

use crate::config::SecretSource;

/// Reads a secret's text; a line feed at its end is not part of it.
///
/// # Errors
/// When it cannot be read, is empty, or others than its owner can read its file.
pub(crate) fn read(source: &SecretSource) -> anyhow::Result<Zeroizing<String>> {
    let path = match source {
        SecretSource::File(path) => {
            check_private(path)?;
            path.clone()
        }
        SecretSource::Credential(name) => credential(name)?,
    };
    let text =
        Zeroizing::new(std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?);
    let secret = text.strip_suffix('\n').unwrap_or(&text);
    let secret = secret.strip_suffix('\r').unwrap_or(secret);
    ensure!(!secret.is_empty(), "{} is empty", path.display());
    Ok(Zeroizing::new(secret.to_owned()))
}

/// The file of a credential. systemd keeps others away from it, by rights that the file's mode does not show.
fn credential(name: &str) -> anyhow::Result<PathBuf> {
    let directory = std::env::var_os("CREDENTIALS_DIRECTORY")
        .context("there is no $CREDENTIALS_DIRECTORY: systemd sets it for a unit with LoadCredential=")?;
    let mut components = Path::new(name).components();
    match (components.next(), components.next()) {
        (Some(Component::Normal(name)), None) => Ok(Path::new(&directory).join(name)),
        _ => bail!("`{name}` is not the name of a credential"),
    }
}

/// Refuses a file that others than its owner can read or change.
///
/// # Errors
/// That, or when there is no such file.
pub(crate) fn check_private(path: &Path) -> anyhow::Result<()> {
    let metadata = std::fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions());
        ensure!(
            mode & 0o077 == 0,
            "{} can be read or changed by others (mode {:o}): chmod 600",
            path.display(),
            mode & 0o777
        );
    }
    #[cfg(not(unix))]
    let _ = metadata;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_secret_that_others_can_read_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pin");
        std::fs::write(&path, "1234\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let source = SecretSource::File(path.clone());
        assert!(read(&source).unwrap_err().to_string().contains("mode 640"));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(*read(&source).unwrap(), "1234");
    }

    #[test]
    fn a_credentials_name_is_no_path() {
        for name in ["", "..", "/etc/passwd", "a/b"] {
            assert!(read(&SecretSource::Credential(name.to_owned())).is_err(), "{name}");
        }
    }
}
