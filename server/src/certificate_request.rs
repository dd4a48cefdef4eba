//! A certificate request on its way: uploaded, confirmed with the second one-time password, removed, withdrawn.

use std::net::IpAddr;

use qcert_pki::CertificationRequest;
use qcert_protocol::{
    ApplicationState, ErrorCode,
    holder::FieldReason,
    portal::{ApplicationRow, PasswordOrdered, RequestUpload},
};
use uuid::Uuid;

use crate::{
    activation,
    applications::{self, check_token, one_row},
    config::Approval,
    error::Refusal,
    issuance::digest::confirmation_digest,
    one_time_password::{self, Order, Tried},
    portal::Portal,
    randomness, renewal,
    session::Session,
    sms,
    store::{ConfirmOutcome, ConfirmedRequest, Overview, PasswordScope, Prepared, Purpose, Request, RequestState},
};

/// The states in which a request can be uploaded.
const TAKES_REQUEST: [&str; 3] =
    [ApplicationState::Available.as_str(), ApplicationState::Preparing.as_str(), ApplicationState::Withdrawn.as_str()];

/// How often an upload is tried again that somebody's change came before.
const ATTEMPTS: usize = 4;

/// Takes a PKCS#10 request. Of all that it says, the public key alone is used. The same request twice is as good as
/// once, so a page that lost the answer can ask again. A proof takes the place of the operator's word and of the
/// activation code.
///
/// # Errors
/// Those of [`CertificationRequest::parse_and_verify`], `key_in_use`, `key_blocked`, `key_revoked`,
/// `application_state_forbids`, `identification_missing`, `activation_required`, `renewal_proof_wrong`,
/// `field_invalid`.
pub async fn upload(
    portal: &Portal,
    session: &Session,
    mut found: Overview,
    upload: &RequestUpload,
) -> Result<ApplicationRow, Refusal> {
    let application = found.application.id;
    for _ in 0..ATTEMPTS {
        if let Some(row) = try_upload(portal, session, found, upload).await? {
            return Ok(row);
        }
        found = applications::overview(portal, session, application).await?;
    }
    Err(ErrorCode::PortalUnavailable.into())
}

/// Nothing if an application changed while its proof was checked.
async fn try_upload(
    portal: &Portal,
    session: &Session,
    found: Overview,
    upload: &RequestUpload,
) -> Result<Option<ApplicationRow>, Refusal> {
    let application = found.application.id;
    check_token(&upload.token)?;
    if upload.container.application() != found.application.number {
        return Err(Refusal::field("container", FieldReason::Form));
    }
    if !found.application.state.takes_request() {
        return Err(ErrorCode::ApplicationStateForbids.into());
    }
    if upload.proof.is_none() {
        if found.application.identification.is_none() {
            return Err(ErrorCode::IdentificationMissing.into());
        }
        activation::check(&portal.settings, &found)?;
    }
    let der = &upload.certification_request.0;
    let request = CertificationRequest::parse_and_verify(der)?;
    let key = request.public_key();
    let proof = match &upload.proof {
        Some(proof) => Some(renewal::check_proof(portal, session, &found.application, key, &proof.0).await?),
        None => None,
    };
    let vouched_by = proof.as_ref().map(|proof| proof.certificate);
    let is_there =
        |there: &Request| there.state == RequestState::Prepared && there.der == *der && there.vouched_by == vouched_by;
    if found.request.as_ref().is_some_and(is_there) {
        return applications::row(portal, session, &found).await.map(Some);
    }
    let now = portal.clock.now();
    let new = Request {
        id: randomness::uuid(now, &*portal.randomness)?,
        application_id: application,
        der: der.clone(),
        public_key: key.spki_der().to_vec(),
        key_digest: key.spki_sha256(),
        key_id: key.key_id(),
        container: upload.container.clone(),
        token: upload.token.clone(),
        state: RequestState::Prepared,
        created_at: now,
        confirmed_at: None,
        vouched_by,
    };
    let prepared = match &proof {
        Some(proof) => portal.store.prepare_proven_request(&new, proof, &TAKES_REQUEST, &session.actor).await?,
        None => portal.store.prepare_request(&new, &TAKES_REQUEST, &session.actor).await?,
    };
    match prepared {
        Prepared::Done(revision) => {
            let request = Some(new);
            let is = Overview { request, ..found };
            changed_to(portal, session, is, ApplicationState::Preparing, revision).await.map(Some)
        }
        Prepared::Changed => Ok(None),
        Prepared::VoucherBlocked => Err(renewal::refused(portal, session, application).await),
        Prepared::KeyInUse => Err(ErrorCode::KeyInUse.into()),
        Prepared::KeyBlocked => Err(ErrorCode::KeyBlocked.into()),
        Prepared::KeyRevoked => Err(ErrorCode::KeyRevoked.into()),
        Prepared::StateForbids => Err(ErrorCode::ApplicationStateForbids.into()),
    }
}

/// Orders the second one-time password: for this digest, in this session.
///
/// # Errors
/// `request_not_found`, `application_state_forbids`, `otp_resend_too_early`, `rate_limited`.
pub async fn order_password(
    portal: &Portal,
    session: &Session,
    found: Overview,
    address: IpAddr,
) -> Result<PasswordOrdered, Refusal> {
    let request = prepared(&found)?;
    let application = &found.application;
    let code = qcert_protocol::KeyCode::from_digest(&request.key_digest);
    let order = Order {
        scope: scope(session, request),
        digest: Some(confirmation_digest(application.id, &application.holder_json, &request.key_digest)),
        text: &sms::confirmation_text(&application.holder.common_name(), &code),
        deliver: true,
        address,
    };
    let ordered = one_time_password::order(portal, &order).await?;
    portal.announcer.row(&session.phone, application.id);
    Ok(ordered)
}

/// Confirms a request: its digest is the one that the password was sent for. Sent twice, it confirms once, and the
/// second gets the row as it stands.
///
/// # Errors
/// Those of [`one_time_password::try_password`], `otp_used`, `digest_changed`, `identification_missing`,
/// `activation_required`, `renewal_proof_wrong`, `request_not_found`, `application_state_forbids`.
pub async fn confirm(
    portal: &Portal,
    session: &Session,
    found: Overview,
    typed: &str,
    address: IpAddr,
) -> Result<ApplicationRow, Refusal> {
    let request = request(&found)?;
    // What was sent twice may be issued before the second is read.
    if !matches!(request.state, RequestState::Prepared | RequestState::Confirmed | RequestState::Issued) {
        return Err(ErrorCode::ApplicationStateForbids.into());
    }
    let tried = one_time_password::try_password(portal, &scope(session, request), typed, address).await?;
    let password = match tried {
        Tried::Used => return confirmed_before(portal, session, request.id).await,
        Tried::Right(password) => password,
    };
    let application = &found.application;
    let digest = confirmation_digest(application.id, &application.holder_json, &request.key_digest);
    if password.digest != Some(digest) {
        return Err(ErrorCode::DigestChanged.into());
    }
    match request.vouched_by {
        Some(certificate) => renewal::check_voucher(portal, session, application, certificate).await?,
        // It was taken back since the upload; the password stays good for when it is there again.
        None if application.identification.is_none() => return Err(ErrorCode::IdentificationMissing.into()),
        // The setting may be younger than the upload; another phone, which ends an activation, leaves the request behind.
        None => activation::check(&portal.settings, &found)?,
    }
    let confirmed = ConfirmedRequest {
        password: password.id,
        request: request.id,
        snapshot: application.holder_json.clone(),
        digest,
        held: portal.settings.issuance_approval == Approval::Operator,
        by: session.actor.clone(),
        now: portal.clock.now(),
    };
    match portal.store.confirm_request(&confirmed).await? {
        ConfirmOutcome::Done(revision) => {
            portal.metrics.issuance("confirmed");
            if !confirmed.held {
                portal.issuance_waits();
            }
            let request =
                Request { state: RequestState::Confirmed, confirmed_at: Some(confirmed.now), ..request.clone() };
            let is = Overview { request: Some(request), held: confirmed.held, ..found };
            changed_to(portal, session, is, ApplicationState::Sent, revision).await
        }
        ConfirmOutcome::PasswordUsed => confirmed_before(portal, session, request.id).await,
        ConfirmOutcome::DataChanged => Err(ErrorCode::DigestChanged.into()),
        ConfirmOutcome::StateForbids => Err(ErrorCode::ApplicationStateForbids.into()),
    }
}

/// The password was used already: if it confirmed this request, the first answer may have been lost.
async fn confirmed_before(portal: &Portal, session: &Session, request: Uuid) -> Result<ApplicationRow, Refusal> {
    let found = portal.store.request_of(&session.phone, request).await?.ok_or(ErrorCode::RequestNotFound)?;
    match self::request(&found)?.state {
        RequestState::Confirmed | RequestState::Issued => applications::row(portal, session, &found).await,
        _ => Err(ErrorCode::OtpUsed.into()),
    }
}

/// Removes a prepared request, whose key pair is no more.
///
/// # Errors
/// `request_not_found`, `application_state_forbids`.
pub async fn remove(portal: &Portal, session: &Session, found: Overview) -> Result<ApplicationRow, Refusal> {
    let request = prepared(&found)?;
    if !portal.store.remove_request(request.id, &session.actor, portal.clock.now()).await? {
        return Err(ErrorCode::ApplicationStateForbids.into());
    }
    changed(portal, session, found.application.id).await
}

/// Takes a sent request back, for its token was lost, while nobody has begun to issue.
///
/// # Errors
/// `application_state_forbids`.
pub async fn withdraw(portal: &Portal, session: &Session, found: Overview) -> Result<ApplicationRow, Refusal> {
    let application = found.application.id;
    if !portal.store.withdraw(application, &session.actor, portal.clock.now()).await? {
        return Err(ErrorCode::ApplicationStateForbids.into());
    }
    if let Some(renewed) = found.application.replaces {
        // Whether that can be renewed is another matter now.
        portal.announcer.row(&session.phone, renewed);
    }
    changed(portal, session, application).await
}

async fn changed(portal: &Portal, session: &Session, application: Uuid) -> Result<ApplicationRow, Refusal> {
    portal.announcer.row(&session.phone, application);
    one_row(portal, session, application).await
}

/// The same of an application as it was read before, but for the change, which gave it this state and this revision. If
/// anything else changed meanwhile, the revision shows it, and the row is read.
async fn changed_to(
    portal: &Portal,
    session: &Session,
    mut is: Overview,
    state: ApplicationState,
    revision: i64,
) -> Result<ApplicationRow, Refusal> {
    let application = &mut is.application;
    if revision != application.revision + 1 {
        return changed(portal, session, application.id).await;
    }
    (application.state, application.revision) = (state, revision);
    portal.announcer.row(&session.phone, application.id);
    Ok(applications::row_without_password(portal, &is))
}

fn scope(session: &Session, request: &Request) -> PasswordScope {
    PasswordScope {
        phone: session.phone.clone(),
        purpose: Purpose::Confirmation,
        subject: Some((request.id, session.id)),
    }
}

/// The request of an application that counts.
fn request(found: &Overview) -> Result<&Request, Refusal> {
    found.request.as_ref().ok_or_else(|| ErrorCode::RequestNotFound.into())
}

fn prepared(found: &Overview) -> Result<&Request, Refusal> {
    let request = request(found)?;
    if request.state != RequestState::Prepared {
        return Err(ErrorCode::ApplicationStateForbids.into());
    }
    Ok(request)
}
