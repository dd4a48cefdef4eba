//! What must hold after everything: asked of the registry's tables and of what the holders know themselves.

use std::{collections::HashMap, fs, path::Path};

use anyhow::{Context, Result, anyhow, bail, ensure};
use qcert_pki::Certificate;
use ring::digest::{Context as Hash, SHA256};

use super::{
    registry::{Registry, hex, octets},
    way::Ledger,
};
use crate::{installation::Installation, people};

/// Questions whose answer must be empty: what is half done.
const HALF_DONE: [(&str, &str); 5] = [
    (
        "an application with two certificates",
        "SELECT application_id FROM certificates GROUP BY application_id HAVING count(*) > 1",
    ),
    (
        "a confirmed request that is not queued, or a queued one that was not confirmed",
        "SELECT r.id, r.state FROM requests r LEFT JOIN issuances i ON i.request_id = r.id \
         WHERE (r.state IN ('confirmed', 'issued')) <> (i.request_id IS NOT NULL)",
    ),
    (
        "an issued request without its certificate, or a certificate without its request",
        "SELECT r.id, r.state FROM requests r LEFT JOIN certificates c ON c.request_id = r.id \
         WHERE (r.state = 'issued') <> (c.id IS NOT NULL)",
    ),
    (
        "a certificate whose serial is not the one that was committed",
        "SELECT c.serial, i.serial FROM certificates c JOIN issuances i ON i.request_id = c.request_id \
         WHERE c.serial <> i.serial OR c.application_id <> i.application_id",
    ),
    (
        "a confirmation whose password was used, and that is none",
        "SELECT p.id FROM passwords p JOIN requests r ON r.id = p.request_id \
         WHERE p.state = 'used' AND r.state NOT IN ('confirmed', 'issued')",
    ),
];

/// Judges; answers how many certificates there are.
///
/// # Errors
/// The first thing that is not as it must be.
pub fn judge(registry: &Registry, installation: &Installation, ledger: &Ledger) -> Result<usize> {
    registry.check_files()?;
    for (what, question) in HALF_DONE {
        let found = registry.rows(question)?;
        ensure!(found.is_empty(), "{what}: {found:?}");
    }
    let certificates = certificates(registry, installation.directory())?;
    for (n, fate) in ledger {
        let number = people::application_number(*n);
        let issued = certificates.get(&number);
        ensure!(fate.confirmed <= issued.is_some(), "holder {n} was told that it is confirmed, and has no certificate");
        ensure!(fate.may_be_confirmed >= issued.is_some(), "holder {n} never confirmed, and has a certificate");
        if let Some(fetched) = &fate.certificate {
            ensure!(issued == Some(fetched), "holder {n} was given another certificate than the registry's");
        }
    }
    check_audit(registry)?;
    Ok(certificates.len())
}

/// All certificates by the numbers of their applications. Each is by an issuing key of the authority, and is what was
/// committed before it was signed.
fn certificates(registry: &Registry, directory: &Path) -> Result<HashMap<String, Vec<u8>>> {
    let issuers = issuers(&directory.join("data/ca"))?;
    let rows = registry.rows(
        "SELECT a.number, c.der, i.to_be_signed FROM certificates c JOIN issuances i ON i.request_id = c.request_id \
         JOIN applications a ON a.id = c.application_id",
    )?;
    let mut found = HashMap::new();
    for row in rows {
        let [number, der, committed] = row.as_slice() else { bail!("a row of another form") };
        let der = octets(der)?;
        let certificate = Certificate::parse(&der).map_err(|code| anyhow!("application {number}: {code}"))?;
        let is_ours = issuers.iter().any(|issuer| certificate.verify_issued_by(issuer).is_ok());
        ensure!(is_ours, "application {number}: its certificate is by nobody of ours");
        ensure!(hex(certificate.tbs_der()) == *committed, "application {number}: signed is not what was committed");
        found.insert(number.clone(), der);
    }
    Ok(found)
}

/// Every certificate in the authority's directory.
fn issuers(directory: &Path) -> Result<Vec<Certificate>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).context("list the authority's directory")? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "pem") {
            let text = fs::read_to_string(&path)?;
            found.extend(Certificate::parse_pem(&text).map_err(|code| anyhow!("{}: {code}", path.display()))?);
        }
    }
    Ok(found)
}

/// The audit is a chain: each row's hash covers the row before it.
fn check_audit(registry: &Registry) -> Result<()> {
    let mut previous = vec![0; 32];
    let rows = registry.rows("SELECT at, event, subject, detail, hash FROM audit ORDER BY id")?;
    for (place, row) in rows.iter().enumerate() {
        let [at, event, subject, detail, hash] = row.as_slice() else { bail!("a row of another form") };
        let mut context = Hash::new(&SHA256);
        context.update(&previous);
        context.update(&at.parse::<i64>().context("an audit's time")?.to_be_bytes());
        for part in [event.as_bytes(), &octets(subject)?, detail.as_bytes()] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        previous = context.finish().as_ref().to_vec();
        ensure!(hex(&previous) == *hash, "the audit's chain is broken at its row {}", place + 1);
    }
    Ok(())
}
