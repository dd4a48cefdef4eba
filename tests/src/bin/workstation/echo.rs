//! The echo's part of a computer: its extension beside ours, and its host.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use qcert_journeys::{Workstation, programs};
use serde_json::json;
use sha2::{Digest, Sha256};

/// Puts the echo's extension into the browser, and tells it of the echo's host.
///
/// # Errors
/// Something cannot be read or written.
pub fn install(computer: &mut Workstation, host: &Path) -> Result<()> {
    let extension = computer.path("echo");
    programs::copy_directory(&programs::repository().join("tests/echo/extension"), &extension)?;
    let manifest = json!({
        "name": "qcert.echo",
        "description": "Echo",
        "path": host,
        "type": "stdio",
        "allowed_origins": [format!("chrome-extension://{}/", unpacked_id(&extension))],
    });
    let folder = computer.profile().join("NativeMessagingHosts");
    fs::create_dir_all(&folder).context("make the folder of hosts")?;
    fs::write(folder.join("qcert.echo.json"), manifest.to_string()).context("write the echo's manifest")?;
    computer.other_extensions.push(extension);
    Ok(())
}

/// The id that Chromium gives an extension without a key, by its directory.
fn unpacked_id(directory: &Path) -> String {
    let digest = Sha256::digest(directory.as_os_str().as_encoded_bytes());
    digest[..16].iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| char::from(b'a' + digit)).collect()
}
