//! Reports of text messages, from gateways. They are programs, so the route stands outside the check of origins; the key
//! in its address is what lets them in.

use std::collections::BTreeMap;

use axum::{
    body::Bytes,
    extract::{RawQuery, State, rejection::BytesRejection},
    http::{HeaderMap, header},
};
use qcert_protocol::ErrorCode::*;
use serde_json::Value;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{App, InPath, body::is_json, problem::Answer};
use crate::{error::Refusal, sms::report};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(take))
}

/// A report of a gateway about a text message, its fields in the address, in a form or in JSON, as the settings of the
/// gateway name them.
#[utoipa::path(
    method(get, post), path = "/sms/report/{gateway}/{token}",
    params(("gateway" = String, Path), ("token" = String, Path, description = "The key that lets the gateway in.")),
    request_body(content((serde_json::Value = "application/json"), (String = "application/x-www-form-urlencoded"))),
    responses((status = 200, body = String, content_type = "text/plain")),
    extensions(("x-problem-codes" = json!([NotFound, BodyMalformed, BodyTooLarge, Internal, PortalUnavailable]))),
)]
async fn take(
    State(app): State<App>,
    InPath((gateway, token)): InPath<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Answer<&'static str> {
    let settings = report::settings(&app.portal, &gateway, &token).ok_or(NotFound)?;
    let body = body.map_err(|_| BodyTooLarge)?;
    let mut fields = form(query.unwrap_or_default().as_bytes());
    fields.extend(if is_json(&headers) {
        json(&body)
    } else if is_form(&headers) {
        form(&body)
    } else {
        BTreeMap::new()
    });
    let read = report::record(&app.portal, &gateway, settings, &fields).await.map_err(Refusal::from)?;
    if !read {
        tracing::warn!(gateway, "a report of a gateway cannot be read");
        return Err(BodyMalformed.into());
    }
    Ok("ok")
}

fn is_form(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    content_type.to_ascii_lowercase().starts_with("application/x-www-form-urlencoded")
}

fn json(body: &[u8]) -> BTreeMap<String, String> {
    let Ok(Value::Object(fields)) = serde_json::from_slice(body) else { return BTreeMap::new() };
    let text = |value: Value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    fields.into_iter().map(|(name, value)| (name, text(value))).collect()
}

fn form(text: &[u8]) -> BTreeMap<String, String> {
    let pair = |pair: &[u8]| {
        let mut halves = pair.splitn(2, |byte| *byte == b'=');
        (decoded(halves.next().unwrap_or_default()), decoded(halves.next().unwrap_or_default()))
    };
    text.split(|byte| *byte == b'&').filter(|half| !half.is_empty()).map(pair).collect()
}

/// What a form says with `+` and percent signs. What cannot be read is a field that nobody asks for.
fn decoded(text: &[u8]) -> String {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text);
    while let [first, behind @ ..] = rest {
        let escaped = match (first, behind) {
            (b'%', [high, low, ..]) => char::from(*high).to_digit(16).zip(char::from(*low).to_digit(16)),
            _ => None,
        };
        match escaped.and_then(|(high, low)| u8::try_from(high * 16 + low).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = behind.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(if *first == b'+' { b' ' } else { *first });
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_says_what_was_put_into_it() {
        let fields = form(b"id=17&status=%D0%9A+1&empty=&odd=%4&%zz");
        let expected = [("id", "17"), ("status", "К 1"), ("empty", ""), ("odd", "%4"), ("%zz", "")];
        assert_eq!(fields, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    }
}
