//! The authority's certificates, for everybody.

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use qcert_protocol::ErrorCode::*;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{App, InPath, description::Octets, problem::Answer};
use crate::ca;

const CERTIFICATE: &str = "application/pkix-cert";

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(root))
        .routes(routes!(issuing))
        .routes(routes!(chain))
        .routes(routes!(one_of))
        .routes(routes!(root_list))
}

/// The root's certificate.
#[utoipa::path(
    get, path = "/ca/root.cer",
    responses((status = 200, body = inline(Octets), content_type = CERTIFICATE)),
)]
async fn root(State(app): State<App>) -> Response {
    let root = app.portal.ca.current().chain().last().map(|root| root.der().to_vec());
    file(CERTIFICATE, root.unwrap_or_default())
}

/// The oldest issuing certificate: certificates that were issued before there were several name this address.
#[utoipa::path(
    get, path = "/ca/issuing.cer",
    responses((status = 200, body = inline(Octets), content_type = CERTIFICATE)),
    extensions(("x-problem-codes" = json!([NotFound]))),
)]
async fn issuing(State(app): State<App>) -> Answer<Response> {
    let issuers = app.portal.ca.issuers();
    let oldest = issuers.last().ok_or(NotFound)?;
    Ok(file(CERTIFICATE, oldest.certificate().der().to_vec()))
}

/// Any issuing certificate, by the key identifier that certificates below it name: `<id>.cer`.
#[utoipa::path(
    get, path = "/ca/{file}", params(("file" = String, Path)),
    responses((status = 200, body = inline(Octets), content_type = CERTIFICATE)),
    extensions(("x-problem-codes" = json!([NotFound]))),
)]
async fn one_of(State(app): State<App>, InPath(file): InPath<String>) -> Answer<Response> {
    let id = file.strip_suffix(".cer").and_then(ca::parse_id);
    let issuer = id.and_then(|id| app.portal.ca.issuer(&id)).ok_or(NotFound)?;
    Ok(self::file(CERTIFICATE, issuer.certificate().der().to_vec()))
}

/// The list of the authority above ours, as it was made or imported last.
#[utoipa::path(
    get, path = "/crl/root.crl",
    responses((status = 200, body = inline(Octets), content_type = "application/pkix-crl")),
    extensions(("x-problem-codes" = json!([NotFound, Internal]))),
)]
async fn root_list(State(app): State<App>) -> Answer<Response> {
    let list = app.portal.ca.root_list().map_err(|error| {
        tracing::error!(%error, "no revocation list of the root");
        Internal
    })?;
    Ok(file("application/pkix-crl", list.ok_or(NotFound)?.der().to_vec()))
}

/// The issuing certificate and those above it, root last.
#[utoipa::path(
    get, path = "/ca/chain.pem",
    responses((status = 200, body = String, content_type = "application/pem-certificate-chain")),
)]
async fn chain(State(app): State<App>) -> Response {
    let pem: String = app.portal.ca.current().chain().iter().map(qcert_pki::Certificate::to_pem).collect();
    file("application/pem-certificate-chain", pem.into_bytes())
}

fn file(content_type: &'static str, bytes: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, "public, max-age=300")], bytes).into_response()
}
