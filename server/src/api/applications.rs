//! Applications of the person who is signed in.

use axum::{Json, extract::State, http::StatusCode};
use qcert_protocol::portal::{ApplicationDetails, ApplicationRow, MistakeReport, Problem as ProblemBody};

use super::{App, Id, body::Body, client::SignedIn, problem::Answer};
use crate::{applications, certificate_request};

/// All rows.
#[utoipa::path(
    get, path = "/applications",
    responses(
        (status = 200, body = Vec<ApplicationRow>),
        (status = 401, body = ProblemBody, content_type = "application/problem+json", description = "`session_required`"),
    )
)]
pub(super) async fn list(State(app): State<App>, SignedIn(session): SignedIn) -> Answer<Json<Vec<ApplicationRow>>> {
    Ok(Json(applications::rows(&app.portal, &session).await?))
}

/// One application with the holder's data.
#[utoipa::path(
    get, path = "/applications/{id}", params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 200, body = ApplicationDetails),
        (status = "4XX", body = ProblemBody, content_type = "application/problem+json",
            description = "`session_required`, `application_not_found`"),
    )
)]
pub(super) async fn details(
    State(app): State<App>,
    SignedIn(session): SignedIn,
    Id(id): Id,
) -> Answer<Json<ApplicationDetails>> {
    Ok(Json(applications::details(&app.portal, &session, id).await?))
}

/// Records what the person found wrong.
#[utoipa::path(
    post, path = "/applications/{id}/mistakes", params(("id" = uuid::Uuid, Path)), request_body = MistakeReport,
    responses(
        (status = 204),
        (status = "4XX", body = ProblemBody, content_type = "application/problem+json",
            description = "`session_required`, `application_not_found`, `field_invalid`, `rate_limited`"),
    )
)]
pub(super) async fn report_mistake(
    State(app): State<App>,
    SignedIn(session): SignedIn,
    Id(id): Id,
    Body(report): Body<MistakeReport>,
) -> Answer<StatusCode> {
    applications::report_mistake(&app.portal, &session, id, &report.text).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a sent request back, for its token was lost.
#[utoipa::path(
    post, path = "/applications/{id}/withdrawal", params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 200, body = ApplicationRow),
        (status = "4XX", body = ProblemBody, content_type = "application/problem+json",
            description = "`session_required`, `application_not_found`, `application_state_forbids`"),
    )
)]
pub(super) async fn withdraw(
    State(app): State<App>,
    SignedIn(session): SignedIn,
    Id(id): Id,
) -> Answer<Json<ApplicationRow>> {
    Ok(Json(certificate_request::withdraw(&app.portal, &session, id).await?))
}
