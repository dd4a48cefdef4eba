//! Applications of the person who is signed in.

use axum::{Json, extract::State, http::StatusCode};
use qcert_protocol::{
    ErrorCode::*,
    portal::{ActivationEntry, ApplicationDetails, ApplicationRow, MistakeReport},
};

use super::{
    App,
    client::{AnApplication, Owner, SignedIn},
    client_address::ClientAddress,
    problem::Answer,
};
use crate::{activation, applications, certificate_request, renewal};

/// All rows.
#[utoipa::path(
    get, path = "/applications",
    responses((status = 200, body = Vec<ApplicationRow>)),
    security(("session" = [])),
)]
pub(super) async fn list(State(app): State<App>, SignedIn(session): SignedIn) -> Answer<Json<Vec<ApplicationRow>>> {
    Ok(Json(applications::rows(&app.portal, &session).await?))
}

/// One application with the holder's data.
#[utoipa::path(
    get, path = "/applications/{id}", params(("id" = Uuid, Path)),
    responses((status = 200, body = ApplicationDetails)),
    extensions(("x-problem-codes" = json!([ApplicationNotFound]))),
    security(("session" = [])),
)]
pub(super) async fn details(
    State(app): State<App>,
    Owner { session, found, .. }: Owner<AnApplication>,
) -> Answer<Json<ApplicationDetails>> {
    Ok(Json(applications::details(&app.portal, &session, found).await?))
}

/// Records what the person found wrong.
#[utoipa::path(
    post, path = "/applications/{id}/mistakes", params(("id" = Uuid, Path)), request_body = MistakeReport,
    responses((status = 204)),
    extensions(("x-problem-codes" = json!([ApplicationNotFound, FieldInvalid, RateLimited]))),
    security(("session" = [])),
)]
pub(super) async fn report_mistake(
    State(app): State<App>,
    Owner { session, found, body, .. }: Owner<AnApplication, MistakeReport>,
) -> Answer<StatusCode> {
    applications::report_mistake(&app.portal, &session, &found, &body.text).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Enters the activation code that was handed over with the application; twice is as good as once.
#[utoipa::path(
    post, path = "/applications/{id}/activation", params(("id" = Uuid, Path)), request_body = ActivationEntry,
    responses((status = 200, body = ApplicationDetails)),
    extensions(("x-problem-codes" = json!([
        ApplicationNotFound, ActivationCodeMistyped, ActivationCodeWrong, ActivationTriesExhausted,
        ActivationCodeMissing, RateLimited,
    ]))),
    security(("session" = [])),
)]
pub(super) async fn activate(
    State(app): State<App>,
    ClientAddress(address): ClientAddress,
    Owner { session, found, body, .. }: Owner<AnApplication, ActivationEntry>,
) -> Answer<Json<ApplicationDetails>> {
    Ok(Json(activation::enter(&app.portal, &session, found, &body.code, address).await?))
}

/// Makes an application that renews this one, whose certificate ends soon; twice is as good as once.
#[utoipa::path(
    post, path = "/applications/{id}/renewal", params(("id" = Uuid, Path)),
    responses((status = 200, body = ApplicationRow)),
    extensions(("x-problem-codes" = json!([ApplicationNotFound, RenewalNotOpen]))),
    security(("session" = [])),
)]
pub(super) async fn renew(
    State(app): State<App>,
    Owner { session, found, .. }: Owner<AnApplication>,
) -> Answer<Json<ApplicationRow>> {
    Ok(Json(renewal::begin(&app.portal, &session, found).await?))
}

/// Takes a sent request back, for its token was lost.
#[utoipa::path(
    post, path = "/applications/{id}/withdrawal", params(("id" = Uuid, Path)),
    responses((status = 200, body = ApplicationRow)),
    extensions(("x-problem-codes" = json!([ApplicationNotFound, ApplicationStateForbids]))),
    security(("session" = [])),
)]
pub(super) async fn withdraw(
    State(app): State<App>,
    Owner { session, found, .. }: Owner<AnApplication>,
) -> Answer<Json<ApplicationRow>> {
    Ok(Json(certificate_request::withdraw(&app.portal, &session, found).await?))
}
