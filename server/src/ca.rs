//! The authority: its issuing keys and certificates, the profile that they issue by, and what those above it say of
//! them.
//!
//! **Architecture invariant:** the root's key is not read by anything that serves. It belongs elsewhere, and only
//! `ca init`, `ca rollover` and `ca root-crl` want it back.

mod directory;
mod import;
mod init;
mod issuer;
mod issuers;
mod journal;
mod key;
mod listing;
mod root_list;
pub(crate) mod secret;
pub mod watch;

use std::sync::Arc;

use anyhow::bail;
use qcert_pki::{Certificate, crl::CertificateList};
use time::{Duration, OffsetDateTime};

pub use import::import;
pub use init::{init, init_request, rollover, rollover_request};
pub use issuer::Issuer;
pub use listing::{Listed, list};
pub use root_list::{import_list, renew_list};

use crate::{clock::Clock, config::Authority, hex::hex, store::IssuerId};
use issuers::Issuers;
use root_list::{RootLists, revocation};

/// The authority.
pub struct Ca {
    issuers: Issuers,
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
        Ok(Self {
            issuers: Issuers::load(settings, origin, Arc::clone(&clock))?,
            clock,
            validity: settings.validity,
            root_lists: RootLists::new(&settings.directory),
        })
    }

    /// The one that issues now: the newest which is good and whose validity covers that of a new certificate.
    pub fn current(&self) -> Arc<Issuer> {
        let (issuers, now) = (self.issuers(), self.clock.now());
        let is_good = |issuer: &Issuer| self.revoked(issuer).is_ok_and(|revoked| revoked.is_none());
        let may_issue = |i: usize| self.issuers.may_issue(&issuers[i], now) && is_good(&issuers[i]);
        let certificates: Vec<_> = issuers.iter().map(|issuer| issuer.certificate()).collect();
        let chosen = choose(&certificates, may_issue, now, self.validity);
        Arc::clone(&issuers[chosen.unwrap_or(0)])
    }

    /// All whose key we have, newest first.
    pub fn issuers(&self) -> Arc<[Arc<Issuer>]> {
        self.issuers.all()
    }

    /// The one with this identifier.
    pub fn issuer(&self, id: &IssuerId) -> Option<Arc<Issuer>> {
        self.issuers().iter().find(|issuer| issuer.id() == *id).cloned()
    }

    /// Takes the issuing keys whose files have come since the last look; answers which. What cannot be used yet, because
    /// it is still being copied, is left for the next look.
    pub fn notice(&self) -> Vec<IssuerId> {
        self.issuers.notice()
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
