//! Certificate requests of the person who is signed in.

use axum::{Json, extract::State, http::StatusCode};
use qcert_protocol::{
    ErrorCode::*,
    portal::{ApplicationRow, Confirmation, PasswordOrdered, RequestUpload},
};

use super::{
    App,
    client::{ARequest, AnApplication, Owner},
    client_address::ClientAddress,
    problem::Answer,
};
use crate::certificate_request;

/// Takes a PKCS#10 request; no password is sent yet.
#[utoipa::path(
    post, path = "/applications/{id}/requests", params(("id" = Uuid, Path)), request_body = RequestUpload,
    responses((status = 201, body = ApplicationRow)),
    extensions(("x-problem-codes" = json!([
        ApplicationNotFound, RequestMalformed, ProofOfPossessionFailed, SignatureAlgorithmUnsupported, KeyInUse,
        KeyBlocked, KeyRevoked, RequestTooLarge, RequestTrailingBytes, RequestNotDer, RequestAttributeRepeated,
        KeyAlgorithmUnsupported, KeyWeak, KeyTooSmall, KeyTooLarge, KeySmallFactors, KeyRoca, KeyClosePrimes,
        KeyExponentUnsafe, KeyParametersExplicit, KeyPointCompressed, KeyPointInvalid, ApplicationStateForbids,
        IdentificationMissing, ActivationRequired, RenewalProofWrong, FieldInvalid,
    ]))),
    security(("session" = [])),
)]
pub(super) async fn upload(
    State(app): State<App>,
    Owner { session, found, body, .. }: Owner<AnApplication, RequestUpload>,
) -> Answer<(StatusCode, Json<ApplicationRow>)> {
    let row = certificate_request::upload(&app.portal, &session, found, &body).await?;
    Ok((StatusCode::CREATED, Json(row)))
}

/// Orders the second one-time password, bound to the request's digest and to this session.
#[utoipa::path(
    post, path = "/requests/{id}/password", params(("id" = Uuid, Path)),
    responses((status = 202, body = PasswordOrdered)),
    extensions(("x-problem-codes" = json!([
        RequestNotFound, OtpResendTooEarly, OtpTriesExhausted, PhoneLocked, ApplicationStateForbids, RateLimited,
    ]))),
    security(("session" = [])),
)]
pub(super) async fn order_password(
    State(app): State<App>,
    ClientAddress(address): ClientAddress,
    Owner { session, found, .. }: Owner<ARequest>,
) -> Answer<(StatusCode, Json<PasswordOrdered>)> {
    let ordered = certificate_request::order_password(&app.portal, &session, found, address).await?;
    Ok((StatusCode::ACCEPTED, Json(ordered)))
}

/// Confirms the request with the second one-time password.
#[utoipa::path(
    post, path = "/requests/{id}/confirmation", params(("id" = Uuid, Path)), request_body = Confirmation,
    responses((status = 200, body = ApplicationRow)),
    extensions(("x-problem-codes" = json!([
        RequestNotFound, OtpWrong, OtpExpired, OtpUsed, OtpTriesExhausted, PhoneLocked, OtpNotRequested, DigestChanged,
        IdentificationMissing, ActivationRequired, RenewalProofWrong, ApplicationStateForbids, RateLimited,
    ]))),
    security(("session" = [])),
)]
pub(super) async fn confirm(
    State(app): State<App>,
    ClientAddress(address): ClientAddress,
    Owner { session, found, body, .. }: Owner<ARequest, Confirmation>,
) -> Answer<Json<ApplicationRow>> {
    let row = certificate_request::confirm(&app.portal, &session, found, &body.password, address).await?;
    Ok(Json(row))
}

/// Removes a prepared request, whose key pair is no more.
#[utoipa::path(
    delete, path = "/requests/{id}", params(("id" = Uuid, Path)),
    responses((status = 200, body = ApplicationRow)),
    extensions(("x-problem-codes" = json!([RequestNotFound, ApplicationStateForbids]))),
    security(("session" = [])),
)]
pub(super) async fn remove(
    State(app): State<App>,
    Owner { session, found, .. }: Owner<ARequest>,
) -> Answer<Json<ApplicationRow>> {
    Ok(Json(certificate_request::remove(&app.portal, &session, found).await?))
}
