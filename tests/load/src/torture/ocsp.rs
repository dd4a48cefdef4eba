//! What a server answers of each certificate at the end, as `openssl ocsp` understands it.

use std::{fs, net::SocketAddr, path::Path, process::Command};

use anyhow::{Context, Result, ensure};

use super::way::{Fate, Ledger};

/// Certificates in one question; the server takes fifty.
const AT_ONCE: usize = 40;

/// Asks a server of every certificate that was fetched: who was told of a revocation is revoked, and whom nobody wanted
/// revoked is good.
pub(super) fn judge(directory: &Path, server: SocketAddr, ledger: &Ledger) -> Result<()> {
    let chain = directory.join("chain.pem");
    fs::write(&chain, chain_of(&directory.join("data/ca"))?)?;
    let fetched: Vec<(&str, &Fate)> =
        ledger.values().filter_map(|fate| Some((fate.serial.as_deref()?, fate))).collect();
    for part in fetched.chunks(AT_ONCE) {
        let mut openssl = Command::new("openssl");
        openssl.args(["ocsp", "-sha256", "-issuer"]).arg(&chain).arg("-CAfile").arg(&chain);
        openssl.args(part.iter().flat_map(|(serial, _)| ["-serial".to_owned(), format!("0x{serial}")]));
        let output = openssl.arg("-url").arg(format!("http://{server}/ocsp")).output().context("start openssl")?;
        let said = String::from_utf8_lossy(&output.stdout);
        let verified = String::from_utf8_lossy(&output.stderr).contains("Response verify OK");
        ensure!(output.status.success() && verified, "{server}: openssl does not take the OCSP answer: {output:?}");
        for (serial, fate) in part {
            let line = said.lines().find(|line| line.starts_with(&format!("0x{serial}:")));
            let status = line.and_then(|line| line.split(' ').nth(1)).context("an answer about nothing")?;
            let fits = match status {
                "revoked" => fate.may_be_revoked,
                "good" => !fate.revoked,
                _ => false,
            };
            ensure!(
                fits,
                "{server} says of {serial} that it is {status}, and of it is known {:?}",
                (fate.revoked, fate.may_be_revoked)
            );
        }
    }
    Ok(())
}

/// The issuing certificate and those above it.
fn chain_of(authority: &Path) -> Result<String> {
    for entry in fs::read_dir(authority).context("list the authority's directory")? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with("issuing-") && name.ends_with(".pem") {
            return Ok(fs::read_to_string(path)?);
        }
    }
    anyhow::bail!("there is no issuing certificate")
}
