//! Issuance, from the durable queue: the digest is computed again from the frozen snapshot, serial and bytes to be
//! signed are checked and committed, then signed, compared, stored, announced.
//!
//! **Architecture invariant:** what is signed equals what was committed, and a crash at any point ends, after restart,
//! in exactly one certificate: each step is a compare and swap under the lease, and a lease that ran out is taken over
//! where it stood.

pub mod digest;
pub mod worker;

use std::sync::Arc;

use futures_util::future::join_all;
use qcert_pki::{Certificate, Issuance, Profile, PublicKey, Serial, assemble, certificate, profile_check};
use qcert_protocol::{HolderData, application::IdentificationKind};
use ring::digest::{SHA256, digest as sha256};
use time::{Duration, OffsetDateTime};

use crate::{
    ca::Issuer,
    clock::Stopwatch,
    portal::Portal,
    publication::lists::shard_of,
    randomness, renewal,
    store::{self, Commitment, Job},
};

/// What the person reads when the authority's own checks refuse.
const REFUSED: &str = "Проверка удостоверяющего центра не пройдена. Обратитесь в службу поддержки.";

/// What the person reads when the certificate is revoked whose key identified the holder, or the key blocked.
const VOUCHER_LOST: &str =
    "Сертификат, ключ которого подтвердил вашу личность, отозван. Обратитесь в удостоверяющий центр.";

/// Clocks of other machines may be a little behind.
const BACKDATED: Duration = Duration::minutes(5);

/// What became of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// There is a certificate.
    Issued,
    /// The authority refused.
    Refused,
    /// Somebody else has the lease.
    LeaseLost,
}

/// Why a job cannot go on.
#[derive(Debug, thiserror::Error)]
enum Stop {
    /// It will never: its data do not allow it.
    #[error("{0}")]
    Refuse(String),
    /// It will never: the key that identified the holder is worth nothing any more.
    #[error("the certificate whose key identified the holder is revoked, or the key blocked")]
    VoucherLost,
    /// It may later.
    #[error(transparent)]
    Later(#[from] anyhow::Error),
}

/// Carries leased jobs to their ends, together: what one of them waits for, all wait for once. Each has an outcome of
/// its own; an error leaves its job where it is, for a later try.
pub async fn issue(portal: &Portal, jobs: &[Job]) -> Vec<anyhow::Result<Outcome>> {
    let mut ends: Vec<Option<Result<Outcome, Stop>>> = jobs.iter().map(|_| None).collect();
    let mut begun: Vec<Begun<'_>> = Vec::with_capacity(jobs.len());
    for (place, job) in jobs.iter().enumerate() {
        match Begun::of(portal, job, place) {
            Ok(one) => begun.push(one),
            Err(stop) => ends[place] = Some(Err(stop)),
        }
    }
    let committed = commit(portal, begun, &mut ends).await;
    let signed = join_all(committed.iter().map(|one| one.sign(portal))).await;
    let mut issued = Vec::with_capacity(committed.len());
    for (one, signed) in committed.iter().zip(signed) {
        match signed {
            Ok(certificate) => issued.push((one, certificate)),
            Err(stop) => ends[one.place] = Some(Err(stop)),
        }
    }
    complete(portal, &issued, &mut ends).await;
    let mut outcomes = Vec::with_capacity(jobs.len());
    for (job, end) in jobs.iter().zip(ends) {
        outcomes.push(match end {
            Some(Ok(outcome)) => Ok(outcome),
            Some(Err(Stop::Refuse(why))) => refuse(portal, job, &why, REFUSED).await,
            Some(Err(stop @ Stop::VoucherLost)) => refuse(portal, job, &stop.to_string(), VOUCHER_LOST).await,
            Some(Err(Stop::Later(error))) => Err(error),
            None => Err(anyhow::anyhow!("the job came to no end")),
        });
    }
    outcomes
}

/// A job whose bytes to be signed are decided, by us or by a worker that died.
struct Begun<'a> {
    job: &'a Job,
    /// Its place among the jobs.
    place: usize,
    issuer: Arc<Issuer>,
    commitment: Commitment,
}

impl<'a> Begun<'a> {
    fn of(portal: &'a Portal, job: &'a Job, place: usize) -> Result<Self, Stop> {
        let subject = Subject::of(job)?;
        let Some(commitment) = &job.committed else {
            let issuer = portal.ca.current();
            portal.ca.check_good(&issuer)?;
            let commitment = decide(portal, &issuer, &subject)?;
            return Ok(Self { job, place, issuer, commitment });
        };
        let gone = || later(anyhow::anyhow!("what was committed is for a key that is not here"));
        let issuer = portal.ca.issuer(&commitment.issuer).ok_or_else(gone)?;
        portal.ca.check_good(&issuer)?;
        check_committed(&issuer, &subject, commitment)?;
        Ok(Self { job, place, issuer, commitment: commitment.clone() })
    }

    /// Signs what was committed, reads it back and makes the registry's record of it.
    async fn sign(&self, portal: &Portal) -> Result<store::Certificate, Stop> {
        let to_be_signed = &self.commitment.to_be_signed;
        let stopwatch = Stopwatch::start(&*portal.clock);
        let signature = self.issuer.sign(to_be_signed).await;
        portal.signed("certificate", &stopwatch, &signature);
        let signature = signature?;
        let der = assemble(to_be_signed, self.issuer.signature_algorithm(), &signature).map_err(later)?;
        let certificate = Certificate::parse(&der).map_err(later)?;
        certificate.verify_issued_by(self.issuer.certificate()).map_err(later)?;
        // These bytes passed the profile check before they were committed, or when they were found committed.
        if certificate.tbs_der() != *to_be_signed {
            return Err(Stop::Refuse("what was signed is not what was committed".to_owned()));
        }
        record(portal, self.job, &self.commitment, &certificate)
    }
}

/// Commits what was not committed before; answers what is committed now.
async fn commit<'a>(
    portal: &Portal,
    begun: Vec<Begun<'a>>,
    ends: &mut [Option<Result<Outcome, Stop>>],
) -> Vec<Begun<'a>> {
    let (new, mut committed): (Vec<_>, Vec<_>) = begun.into_iter().partition(|one| one.job.committed.is_none());
    if new.is_empty() {
        return committed;
    }
    let decided: Vec<_> = new.iter().map(|one| (one.job, &one.commitment)).collect();
    let answer = portal.store.commit_to_be_signed(&decided, portal.clock.now()).await;
    for (one, place) in new.into_iter().zip(0..) {
        match answer.as_ref().map(|answer| answer.get(place) == Some(&true)) {
            Ok(true) => committed.push(one),
            Ok(false) => ends[one.place] = Some(Ok(Outcome::LeaseLost)),
            Err(error) => ends[one.place] = Some(Err(later(error.clone()))),
        }
    }
    committed
}

async fn complete(
    portal: &Portal,
    issued: &[(&Begun<'_>, store::Certificate)],
    ends: &mut [Option<Result<Outcome, Stop>>],
) {
    if issued.is_empty() {
        return;
    }
    let certificates: Vec<_> = issued.iter().map(|(one, certificate)| (one.job, certificate)).collect();
    let answer = portal.store.complete_issuances(&certificates).await;
    for ((one, _), place) in issued.iter().zip(0..) {
        ends[one.place] = Some(match &answer {
            Ok(stored) if stored.get(place) == Some(&true) => Ok(Outcome::Issued),
            Ok(_) => Ok(Outcome::LeaseLost),
            Err(error) => Err(later(error.clone())),
        });
    }
}

async fn refuse(portal: &Portal, job: &Job, why: &str, told: &str) -> anyhow::Result<Outcome> {
    tracing::error!(request = %job.request.id, why, "issuance refused");
    let refused = portal.store.refuse_issuance(job, told, portal.clock.now()).await?;
    Ok(if refused { Outcome::Refused } else { Outcome::LeaseLost })
}

fn later(error: impl Into<anyhow::Error>) -> Stop {
    Stop::Later(error.into())
}

/// What was confirmed: read from the frozen snapshot, and equal to the digest that the password was bound to.
struct Subject {
    holder: HolderData,
    identification: IdentificationKind,
    public_key: PublicKey,
}

impl Subject {
    fn of(job: &Job) -> Result<Self, Stop> {
        let refuse = |why: &str| Stop::Refuse(why.to_owned());
        let mut key_digest = [0; 32];
        key_digest.copy_from_slice(sha256(&SHA256, &job.request.public_key).as_ref());
        if job.key_blocked {
            return Err(refuse("the key was blocked after the request was confirmed"));
        }
        if job.voucher_lost {
            return Err(Stop::VoucherLost);
        }
        if digest::confirmation_digest(job.application.id, &job.snapshot, &key_digest) != job.digest {
            return Err(refuse("the snapshot and the key do not give the digest that was confirmed"));
        }
        Ok(Self {
            holder: serde_json::from_str(&job.snapshot).map_err(|_| refuse("the snapshot cannot be read"))?,
            identification: renewal::identification(&job.application, &job.request)
                .ok_or_else(|| refuse("nobody identified the holder"))?,
            public_key: PublicKey::from_spki_der(&job.request.public_key)
                .map_err(|code| Stop::Refuse(format!("the request's key: {code}")))?,
        })
    }
}

/// Takes a serial and writes the bytes to be signed.
fn decide(portal: &Portal, issuer: &Issuer, subject: &Subject) -> Result<Commitment, Stop> {
    let serial = Serial::from_random(randomness::bytes(&*portal.randomness).map_err(later)?);
    let not_before = whole_second(portal.clock.now() - BACKDATED).max(issuer.certificate().not_before());
    let not_after = (not_before + portal.settings.ca.validity).min(issuer.certificate().not_after());
    let shard = shard_of(&serial, portal.settings.ca.crl_shards);
    let profile = issuer.profile(&shard);
    let issuance = expected(issuer, &profile, subject, &serial, (not_before, not_after));
    let to_be_signed =
        certificate::qualified_to_be_signed(&issuance).map_err(|error| Stop::Refuse(error.to_string()))?;
    check_profile(&to_be_signed, &issuance)?;
    Ok(Commitment { issuer: issuer.id(), shard, serial: serial.to_string(), to_be_signed })
}

fn expected<'a>(
    issuer: &'a Issuer,
    profile: &'a Profile,
    subject: &'a Subject,
    serial: &'a Serial,
    (not_before, not_after): (OffsetDateTime, OffsetDateTime),
) -> Issuance<'a> {
    Issuance {
        profile,
        issuer: issuer.certificate(),
        signature_algorithm: issuer.signature_algorithm(),
        holder: &subject.holder,
        identification: subject.identification,
        public_key: &subject.public_key,
        serial,
        not_before,
        not_after,
    }
}

fn check_profile(to_be_signed: &[u8], issuance: &Issuance<'_>) -> Result<(), Stop> {
    profile_check::check_qualified(to_be_signed, issuance).map_err(|findings| {
        let findings: Vec<String> = findings.iter().map(ToString::to_string).collect();
        Stop::Refuse(format!("the profile check found: {}", findings.join("; ")))
    })
}

/// Checks again, before anything is signed, what a worker that died had committed. What does not pass was changed, or
/// the settings were: it waits for the operator, for another certificate must not take its place.
fn check_committed(issuer: &Issuer, subject: &Subject, commitment: &Commitment) -> Result<(), Stop> {
    let wait = |why: &str| Stop::Later(anyhow::anyhow!("what was committed does not pass the check any more: {why}"));
    let unsigned = assemble(&commitment.to_be_signed, issuer.signature_algorithm(), &[]).map_err(later)?;
    let read = Certificate::parse(&unsigned).map_err(|code| wait(code.as_str()))?;
    let (profile, serial) = (issuer.profile(&commitment.shard), serial(commitment)?);
    let issuance = expected(issuer, &profile, subject, &serial, (read.not_before(), read.not_after()));
    check_profile(&commitment.to_be_signed, &issuance).map_err(|stop| wait(&stop.to_string()))
}

fn serial(commitment: &Commitment) -> Result<Serial, Stop> {
    Serial::parse(&commitment.serial).ok_or_else(|| Stop::Refuse("a committed serial is none".to_owned()))
}

fn record(
    portal: &Portal,
    job: &Job,
    commitment: &Commitment,
    certificate: &Certificate,
) -> Result<store::Certificate, Stop> {
    let now = portal.clock.now();
    Ok(store::Certificate {
        id: randomness::uuid(now, &*portal.randomness).map_err(later)?,
        application_id: job.application.id,
        request_id: job.request.id,
        serial: certificate.serial().to_string(),
        key_id: certificate.public_key().key_id(),
        der: certificate.der().to_vec(),
        not_before: certificate.not_before(),
        not_after: certificate.not_after(),
        issued_at: now,
        installed_at: None,
        issuer: commitment.issuer,
        shard: commitment.shard.clone(),
        revoked: None,
    })
}

/// X.509 knows no parts of a second.
fn whole_second(time: OffsetDateTime) -> OffsetDateTime {
    time.replace_nanosecond(0).unwrap_or(time)
}
