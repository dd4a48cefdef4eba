//! `ca init`: makes the root and the issuing authority, once.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use qcert_pki::{
    AuthorityCertificate, AuthorityName, Certificate, Serial, Signer, assemble,
    authority::{issuing_to_be_signed, root_to_be_signed},
};
use qcert_protocol::KeyAlgorithm;
use time::{Duration, OffsetDateTime};

use super::{ISSUING_CERTIFICATE, ISSUING_KEY, ROOT_CERTIFICATE, ROOT_KEY, key::FileKey};
use crate::{
    clock::Clock,
    config::Authority,
    files::{make_private_directory, write_new, write_new_private},
    randomness::{self, Randomness},
};

/// Makes both key pairs and certificates. The directory appears with all of them in it, or not at all.
///
/// # Errors
/// When the directory has anything in it, or cannot be written.
pub fn init(settings: &Authority, origin: &str, clock: &dyn Clock, randomness: &dyn Randomness) -> anyhow::Result<()> {
    let directory = &settings.directory;
    let is_empty = std::fs::read_dir(directory).map_or(true, |mut entries| entries.next().is_none());
    ensure!(is_empty, "{} is not empty: an authority is never overwritten", directory.display());
    let not_before = clock.now().replace_nanosecond(0)?;
    let (root_key, root_pem) = FileKey::generate(KeyAlgorithm::P384)?;
    let (issuing_key, issuing_pem) = FileKey::generate(settings.issuing_key)?;
    let root = root(settings, &root_key, not_before, randomness)?;
    let issuing = issuing(settings, origin, (&root, &root_key), &issuing_key, not_before, randomness)?;

    let temporary = temporary(directory)?;
    make_private_directory(&temporary)?;
    let written = (|| {
        write_new_private(&temporary.join(ROOT_KEY), root_pem.as_bytes())?;
        write_new_private(&temporary.join(ISSUING_KEY), issuing_pem.as_bytes())?;
        write_new(&temporary.join(ROOT_CERTIFICATE), root.to_pem().as_bytes())?;
        write_new(&temporary.join(ISSUING_CERTIFICATE), issuing.to_pem().as_bytes())?;
        // A rename takes the place of an empty directory, and of no other.
        std::fs::rename(&temporary, directory).with_context(|| format!("cannot make {}", directory.display()))
    })();
    if written.is_err() {
        let _ = std::fs::remove_dir_all(&temporary);
    }
    written
}

fn temporary(directory: &Path) -> anyhow::Result<PathBuf> {
    let name = directory.file_name().context("ca.directory has no name")?.to_string_lossy();
    Ok(directory.with_file_name(format!(".{name}.{}.new", std::process::id())))
}

fn root(
    settings: &Authority,
    key: &FileKey,
    not_before: OffsetDateTime,
    randomness: &dyn Randomness,
) -> anyhow::Result<Certificate> {
    let name = AuthorityName { common_name: settings.root_common_name.clone(), ..settings.name.clone() };
    let to_be_signed = root_to_be_signed(&AuthorityCertificate {
        name: &name,
        public_key: key.public_key(),
        signature_algorithm: key.signature_algorithm(),
        serial: &Serial::from_random(randomness::bytes(randomness)?),
        not_before,
        not_after: not_before + years(settings.root_years),
        path_length: Some(1),
        class: None,
        crl_urls: &[],
        ca_issuers_urls: &[],
    })?;
    signed(key, &to_be_signed)
}

fn issuing(
    settings: &Authority,
    origin: &str,
    (root, root_key): (&Certificate, &FileKey),
    key: &FileKey,
    not_before: OffsetDateTime,
    randomness: &dyn Randomness,
) -> anyhow::Result<Certificate> {
    let to_be_signed = issuing_to_be_signed(
        root,
        &AuthorityCertificate {
            name: &settings.name,
            public_key: key.public_key(),
            signature_algorithm: root_key.signature_algorithm(),
            serial: &Serial::from_random(randomness::bytes(randomness)?),
            not_before,
            not_after: (not_before + years(settings.issuing_years)).min(root.not_after()),
            path_length: Some(0),
            class: Some(settings.tool_class),
            crl_urls: &[],
            ca_issuers_urls: &[format!("{origin}/ca/root.cer")],
        },
    )?;
    signed(root_key, &to_be_signed)
}

fn signed(key: &FileKey, to_be_signed: &[u8]) -> anyhow::Result<Certificate> {
    let der = assemble(to_be_signed, key.signature_algorithm(), &key.sign(to_be_signed)?)?;
    Ok(Certificate::parse(&der)?)
}

fn years(years: u32) -> Duration {
    Duration::days(i64::from(years) * 365 + i64::from(years) / 4)
}
