//! Revocation lists, one for each shard of each issuing key: made anew when a certificate was revoked and when half of
//! the last one's time is over, committed to the store, served from there.
//!
//! **Architecture invariant:** a list's number grows, whichever server publishes it: the store takes a list only in
//! place of the one it was made after.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration as StdDuration,
};

use anyhow::ensure;
use qcert_pki::{
    Serial, assemble,
    crl::{self, CertificateList, DistributionPoint, Entry},
};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    audit::{Actor, Event, Note, Outcome},
    ca::Issuer,
    clock::Stopwatch,
    end::End,
    error::Refusal,
    portal::Portal,
    store::{IssuerId, RevocationList, RevokedCertificate, ShardState, StoreError, Stored},
};

/// The most lists that an issuer may have at a time.
pub const MAX_SHARDS: u32 = 1024;

/// How long a list is served from memory before the store is asked whether there is another.
const REMEMBERED: Duration = Duration::seconds(2);
/// However many certificates are revoked, a list is not signed more often than this.
const PAUSE: StdDuration = StdDuration::from_secs(1);
/// How often lists are looked at although nobody rang.
const TICK: StdDuration = StdDuration::from_secs(2);

/// The list that speaks of a certificate, by its serial: `<count>-<index>`, where the index is the number of the first
/// four octets modulo the count. It is fixed in the certificate's distribution point.
pub fn shard_of(serial: &Serial, count: u32) -> String {
    let first = serial.as_bytes().iter().take(4).fold(0, |number: u32, octet| number << 8 | u32::from(*octet));
    format!("{count}-{}", first % count.max(1))
}

/// Is this the name of one of `count` lists?
fn is_shard(name: &str, count: u32) -> bool {
    let index = name.strip_prefix(&format!("{count}-")).and_then(|index| index.parse().ok());
    index.is_some_and(|index: u32| index < count && name == format!("{count}-{index}"))
}

/// The lists that were asked for a moment ago.
#[derive(Default)]
pub(super) struct Cache(Mutex<HashMap<(IssuerId, String), Remembered>>);

/// When it was asked of the store, and the list.
type Remembered = (OffsetDateTime, Arc<RevocationList>);

impl Cache {
    fn find(&self, issuer: &IssuerId, shard: &str, now: OffsetDateTime) -> Option<Arc<RevocationList>> {
        // Entries are replaced whole, so a holder of the lock that panicked left good ones.
        let lists = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (asked_at, list) = lists.get(&(*issuer, shard.to_owned()))?;
        // One that was asked for later than now is of a clock that was set back, and nobody knows how old it is.
        (Duration::ZERO..REMEMBERED).contains(&(now - *asked_at)).then(|| Arc::clone(list))
    }

    fn keep(&self, list: &Arc<RevocationList>, now: OffsetDateTime) {
        let mut lists = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lists.insert((list.issuer, list.shard.clone()), (now, Arc::clone(list)));
    }

    pub(super) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// The latest list of a shard, if there is such a shard. The first list of one that has no certificate yet is made when
/// somebody asks.
///
/// # Errors
/// The store's; `internal` if the first list cannot be signed.
pub async fn latest(portal: &Portal, issuer: &IssuerId, shard: &str) -> Result<Option<Arc<RevocationList>>, Refusal> {
    let now = portal.clock.now();
    if let Some(list) = portal.publication.lists.find(issuer, shard, now) {
        return Ok(Some(list));
    }
    let mut found = portal.store.revocation_list(issuer, shard).await?;
    if found.is_none() && (shard.is_empty() || is_shard(shard, portal.settings.ca.crl_shards)) {
        let Some(issuer) = portal.ca.issuer(issuer) else { return Ok(None) };
        publish(portal, &issuer, shard, None).await.map_err(|error| {
            tracing::error!(%error, shard, "no revocation list");
            Refusal::new(qcert_protocol::ErrorCode::Internal)
        })?;
        found = portal.store.revocation_list(&issuer.id(), shard).await?;
    }
    let Some(list) = found.map(Arc::new) else { return Ok(None) };
    portal.publication.lists.keep(&list, now);
    Ok(Some(list))
}

/// Publishes until it is told to end; a list that is signed by then is stored first.
pub async fn run(portal: Arc<Portal>, mut end: End) {
    while !end.is_told() {
        if let Err(error) = publish_while(&portal, || !end.is_told()).await {
            tracing::error!(%error, "revocation lists wait");
        }
        let rest = async {
            tokio::time::sleep(PAUSE).await;
            let _ = tokio::time::timeout(TICK, portal.publication.waits.notified()).await;
        };
        tokio::select! {
            () = end.told() => {}
            () = rest => {}
        }
    }
}

/// Publishes every list that is due; answers how many. One that fails keeps no other waiting.
///
/// # Errors
/// The store's, and the last list's that could not be made.
pub async fn publish_due(portal: &Portal) -> anyhow::Result<usize> {
    publish_while(portal, || true).await
}

/// Publishes what is due, one list after the other, as long as there is somebody to do it.
async fn publish_while(portal: &Portal, goes_on: impl Fn() -> bool) -> anyhow::Result<usize> {
    let now = portal.clock.now();
    let (mut published, mut failed) = (0, None);
    for state in portal.store.shards(now).await? {
        // A key that is not here any more signs nothing; its last list stays.
        let Some(issuer) = portal.ca.issuer(&state.issuer) else { continue };
        if !is_due(&state, portal.settings.ca.crl, now) {
            continue;
        }
        if !goes_on() {
            break;
        }
        match publish(portal, &issuer, &state.shard, state.latest).await {
            Ok(done) => published += usize::from(done),
            Err(error) => failed = Some(error),
        }
    }
    if published > 0 {
        portal.publication.forget();
    }
    failed.map_or(Ok(published), Err)
}

fn is_due(state: &ShardState, lifetime: Duration, now: OffsetDateTime) -> bool {
    state.stale || state.latest.is_none_or(|(_, this_update, _)| now - this_update >= lifetime / 2)
}

/// Signs a list after the latest one and commits it; false if another server was faster.
async fn publish(
    portal: &Portal,
    issuer: &Issuer,
    shard: &str,
    latest: Option<(i64, OffsetDateTime, OffsetDateTime)>,
) -> anyhow::Result<bool> {
    let now = portal.clock.now();
    // What is revoked after this is on the next list; the store notes the time.
    portal.store.revoked(&issuer.id(), shard, now).await?;
    // RFC 5280 §3.3: an entry stays until it was on one list that was issued after its certificate had expired. Before
    // the first list none was on any.
    let listed = latest.map_or(OffsetDateTime::UNIX_EPOCH, |(_, this_update, _)| this_update.min(now));
    let revoked = portal.store.revoked(&issuer.id(), shard, listed).await?;
    // Before lists were kept, their numbers were seconds since 1970; those go on growing.
    let number = latest.map_or(0, |(number, ..)| number + 1).max(now.unix_timestamp());
    let next_update = now + portal.settings.ca.crl;
    let mut list = RevocationList {
        issuer: issuer.id(),
        shard: shard.to_owned(),
        number,
        der: Vec::new(),
        this_update: now,
        next_update,
    };
    note(portal, Event::RevocationListCommitted, &list).await?;
    let stopwatch = Stopwatch::start(&*portal.clock);
    let signed = sign(issuer, shard, number, (now, next_update), &revoked).await;
    portal.signed("revocation_list", &stopwatch, &signed);
    list.der = signed?;
    let done = portal.store.publish_revocation_list(&list, latest.map_or(0, |(number, ..)| number)).await?;
    if !done {
        note(portal, Event::RevocationListDiscarded, &list).await?;
    }
    tracing::info!(shard, number, entries = revoked.len(), done, "revocation list");
    Ok(done)
}

/// The audit tells of a signature before and after it; after it the store does, with the list.
async fn note(portal: &Portal, event: Event, list: &RevocationList) -> Stored<()> {
    let (subject, by, outcome) = (Uuid::nil(), Actor::server(), Outcome::Done);
    let note = Note { event, subject, detail: list.audited(), by, outcome };
    portal.store.operator_store().note(&note, portal.clock.now()).await
}

async fn sign(
    issuer: &Issuer,
    shard: &str,
    number: i64,
    (now, next_update): (OffsetDateTime, OffsetDateTime),
    revoked: &[RevokedCertificate],
) -> anyhow::Result<Vec<u8>> {
    let entries = revoked.iter().map(entry).collect::<Stored<Vec<_>>>()?;
    let urls = issuer.profile(shard).crl_urls;
    let bytes = crl::to_be_signed(&crl::RevocationList {
        issuer: issuer.certificate(),
        signature_algorithm: issuer.signature_algorithm(),
        number: u64::try_from(number)?,
        this_update: now.replace_nanosecond(0)?,
        next_update: next_update.replace_nanosecond(0)?,
        distribution_point: Some(&DistributionPoint { urls, only_user_certificates: false }),
        entries: &entries,
    })?;
    let der = assemble(&bytes, issuer.signature_algorithm(), &issuer.sign(&bytes).await?)?;
    let read = CertificateList::parse(&der)?;
    read.verify(issuer.certificate())?;
    ensure!(read.tbs_der() == bytes, "what was signed is not the list");
    Ok(der)
}

fn entry(revoked: &RevokedCertificate) -> Stored<Entry> {
    let serial = Serial::parse(&revoked.serial).ok_or(StoreError::Corrupt("certificates.serial"))?;
    Ok(Entry { serial, revoked_at: revoked.revoked.at, reason: revoked.revoked.reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serial_has_one_shard_of_each_count() {
        let serial = Serial::parse("4000000500FF").unwrap();
        assert_eq!((shard_of(&serial, 1), shard_of(&serial, 8)), ("1-0".to_owned(), "8-5".to_owned()));
    }

    #[test]
    fn a_shard_is_named_in_one_way() {
        assert!(is_shard("8-0", 8) && is_shard("8-7", 8));
        for name in ["8-8", "8-07", "8-+7", "8-", "9-1", "", "8-7.crl"] {
            assert!(!is_shard(name, 8), "{name}");
        }
    }
}
