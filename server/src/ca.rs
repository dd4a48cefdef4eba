//! The authority: its issuing keys and certificates, the profile that they issue by, and what those above it say of
//! them.
//!
//! **Architecture invariant:** the root's key is not read by anything that serves. It belongs elsewhere, and only
//! `ca init`, `ca rollover` and `ca root-crl` want it back.

mod directory;
mod import;
mod init;
mod issuer;
mod journal;
mod key;
mod listing;
mod root_list;
pub(crate) mod secret;
pub mod watch;

use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use qcert_pki::{Certificate, crl::CertificateList};
use time::{Duration, OffsetDateTime};

pub use import::import;
pub use init::{init, init_request, rollover, rollover_request};
pub use issuer::Issuer;
pub use listing::{Listed, list};
pub use root_list::{import_list, renew_list};

use crate::{clock::Clock, config::Authority, hex::hex, store::IssuerId};
use directory::Directory;
use journal::Journal;
use key::Keys;
use root_list::{RootLists, revocation};

/// The authority.
pub struct Ca {
    issuers: Vec<Arc<Issuer>>,
    clock: Arc<dyn Clock>,
    validity: Duration,
    root_lists: RootLists,
}

impl Ca {
    /// Reads the authority's directory.
    ///
    /// # Errors
    /// When there is no authority yet, its files cannot be read, or they do not belong together.
    pub fn load(settings: &Authority, origin: &str, clock: Arc<dyn Clock>) -> anyhow::Result<Self> {
        let keys = Keys::new(settings);
        let journal = settings.signature_journal.as_deref().map(Journal::open).transpose()?.map(Arc::new);
        let mut issuers = Vec::new();
        for found in Directory(&settings.directory).certified()? {
            let certificate = found.chain.first().context("there is no issuing certificate")?;
            let key = match found.key.exists() {
                true => Some(keys.open_file(&found.key)?),
                false => keys.open_hsm(certificate.public_key()),
            };
            match key {
                Some(key) => {
                    let issuer = Issuer::new(found.chain, key, settings, origin, journal.clone(), Arc::clone(&clock));
                    issuers.push(Arc::new(issuer?));
                }
                None => tracing::warn!(key = %found.key.display(), "an issuing certificate whose key is not here"),
            }
        }
        let directory = settings.directory.display();
        ensure!(!issuers.is_empty(), "there is no authority in {directory}: make one with `qcert-server ca init`");
        Ok(Self { issuers, clock, validity: settings.validity, root_lists: RootLists::new(&settings.directory) })
    }

    /// The one that issues now: the newest which is good and whose validity covers that of a new certificate.
    pub fn current(&self) -> &Arc<Issuer> {
        let good = |issuer: &Arc<Issuer>| self.revoked(issuer).is_ok_and(|revoked| revoked.is_none());
        let certificates: Vec<_> = self.issuers.iter().map(|issuer| issuer.certificate()).collect();
        let chosen = choose(&certificates, |i| good(&self.issuers[i]), self.clock.now(), self.validity);
        &self.issuers[chosen.unwrap_or(0)]
    }

    /// All whose key we have, newest first.
    pub fn issuers(&self) -> &[Arc<Issuer>] {
        &self.issuers
    }

    /// The one with this identifier.
    pub fn issuer(&self, id: &IssuerId) -> Option<&Arc<Issuer>> {
        self.issuers.iter().find(|issuer| issuer.id() == *id)
    }

    /// Refuses an issuer that must not sign certificates any more.
    ///
    /// # Errors
    /// When it is revoked, or nobody can tell.
    pub fn check_good(&self, issuer: &Issuer) -> anyhow::Result<()> {
        match self.revoked(issuer)? {
            None => Ok(()),
            Some(at) => bail!("the issuing certificate {} was revoked at {at}", hex(&issuer.id())),
        }
    }

    /// The revocation list of the authority above the current issuer, if we have it.
    ///
    /// # Errors
    /// When its file cannot be read, or is not by that authority.
    pub fn root_list(&self) -> anyhow::Result<Option<Arc<CertificateList>>> {
        self.root_lists.of(self.current().chain())
    }

    fn revoked(&self, issuer: &Issuer) -> anyhow::Result<Option<OffsetDateTime>> {
        let list = self.root_lists.of(issuer.chain())?;
        Ok(revocation(list.as_deref(), issuer.certificate()).map(|entry| entry.revoked_at))
    }
}

/// Which of the issuing certificates, newest first, issues: the first good one that has begun and lasts as long as a
/// certificate that is issued now; else the first that is good and has begun.
fn choose(
    certificates: &[&Certificate],
    is_good: impl Fn(usize) -> bool,
    now: OffsetDateTime,
    validity: Duration,
) -> Option<usize> {
    let begun = |i: &usize| certificates[*i].not_before() <= now && now <= certificates[*i].not_after();
    let candidates: Vec<usize> = (0..certificates.len()).filter(begun).filter(|i| is_good(*i)).collect();
    let covering = candidates.iter().find(|i| now + validity <= certificates[**i].not_after());
    covering.or(candidates.first()).copied()
}

/// Reads an issuer's identifier, lower-case hexadecimal.
pub fn parse_id(text: &str) -> Option<IssuerId> {
    let digit = |b: &u8| char::from(*b).to_digit(16).filter(|_| !b.is_ascii_uppercase());
    let digits: Vec<u8> =
        text.as_bytes().iter().map(|b| digit(b).and_then(|digit| digit.try_into().ok())).collect::<Option<_>>()?;
    let octets: Vec<u8> = digits.chunks(2).map(|pair| pair.iter().fold(0, |octet, digit| octet << 4 | digit)).collect();
    IssuerId::try_from(octets).ok().filter(|_| digits.len() == 40)
}
