//! Certificates of the person who is signed in.

use axum::{
    Json,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use qcert_protocol::portal::{
    ApplicationRow, CertificateDetails, CertificateView, Installation, Problem as ProblemBody,
};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, schema::Type},
};

use super::{App, Id, body::Body, client::SignedIn, problem::Answer};
use crate::applications;

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
