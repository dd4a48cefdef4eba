//! `ca init` and `ca rollover`: a root and the first issuing authority, the next one, or a request to an outside root.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use qcert_pki::{
    Algorithm, AuthorityCertificate, AuthorityName, Certificate, Serial, assemble,
    authority::{issuing_to_be_signed, request_to_be_signed, request_to_pem, root_to_be_signed},
};
use time::{Duration, OffsetDateTime};

use super::{
    directory::Directory,
    journal::sign_noted,
    key::{Key, Keys},
    root_list::{own_root, sign_list},
};
use crate::{
    clock::Clock,
    config::Authority,
    files::{make_private_directory, sync_directory, write_new},
    randomness::{self, Randomness},
};

/// Makes a root and an issuing authority below it. The directory appears with all of it, or not at all.
///
/// # Errors
/// When the directory has anything in it, or a key or file cannot be made.
pub fn init(settings: &Authority, origin: &str, clock: &dyn Clock, randomness: &dyn Randomness) -> anyhow::Result<()> {
    at_once(&settings.directory, |directory| {
        let now = clock.now().replace_nanosecond(0)?;
        let keys = Keys::new(settings);
        let root_key =
            Keys::of_the_root(settings).generate_file(Algorithm::P384, |_| directory.root_key(), randomness)?;
        let root = root(settings, &*root_key, now, randomness)?;
        write_new(&directory.root_certificate(), root.to_pem().as_bytes())?;
        write_new(&directory.root_list(&root), &sign_list(settings, &root, &*root_key, &[], now)?)?;
        let key = new_key(settings, &keys, directory, randomness)?;
        certify(settings, origin, directory, (&root, &*root_key), &*key, now, randomness)
    })
}

/// Makes an issuing key and the request for an outside root, which is written to `file` too. The directory appears with
/// both, or not at all.
///
/// # Errors
/// As [`init`], or when `file` is there already.
pub fn init_request(
    settings: &Authority,
    file: &Path,
    clock: &dyn Clock,
    randomness: &dyn Randomness,
) -> anyhow::Result<()> {
    ensure!(!file.exists(), "{} is there already", file.display());
    let mut made = None;
    at_once(&settings.directory, |directory| {
        made = Some(request(settings, directory, clock.now(), randomness)?);
        Ok(())
    })?;
    write_new(file, made.unwrap_or_default().as_bytes())
}

/// Makes the next issuing key and has its certificate signed by our own root, whose key must be there.
///
/// # Errors
/// When it is not, or a key or file cannot be made.
pub fn rollover(
    settings: &Authority,
    origin: &str,
    clock: &dyn Clock,
    randomness: &dyn Randomness,
) -> anyhow::Result<()> {
    let directory = Directory(&settings.directory);
    ensure!(
        directory.root_key().exists(),
        "{} is not there: bring it back for the time of this command, or ask an outside root with --request FILE",
        directory.root_key().display()
    );
    let root = own_root(&directory)?;
    let keys = Keys::new(settings);
    let root_key = Keys::of_the_root(settings).open_file(&directory.root_key())?;
    ensure!(root_key.public_key() == root.public_key(), "the root's key is not the root certificate's");
    let now = clock.now().replace_nanosecond(0)?;
    let key = new_key(settings, &keys, &directory, randomness)?;
    certify(settings, origin, &directory, (&root, &*root_key), &*key, now, randomness)
}

/// Makes the next issuing key and the request for an outside root, which is written to `file` too.
///
/// # Errors
/// When there is no authority yet, `file` is there already, or a key or file cannot be made.
pub fn rollover_request(
    settings: &Authority,
    file: &Path,
    clock: &dyn Clock,
    randomness: &dyn Randomness,
) -> anyhow::Result<()> {
    ensure!(!file.exists(), "{} is there already", file.display());
    let directory = Directory(&settings.directory);
    ensure!(!directory.certified()?.is_empty(), "there is no authority yet: `qcert-server ca init --request FILE`");
    write_new(file, request(settings, &directory, clock.now(), randomness)?.as_bytes())
}

/// Lets `make` fill a directory that takes its name only when all is in it.
fn at_once(directory: &Path, make: impl FnOnce(&Directory<'_>) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let is_empty = std::fs::read_dir(directory).map_or(true, |mut entries| entries.next().is_none());
    ensure!(is_empty, "{} is not empty: an authority is never overwritten", directory.display());
    let temporary = temporary(directory)?;
    make_private_directory(&temporary)?;
    let made = make(&Directory(&temporary)).and_then(|()| {
        sync_directory(&temporary)?;
        // A rename takes the place of an empty directory, and of no other.
        std::fs::rename(&temporary, directory).with_context(|| format!("cannot make {}", directory.display()))?;
        sync_directory(temporary.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new(".")))
    });
    if made.is_err() {
        let _ = std::fs::remove_dir_all(&temporary);
    }
    made
}

fn temporary(directory: &Path) -> anyhow::Result<PathBuf> {
    let name = directory.file_name().context("ca.directory has no name")?.to_string_lossy();
    Ok(directory.with_file_name(format!(".{name}.{}.new", std::process::id())))
}

/// A new issuing key, in the HSM if there is one.
fn new_key(
    settings: &Authority,
    keys: &Keys<'_>,
    directory: &Directory<'_>,
    randomness: &dyn Randomness,
) -> anyhow::Result<std::sync::Arc<dyn Key>> {
    match keys.generate_hsm(settings.issuing_key) {
        Some(key) => key,
        None => keys.generate_file(settings.issuing_key, |key| directory.key(key), randomness),
    }
}

/// A new issuing key and the request for its certificate, PEM.
fn request(
    settings: &Authority,
    directory: &Directory<'_>,
    now: OffsetDateTime,
    randomness: &dyn Randomness,
) -> anyhow::Result<String> {
    let key = new_key(settings, &Keys::new(settings), directory, randomness)?;
    let to_be_signed = request_to_be_signed(&settings.name, key.public_key())?;
    let signature = sign_noted(settings, &*key, &to_be_signed, now)?;
    let request = assemble(&to_be_signed, key.signature_algorithm(), &signature)?;
    let pem = request_to_pem(&request)?;
    write_new(&directory.request(key.public_key()), pem.as_bytes())?;
    Ok(pem)
}

fn root(
    settings: &Authority,
    key: &dyn Key,
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
    signed(settings, key, &to_be_signed, not_before)
}

/// Has the root sign a certificate for a key, and writes it with the root's below it.
fn certify(
    settings: &Authority,
    origin: &str,
    directory: &Directory<'_>,
    (root, root_key): (&Certificate, &dyn Key),
    key: &dyn Key,
    not_before: OffsetDateTime,
    randomness: &dyn Randomness,
) -> anyhow::Result<()> {
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
            crl_urls: &[format!("{origin}/crl/root.crl")],
            ca_issuers_urls: &[format!("{origin}/ca/root.cer")],
        },
    )?;
    let issuing = signed(settings, root_key, &to_be_signed, not_before)?;
    issuing.verify_issued_by(root).context("the root did not sign what it was given")?;
    write_new(&directory.certificate(key.public_key()), (issuing.to_pem() + &root.to_pem()).as_bytes())
}

fn signed(
    settings: &Authority,
    key: &dyn Key,
    to_be_signed: &[u8],
    now: OffsetDateTime,
) -> anyhow::Result<Certificate> {
    let signature = sign_noted(settings, key, to_be_signed, now)?;
    let der = assemble(to_be_signed, key.signature_algorithm(), &signature)?;
    Ok(Certificate::parse(&der)?)
}

fn years(years: u32) -> Duration {
    Duration::days(i64::from(years) * 365 + i64::from(years) / 4)
}
