//! `ca import`: the certificate that an outside root issued for a key of ours.

use std::path::PathBuf;

use anyhow::{Context, bail, ensure};
use qcert_pki::{Certificate, authority::check_chain};

use super::{
    directory::{Directory, read_certificates},
    hex,
    issuer::identifier,
    key::Keys,
};
use crate::{clock::Clock, config::Authority, files::write_new};

/// Takes the certificate that answers one of our requests, and those above it, out of the files; answers its key's
/// identifier. Running servers take it in a moment.
///
/// # Errors
/// When none answers a request, the chain does not end in a root, or it may not issue.
pub fn import(settings: &Authority, files: &[PathBuf], clock: &dyn Clock) -> anyhow::Result<String> {
    let directory = Directory(&settings.directory);
    let mut given = Vec::new();
    for file in files {
        given.extend(read_certificates(file)?);
    }
    let requested = directory.requested()?;
    ensure!(!requested.is_empty(), "no key waits for a certificate: `qcert-server ca init --request FILE`");
    let answers = requested.iter().find_map(|requested| {
        let certificate = given.iter().find(|certificate| *certificate.public_key() == requested.public_key)?;
        Some((requested, certificate.clone()))
    });
    let (requested, issuing) = answers.context("no certificate answers a request of ours")?;
    let chain = chain(issuing, &given)?;
    check_chain(&chain, &requested.public_key, clock.now())?;
    identifier(&chain[0])?;
    let keys = Keys::new(settings);
    if requested.key.exists() {
        let key = keys.open_file(&requested.key)?;
        ensure!(*key.public_key() == requested.public_key, "{} is another key", requested.key.display());
    } else {
        ensure!(keys.in_hsm(), "{} is not there", requested.key.display());
    }
    let pem: String = chain.iter().map(Certificate::to_pem).collect();
    write_new(&directory.certificate(&requested.public_key), pem.as_bytes())?;
    Ok(hex(&chain[0].key_identifier()))
}

/// Puts the certificates above one in order, up to a root.
fn chain(issuing: Certificate, given: &[Certificate]) -> anyhow::Result<Vec<Certificate>> {
    let mut chain = vec![issuing];
    while let Some(last) = chain.last()
        && last.verify_issued_by(last).is_err()
    {
        match given.iter().find(|above| !chain.contains(above) && last.verify_issued_by(above).is_ok()) {
            Some(above) => chain.push(above.clone()),
            None => bail!("the certificate that issued {} is missing: give all up to the root", last.subject_text()),
        }
    }
    Ok(chain)
}
