//! Operators' tokens: every way to have none. Who may do what with one is in `who_may.rs`.

use axum::{
    body::Body,
    http::{Method, Request},
};
use qcert_protocol::operator::Role::{self, *};
use qcert_server::audit::Actor;
use serde_json::{Value, json};
use time::Duration;

use crate::support::{PHONE, Reply, Workplace};

fn assert_unauthorized(reply: &Reply, what: &str) {
    assert_eq!((reply.status.as_u16(), reply.code().as_str()), (401, "operator_token_required"), "{what}");
    assert_eq!(reply.headers["www-authenticate"], "Bearer");
    assert_eq!(reply.headers["content-type"], "application/problem+json");
}

#[tokio::test]
async fn a_removed_token_ends_at_once_and_what_is_no_token_is_none() {
    let workplace = Workplace::new().await;
    let removed = workplace.operator("removed", &Role::ALL).await;
    let administrator = workplace.operator("administrator", &[Administrator]).await;
    let session = workplace.signed_in(PHONE).await;
    assert_eq!(removed.get("/session").await.status, 200);
    let gone = administrator.call(Method::DELETE, "/operators/removed", Value::Null).await;
    assert_eq!(gone.status, 204);
    let again = administrator.call(Method::DELETE, "/operators/removed", Value::Null).await;
    assert_eq!((again.status.as_u16(), again.code().as_str()), (404, "not_found"));
    assert_unauthorized(&removed.get("/session").await, "removed");
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
    let workplace = Workplace::new().await;
    let one = workplace.operator("one", &[Auditor]).await;
    let two = workplace.operator("two", &[Auditor]).await;
    assert_ne!(one.token, two.token);
    let secret = one.token.strip_prefix("qcert_operator_").unwrap();
    assert_eq!(secret.len(), 43);
    assert!(workplace.has_stored("one").await);
    assert!(!workplace.has_stored(&secret[..20]).await);
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
