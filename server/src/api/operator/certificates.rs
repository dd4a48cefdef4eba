//! Certificates and keys.

use axum::{Json, extract::State};
use qcert_protocol::{
    ErrorCode::*,
    operator::{CertificateRecord, KeyBlock, KeyBlocked, OperatorRevocation},
};

use super::Allowed;
use crate::{
    api::{App, InPath, body::Body, problem::Answer},
    operators::{self, Action, BlockKeys, Read, Revoke, reading},
};

/// One certificate.
#[utoipa::path(
    get, path = "/certificates/{serial}", params(("serial" = String, Path)),
    responses((status = 200, body = CertificateRecord)),
    extensions(("x-roles" = json!(Read::ROLES)), ("x-problem-codes" = json!([CertificateNotFound]))),
)]
pub(super) async fn details(
    State(app): State<App>,
    Allowed(operator, _): Allowed<Read>,
    InPath(serial): InPath<String>,
) -> Answer<Json<CertificateRecord>> {
    Ok(Json(reading::certificate(&app.portal, &operator, &serial).await?))
}

/// Revokes a certificate; there is no way back. For revokers.
#[utoipa::path(
    post, path = "/certificates/{serial}/revocation", params(("serial" = String, Path)),
    request_body = OperatorRevocation,
    responses((status = 200, body = CertificateRecord)),
    extensions(
        ("x-roles" = json!(Revoke::ROLES)),
        ("x-problem-codes" = json!([
            CertificateNotFound, CertificateAlreadyRevoked, RevocationReasonUnsupported, ApplicationStateForbids,
        ])),
    ),
)]
pub(super) async fn revoke(
    State(app): State<App>,
    Allowed(operator, _): Allowed<Revoke>,
    InPath(serial): InPath<String>,
    Body(OperatorRevocation { reason }): Body<OperatorRevocation>,
) -> Answer<Json<CertificateRecord>> {
    Ok(Json(operators::revoke(&app.portal, &operator, &serial, reason).await?))
}

/// Blocks a key: no request may bring it again. For revokers.
#[utoipa::path(
    post, path = "/keys/block", request_body = KeyBlock,
    responses((status = 200, body = KeyBlocked)),
    extensions(("x-roles" = json!(BlockKeys::ROLES)), ("x-problem-codes" = json!([FieldInvalid]))),
)]
pub(super) async fn block_key(
    State(app): State<App>,
    Allowed(operator, _): Allowed<BlockKeys>,
    Body(KeyBlock { key }): Body<KeyBlock>,
) -> Answer<Json<KeyBlocked>> {
    Ok(Json(operators::block_key(&app.portal, &operator, &key).await?))
}
