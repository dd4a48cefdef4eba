//! What is noted of every request: a name for it, a line in the log, and its share of the metrics. The line has the
//! route's pattern and never the path, whose words may be somebody's.

use std::{
    net::IpAddr,
    panic::AssertUnwindSafe,
    sync::{Arc, OnceLock},
};

use axum::{
    body::Body,
    extract::{FromRequestParts, MatchedPath, Request, State},
    http::{HeaderName, HeaderValue, Method, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;
use qcert_protocol::ErrorCode;
use tracing::Instrument;
use uuid::Uuid;

use super::{
    App,
    client_address::{ClientAddress, is_of_a_trusted_proxy},
    problem::Problem,
};
use crate::{
    clock::Stopwatch,
    metrics::{Answered, Asked},
    randomness,
};

/// The request's name, in its answer.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Who asked, once somebody has found that out.
#[derive(Clone, Default)]
pub(super) struct Asker(Arc<OnceLock<String>>);

impl Asker {
    /// An operator asks.
    pub(super) fn is(&self, operator: &str) {
        let _ = self.0.set(operator.to_owned());
    }
}

/// Names the request, answers it, and notes both.
pub(super) async fn note(State(app): State<App>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let id = match named_by_a_proxy(&mut parts, &app).await {
        Some(id) => id,
        // Without randomness nothing else is done either.
        None => randomness::uuid(app.portal.clock.now(), &*app.portal.randomness).unwrap_or(Uuid::nil()).to_string(),
    };
    // Whatever the log's level is, what is logged meanwhile has the request's name.
    let span = tracing::error_span!("request", id);
    noted(app, &id, (parts, body), next).instrument(span).await
}

/// The name that a trusted proxy gave to the request, as it writes it. A UUID alone is taken (with hyphens or without, as
/// nginx's `$request_id`): proxies pass on what a client wrote, and an outsider's words do not belong into a log.
async fn named_by_a_proxy(parts: &mut Parts, app: &App) -> Option<String> {
    let given = parts.headers.get(REQUEST_ID)?.to_str().ok()?.to_owned();
    let is_name = matches!(given.len(), 32 | 36) && Uuid::parse_str(&given).is_ok();
    (is_name && is_of_a_trusted_proxy(parts, app).await).then_some(given)
}

async fn noted(app: App, id: &str, (mut parts, body): (Parts, Body), next: Next) -> Response {
    let stopwatch = Stopwatch::start(&*app.portal.clock);
    let asker = Asker::default();
    let client =
        ClientAddress::from_request_parts(&mut parts, &app).await.ok().map(|ClientAddress(address)| masked(address));
    let route = parts.extensions.get::<MatchedPath>().map_or("page", MatchedPath::as_str).to_owned();
    let method = method(&parts.method);
    parts.extensions.insert(asker.clone());
    // A panic is a defect of one request. What it held is dropped with it, and it gets an answer as any other.
    let answered = AssertUnwindSafe(next.run(Request::from_parts(parts, body))).catch_unwind().await;
    let mut response = answered.unwrap_or_else(|_| Problem::from(ErrorCode::Internal).into_response());
    if let Ok(value) = HeaderValue::from_str(id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    let (status, seconds) = (response.status().as_u16(), stopwatch.seconds());
    let metrics = &app.portal.metrics;
    metrics.request_duration.get_or_create(&Asked { route: route.clone(), method }).observe(seconds);
    metrics.requests.get_or_create(&Answered { route: route.clone(), method, status }).inc();
    let milliseconds = (seconds * 1e6).round() / 1e3;
    let operator = asker.0.get().map(tracing::field::display);
    tracing::info!(target: "access", method, route, status, milliseconds, client, operator, "answered");
    response
}

/// A method's name; those that somebody invents have one in common.
fn method(method: &Method) -> &'static str {
    const OWN: [(Method, &str); 8] = [
        (Method::GET, "GET"),
        (Method::POST, "POST"),
        (Method::PUT, "PUT"),
        (Method::DELETE, "DELETE"),
        (Method::HEAD, "HEAD"),
        (Method::OPTIONS, "OPTIONS"),
        (Method::PATCH, "PATCH"),
        (Method::CONNECT, "CONNECT"),
    ];
    OWN.iter().find(|(own, _)| own == method).map_or("other", |(_, name)| name)
}

/// The network of an address: it tells where a flood comes from, and not who is at home there. A provider gives a
/// household anything up to a /48.
fn masked(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(address) => {
            let [a, b, c, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}::/48")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_address_its_network_is_noted() {
        let masked = |address: &str| masked(address.parse().unwrap());
        assert_eq!(masked("192.0.2.77"), "192.0.2.0/24");
        assert_eq!(masked("::ffff:192.0.2.77"), "192.0.2.0/24");
        assert_eq!(masked("2001:db8:1:2::77"), "2001:db8:1::/48");
    }

    #[test]
    fn a_method_that_somebody_invents_has_no_name_of_its_own() {
        assert_eq!(method(&Method::POST), "POST");
        assert_eq!(method(&Method::from_bytes(b"INVENTED").unwrap()), "other");
    }
}
