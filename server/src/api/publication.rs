//! Revocation lists and answers about certificates' states, for everybody. Programs ask, not pages: these routes stand
//! outside the check of origins.

use axum::{
    body::Bytes,
    extract::{
        Path, State,
        rejection::{BytesRejection, PathRejection},
    },
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use qcert_pki::ocsp::Refusal;
use qcert_protocol::ErrorCode::*;
use time::{Duration, OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{App, InPath, description::Octets, problem::Answer};
use crate::{
    ca,
    publication::{lists, ocsp},
    store::IssuerId,
};

const LIST: &str = "application/pkix-crl";
const ANSWER: &str = "application/ocsp-response";
/// How long others may keep a list: it is long good, but a newer one may be there.
const LIST_KEPT: Duration = Duration::MINUTE;
/// The longest question in an address, in characters; proxies take no longer ones either.
const LONGEST_ADDRESS: usize = 4096;

/// RFC 9110 §5.6.7.
const HTTP_DATE: &[BorrowedFormatItem<'_>] =
    format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");

pub(super) fn lists() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(first_list)).routes(routes!(list))
}

/// Answers carry no headers but their own: there are many of them, and no browser shows them.
pub(super) fn answers() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(asked_by_post)).routes(routes!(asked_by_get))
}

/// The list of certificates that were issued before lists were sharded: of the oldest issuer.
#[utoipa::path(
    get, path = "/crl/issuing.crl",
    responses((status = 200, body = inline(Octets), content_type = LIST), (status = 304)),
    extensions(("x-problem-codes" = json!([NotFound, Internal, PortalUnavailable]))),
)]
async fn first_list(State(app): State<App>, headers: HeaderMap) -> Answer<Response> {
    let oldest = app.portal.ca.issuers().last().ok_or(NotFound)?.id();
    latest(&app, &oldest, "", &headers).await
}

/// A shard of an issuer's list: `<key identifier>/<shard>.crl`.
#[utoipa::path(
    get, path = "/crl/{issuer}/{file}", params(("issuer" = String, Path), ("file" = String, Path)),
    responses((status = 200, body = inline(Octets), content_type = LIST), (status = 304)),
    extensions(("x-problem-codes" = json!([NotFound, Internal, PortalUnavailable]))),
)]
async fn list(
    State(app): State<App>,
    InPath((issuer, file)): InPath<(String, String)>,
    headers: HeaderMap,
) -> Answer<Response> {
    let issuer = ca::parse_id(&issuer).ok_or(NotFound)?;
    let shard = file.strip_suffix(".crl").filter(|shard| !shard.is_empty()).ok_or(NotFound)?;
    latest(&app, &issuer, shard, &headers).await
}

async fn latest(app: &App, issuer: &IssuerId, shard: &str, asked: &HeaderMap) -> Answer<Response> {
    let list = lists::latest(&app.portal, issuer, shard).await?.ok_or(NotFound)?;
    let tag = format!("\"{:x}\"", list.number);
    let kept = (list.next_update - app.portal.clock.now()).clamp(Duration::ZERO, LIST_KEPT);
    let headers = [
        (header::CONTENT_TYPE, LIST.to_owned()),
        (header::CACHE_CONTROL, format!("public, max-age={}", kept.whole_seconds())),
        (header::ETAG, tag.clone()),
        (header::LAST_MODIFIED, http_date(list.this_update)),
    ];
    if is_known(asked, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    Ok((headers, list.der.clone()).into_response())
}

/// Whatever is sent gets an answer of the protocol (RFC 6960): a program that asks reads no other.
#[utoipa::path(
    post, path = "/ocsp", request_body(content = inline(Octets), content_type = "application/ocsp-request"),
    responses((status = 200, body = inline(Octets), content_type = ANSWER)),
)]
async fn asked_by_post(State(app): State<App>, question: Result<Bytes, BytesRejection>) -> Response {
    match question {
        Ok(question) => respond(&app, &*ocsp::answer(&app.portal, &question).await, &HeaderMap::new()),
        Err(_) => respond(&app, &Refusal::MalformedRequest.into(), &HeaderMap::new()),
    }
}

/// RFC 6960 §A.1: base64 of the question, percent-encoded where the client saw a need.
#[utoipa::path(
    get, path = "/ocsp/{*question}", params(("question" = String, Path)),
    responses((status = 200, body = inline(Octets), content_type = ANSWER), (status = 304)),
)]
async fn asked_by_get(
    State(app): State<App>,
    question: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Response {
    match question.ok().and_then(|Path(question)| decoded(&question)) {
        Some(question) => respond(&app, &*ocsp::answer(&app.portal, &question).await, &headers),
        None => respond(&app, &Refusal::MalformedRequest.into(), &headers),
    }
}

fn decoded(question: &str) -> Option<Vec<u8>> {
    if question.len() > LONGEST_ADDRESS {
        return None;
    }
    // Some clients leave the padding out, and some proxies make a space of a plus.
    let characters = question.trim_end_matches('=').replace(' ', "+");
    let padding = "=".repeat((4 - characters.len() % 4) % 4);
    STANDARD.decode(characters + &padding).ok()
}

/// Headers of RFC 5019 §6.2. An answer that repeats a nonce, or refuses, is for nobody else.
fn respond(app: &App, answer: &ocsp::Answer, asked: &HeaderMap) -> Response {
    let content = (header::CONTENT_TYPE, HeaderValue::from_static(ANSWER));
    let sniff = (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let Some(keeping) = &answer.keeping else {
        let never = (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        return ([content, sniff, never], answer.der.clone()).into_response();
    };
    let tag = format!("\"{}\"", keeping.tag);
    let seconds = (keeping.next_update - app.portal.clock.now()).whole_seconds().max(0);
    let headers = [
        (header::CACHE_CONTROL, format!("max-age={seconds}, public, no-transform, must-revalidate")),
        (header::ETAG, tag.clone()),
        (header::EXPIRES, http_date(keeping.next_update)),
        (header::LAST_MODIFIED, http_date(keeping.produced_at)),
    ];
    if is_known(asked, &tag) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    ([content, sniff], headers, answer.der.clone()).into_response()
}

/// Does whoever asks have this already (RFC 9110 §13.1.2)?
fn is_known(asked: &HeaderMap, tag: &str) -> bool {
    let tags = asked.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    tags.flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

fn http_date(time: OffsetDateTime) -> String {
    // The format has no part that a time could lack.
    time.to_offset(time::UtcOffset::UTC).format(HTTP_DATE).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_in_an_address_is_read_with_and_without_padding() {
        for text in ["MAA+/w==", "MAA+/w", "MAA /w"] {
            assert_eq!(decoded(text), Some(vec![0x30, 0x00, 0x3e, 0xff]), "{text}");
        }
        assert_eq!((decoded("M"), decoded("MA_-"), decoded(&"A".repeat(5000))), (None, None, None));
    }

    #[test]
    fn a_time_is_written_as_http_wants_it() {
        let time = time::macros::datetime!(2026-03-02 09:05:07.5 +03:00);
        assert_eq!(http_date(time), "Mon, 02 Mar 2026 06:05:07 GMT");
    }
}
