//! A person's whole way with the host and the extension that the package has installed on this machine, in one browser:
//! `installed-journey chromium|firefox PORT`. The portal for which the package was made is `http://localhost:PORT`.
//!
//! `cargo xtask package --try` runs it in a machine of its own.

use anyhow::{Context, Result, bail, ensure};
use qcert_journeys::{Journey, Software};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let software = match arguments.next().as_deref() {
        Some("chromium") => Software::Chromium,
        Some("firefox") => Software::Firefox,
        _ => bail!("usage: installed-journey chromium|firefox PORT"),
    };
    let port = arguments.next().and_then(|port| port.parse().ok()).context("no port")?;
    let directory = tempfile::tempdir().context("make a temporary directory")?;
    let mut journey = Journey::begin_as_installed(software, directory.path(), port).await?;
    journey.until_sent().await?;
    journey.wait_for_certificate().await?;
    journey.install().await?;
    let contents = journey.token_contents()?;
    let beside = contents.certificates.iter().map(|(id, _)| id).eq(&contents.private_keys);
    ensure!(contents.private_keys.len() == 1 && beside, "no certificate lies beside one key");
    ensure!(contents.keys_never_left, "the key could have left the token");
    Ok(())
}
