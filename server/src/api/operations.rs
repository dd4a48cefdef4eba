//! What the operations desk asks: does the server live, is it ready, what has it counted.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::App;
use crate::{
    health::{self, Readiness},
    metrics,
    portal::Portal,
};

/// For everybody: a balancer asks where it sends requests.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(lives)).routes(routes!(is_ready))
}

/// For the operations desk alone, on an address of its own.
pub fn router(portal: Arc<Portal>) -> Router {
    Router::new()
        .route("/healthz", get(lives))
        .route("/readyz", get(|State(portal): State<Arc<Portal>>| readiness(portal)))
        .route("/metrics", get(scrape))
        .with_state(portal)
}

/// Does the server live? Whoever can say so does.
#[utoipa::path(get, path = "/healthz", responses((status = 200, body = String, content_type = "text/plain")))]
async fn lives() -> &'static str {
    "ok"
}

/// Whether the server can do its work, and what of it cannot.
#[derive(Serialize, ToSchema)]
struct Ready {
    /// `ready`, `not_ready`, or `closing` when the server is about to end.
    status: &'static str,
    checks: Vec<Check>,
}

/// A part of it.
#[derive(Serialize, ToSchema)]
struct Check {
    /// `database`, `caKey`, `gateway` or `clock`.
    name: &'static str,
    /// `ok`, `failed`, or `unknown` while nobody can tell.
    state: &'static str,
    /// What is wrong.
    code: &'static str,
}

/// Can the server do its work?
#[utoipa::path(get, path = "/readyz", responses((status = 200, body = Ready), (status = 503, body = Ready)))]
async fn is_ready(State(app): State<App>) -> Response {
    readiness(app.portal).await
}

async fn readiness(portal: Arc<Portal>) -> Response {
    let readiness = health::readiness(&portal).await;
    let checks = readiness.checks().map(|(name, state)| Check { name, state: state.name(), code: state.code() });
    let code = if readiness.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let ready = Ready { status: status(&readiness), checks: checks.into() };
    (code, [(header::CACHE_CONTROL, "no-store")], Json(ready)).into_response()
}

fn status(readiness: &Readiness) -> &'static str {
    match readiness {
        readiness if readiness.is_closing() => "closing",
        readiness if readiness.is_ready() => "ready",
        _ => "not_ready",
    }
}

async fn scrape(State(portal): State<Arc<Portal>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], metrics::scrape(&portal).await)
}
