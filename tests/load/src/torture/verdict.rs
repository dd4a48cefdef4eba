//! What must hold after everything: asked of the registry's tables and of what the holders know themselves.

use std::{
    collections::{HashMap, HashSet},
    fs,
    path::Path,
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use qcert_pki::{Certificate, crl::CertificateList};
use ring::{
    digest::{SHA256, digest},
    hmac,
};
use serde_json::Value;

use super::{
    lists::serials,
    registry::{Registry, hex, octets},
    way::Ledger,
};
use crate::{installation::Installation, people};

/// Questions whose answer must be empty: what is half done. `{committed}` has an issuance's committed serial and bytes,
/// `{subject}` is the column of what a password is for.
const HALF_DONE: [(&str, &str); 9] = [
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
        "an application that says it has a certificate and has none, or has one and does not say so",
        "SELECT a.number, a.state FROM applications a LEFT JOIN certificates c ON c.application_id = a.id \
         WHERE (a.state IN ('readyToInstall', 'installed', 'revoked')) <> (c.id IS NOT NULL)",
    ),
    (
        "a certificate whose serial is not the one that was committed",
        "SELECT c.serial, t.serial FROM certificates c LEFT JOIN {committed} t ON t.request_id = c.request_id \
         WHERE t.serial IS NULL OR c.serial <> t.serial",
    ),
    (
        "a certificate whose revocation is not in the audit once, or one that is there and is not revoked",
        "SELECT c.serial FROM certificates c WHERE (c.revoked_at IS NOT NULL) <> ( \
         (SELECT count(*) FROM {audit} WHERE event = 'certificate revoked' AND subject = c.id) = 1)",
    ),
    (
        "a revocation of what is no certificate",
        "SELECT subject FROM {audit} WHERE event = 'certificate revoked' \
         AND subject NOT IN (SELECT id FROM certificates)",
    ),
    (
        "an application that says it is revoked and whose certificate is not, or the other way round",
        "SELECT a.number, a.state FROM applications a JOIN certificates c ON c.application_id = a.id \
         WHERE (a.state = 'revoked') <> (c.revoked_at IS NOT NULL)",
    ),
    (
        "a confirmation whose password was used, and that is none",
        "SELECT p.id FROM passwords p JOIN requests r ON r.id = p.{subject} \
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
        let found = registry.rows(&registry.in_its_words(question))?;
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
    check_revocations(registry, installation.directory(), ledger)?;
    check_journal(registry, installation, &certificates)?;
    check_audit(registry, installation)?;
    Ok(certificates.len())
}

/// After a server has stopped that was alone: no lease is left that the next one would have to wait for, and what was
/// signed is stored.
///
/// # Errors
/// What was left.
pub fn nothing_is_begun(registry: &Registry, installation: &Installation) -> Result<()> {
    for (what, question) in [
        ("an issuance that is leased", "SELECT request_id FROM issuances WHERE lease_owner IS NOT NULL"),
        ("a text message that is leased", "SELECT id FROM messages WHERE lease_owner IS NOT NULL"),
    ] {
        let found = registry.rows(question)?;
        ensure!(found.is_empty(), "{what}: {found:?}");
    }
    let mut stored = own_certificates(installation)?;
    for row in registry.rows("SELECT der FROM certificates UNION ALL SELECT der FROM authority_certificates")? {
        let certificate =
            Certificate::parse(&octets(&row.concat())?).map_err(|code| anyhow!("a certificate: {code}"))?;
        stored.insert(sha256(certificate.tbs_der()));
    }
    let text = fs::read_to_string(installation.journal()).context("read the journal of signatures")?;
    for line in text.lines() {
        let (kind, digest) = signed(line)?;
        ensure!(kind != "certificate" || stored.contains(digest), "signed and not stored: {line}");
    }
    Ok(())
}

/// All certificates by the numbers of their applications. Each is by an issuing key of the authority, and is what was
/// committed before it was signed.
fn certificates(registry: &Registry, directory: &Path) -> Result<HashMap<String, Vec<u8>>> {
    let issuers = issuers(&directory.join("data/ca"))?;
    let rows = registry.rows(&registry.in_its_words(
        "SELECT a.number, c.der, t.to_be_signed FROM certificates c JOIN {committed} t ON t.request_id = c.request_id \
         JOIN applications a ON a.id = c.application_id",
    ))?;
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

/// The serial numbers of whom anybody was told that they are revoked.
pub(super) fn told_of_revocation(ledger: &Ledger) -> HashSet<String> {
    ledger.values().filter(|fate| fate.revoked).filter_map(|fate| fate.serial.clone()).collect()
}

/// Who was told is revoked, in the registry and on the last list, and nobody but whom somebody wanted revoked.
fn check_revocations(registry: &Registry, directory: &Path, ledger: &Ledger) -> Result<()> {
    let rows = registry.rows("SELECT serial FROM certificates WHERE revoked_at IS NOT NULL")?;
    let revoked: HashSet<String> = rows.into_iter().flatten().collect();
    let told = told_of_revocation(ledger);
    ensure!(told.is_subset(&revoked), "told and not in the registry: {:?}", told.difference(&revoked));
    let wanted: HashSet<String> =
        ledger.values().filter(|fate| fate.may_be_revoked).filter_map(|fate| fate.serial.clone()).collect();
    ensure!(revoked.is_subset(&wanted), "revoked, and nobody wanted it: {:?}", revoked.difference(&wanted));
    let rows = registry.rows("SELECT der FROM revocation_lists WHERE shard = '1-0'")?;
    let [row] = rows.as_slice() else { bail!("{} last lists of one issuer", rows.len()) };
    let list = CertificateList::parse(&octets(&row.concat())?)?;
    list.verify(&issuing_certificate(directory)?)?;
    let on_it = serials(&list);
    ensure!(on_it.len() == list.entries().len(), "a certificate is on the list twice");
    ensure!(told.is_subset(&on_it), "told and not on the list: {:?}", told.difference(&on_it));
    ensure!(on_it.is_subset(&revoked), "on the list and not revoked: {:?}", on_it.difference(&revoked));
    Ok(())
}

/// The certificate of the only issuing key.
pub(super) fn issuing_certificate(directory: &Path) -> Result<Certificate> {
    let mut all = issuers(&directory.join("data/ca"))?.into_iter();
    let issuing = all.find(|certificate| certificate.verify_issued_by(certificate).is_err());
    issuing.context("there is no issuing certificate")
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

/// Nothing was signed that the registry does not know: every certificate in the journal of the CA's signatures is one
/// that was committed before. And nothing is in the registry whose signature the journal does not have.
fn check_journal(
    registry: &Registry,
    installation: &Installation,
    certificates: &HashMap<String, Vec<u8>>,
) -> Result<()> {
    let committed = registry.in_its_words(
        "SELECT to_be_signed FROM {committed} WHERE to_be_signed IS NOT NULL \
         UNION ALL SELECT to_be_signed FROM authority_certificates",
    );
    let mut known = HashSet::new();
    for row in registry.rows(&committed)? {
        known.insert(sha256(&octets(&row.concat())?));
    }
    known.extend(own_certificates(installation)?);
    let text = fs::read_to_string(installation.journal()).context("read the journal of signatures")?;
    let mut in_journal = HashSet::new();
    for line in text.lines() {
        let (kind, digest) = signed(line)?;
        ensure!(kind != "certificate" || known.contains(digest), "signed and not in the registry: {line}");
        in_journal.insert(digest);
    }
    for (number, der) in certificates {
        let certificate = Certificate::parse(der).map_err(|code| anyhow!("application {number}: {code}"))?;
        let digest = sha256(certificate.tbs_der());
        ensure!(in_journal.contains(digest.as_str()), "application {number}: its signature is not in the journal");
    }
    Ok(())
}

/// The authority's own certificates were signed before there was a registry: digests of their bytes to be signed.
fn own_certificates(installation: &Installation) -> Result<HashSet<String>> {
    let own = issuers(&installation.directory().join("data/ca"))?;
    Ok(own.iter().map(|certificate| sha256(certificate.tbs_der())).collect())
}

/// What was signed, by a line of the journal, and the digest of it.
fn signed(line: &str) -> Result<(&str, &str)> {
    let [_, _, kind, digest] = line.split(' ').collect::<Vec<_>>()[..] else { bail!("half a line: {line}") };
    Ok((kind, digest))
}

fn sha256(octets: &[u8]) -> String {
    hex(digest(&SHA256, octets).as_ref())
}

/// The audit is a chain under a key: each event's code covers the event and the code before it, its place has no gap,
/// nor have its server's numbers; and the chain has the event that the servers' head names.
fn check_audit(registry: &Registry, installation: &Installation) -> Result<()> {
    let key = audit_key(installation)?;
    let (mut previous, mut numbers, mut codes) = (vec![0; 32], HashMap::new(), HashMap::new());
    let rows = registry.rows(
        "SELECT id, at, sequence, node, event, subject, who, origin, outcome, detail, hash FROM audit ORDER BY id",
    )?;
    for (place, row) in (1..).zip(rows) {
        let [id, at, sequence, node, event, subject, who, origin, outcome, detail, code] = row.as_slice() else {
            bail!("a row of another form")
        };
        let number: &mut i64 = numbers.entry(node.clone()).or_default();
        *number += 1;
        ensure!(*id == place.to_string() && *sequence == number.to_string(), "an event before {id} is missing");
        let mut context = hmac::Context::with_key(&key);
        context.update(b"qcert-audit-v1");
        context.update(&previous);
        for number in [id, at, sequence] {
            context.update(&number.parse::<i64>().context("a number of the audit's")?.to_be_bytes());
        }
        let subject = octets(subject)?;
        let texts = [who, origin, outcome, detail].map(|text| text.as_bytes());
        for part in [node.as_bytes(), event.as_bytes(), &subject].into_iter().chain(texts) {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        previous = context.sign().as_ref().to_vec();
        ensure!(hex(&previous) == *code, "the audit's chain is broken at its event {id}");
        codes.insert(place, code.clone());
    }
    check_head(installation, &codes)
}

/// Killed servers leave a head that is behind, and never one that the chain does not have.
fn check_head(installation: &Installation, codes: &HashMap<i64, String>) -> Result<()> {
    let head = installation.directory().join("audit.head");
    let head: Value = serde_json::from_slice(&fs::read(head).context("read the audit's head")?)?;
    let there = head["place"].as_i64().and_then(|place| codes.get(&place));
    ensure!(there.is_some_and(|code| head["mac"] == *code), "the audit does not have the event of its head: {head}");
    Ok(())
}

fn audit_key(installation: &Installation) -> Result<hmac::Key> {
    let secret = fs::read(installation.directory().join("secret.key")).context("read the secret")?;
    let secret = hmac::Key::new(hmac::HMAC_SHA256, &secret);
    Ok(hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&secret, b"audit").as_ref()))
}
