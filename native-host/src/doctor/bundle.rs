//! The host's share of a support bundle, as a file.

use std::{fs::OpenOptions, io::Write, path::Path};

use anyhow::{Context, Result};
use qcert_protocol::workstation::Diagnosis;
use serde_json::json;
use time::format_description::well_known::Rfc3339;

use crate::clock;

/// Writes the bundle, for this person's eyes only.
///
/// # Errors
/// Those of the file system.
pub fn write(path: &Path, diagnosis: &Diagnosis) -> Result<()> {
    let made = clock::now().replace_nanosecond(0)?.format(&Rfc3339)?;
    let bundle = json!({ "bundle": 1, "made": made, "host": diagnosis });
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path).with_context(|| format!("writing {}", path.display()))?;
    writeln!(&file, "{bundle:#}").with_context(|| format!("writing {}", path.display()))
}
