//! Every answer of every test is compared with the description (OpenAPI): a test that sees a status, a code, a type of
//! content or a body that is not documented for its operation fails, whatever else it asks.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex},
};

use axum::{
    body::{Body, Bytes},
    extract::Request,
    http::{HeaderMap, Method, StatusCode, header, response},
    middleware::Next,
    response::Response,
};
use http_body_util::BodyExt;
use jsonschema::Validator;
use qcert_server::api;
use serde_json::{Value, json};

use crate::support::ORIGIN;

/// The description, read.
pub static DOCUMENT: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(api::openapi(ORIGIN)).unwrap());

const PROBLEM: &str = "application/problem+json";

/// Compares what goes through with the description, and panics.
pub async fn check(request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let (request, sent) = match content_type(request.headers()).as_str() {
        "application/json" => {
            let (parts, body) = request.into_parts();
            let bytes = body.collect().await.unwrap().to_bytes();
            (Request::from_parts(parts, Body::from(bytes.clone())), Some(bytes))
        }
        _ => (request, None),
    };
    let response = next.run(request).await;
    let (parts, body) = response.into_parts();
    // A stream of events does not end.
    let streams = content_type(&parts.headers) == "text/event-stream";
    let (body, bytes) = if streams {
        (body, Bytes::new())
    } else {
        let bytes = body.collect().await.unwrap().to_bytes();
        (Body::from(bytes.clone()), bytes)
    };
    if let Err(difference) = compare(&method, &path, sent.as_deref(), &parts, &bytes) {
        let body = String::from_utf8_lossy(&bytes);
        panic!("not as described: {method} {path}: {}: {difference}\n{body}", parts.status);
    }
    Response::from_parts(parts, body)
}

fn compare(
    method: &Method,
    path: &str,
    sent: Option<&[u8]>,
    answer: &response::Parts,
    body: &[u8],
) -> Result<(), String> {
    let Some(template) = template(path) else { return undescribed(path, answer, body) };
    let asked = if method == Method::HEAD { "get".to_owned() } else { method.as_str().to_lowercase() };
    let Some(operation) = DOCUMENT["paths"][template].get(&asked) else {
        // Kept out before the method is looked at.
        let before = ["origin_forbidden", "media_type_unsupported"].map(|code| is_problem(code, answer, body));
        let known = is_problem("method_not_allowed", answer, body) && answer.headers.contains_key(header::ALLOW);
        return (known || before.contains(&true)).then_some(()).ok_or_else(|| "an unknown method".to_owned());
    };
    let documented = &operation["responses"][answer.status.as_str()];
    if documented.is_null() {
        return Err(format!("{template}: the status is not documented"));
    }
    let content_type = content_type(&answer.headers);
    let content = &documented["content"];
    match content.get(&content_type) {
        None if content.is_null() && body.is_empty() => {}
        None if method == Method::HEAD && body.is_empty() => {}
        None => return Err(format!("{template}: {content_type:?} is not documented")),
        Some(content) if content_type.ends_with("json") && method != Method::HEAD => valid(&content["schema"], body)?,
        Some(_) => {}
    }
    // What was taken is what the description lets somebody send.
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
    match sent.filter(|_| answer.status.is_success() && !schema.is_null()) {
        Some(sent) => valid(schema, sent).map_err(|error| format!("took a body against its schema: {error}")),
        None => Ok(()),
    }
}

/// Under `/api` nothing that is not described is there; all else is the page.
fn undescribed(path: &str, answer: &response::Parts, body: &[u8]) -> Result<(), String> {
    let codes = ["not_found", "origin_forbidden", "media_type_unsupported"];
    if path.starts_with("/api") && !codes.iter().any(|code| is_problem(code, answer, body)) {
        return Err("it is not described, and there".to_owned());
    }
    Ok(())
}

fn is_problem(code: &str, answer: &response::Parts, body: &[u8]) -> bool {
    let problem: Value = serde_json::from_slice(body).unwrap_or_default();
    content_type(&answer.headers) == PROBLEM
        && problem["code"] == code
        && problem["status"].as_u64().map(|status| StatusCode::from_u16(status as u16).ok())
            == Some(Some(answer.status))
}

/// The described address that this one is of: the one with the most words of its own.
pub fn template(path: &str) -> Option<&'static str> {
    let templates = DOCUMENT["paths"].as_object().unwrap().keys().map(String::as_str);
    let words = |template: &&str| template.split('/').filter(|word| !word.starts_with('{')).count();
    templates.filter(|template| fits(template, path)).max_by_key(words)
}

fn fits(template: &str, path: &str) -> bool {
    if template == "/ocsp/{question}" {
        return path.strip_prefix("/ocsp/").is_some_and(|question| !question.is_empty());
    }
    let (template, path): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    let word =
        |(template, word): (&&str, &&str)| if template.starts_with('{') { !word.is_empty() } else { template == word };
    template.len() == path.len() && template.iter().zip(&path).all(word)
}

fn valid(schema: &Value, body: &[u8]) -> Result<(), String> {
    let value: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let errors: Vec<String> =
        validator(schema).iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    if errors.is_empty() { Ok(()) } else { Err(errors.join("; ")) }
}

/// A schema of the description, made once.
fn validator(schema: &Value) -> Arc<Validator> {
    static MADE: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);
    let mut made = MADE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let make = || {
        let whole = json!({"components": DOCUMENT["components"], "allOf": [schema]});
        let options = jsonschema::draft202012::options().should_validate_formats(true);
        Arc::new(options.build(&whole).unwrap())
    };
    Arc::clone(made.entry(schema.to_string()).or_insert_with(make))
}

fn content_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// What it says of an answer of `GET /api/v1/session`.
fn compared(status: u16, media_type: &str, body: &Value) -> Result<(), String> {
    let answer = Response::builder().status(status).header(header::CONTENT_TYPE, media_type).body(()).unwrap();
    compare(&Method::GET, "/api/v1/session", None, &answer.into_parts().0, body.to_string().as_bytes())
}

#[test]
fn an_answer_that_is_not_described_is_a_difference() {
    let problem = |code: &str, status: u16| json!({"type": "urn:x", "title": "x", "status": status, "code": code});
    let session = json!({"phone": "+7", "expiresAt": "2026-03-02T09:00:00Z"});
    assert_eq!(compared(200, "application/json", &session), Ok(()));
    assert_eq!(compared(401, PROBLEM, &problem("session_required", 401)), Ok(()));
    for (status, media_type, body, why) in [
        (201, "application/json", session.clone(), "the status is not documented"),
        (200, "text/plain", session, "\"text/plain\" is not documented"),
        (200, "application/json", json!({"phone": "+7"}), "\"expiresAt\" is a required property"),
        (200, "application/json", json!({"phone": "+7", "expiresAt": "today"}), "is not a \"date-time\""),
        (401, PROBLEM, problem("operator_token_required", 401), "is not one of"),
        (409, PROBLEM, problem("otp_used", 409), "the status is not documented"),
    ] {
        let difference = compared(status, media_type, &body).unwrap_err();
        assert!(difference.contains(why), "{difference}");
    }
}

#[test]
fn a_body_that_was_taken_against_its_schema_is_a_difference() {
    let answer = Response::builder().status(204).body(()).unwrap().into_parts().0;
    let path = "/api/v1/applications/019ca000-0000-7000-8000-000000000000/mistakes";
    let sent =
        |text: &str| compare(&Method::POST, path, Some(json!({"text": text}).to_string().as_bytes()), &answer, b"");
    assert_eq!(sent("x"), Ok(()));
    assert!(sent(&"x".repeat(1001)).unwrap_err().starts_with("took a body against its schema"));
}
