//! Who may do what: a table, and every way to have no token.

use std::collections::BTreeSet;

use axum::{
    body::Body,
    http::{Method, Request},
};
use qcert_protocol::operator::Role::{self, *};
use qcert_server::audit::Actor;
use serde_json::{Value, json};
use time::Duration;

use crate::support::{PHONE, Reply, UNKNOWN_PHONE, Workplace};

/// Each operation with a body that is read, and who may do it. What is named is not there.
fn table() -> Vec<(Method, &'static str, &'static str, Value, Vec<Role>)> {
    let readers = vec![Registrar, Approver, Revoker, Auditor];
    let (get, post) = (Method::GET, Method::POST);
    vec![
        (get.clone(), "/session", "/session", Value::Null, Role::ALL.to_vec()),
        (get.clone(), "/operators", "/operators", Value::Null, vec![Auditor, Administrator]),
        (Method::DELETE, "/operators/{name}", "/operators/nobody", Value::Null, vec![Administrator]),
        (get.clone(), "/audit", "/audit?after=5", Value::Null, vec![Auditor]),
        (post.clone(), "/search", "/search", json!({"by": "all"}), readers.clone()),
        (get.clone(), "/applications/{number}", "/applications/1", Value::Null, readers.clone()),
        (Method::PUT, "/applications/{number}", "/applications/1", json!({}), vec![Registrar]),
        (post.clone(), "/import", "/import", json!([]), vec![Registrar]),
        (post.clone(), "/applications/{number}/approval", "/applications/1/approval", Value::Null, vec![Approver]),
        (
            post.clone(),
            "/applications/{number}/rejection",
            "/applications/1/rejection",
            json!({"reason": "x"}),
            vec![Approver],
        ),
        (get, "/certificates/{serial}", "/certificates/00", Value::Null, readers.clone()),
        (
            post.clone(),
            "/certificates/{serial}/revocation",
            "/certificates/00/revocation",
            json!({"reason": "superseded"}),
            vec![Revoker],
        ),
        (post.clone(), "/phones/unlock", "/phones/unlock", json!({"phone": UNKNOWN_PHONE}), vec![Registrar]),
        (
            post.clone(),
            "/applications/{number}/phone",
            "/applications/1/phone",
            json!({"phone": UNKNOWN_PHONE}),
            vec![Registrar],
        ),
        (Method::GET, "/phone-changes", "/phone-changes", Value::Null, readers.clone()),
        (
            post.clone(),
            "/phone-changes/{id}/confirmation",
            "/phone-changes/019ca000-0000-7000-8000-000000000000/confirmation",
            Value::Null,
            vec![Approver],
        ),
        (
            Method::DELETE,
            "/phone-changes/{id}",
            "/phone-changes/019ca000-0000-7000-8000-000000000000",
            Value::Null,
            vec![Registrar, Approver],
        ),
        (Method::GET, "/mistakes", "/mistakes", Value::Null, readers.clone()),
        (
            post.clone(),
            "/mistakes/{id}/answer",
            "/mistakes/019ca000-0000-7000-8000-000000000000/answer",
            json!({"text": "x"}),
            vec![Registrar],
        ),
        (post, "/keys/block", "/keys/block", json!({"key": "00".repeat(32)}), vec![Revoker]),
    ]
}

#[tokio::test]
async fn every_operation_is_open_to_the_roles_of_the_table_and_to_no_other() {
    let workplace = Workplace::new().await;
    let mut callers = Vec::new();
    for role in Role::ALL {
        callers.push((role, workplace.operator(role.as_str(), &[role]).await));
    }
    for (method, _, path, body, roles) in table() {
        for (role, caller) in &callers {
            let reply = caller.call(method.clone(), path, body.clone()).await;
            let refused = (reply.status.as_u16(), reply.code()) == (403, "operator_role_missing".to_owned());
            assert_eq!(
                refused,
                !roles.contains(role),
                "{method} {path} as {role:?}: {} {}",
                reply.status,
                reply.code()
            );
            assert!(reply.status != 401 && reply.status.as_u16() < 500, "{method} {path}: {}", reply.status);
        }
    }
}

#[tokio::test]
async fn the_table_has_every_operation_of_the_description() {
    let workplace = Workplace::new().await;
    let request = Request::get("/api/openapi.json").body(Body::empty()).unwrap();
    let document = workplace.browser().send(request).await.json();
    let mut described = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        let Some(path) = path.strip_prefix("/api/v1/operator") else { continue };
        described.extend(operations.as_object().unwrap().keys().map(|method| format!("{method} {path}")));
        for operation in operations.as_object().unwrap().values() {
            assert_eq!(operation["security"], json!([{"operator": []}]), "{path}");
        }
    }
    let ours = table().into_iter().map(|(method, path, ..)| format!("{} {path}", method.as_str().to_lowercase()));
    assert_eq!(ours.collect::<BTreeSet<_>>(), described);
    assert_eq!(document["components"]["securitySchemes"]["operator"]["scheme"], "bearer");
}

fn assert_unauthorized(reply: &Reply, what: &str) {
    assert_eq!((reply.status.as_u16(), reply.code().as_str()), (401, "operator_token_required"), "{what}");
    assert_eq!(reply.headers["www-authenticate"], "Bearer");
    assert_eq!(reply.headers["content-type"], "application/problem+json");
}

#[tokio::test]
async fn nothing_is_done_without_a_token_that_is_good_now() {
    let workplace = Workplace::new().await;
    let expired = workplace.operator("expired", &Role::ALL).await;
    workplace.clock.advance(Duration::DAY);
    let removed = workplace.operator("removed", &Role::ALL).await;
    let administrator = workplace.operator("administrator", &[Administrator]).await;
    let mut session = workplace.signed_in(PHONE).await;
    assert_eq!(removed.get("/session").await.status, 200);
    let gone = administrator.call(Method::DELETE, "/operators/removed", Value::Null).await;
    assert_eq!(gone.status, 204);
    let again = administrator.call(Method::DELETE, "/operators/removed", Value::Null).await;
    assert_eq!((again.status.as_u16(), again.code().as_str()), (404, "not_found"));

    for (method, _, path, body, _) in table() {
        for caller in [&expired, &removed] {
            assert_unauthorized(&caller.call(method.clone(), path, body.clone()).await, path);
        }
        let full = format!("/operator{path}");
        assert_unauthorized(&workplace.browser().call(method.clone(), &full, body.clone()).await, path);
        assert_unauthorized(&session.call(method.clone(), &full, body.clone()).await, path);
    }
    // The cookie's secret is no token either, and a token no cookie.
    let secret = session.cookie.clone().unwrap().split_once('=').unwrap().1.to_owned();
    for value in [format!("Bearer {secret}"), format!("Basic {}", administrator.token), administrator.token.clone()] {
        let request = Request::get("/api/v1/operator/session").header("authorization", &value);
        let reply = workplace.browser().send(request.body(Body::empty()).unwrap()).await;
        assert_unauthorized(&reply, &value[..6]);
    }
    let mut browser = workplace.browser();
    browser.cookie = Some(format!("qcert={}", administrator.token));
    assert_eq!(browser.get("/session").await.code(), "session_required");
}

#[tokio::test]
async fn wrong_tokens_are_counted_by_address_and_good_ones_go_on() {
    let workplace = Workplace::with("[operators]\nhourly_wrong_tokens_by_address = 3").await;
    let good = workplace.operator("good", &[Auditor]).await;
    let mut wrong = workplace.operator("wrong", &[Auditor]).await;
    wrong.token.push('x');
    for _ in 0..3 {
        assert_unauthorized(&wrong.get("/session").await, "wrong");
    }
    let limited = wrong.get("/session").await;
    assert_eq!((limited.status.as_u16(), limited.code().as_str()), (429, "rate_limited"));
    assert!(limited.headers.contains_key("retry-after"));
    assert_eq!(good.get("/session").await.status, 200);
    workplace.clock.advance(Duration::HOUR);
    assert_unauthorized(&wrong.get("/session").await, "after an hour");
}

#[tokio::test]
async fn a_token_is_nowhere_in_the_database_and_has_256_random_bits() {
    let workplace = Workplace::starting("", time::macros::datetime!(2026-03-02 09:00 UTC)).await;
    let one = workplace.operator("one", &[Auditor]).await;
    let two = workplace.operator("two", &[Auditor]).await;
    assert_ne!(one.token, two.token);
    let secret = one.token.strip_prefix("qcert_operator_").unwrap();
    assert_eq!(secret.len(), 43);
    let file = workplace.portal.settings.database_file().unwrap();
    let mut stored = std::fs::read(&file).unwrap();
    stored.extend(std::fs::read(file.with_extension("sqlite-wal")).unwrap_or_default());
    assert!(stored.windows(3).any(|bytes| bytes == b"one"));
    assert!(!stored.windows(20).any(|bytes| bytes == &secret.as_bytes()[..20]));
}

#[tokio::test]
async fn a_name_is_never_given_twice() {
    let workplace = Workplace::new().await;
    let administrator = workplace.operator("anna", &[Administrator]).await;
    administrator.call(Method::DELETE, "/operators/anna", Value::Null).await;
    let portal = &workplace.portal;
    let with = (&*portal.store, &*portal.clock, &*portal.randomness, &portal.secrets);
    let day = std::num::NonZeroU32::MIN;
    let again = qcert_server::operators::add(with, "anna", &[Auditor], day, &Actor::at_command_line("tester")).await;
    assert!(again.is_err_and(|error| error.to_string().contains("never given twice")));
    let audited = workplace.audited().await;
    assert!(audited.contains(&"operator added: anna (administrator) by tester".to_owned()), "{audited:#?}");
    assert!(audited.contains(&"operator removed: anna by anna".to_owned()), "{audited:#?}");
}

#[tokio::test]
async fn where_a_page_comes_from_does_not_matter_to_a_token() {
    let workplace = Workplace::new().await;
    let caller = workplace.operator("erp", &[Auditor]).await;
    let request = Request::post("/api/v1/operator/search")
        .header("origin", "https://erp.example")
        .header("sec-fetch-site", "cross-site")
        .header("content-type", "application/json")
        .header("authorization", format!("bearer {}", caller.token));
    let body = Body::from(json!({"by": "all"}).to_string());
    let reply = workplace.browser().send(request.body(body).unwrap()).await;
    assert_eq!(reply.status, 200, "{:?}", reply.json());
    assert!(!reply.headers.contains_key("access-control-allow-origin"), "no other site reads the answer");
    assert_eq!(reply.headers["cache-control"], "no-store");
}

#[tokio::test]
async fn bodies_are_bounded_and_of_their_kind() {
    let workplace = Workplace::new().await;
    let caller = workplace.operator("erp", &[Registrar]).await;
    let large = format!("{{\"by\":\"name\",\"value\":\"{}\"}}", "x".repeat(16 * 1024));
    let post = Method::POST;
    assert_eq!(caller.send(post.clone(), "/search", "application/json", large).await.code(), "body_too_large");
    assert_eq!(caller.send(post.clone(), "/search", "text/csv", "{}").await.code(), "media_type_unsupported");
    assert_eq!(caller.send(post.clone(), "/search", "application/json", "{").await.code(), "body_malformed");
    assert_eq!(caller.send(post.clone(), "/import", "text/plain", "x").await.code(), "media_type_unsupported");
    assert_eq!(
        caller.send(post.clone(), "/import", "text/csv;charset=koi8-r", "x").await.code(),
        "media_type_unsupported"
    );
    let huge = vec![b' '; 32 * 1024 * 1024 + 1];
    assert_eq!(caller.send(post, "/import", "application/json", huge).await.code(), "body_too_large");
    assert_eq!(caller.send(Method::PATCH, "/search", "application/json", "{}").await.code(), "method_not_allowed");
    assert_eq!(caller.get("/audit?after=x").await.code(), "operator_role_missing");
    let auditor = workplace.operator("auditor", &[Auditor]).await;
    assert_eq!(auditor.get("/audit?after=x").await.code(), "field_invalid");
}
