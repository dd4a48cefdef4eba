//! Operators themselves, and what they did.

use axum::{Json, extract::State, http::StatusCode};
use qcert_protocol::operator::{AuditPage, OperatorView};

use super::{After, Allowed};
use crate::{
    api::{App, InPath, problem::Answer},
    error::Refusal,
    operators::{self, Action, ReadAudit, RemoveOperators, SeeOneself, SeeOperators, reading},
};

/// Whose token this is.
#[utoipa::path(
    get, path = "/session",
    responses((status = 200, body = OperatorView)),
    extensions(("x-roles" = json!(SeeOneself::ROLES))),
)]
pub(super) async fn session(Allowed(operator, _): Allowed<SeeOneself>) -> Json<OperatorView> {
    let operators::Operator { name, roles, expires_at, .. } = operator;
    Json(OperatorView { name, roles, expires_at, removed_at: None })
}

/// All operators there ever were. For auditors and administrators.
#[utoipa::path(
    get, path = "/operators",
    responses((status = 200, body = Vec<OperatorView>)),
    extensions(("x-roles" = json!(SeeOperators::ROLES))),
)]
pub(super) async fn operators(
    State(app): State<App>,
    Allowed(..): Allowed<SeeOperators>,
) -> Answer<Json<Vec<OperatorView>>> {
    Ok(Json(reading::operators(&app.portal).await?))
}

/// Takes an operator's token away. For administrators; tokens are made on the command line alone.
#[utoipa::path(
    delete, path = "/operators/{name}", params(("name" = String, Path)),
    responses((status = 204)),
    extensions(("x-roles" = json!(RemoveOperators::ROLES))),
)]
pub(super) async fn remove(
    State(app): State<App>,
    Allowed(operator, _): Allowed<RemoveOperators>,
    InPath(name): InPath<String>,
) -> Answer<StatusCode> {
    let portal = &app.portal;
    operators::remove(&*portal.store, &*portal.clock, &name, &operator.actor).await.map_err(Refusal::from)?;
    Ok(StatusCode::NO_CONTENT)
}

/// What was done, a page at a time. For auditors.
#[utoipa::path(
    get, path = "/audit", params(("after" = Option<i64>, Query, description = "The `next` of the page before.")),
    responses((status = 200, body = AuditPage)),
    extensions(("x-roles" = json!(ReadAudit::ROLES))),
)]
pub(super) async fn audit(
    State(app): State<App>,
    Allowed(operator, _): Allowed<ReadAudit>,
    After(after): After<i64>,
) -> Answer<Json<AuditPage>> {
    Ok(Json(reading::audit(&app.portal, &operator, after.unwrap_or(0)).await?))
}
