//! Revocation lists of the authorities above ours: they say whether an issuing certificate is still good. An own root's
//! is made by its key, which is elsewhere otherwise; an outside root's is imported.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use anyhow::{Context, bail, ensure};
use qcert_pki::{
    Certificate, assemble,
    crl::{self, CertificateList, Entry, Number, Reason, RevocationList},
};
use time::OffsetDateTime;

use super::{
    directory::{Directory, read_certificates},
    hex,
    journal::sign_noted,
    key::{Key, Keys},
};
use crate::{clock::Clock, config::Authority, files::replace, store::IssuerId};

/// A list, and the file's time of change and length when it was read.
type ReadList = (SystemTime, u64, Arc<CertificateList>);

/// Reads the lists as they lie there now: they are renewed while the server runs.
pub(super) struct RootLists {
    directory: PathBuf,
    read: Mutex<HashMap<PathBuf, ReadList>>,
}

impl RootLists {
    pub(super) fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned(), read: Mutex::default() }
    }

    /// The list of the authority that issued our issuing certificate, if there is one.
    ///
    /// # Errors
    /// When there is a file that cannot be read or is not by that authority.
    pub(super) fn of(&self, chain: &[Certificate]) -> anyhow::Result<Option<Arc<CertificateList>>> {
        let Some(above) = chain.get(1) else { return Ok(None) };
        let path = Directory(&self.directory).root_list(above);
        let metadata = match std::fs::metadata(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            other => other.with_context(|| format!("cannot read {}", path.display()))?,
        };
        let (changed, length) = (metadata.modified()?, metadata.len());
        // The map holds whole entries only, whatever panicked.
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, size, list)) = read.get(&path)
            && (*at, *size) == (changed, length)
        {
            return Ok(Some(Arc::clone(list)));
        }
        let list = Arc::new(read_list(&path)?);
        list.verify(above).with_context(|| format!("{} is not by the authority above ours", path.display()))?;
        read.insert(path, (changed, length, Arc::clone(&list)));
        Ok(Some(list))
    }
}

/// Is this certificate revoked by the list of the authority above it?
pub(super) fn revocation<'a>(list: Option<&'a CertificateList>, certificate: &Certificate) -> Option<&'a Entry> {
    list.and_then(|list| list.entry(certificate.serial()))
}

/// Takes the list of an authority above ours; answers what it says of our certificates.
///
/// # Errors
/// When it is not by such an authority, is not of now, or older than the one that is there.
pub fn import_list(settings: &Authority, file: &Path, clock: &dyn Clock) -> anyhow::Result<Vec<String>> {
    let directory = Directory(&settings.directory);
    let list = read_list(file)?;
    let certified = directory.certified()?;
    let above: Vec<&Certificate> = certified.iter().flat_map(|found| found.chain.iter().skip(1)).collect();
    let issuer = above.iter().find(|above| list.verify(above).is_ok());
    let issuer = issuer.with_context(|| format!("{} is by no authority above ours", file.display()))?;
    let now = clock.now();
    ensure!(list.this_update() <= now, "it is of a later time than this machine's clock shows");
    ensure!(now < list.next_update(), "it has expired: its next update was due at {}", list.next_update());
    let users_only = list.distribution_point().is_some_and(|point| point.only_user_certificates);
    ensure!(!users_only, "it does not speak of authorities' certificates");
    let path = directory.root_list(issuer);
    if path.exists() {
        let before = read_list(&path)?;
        let same = before.der() == list.der();
        ensure!(
            same || before.number() < list.number(),
            "its number {} is not greater than {}, that of the list which is there",
            list.number(),
            before.number()
        );
    }
    replace(&path, list.der())?;
    let revoked = certified.iter().filter_map(|found| found.chain.first());
    let revoked = revoked.filter(|certificate| revocation(Some(&list), certificate).is_some());
    Ok(revoked.map(|certificate| hex(&certificate.key_identifier())).collect())
}

/// Renews the list of an own root, with its key; `revoke` names an issuing certificate that is good no more.
///
/// # Errors
/// When the root's key is not there, or there is no such certificate.
pub fn renew_list(settings: &Authority, revoke: Option<(IssuerId, Reason)>, clock: &dyn Clock) -> anyhow::Result<()> {
    let directory = Directory(&settings.directory);
    ensure!(
        directory.root_key().exists(),
        "{} is not there: bring it back for the time of this command; an outside root's list is imported",
        directory.root_key().display()
    );
    let root = own_root(&directory)?;
    let key = Keys::of_the_root(settings).open_file(&directory.root_key())?;
    let path = directory.root_list(&root);
    let before = if path.exists() { Some(read_list(&path)?) } else { None };
    let now = clock.now().replace_nanosecond(0)?;
    let mut entries = before.as_ref().map(|list| list.entries().to_vec()).unwrap_or_default();
    if let Some((id, reason)) = revoke {
        let certified = directory.certified()?;
        let found = certified.iter().filter_map(|found| found.chain.first());
        let Some(certificate) = found.into_iter().find(|certificate| certificate.key_identifier() == id) else {
            bail!("there is no issuing certificate {}", hex(&id));
        };
        ensure!(certificate.verify_issued_by(&root).is_ok(), "{} was not issued by our own root", hex(&id));
        if entries.iter().all(|entry| entry.serial != *certificate.serial()) {
            entries.push(Entry { serial: certificate.serial().clone(), revoked_at: now, reason });
        }
    }
    let der = sign_list(settings, &root, &*key, &entries, now)?;
    if let Some(before) = before {
        let number = Number::from(u64::try_from(now.unix_timestamp())?);
        ensure!(*before.number() < number, "the clock is behind the list that is there");
    }
    replace(&path, &der)
}

/// The certificate of our own root, which is its own issuer's.
pub(super) fn own_root(directory: &Directory<'_>) -> anyhow::Result<Certificate> {
    let path = directory.root_certificate();
    let root = read_certificates(&path)?.into_iter().next().with_context(|| format!("{} is empty", path.display()))?;
    root.verify_issued_by(&root).with_context(|| format!("{} is not its own issuer's", path.display()))?;
    Ok(root)
}

/// A list of the root, DER. Its number is the second of its issue: so it grows without being remembered.
pub(super) fn sign_list(
    settings: &Authority,
    root: &Certificate,
    key: &dyn Key,
    entries: &[Entry],
    now: OffsetDateTime,
) -> anyhow::Result<Vec<u8>> {
    ensure!(key.public_key() == root.public_key(), "the root's key is not the root certificate's");
    let list = crl::to_be_signed(&RevocationList {
        issuer: root,
        signature_algorithm: key.signature_algorithm(),
        number: u64::try_from(now.unix_timestamp())?,
        this_update: now,
        next_update: now + settings.root_crl,
        distribution_point: None,
        entries,
    })?;
    Ok(assemble(&list, key.signature_algorithm(), &sign_noted(settings, key, &list, now)?)?)
}

fn read_list(path: &Path) -> anyhow::Result<CertificateList> {
    let content = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    CertificateList::parse_file(&content).with_context(|| format!("{} is no revocation list", path.display()))
}
