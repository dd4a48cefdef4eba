//! Certificates of the person who is signed in.

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use qcert_protocol::{
    ErrorCode::*,
    portal::{
        ApplicationRow, CertificateDetails, CertificateView, Installation, PasswordOrdered, Revocation, RevocationOrder,
    },
};

use super::{
    App,
    client::{ACertificate, Owner, SignedIn},
    client_address::ClientAddress,
    description::Octets,
    problem::Answer,
};
use crate::{applications, revocation};

/// All certificates.
#[utoipa::path(
    get, path = "/certificates",
    responses((status = 200, body = Vec<CertificateView>)),
    security(("session" = [])),
)]
pub(super) async fn list(State(app): State<App>, SignedIn(session): SignedIn) -> Answer<Json<Vec<CertificateView>>> {
    Ok(Json(applications::certificates(&app.portal, &session).await?))
}

/// One certificate and its chain.
#[utoipa::path(
    get, path = "/certificates/{id}", params(("id" = Uuid, Path)),
    responses((status = 200, body = CertificateDetails)),
    extensions(("x-problem-codes" = json!([CertificateNotFound]))),
    security(("session" = [])),
)]
pub(super) async fn details(
    State(app): State<App>,
    Owner { found, .. }: Owner<ACertificate>,
) -> Answer<Json<CertificateDetails>> {
    Ok(Json(applications::certificate_details(&app.portal, found)?))
}

/// The certificate's file, DER.
#[utoipa::path(
    get, path = "/certificates/{id}/file", params(("id" = Uuid, Path)),
    responses((status = 200, body = inline(Octets), content_type = "application/pkix-cert")),
    extensions(("x-problem-codes" = json!([CertificateNotFound]))),
    security(("session" = [])),
)]
pub(super) async fn file(Owner { found, .. }: Owner<ACertificate>) -> Answer<Response> {
    let (_, certificate) = applications::of_application(found)?;
    let disposition = format!("attachment; filename=\"{}.cer\"", certificate.serial);
    let headers =
        [(header::CONTENT_TYPE, "application/pkix-cert".to_owned()), (header::CONTENT_DISPOSITION, disposition)];
    Ok((headers, certificate.der).into_response())
}

/// Notes that the certificate is on its token; twice is as good as once.
#[utoipa::path(
    post, path = "/certificates/{id}/installation", params(("id" = Uuid, Path)), request_body = Installation,
    responses((status = 200, body = ApplicationRow)),
    extensions(("x-problem-codes" = json!([CertificateNotFound, ApplicationStateForbids, FieldInvalid]))),
    security(("session" = [])),
)]
pub(super) async fn install(
    State(app): State<App>,
    Owner { session, found, body, .. }: Owner<ACertificate, Installation>,
) -> Answer<Json<ApplicationRow>> {
    Ok(Json(applications::install(&app.portal, &session, found, &body).await?))
}

/// Orders the one-time password that revokes the certificate for this reason, in this session.
#[utoipa::path(
    post, path = "/certificates/{id}/revocation/password", params(("id" = Uuid, Path)),
    request_body = RevocationOrder,
    responses((status = 202, body = PasswordOrdered)),
    extensions(("x-problem-codes" = json!([
        CertificateNotFound, CertificateAlreadyRevoked, RevocationReasonUnsupported, ApplicationStateForbids,
        OtpResendTooEarly, OtpTriesExhausted, PhoneLocked, RateLimited,
    ]))),
    security(("session" = [])),
)]
pub(super) async fn order_revocation_password(
    State(app): State<App>,
    ClientAddress(address): ClientAddress,
    Owner { session, found, body, .. }: Owner<ACertificate, RevocationOrder>,
) -> Answer<(StatusCode, Json<PasswordOrdered>)> {
    let ordered = revocation::order_password(&app.portal, &session, found, body.reason, address).await?;
    Ok((StatusCode::ACCEPTED, Json(ordered)))
}

/// Revokes the certificate; there is no way back.
#[utoipa::path(
    post, path = "/certificates/{id}/revocation", params(("id" = Uuid, Path)), request_body = Revocation,
    responses((status = 200, body = ApplicationRow)),
    extensions(("x-problem-codes" = json!([
        CertificateNotFound, CertificateAlreadyRevoked, RevocationReasonUnsupported, OtpWrong, OtpExpired, OtpUsed,
        OtpTriesExhausted, PhoneLocked, OtpNotRequested, DigestChanged, ApplicationStateForbids, RateLimited,
    ]))),
    security(("session" = [])),
)]
pub(super) async fn revoke(
    State(app): State<App>,
    ClientAddress(address): ClientAddress,
    Owner { session, found, body: Revocation { reason, password }, .. }: Owner<ACertificate, Revocation>,
) -> Answer<Json<ApplicationRow>> {
    Ok(Json(revocation::by_holder(&app.portal, &session, found, reason, &password, address).await?))
}
