//! Files that the settings name: are they there, whose are they, could they be made?

use std::{fs::OpenOptions, path::Path};

use anyhow::{Context, bail, ensure};

use super::Findings;
use crate::{ca::secret, config::Settings, secrets::Secrets};

/// `secret.file` is there and ours alone, or can be made.
pub(super) fn secret(settings: &Settings, findings: &mut Findings) {
    let file = settings.secret_file();
    let looked = match file.exists() {
        true => secret::check_private(&file).and_then(|()| Secrets::load(&file).map(drop)),
        false => can_be_made(&file),
    };
    findings.take("secret.file", looked);
}

/// Can this file be appended to, or be made?
pub(super) fn can_be_appended_to(file: &Path) -> anyhow::Result<()> {
    if !file.exists() {
        return can_be_made(file);
    }
    OpenOptions::new().append(true).open(file).map(drop).with_context(|| format!("cannot write {}", file.display()))
}

/// Could this file be made, and the directories above it?
pub(super) fn can_be_made(file: &Path) -> anyhow::Result<()> {
    let here = Path::new(".");
    let above = file.ancestors().skip(1).map(|path| if path.as_os_str().is_empty() { here } else { path });
    for directory in above {
        match std::fs::metadata(directory) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => bail!("cannot look into {}: {error}", directory.display()),
            Ok(found) => {
                ensure!(found.is_dir(), "{} is no directory", directory.display());
                ensure!(!found.permissions().readonly(), "{} cannot be written", directory.display());
                return Ok(());
            }
        }
    }
    bail!("no directory above {} is there", file.display())
}
