//! The authority's certificates, for everybody.

use axum::{
    Router,
    extract::{Path, State},
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};
use qcert_protocol::ErrorCode;

use super::{App, problem::Answer};
use crate::ca;

const CERTIFICATE: &str = "application/pkix-cert";

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/ca/root.cer", get(root))
        .route("/ca/issuing.cer", get(issuing))
        .route("/ca/chain.pem", get(chain))
        .route("/ca/{file}", get(one_of))
        .route("/crl/root.crl", get(root_list))
}

async fn root(State(app): State<App>) -> Response {
    let root = app.portal.ca.current().chain().last().map(|root| root.der().to_vec());
    file(CERTIFICATE, root.unwrap_or_default())
}

/// The first one's: certificates that were issued before there were several name this address.
async fn issuing(State(app): State<App>) -> Answer<Response> {
    let oldest = app.portal.ca.issuers().last().ok_or(ErrorCode::NotFound)?;
    Ok(file(CERTIFICATE, oldest.certificate().der().to_vec()))
}

/// Any issuing certificate, by the key identifier that certificates below it name: `<id>.cer`.
async fn one_of(State(app): State<App>, Path(file): Path<String>) -> Answer<Response> {
    let id = file.strip_suffix(".cer").and_then(ca::parse_id);
    let issuer = id.and_then(|id| app.portal.ca.issuer(&id)).ok_or(ErrorCode::NotFound)?;
    Ok(self::file(CERTIFICATE, issuer.certificate().der().to_vec()))
}

/// The list of the authority above ours, as it was made or imported last.
async fn root_list(State(app): State<App>) -> Answer<Response> {
    let list = app.portal.ca.root_list().map_err(|error| {
        tracing::error!(%error, "no revocation list of the root");
        ErrorCode::Internal
    })?;
    Ok(file("application/pkix-crl", list.ok_or(ErrorCode::NotFound)?.der().to_vec()))
}

async fn chain(State(app): State<App>) -> Response {
    let pem: String = app.portal.ca.current().chain().iter().map(qcert_pki::Certificate::to_pem).collect();
    file("application/pem-certificate-chain", pem.into_bytes())
}

fn file(content_type: &'static str, bytes: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, "public, max-age=300")], bytes).into_response()
}
