//! Requests that change something come from our own page, and say what their body is.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, Method, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use qcert_protocol::ErrorCode;

use super::{App, body::is_json, problem::Problem};

/// Refuses other sites' requests before anything of them is read. `SameSite=Strict` keeps the cookie from them
/// already; this holds where that does not, and for signing in, which needs no cookie.
pub(super) async fn check(State(app): State<App>, request: Request, next: Next) -> Response {
    if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        return next.run(request).await;
    }
    let headers = request.headers();
    if !is_own(headers, &app.portal.origin) {
        return Problem::from(ErrorCode::OriginForbidden).into_response();
    }
    if has_body(headers) && !is_json(headers) {
        return Problem::from(ErrorCode::MediaTypeUnsupported).into_response();
    }
    next.run(request).await
}

fn is_own(headers: &HeaderMap, origin: &str) -> bool {
    let same_origin = headers.get(header::ORIGIN).is_none_or(|value| value.as_bytes() == origin.as_bytes());
    let same_site =
        headers.get("sec-fetch-site").is_none_or(|value| matches!(value.as_bytes(), b"same-origin" | b"none"));
    same_origin && same_site
}

fn has_body(headers: &HeaderMap) -> bool {
    let length = headers.get(header::CONTENT_LENGTH);
    headers.contains_key(header::TRANSFER_ENCODING) || length.is_some_and(|length| length.as_bytes() != b"0")
}
