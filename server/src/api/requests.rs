//! Certificate requests of the person who is signed in.

use axum::{Json, extract::State, http::StatusCode};
use qcert_protocol::portal::{ApplicationRow, Confirmation, PasswordOrdered, Problem as ProblemBody, RequestUpload};

use super::{App, Id, body::Body, client::SignedIn, client_address::ClientAddress, problem::Answer};
use crate::certificate_request;

/// Takes a PKCS#10 request; no password is sent yet.
#[utoipa::path(
    post, path = "/applications/{id}/requests", params(("id" = uuid::Uuid, Path)), request_body = RequestUpload,
    responses(
        (status = 201, body = ApplicationRow),
        (status = "4XX", body = ProblemBody, content_type = "application/problem+json",
            description = "`session_required`, `application_not_found`, `request_malformed` and the others \
                `request_…` of the list, `proof_of_possession_failed`, `signature_algorithm_unsupported`, `key_in_use`, \
                `key_blocked`, `key_revoked` and what else is wrong with a key, \
                `application_state_forbids`, `identification_missing`, `field_invalid`"),
    )
)]
pub(super) async fn upload(
    State(app): State<App>,
    SignedIn(session): SignedIn,
    Id(id): Id,
    Body(upload): Body<RequestUpload>,
) -> Answer<(StatusCode, Json<ApplicationRow>)> {
    let row = certificate_request::upload(&app.portal, &session, id, &upload).await?;
    Ok((StatusCode::CREATED, Json(row)))
}

/// Orders the second one-time password, bound to the request's digest and to this session.
#[utoipa::path(
    post, path = "/requests/{id}/password", params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 202, body = PasswordOrdered),
        (status = "4XX", body = ProblemBody, content_type = "application/problem+json",
            description = "`session_required`, `request_not_found`, `otp_resend_too_early`, \
                `application_state_forbids`, `rate_limited`"),
    )
)]
pub(super) async fn order_password(
    State(app): State<App>,
    SignedIn(session): SignedIn,
    ClientAddress(address): ClientAddress,
    Id(id): Id,
) -> Answer<(StatusCode, Json<PasswordOrdered>)> {
    let ordered = certificate_request::order_password(&app.portal, &session, id, address).await?;
    Ok((StatusCode::ACCEPTED, Json(ordered)))
}

/// Confirms the request with the second one-time password.
#[utoipa::path(
    post, path = "/requests/{id}/confirmation", params(("id" = uuid::Uuid, Path)), request_body = Confirmation,
    responses(
        (status = 200, body = ApplicationRow),
        (status = "4XX", body = ProblemBody, content_type = "application/problem+json",
            description = "`session_required`, `request_not_found`, `otp_wrong` (with `triesLeft`), `otp_expired`, \
                `otp_used`, `otp_tries_exhausted`, `otp_not_requested`, `digest_changed`, \
                `identification_missing`, `application_state_forbids`, `rate_limited`"),
    )
)]
pub(super) async fn confirm(
    State(app): State<App>,
    SignedIn(session): SignedIn,
    ClientAddress(address): ClientAddress,
    Id(id): Id,
    Body(confirmation): Body<Confirmation>,
) -> Answer<Json<ApplicationRow>> {
    let row = certificate_request::confirm(&app.portal, &session, id, &confirmation.password, address).await?;
    Ok(Json(row))
}

/// Removes a prepared request, whose key pair is no more.
#[utoipa::path(
    delete, path = "/requests/{id}", params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 200, body = ApplicationRow),
        (status = "4XX", body = ProblemBody, content_type = "application/problem+json",
            description = "`session_required`, `request_not_found`, `application_state_forbids`"),
    )
)]
pub(super) async fn remove(
    State(app): State<App>,
    SignedIn(session): SignedIn,
    Id(id): Id,
) -> Answer<Json<ApplicationRow>> {
    Ok(Json(certificate_request::remove(&app.portal, &session, id).await?))
}
