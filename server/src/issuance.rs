//! Issuance, from the durable queue: the digest is computed again from the frozen snapshot, serial and bytes to be
//! signed are checked and committed, then signed, compared, stored, announced.
//!
//! **Architecture invariant:** what is signed equals what was committed, and a crash at any point ends, after restart,
//! in exactly one certificate: each step is a compare and swap under the lease, and a lease that ran out is taken over
//! where it stood.

pub mod digest;
pub mod worker;

use qcert_pki::{Certificate, Issuance, Profile, PublicKey, Serial, assemble, certificate, profile_check};
use qcert_protocol::{HolderData, application::IdentificationKind};
use ring::digest::{SHA256, digest as sha256};
use time::{Duration, OffsetDateTime};

use crate::{
    ca::Issuer,
    portal::Portal,
    publication::lists::shard_of,
    randomness,
    store::{self, Commitment, Job},
};

/// What the person reads when the authority's own checks refuse.
const REFUSED: &str = "Проверка удостоверяющего центра не пройдена. Обратитесь в службу поддержки.";

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
    /// It may later.
    #[error(transparent)]
    Later(#[from] anyhow::Error),
}

/// Carries one leased job to its end.
///
/// # Errors
/// When the store, the key or the randomness fails: the job stays where it is, for a later try.
pub async fn issue(portal: &Portal, job: &Job) -> anyhow::Result<Outcome> {
    match steps(portal, job).await {
        Ok(outcome) => Ok(outcome),
        Err(Stop::Later(error)) => Err(error),
        Err(Stop::Refuse(why)) => {
            tracing::error!(request = %job.request.id, why, "issuance refused");
            let refused = portal.store.refuse_issuance(job, REFUSED, portal.clock.now()).await?;
            Ok(if refused { Outcome::Refused } else { Outcome::LeaseLost })
        }
    }
}

async fn steps(portal: &Portal, job: &Job) -> Result<Outcome, Stop> {
    let subject = Subject::of(job)?;
    let (issuer, commitment) = match &job.committed {
        Some(commitment) => {
            let gone = || later(anyhow::anyhow!("what was committed is for a key that is not here"));
            let issuer = portal.ca.issuer(&commitment.issuer).ok_or_else(gone)?;
            portal.ca.check_good(issuer)?;
            check_committed(issuer, &subject, commitment)?;
            (issuer, commitment.clone())
        }
        None => {
            let issuer = portal.ca.current();
            portal.ca.check_good(issuer)?;
            let decided = decide(portal, issuer, &subject)?;
            if !portal.store.commit_to_be_signed(job, &decided, portal.clock.now()).await.map_err(later)? {
                return Ok(Outcome::LeaseLost);
            }
            (issuer, decided)
        }
    };
    let der = sign(issuer, &commitment.to_be_signed).await?;
    let certificate = checked(issuer, &subject, &commitment, &der)?;
    let record = record(portal, job, &commitment, &certificate)?;
    let stored = portal.store.complete_issuance(job, &record).await.map_err(later)?;
    Ok(if stored { Outcome::Issued } else { Outcome::LeaseLost })
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
        if digest::confirmation_digest(job.application.id, &job.snapshot, &key_digest) != job.digest {
            return Err(refuse("the snapshot and the key do not give the digest that was confirmed"));
        }
        Ok(Self {
            holder: serde_json::from_str(&job.snapshot).map_err(|_| refuse("the snapshot cannot be read"))?,
            identification: job.application.identification.ok_or_else(|| refuse("nobody identified the holder"))?,
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

async fn sign(issuer: &Issuer, to_be_signed: &[u8]) -> Result<Vec<u8>, Stop> {
    let signature = issuer.sign(to_be_signed).await?;
    assemble(to_be_signed, issuer.signature_algorithm(), &signature).map_err(later)
}

/// Reads back what was signed: it is what was committed, it is by the issuing key, and it still passes the check.
fn checked(issuer: &Issuer, subject: &Subject, commitment: &Commitment, der: &[u8]) -> Result<Certificate, Stop> {
    let certificate = Certificate::parse(der).map_err(later)?;
    certificate.verify_issued_by(issuer.certificate()).map_err(later)?;
    if certificate.tbs_der() != commitment.to_be_signed {
        return Err(Stop::Refuse("what was signed is not what was committed".to_owned()));
    }
    let (profile, serial) = (issuer.profile(&commitment.shard), serial(commitment)?);
    let times = (certificate.not_before(), certificate.not_after());
    check_profile(&commitment.to_be_signed, &expected(issuer, &profile, subject, &serial, times))?;
    Ok(certificate)
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
