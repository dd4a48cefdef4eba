//! `ca list`: every issuing key, where it stands and for how long.

use qcert_pki::{Certificate, PublicKey};
use time::OffsetDateTime;

use super::{
    choose,
    directory::Directory,
    hex,
    root_list::{RootLists, revocation},
};
use crate::{clock::Clock, config::Authority};

/// An issuing key.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The key identifier: its certificate's, or what it would be.
    pub id: String,
    /// `requested`, `next`, `issuing`, `retired`, `expired` or `revoked`.
    pub state: &'static str,
    /// `file`, `hsm` or `missing`.
    pub key: &'static str,
    /// Its certificate, if it has one.
    pub certificate: Option<Certificate>,
    /// Whole days until that ends.
    pub days_left: Option<i64>,
    /// When the list of the authority above ends, if we have it.
    pub root_list_until: Option<OffsetDateTime>,
}

/// Every issuing key, newest first, then those that wait for a certificate. No key is opened.
///
/// # Errors
/// When a file cannot be read.
pub fn list(settings: &Authority, clock: &dyn Clock) -> anyhow::Result<Vec<Listed>> {
    let directory = Directory(&settings.directory);
    let (certified, now) = (directory.certified()?, clock.now());
    let root_lists = RootLists::new(&settings.directory);
    let lists = certified.iter().map(|found| root_lists.of(&found.chain)).collect::<anyhow::Result<Vec<_>>>()?;
    let certificates: Vec<&Certificate> = certified.iter().filter_map(|found| found.chain.first()).collect();
    let place = |path: &std::path::Path| match (path.exists(), &settings.hsm) {
        (true, _) => "file",
        (false, Some(_)) => "hsm",
        (false, None) => "missing",
    };
    let revoked = |i: usize| revocation(lists[i].as_deref(), certificates[i]).is_some();
    let usable = |i: usize| !revoked(i) && place(&certified[i].key) != "missing";
    let current = choose(&certificates, usable, now, settings.validity);
    let mut all = Vec::new();
    for (i, certificate) in certificates.iter().enumerate() {
        let state = match () {
            () if revoked(i) => "revoked",
            () if certificate.not_after() < now => "expired",
            () if current == Some(i) => "issuing",
            () if certificate.not_before() > now => "next",
            () => "retired",
        };
        all.push(Listed {
            id: hex(&certificate.key_identifier()),
            state,
            key: place(&certified[i].key),
            days_left: Some((certificate.not_after() - now).whole_days()),
            certificate: Some((*certificate).clone()),
            root_list_until: lists[i].as_ref().map(|list| list.next_update()),
        });
    }
    all.extend(directory.requested()?.iter().map(|requested| waiting(&requested.public_key, place(&requested.key))));
    Ok(all)
}

fn waiting(key: &PublicKey, place: &'static str) -> Listed {
    let id = hex(&key.subject_key_identifier());
    Listed { id, state: "requested", key: place, certificate: None, days_left: None, root_list_until: None }
}
