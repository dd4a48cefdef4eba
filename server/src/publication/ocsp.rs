//! Answers to questions about certificates' states (RFC 6960, and RFC 5019 for those that proxies may keep).

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use qcert_pki::ocsp::{CertId, IssuerHashes, Refusal, Request, ResponseData, SingleResponse, Status, successful};
use ring::digest;
use time::{Duration, OffsetDateTime};

use super::responder::Responder;
use crate::{ca::Issuer, clock::Stopwatch, hex::hex, metrics::OcspAnswer, portal::Portal, store::Revoked};

/// How long an answer is given again from memory.
const REMEMBERED: Duration = Duration::seconds(2);
/// A longer question is about many certificates and not asked twice.
const LONGEST_REMEMBERED: usize = 256;
/// When so many answers are kept they are all forgotten; most are older than they may be.
const MOST_REMEMBERED: usize = 20_000;

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// OCSPResponse, DER.
    pub der: Vec<u8>,
    /// How proxies may keep it; not at all if it repeats a nonce or refuses.
    pub keeping: Option<Keeping>,
    /// What it says, for the metrics: `good`, `revoked`, `unknown`, `several` of them, or the refusal's name.
    pub kind: &'static str,
}

/// How long an answer may be kept (RFC 5019 §6).
#[derive(Clone, Debug)]
pub struct Keeping {
    /// When it was signed.
    pub produced_at: OffsetDateTime,
    /// When it must not be used any more.
    pub next_update: OffsetDateTime,
    /// Lower-case hexadecimal SHA-1 of the answer.
    pub tag: String,
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        let kind = match refusal {
            Refusal::MalformedRequest => "malformed_request",
            Refusal::InternalError => "internal_error",
            Refusal::TryLater => "try_later",
            Refusal::Unauthorized => "unauthorized",
        };
        Self { der: refusal.to_der().to_vec(), keeping: None, kind }
    }
}

/// Answers that were given a moment ago, by their question, and the issuers as questions name them.
#[derive(Default)]
pub(super) struct Cache {
    answers: Mutex<HashMap<Vec<u8>, Arc<Answer>>>,
    issuers: Mutex<Option<Named>>,
}

/// The authority's issuers, and the same as questions name them.
type Named = (Arc<[Arc<Issuer>]>, Arc<[(IssuerHashes, Arc<Issuer>)]>);

impl Cache {
    fn find(&self, question: &[u8], now: OffsetDateTime) -> Option<Arc<Answer>> {
        // Entries are replaced whole, so a holder of the lock that panicked left good ones.
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = answers.get(question)?;
        // One of later than now is of a clock that was set back, and nobody knows how old it is.
        let young = |keeping: &Keeping| (Duration::ZERO..REMEMBERED).contains(&(now - keeping.produced_at));
        answer.keeping.as_ref().is_some_and(young).then(|| Arc::clone(answer))
    }

    fn keep(&self, question: &[u8], answer: &Arc<Answer>) {
        if answer.keeping.is_none() || question.len() > LONGEST_REMEMBERED {
            return;
        }
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.len() >= MOST_REMEMBERED {
            answers.clear();
        }
        answers.insert(question.to_vec(), Arc::clone(answer));
    }

    pub(super) fn clear(&self) {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn issuers(&self, portal: &Portal) -> Arc<[(IssuerHashes, Arc<Issuer>)]> {
        let current = portal.ca.issuers();
        let mut known = self.issuers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, named)) = &*known
            && Arc::ptr_eq(of, &current)
        {
            return Arc::clone(named);
        }
        let name = |issuer: &Arc<Issuer>| (IssuerHashes::of(issuer.certificate()), Arc::clone(issuer));
        let named: Arc<[_]> = current.iter().map(name).collect();
        *known = Some((current, Arc::clone(&named)));
        named
    }
}

/// Answers a question, DER. Whatever it is, there is an answer.
pub async fn answer(portal: &Portal, question: &[u8]) -> Arc<Answer> {
    let answer = find_or_sign(portal, question).await;
    portal.metrics.ocsp_answers.get_or_create(&OcspAnswer { answer: answer.kind }).inc();
    answer
}

async fn find_or_sign(portal: &Portal, question: &[u8]) -> Arc<Answer> {
    let now = portal.clock.now();
    let cache = &portal.publication.answers;
    if let Some(answer) = cache.find(question, now) {
        return answer;
    }
    match signed(portal, question, now).await {
        Ok(answer) => {
            let answer = Arc::new(answer);
            cache.keep(question, &answer);
            answer
        }
        Err(refusal) => Arc::new(refusal.into()),
    }
}

async fn signed(portal: &Portal, question: &[u8], now: OffsetDateTime) -> Result<Answer, Refusal> {
    let request = Request::parse(question)?;
    let issuers = portal.publication.answers.issuers(portal);
    let asked =
        |(hashes, _): &&(IssuerHashes, Arc<Issuer>)| request.certificates().iter().any(|id| id.is_issued_by(hashes));
    // One responder signs, and it speaks for one issuer: others' certificates are unknown to it.
    let (hashes, issuer) = issuers.iter().find(asked).ok_or(Refusal::Unauthorized)?;
    let responder = portal.publication.responders.of(portal, issuer).await.map_err(|error| {
        tracing::error!(%error, "no responder's certificate");
        Refusal::TryLater
    })?;
    let next_update = (now + portal.settings.ca.ocsp).min(responder.not_after);
    let responses: Vec<SingleResponse> = statuses(portal, issuer, hashes, request.certificates())
        .await?
        .into_iter()
        .zip(request.certificates())
        .map(|(status, certificate)| SingleResponse {
            certificate: certificate.clone(),
            status,
            this_update: now,
            next_update,
        })
        .collect();
    let data = ResponseData {
        responder: &responder.public_key,
        produced_at: now,
        responses: &responses,
        nonce: request.nonce(),
    };
    let stopwatch = Stopwatch::start(&*portal.clock);
    let der = put_together(&responder, &data);
    // By a key of this process: it says nothing of the issuing key.
    portal.metrics.signed("ocsp_answer", &stopwatch, &der);
    let der = der.map_err(|error| {
        tracing::error!(%error, "an answer cannot be signed");
        Refusal::InternalError
    })?;
    let keeping = request.nonce().is_none().then(|| Keeping { produced_at: now, next_update, tag: tag(&der) });
    Ok(Answer { der, keeping, kind: kind(&responses) })
}

fn put_together(responder: &Responder, data: &ResponseData<'_>) -> anyhow::Result<Vec<u8>> {
    let bytes = data.to_be_signed()?;
    let signature = responder.sign(&bytes)?;
    Ok(successful(&bytes, Responder::SIGNATURE_ALGORITHM, &signature, &responder.certificate)?)
}

/// The state of each certificate, in order.
async fn statuses(
    portal: &Portal,
    issuer: &Issuer,
    hashes: &IssuerHashes,
    certificates: &[CertId],
) -> Result<Vec<Status>, Refusal> {
    let serial = |id: &CertId| id.serial().filter(|_| id.is_issued_by(hashes)).map(ToString::to_string);
    let serials: Vec<Option<String>> = certificates.iter().map(serial).collect();
    let asked: Vec<String> = serials.iter().flatten().cloned().collect();
    let found = portal.store.statuses(&issuer.id(), &asked).await.map_err(|error| {
        tracing::error!(%error, "certificates' states cannot be read");
        Refusal::TryLater
    })?;
    let mut found = found.into_iter();
    Ok(serials.iter().map(|serial| status(serial.as_ref().and_then(|_| found.next().flatten()))).collect())
}

/// RFC 6960 §2.2: good means issued and not revoked.
fn status(found: Option<Option<Revoked>>) -> Status {
    match found {
        None => Status::Unknown,
        Some(None) => Status::Good,
        Some(Some(revoked)) => Status::Revoked { at: revoked.at, reason: revoked.reason },
    }
}

fn kind(responses: &[SingleResponse]) -> &'static str {
    let kind = |response: &SingleResponse| match response.status {
        Status::Good => "good",
        Status::Revoked { .. } => "revoked",
        Status::Unknown => "unknown",
    };
    match responses {
        [response] => kind(response),
        _ => "several",
    }
}

/// RFC 5019 §6.2.
fn tag(der: &[u8]) -> String {
    let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, der);
    hex(hash.as_ref())
}
