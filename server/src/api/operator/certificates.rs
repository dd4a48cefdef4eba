//! Certificates and keys.

use axum::{Json, extract::State};
use qcert_protocol::{
    operator::{CertificateRecord, KeyBlock, KeyBlocked, OperatorRevocation},
    portal::Problem as ProblemBody,
};

use super::{Allowed, Word};
use crate::{
    api::{App, body::Body, problem::Answer},
    operators::{self, BlockKeys, Read, Revoke, reading},
};

/// One certificate.
#[utoipa::path(
    get, path = "/certificates/{serial}", params(("serial" = String, Path)), security(("operator" = [])),
    responses(
        (status = 200, body = CertificateRecord),
        (status = "4XX", body = ProblemBody, content_type = "application/problem+json",
            description = "`operator_token_required`, `operator_role_missing`, `certificate_not_found`, `rate_limited`"),
    )
)]
pub(super) async fn details(
    State(app): State<App>,
    Allowed(operator, _): Allowed<Read>,
    Word(serial): Word,
) -> Answer<Json<CertificateRecord>> {
    Ok(Json(reading::certificate(&app.portal, &operator, &serial).await?))
}

/// Revokes a certificate; there is no way back. For revokers.
#[utoipa::path(
    post, path = "/certificates/{serial}/revocation", params(("serial" = String, Path)),
    request_body = OperatorRevocation, security(("operator" = [])),
    responses(
        (status = 200, body = CertificateRecord),
        (status = "4XX", body = ProblemBody, content_type = "application/problem+json",
            description = "`operator_token_required`, `operator_role_missing`, `certificate_not_found`, \
                `certificate_already_revoked`, `revocation_reason_unsupported`, `application_state_forbids` \
                (expired), `rate_limited`"),
    )
)]
pub(super) async fn revoke(
    State(app): State<App>,
    Allowed(operator, _): Allowed<Revoke>,
    Word(serial): Word,
    Body(OperatorRevocation { reason }): Body<OperatorRevocation>,
) -> Answer<Json<CertificateRecord>> {
    Ok(Json(operators::revoke(&app.portal, &operator, &serial, reason).await?))
}

/// Blocks a key: no request may bring it again. For revokers.
#[utoipa::path(
    post, path = "/keys/block", request_body = KeyBlock, security(("operator" = [])),
    responses(
        (status = 200, body = KeyBlocked),
        (status = "4XX", body = ProblemBody, content_type = "application/problem+json",
            description = "`operator_token_required`, `operator_role_missing`, `field_invalid`, `rate_limited`"),
    )
)]
pub(super) async fn block_key(
    State(app): State<App>,
    Allowed(operator, _): Allowed<BlockKeys>,
    Body(KeyBlock { key }): Body<KeyBlock>,
) -> Answer<Json<KeyBlocked>> {
    Ok(Json(operators::block_key(&app.portal, &operator, &key).await?))
}
