//! Renewal: a holder whose certificate ends soon has another application made in its place, and the key of the old
//! certificate identifies its holder, by a signature over the new key. So nobody has to come to the authority, and a
//! page that puts a request of its own in the place of the holder's is found out.
//!
//! A proof belongs to its request, not to the application: another request needs another proof. It is worth something as
//! long as the old certificate is valid and not revoked: that is looked at when the request is uploaded and when it is
//! confirmed; a revocation, until it is issued.

mod number;

use qcert_pki::{Algorithm, Certificate, PublicKey, SignatureAlgorithm};
use qcert_protocol::{
    ApplicationState, Base64, ErrorCode, KeyId,
    application::IdentificationKind,
    portal::{ApplicationRow, RenewedKey},
};
use ring::digest::{Context, SHA256};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    applications,
    audit::{Event, Note, Outcome, refusals},
    error::Refusal,
    portal::Portal,
    randomness,
    session::Session,
    store::{self, Application, NewRenewal, Overview, Proof, Renewed, Request, RequestState},
};

/// What stands before the bytes of every proof that a key is on a token.
const PROOF_PREFIX: &[u8] = b"qcert-proof-v1";

/// The states of an application that does not go on. A withdrawn one does: its next request is made as the first was.
const OVER: [&str; 2] = [ApplicationState::Rejected.as_str(), ApplicationState::Revoked.as_str()];

/// How often a renewal is tried again that somebody's change came before.
const ATTEMPTS: usize = 4;

/// Can another certificate be had in place of this one's, now?
pub fn is_open(portal: &Portal, found: &Overview) -> bool {
    let (offered, now) = (portal.settings.renewal_offered, portal.clock.now());
    let ends_soon = |certificate: &store::Certificate| certificate.not_after - now <= offered;
    found.application.state == ApplicationState::Installed
        && !found.has_successor
        && offered > Duration::ZERO
        && found.certificate.as_ref().is_some_and(|certificate| is_good(certificate, now) && ends_soon(certificate))
}

/// Makes an application in place of one, and answers its row; twice, or at two servers at once, is as good as once.
///
/// # Errors
/// `renewal_not_open`.
pub async fn begin(portal: &Portal, session: &Session, mut found: Overview) -> Result<ApplicationRow, Refusal> {
    let of = found.application.id;
    for _ in 0..ATTEMPTS {
        if let Some(row) = successor(portal, session, &found).await? {
            return Ok(row);
        }
        if !is_open(portal, &found) {
            break;
        }
        let now = portal.clock.now();
        let renewal = NewRenewal {
            id: randomness::uuid(now, &*portal.randomness)?,
            numbers: number::candidates(&found.application.number),
            of,
            revision: found.application.revision,
            phone: found.application.phone,
            holder: found.application.holder,
            over: &OVER,
            by: session.actor.clone(),
            now,
        };
        match portal.store.renew(&renewal).await? {
            Renewed::Done => {
                portal.announcer.row(&session.phone, of);
                portal.announcer.row(&session.phone, renewal.id);
                return applications::one_row(portal, session, renewal.id).await;
            }
            Renewed::NumbersTaken => break,
            Renewed::There | Renewed::Changed => found = applications::overview(portal, session, of).await?,
        }
    }
    Err(ErrorCode::RenewalNotOpen.into())
}

/// The person's latest application in place of one, if it goes on.
async fn successor(portal: &Portal, session: &Session, of: &Overview) -> Result<Option<ApplicationRow>, Refusal> {
    let theirs = portal.store.applications_of(&session.phone).await?;
    let renews = |other: &Overview| other.application.replaces == Some(of.application.id);
    let goes_on = |other: &Overview| !OVER.contains(&other.application.state.as_str());
    match theirs.iter().rfind(|other| renews(other) && goes_on(other)) {
        Some(other) => applications::row(portal, session, other).await.map(Some),
        None => Ok(None),
    }
}

/// The key that can identify the holder of the next request, if there is one.
///
/// # Errors
/// The store's.
pub async fn renewed_key(
    portal: &Portal,
    session: &Session,
    application: &Application,
) -> Result<Option<RenewedKey>, Refusal> {
    if !application.state.takes_request() {
        return Ok(None);
    }
    Ok(voucher(portal, session, application).await?.map(|voucher| RenewedKey {
        key_id: voucher.certificate.key_id,
        token: voucher.request.token,
        not_after: voucher.certificate.not_after,
        nonce: Base64(portal.secrets.renewal_nonce(application.id, session.id).to_vec()),
    }))
}

/// Who can vouch for the holder of an application: the certificate of the application that it renews.
struct Voucher {
    application: Application,
    request: Request,
    certificate: store::Certificate,
}

/// The person must be the same, and the certificate valid and not revoked.
async fn voucher(portal: &Portal, session: &Session, application: &Application) -> Result<Option<Voucher>, Refusal> {
    let Some(renewed) = application.replaces else { return Ok(None) };
    let Some(found) = portal.store.application_of(&session.phone, renewed).await? else { return Ok(None) };
    let Overview { application: renewed, request: Some(request), certificate: Some(certificate), .. } = found else {
        return Ok(None);
    };
    let vouches = request.id == certificate.request_id
        && is_good(&certificate, portal.clock.now())
        && renewed.holder.is_same_holder(&application.holder);
    Ok(vouches.then_some(Voucher { application: renewed, request, certificate }))
}

fn is_good(certificate: &store::Certificate, now: OffsetDateTime) -> bool {
    certificate.revoked.is_none() && (certificate.not_before..certificate.not_after).contains(&now)
}

/// Checks what the old key signed for a new one.
///
/// # Errors
/// `renewal_proof_wrong`.
pub async fn check_proof(
    portal: &Portal,
    session: &Session,
    application: &Application,
    new_key: &PublicKey,
    signature: &[u8],
) -> Result<Proof, Refusal> {
    let nonce = portal.secrets.renewal_nonce(application.id, session.id);
    if let Some(voucher) = voucher(portal, session, application).await? {
        let message = proof_message(&portal.origin, &voucher.certificate.key_id, &nonce, new_key);
        let certificate = Certificate::parse(&voucher.certificate.der)?;
        let key = certificate.public_key();
        if key.verify(signed_by(key), &message, signature).is_ok() {
            return Ok(Proof {
                certificate: voucher.certificate.id,
                serial: voucher.certificate.serial,
                nonce,
                signature: signature.to_vec(),
                renewed: (voucher.application.id, voucher.application.revision),
                revision: application.revision,
            });
        }
    }
    Err(refused(portal, session, application.id).await)
}

/// A proof is not taken: `renewal_proof_wrong`, and the audit tells of it.
pub async fn refused(portal: &Portal, session: &Session, application: Uuid) -> Refusal {
    let (code, by) = (ErrorCode::RenewalProofWrong, session.actor.clone());
    let (event, outcome) = (Event::IdentificationRefused, Outcome::Refused(code));
    refusals::note(portal, Note { event, subject: application, detail: String::new(), by, outcome }).await;
    code.into()
}

/// The prefix ‖ origin ‖ CKA_ID of the old key ‖ SHA-256 of nonce ‖ SubjectPublicKeyInfo of the new key.
fn proof_message(origin: &str, old_key: &KeyId, nonce: &[u8; 32], new_key: &PublicKey) -> Vec<u8> {
    let mut bound = Context::new(&SHA256);
    bound.update(nonce);
    bound.update(new_key.spki_der());
    [PROOF_PREFIX, origin.as_bytes(), &old_key.to_bytes(), bound.finish().as_ref()].concat()
}

/// How a token signs with a key of this kind.
fn signed_by(key: &PublicKey) -> SignatureAlgorithm {
    match key.algorithm() {
        Algorithm::P256 => SignatureAlgorithm::EcdsaSha256,
        Algorithm::P384 => SignatureAlgorithm::EcdsaSha384,
        Algorithm::Rsa { .. } => SignatureAlgorithm::RsaSha256,
        Algorithm::Ed25519 => SignatureAlgorithm::Ed25519,
    }
}

/// Is the holder of this request identified, and how?
pub fn identification(application: &Application, request: &Request) -> Option<IdentificationKind> {
    request.vouched_by.map_or(application.identification, |_| Some(IdentificationKind::ByCertificate))
}

/// How the holder is identified for what there is now: a request that is on its way or issued, or the next one.
pub fn identification_now(found: &Overview) -> Option<IdentificationKind> {
    let stands = |request: &&Request| {
        matches!(request.state, RequestState::Prepared | RequestState::Confirmed | RequestState::Issued)
    };
    let application = &found.application;
    let request = found.request.as_ref().filter(stands);
    request.map_or(application.identification, |request| identification(application, request))
}

/// Does the certificate still vouch that vouched for the holder of this request?
///
/// # Errors
/// `identification_missing` if it does not, and nobody else identified the holder; `renewal_proof_wrong` if somebody did,
/// so that another request is enough.
pub async fn check_voucher(
    portal: &Portal,
    session: &Session,
    application: &Application,
    certificate: Uuid,
) -> Result<(), Refusal> {
    let vouches = voucher(portal, session, application).await?.is_some_and(|found| found.certificate.id == certificate);
    match application.identification {
        _ if vouches => Ok(()),
        None => Err(ErrorCode::IdentificationMissing.into()),
        Some(_) => Err(ErrorCode::RenewalProofWrong.into()),
    }
}
