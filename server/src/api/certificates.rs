//! Certificates of the person who is signed in.

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use qcert_protocol::portal::{
    ApplicationRow, CertificateDetails, CertificateView, Installation, PasswordOrdered, Problem as ProblemBody,
    Revocation, RevocationOrder,
};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, schema::Type},
};

use super::{App, Id, body::Body, client::SignedIn, client_address::ClientAddress, problem::Answer};
use crate::{applications, revocation};

/// All certificates.
#[utoipa::path(
    get, path = "/certificates",
    responses(
        (status = 200, body = Vec<CertificateView>),
        (status = 401, body = ProblemBody, content_type = "application/problem+json", description = "`session_required`"),
    )
)]
pub(super) async fn list(State(app): State<App>, SignedIn(session): SignedIn) -> Answer<Json<Vec<CertificateView>>> {
    Ok(Json(applications::certificates(&app.portal, &session).await?))
}

/// One certificate and its chain.
#[utoipa::path(
    get, path = "/certificates/{id}", params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 200, body = CertificateDetails),
        (status = "4XX", body = ProblemBody, content_type = "application/problem+json",
            description = "`session_required`, `certificate_not_found`"),
    )
)]
pub(super) async fn details(
    State(app): State<App>,
    SignedIn(session): SignedIn,
    Id(id): Id,
) -> Answer<Json<CertificateDetails>> {
    Ok(Json(applications::certificate_details(&app.portal, &session, id).await?))
}

/// What a file is in the description: its bytes, not a list of numbers.
enum File {}

impl PartialSchema for File {
    fn schema() -> RefOr<Schema> {
        let binary = SchemaFormat::KnownFormat(KnownFormat::Binary);
        ObjectBuilder::new().schema_type(Type::String).format(Some(binary)).into()
    }
}

impl ToSchema for File {}

/// The certificate's file, DER.
#[utoipa::path(
    get, path = "/certificates/{id}/file", params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 200, body = inline(File), content_type = "application/pkix-cert"),
        (status = "4XX", body = ProblemBody, content_type = "application/problem+json",
            description = "`session_required`, `certificate_not_found`"),
    )
)]
pub(super) async fn file(State(app): State<App>, SignedIn(session): SignedIn, Id(id): Id) -> Answer<Response> {
    let (_, certificate) = applications::certificate(&app.portal, &session, id).await?;
    let disposition = format!("attachment; filename=\"{}.cer\"", certificate.serial);
    let headers =
        [(header::CONTENT_TYPE, "application/pkix-cert".to_owned()), (header::CONTENT_DISPOSITION, disposition)];
    Ok((headers, certificate.der).into_response())
}

/// Notes that the certificate is on its token; twice is as good as once.
#[utoipa::path(
    post, path = "/certificates/{id}/installation", params(("id" = uuid::Uuid, Path)), request_body = Installation,
    responses(
        (status = 200, body = ApplicationRow),
        (status = "4XX", body = ProblemBody, content_type = "application/problem+json",
            description = "`session_required`, `certificate_not_found`, `application_state_forbids`, `field_invalid`"),
    )
)]
pub(super) async fn install(
    State(app): State<App>,
    SignedIn(session): SignedIn,
    Id(id): Id,
    Body(installation): Body<Installation>,
) -> Answer<Json<ApplicationRow>> {
    Ok(Json(applications::install(&app.portal, &session, id, &installation).await?))
}

/// Orders the one-time password that revokes the certificate for this reason, in this session.
#[utoipa::path(
    post, path = "/certificates/{id}/revocation/password", params(("id" = uuid::Uuid, Path)),
    request_body = RevocationOrder,
    responses(
        (status = 202, body = PasswordOrdered),
        (status = "4XX", body = ProblemBody, content_type = "application/problem+json",
            description = "`session_required`, `certificate_not_found`, `certificate_already_revoked`, \
                `revocation_reason_unsupported`, `application_state_forbids` (expired), `otp_resend_too_early`, \
                `rate_limited`"),
    )
)]
pub(super) async fn order_revocation_password(
    State(app): State<App>,
    SignedIn(session): SignedIn,
    ClientAddress(address): ClientAddress,
    Id(id): Id,
    Body(order): Body<RevocationOrder>,
) -> Answer<(StatusCode, Json<PasswordOrdered>)> {
    let ordered = revocation::order_password(&app.portal, &session, id, order.reason, address).await?;
    Ok((StatusCode::ACCEPTED, Json(ordered)))
}

/// Revokes the certificate; there is no way back.
#[utoipa::path(
    post, path = "/certificates/{id}/revocation", params(("id" = uuid::Uuid, Path)), request_body = Revocation,
    responses(
        (status = 200, body = ApplicationRow),
        (status = "4XX", body = ProblemBody, content_type = "application/problem+json",
            description = "`session_required`, `certificate_not_found`, `certificate_already_revoked`, \
                `revocation_reason_unsupported`, `otp_wrong` (with `triesLeft`), `otp_expired`, `otp_used`, \
                `otp_tries_exhausted`, `otp_not_requested`, `digest_changed` (the password was ordered for another \
                reason), `application_state_forbids`, `rate_limited`"),
    )
)]
pub(super) async fn revoke(
    State(app): State<App>,
    SignedIn(session): SignedIn,
    ClientAddress(address): ClientAddress,
    Id(id): Id,
    Body(Revocation { reason, password }): Body<Revocation>,
) -> Answer<Json<ApplicationRow>> {
    Ok(Json(revocation::by_holder(&app.portal, &session, id, reason, &password, address).await?))
}
