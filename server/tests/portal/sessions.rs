//! Sessions: how they begin, and each way in which they end.

use axum::http::header;
use serde_json::{Value, json};
use time::Duration;

use crate::{
    behind::Step,
    events::Stream,
    support::{Browser, OTHER_PHONE, PHONE, Workplace},
};

/// Signs in with what this browser has.
async fn sign_in_again(workplace: &Workplace, browser: &mut Browser) {
    assert_eq!(browser.post("/sign-in/password", json!({"phone": PHONE})).await.status, 202);
    let password = workplace.password(PHONE).await;
    let session = browser.post("/sign-in", json!({"phone": PHONE, "password": password})).await;
    assert_eq!(session.status, 200, "{session:?}");
}

#[tokio::test]
async fn signing_in_again_ends_the_session_before() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.signed_in(PHONE).await;
    let mut before = browser.clone();
    sign_in_again(&workplace, &mut browser).await;
    assert_ne!(before.cookie, browser.cookie);
    assert_eq!(before.get("/session").await.code(), "session_required");
    assert_eq!(browser.get("/session").await.status, 200);
}

#[tokio::test]
async fn a_cookie_that_somebody_else_fixed_is_not_the_one_that_signing_in_gives() {
    let workplace = Workplace::new().await;
    // An attacker's own session, and a token that nobody made: both put into the person's browser.
    let theirs = workplace.signed_in(OTHER_PHONE).await;
    for fixed in [theirs.cookie.clone(), Some(format!("qcert={}", "A".repeat(43)))] {
        let mut browser = Browser { cookie: fixed.clone(), ..workplace.browser() };
        sign_in_again(&workplace, &mut browser).await;
        assert_ne!(browser.cookie, fixed);
        let mut attacker = Browser { cookie: fixed, ..workplace.browser() };
        assert_eq!(attacker.get("/session").await.code(), "session_required");
        assert_eq!(browser.get("/session").await.json()["phone"], "+7 922 ··· ··45");
        workplace.clock.advance(Duration::minutes(2));
    }
}

#[tokio::test]
async fn a_sessions_token_has_256_random_bits_and_the_database_does_not_have_it() {
    let workplace = Workplace::new().await;
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..4 {
        let browser = workplace.signed_in(PHONE).await;
        let token = browser.cookie.unwrap().strip_prefix("qcert=").unwrap().to_owned();
        assert!(token.len() == 43 && token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)), "{token}");
        assert!(!workplace.has_stored(&token).await);
        assert!(seen.insert(token));
        workplace.clock.advance(Duration::minutes(2));
    }
}

#[tokio::test]
async fn a_session_ends_when_nobody_has_used_it_for_its_idle_time() {
    let workplace = Workplace::with("[session]\nidle_minutes = 30").await;
    let mut browser = workplace.signed_in(PHONE).await;
    for _ in 0..4 {
        workplace.clock.advance(Duration::minutes(29));
        assert_eq!(browser.get("/session").await.status, 200);
    }
    // An open page looks every few seconds whether its session goes on, which is no use of it.
    let mut stream = Stream::open(&browser).await;
    workplace.clock.advance(Duration::minutes(30));
    assert_eq!(browser.get("/session").await.code(), "session_required");
    while stream.next().await.is_some() {}
}

#[tokio::test]
async fn a_session_ends_at_its_absolute_end_however_much_it_is_used() {
    let workplace = Workplace::with("[session]\nidle_minutes = 30\nabsolute_hours = 1").await;
    let mut browser = workplace.signed_in(PHONE).await;
    for _ in 0..5 {
        workplace.clock.advance(Duration::minutes(10));
        assert_eq!(browser.get("/session").await.status, 200);
    }
    workplace.clock.advance(Duration::minutes(10) - Duration::SECOND);
    assert_eq!(browser.get("/session").await.status, 200);
    workplace.clock.advance(Duration::SECOND);
    assert_eq!(browser.get("/session").await.code(), "session_required");
}

#[tokio::test]
async fn signing_out_everywhere_ends_all_sessions_of_the_person_and_nobody_elses() {
    let workplace = Workplace::new().await;
    let mut devices = Vec::new();
    for _ in 0..3 {
        devices.push(workplace.signed_in(PHONE).await);
        workplace.clock.advance(Duration::minutes(2));
    }
    let mut other = workplace.signed_in(OTHER_PHONE).await;
    let (_, request) = workplace.prepared(&mut devices[0]).await;
    assert_eq!(devices[0].post(&format!("/requests/{request}/password"), Value::Null).await.status, 202);
    let password = workplace.password(PHONE).await;
    let mut stream = Stream::open(&devices[2]).await;

    let ended = devices[1].delete("/sessions").await;
    assert_eq!(ended.status, 204);
    assert!(ended.headers[header::SET_COOKIE].to_str().unwrap().contains("Max-Age=0"));
    let told = async { while stream.next().await.is_some() {} };
    // Without being told, a stream looks every five seconds.
    tokio::time::timeout(std::time::Duration::from_secs(3), told).await.unwrap();
    for device in &mut devices {
        assert_eq!(device.get("/applications").await.code(), "session_required");
    }
    assert_eq!(other.get("/session").await.status, 200);
    // A password of a session that has ended is good for nothing in the next one.
    let mut next = workplace.signed_in(PHONE).await;
    assert_eq!(next.confirm(request, &password).await.code(), "otp_not_requested");
    assert_eq!(devices[1].delete("/sessions").await.code(), "session_required");
}

#[tokio::test]
async fn signing_out_everywhere_is_not_told_done_while_sessions_go_on() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.signed_in(PHONE).await;
    workplace.let_fail(Step::EndSession).await;
    let reply = browser.delete("/sessions").await;
    assert_eq!((reply.code().as_str(), reply.headers.get(header::SET_COOKIE)), ("portal_unavailable", None));
    workplace.let_pass(Step::EndSession).await;
    assert_eq!(browser.get("/session").await.status, 200);
}

#[tokio::test]
async fn signing_out_ends_the_session_on_the_server_too() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.signed_in(PHONE).await;
    let mut stolen = browser.clone();
    assert_eq!(browser.delete("/session").await.status, 204);
    assert_eq!(stolen.get("/applications").await.code(), "session_required");
    assert_eq!(browser.delete("/session").await.status, 204);
}

#[tokio::test]
async fn outside_localhost_the_cookie_is_secure_and_bound_to_its_host() {
    let workplace = Workplace::with("[server]\norigin = 'https://qcert.example'").await;
    let mut browser = workplace.browser();
    let post = |path: &str, body: serde_json::Value| {
        axum::http::Request::post(format!("/api/v1{path}"))
            .header("origin", "https://qcert.example")
            .header("content-type", "application/json")
            .body(axum::body::Body::from(body.to_string()))
            .unwrap()
    };
    browser.send(post("/sign-in/password", json!({"phone": PHONE}))).await;
    let password = workplace.password(PHONE).await;
    let reply = browser.send(post("/sign-in", json!({"phone": PHONE, "password": password}))).await;
    let cookie = reply.headers[header::SET_COOKIE].to_str().unwrap();
    assert!(cookie.starts_with("__Host-qcert="), "{cookie}");
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict; Secure"), "{cookie}");
    assert_eq!(browser.get("/session").await.status, 200);
}

#[tokio::test]
async fn signing_out_is_not_told_done_while_the_session_goes_on() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.signed_in(PHONE).await;
    workplace.sql("ALTER TABLE sessions RENAME TO gone").await;
    assert_eq!(browser.delete("/session").await.code(), "portal_unavailable");
    workplace.sql("ALTER TABLE gone RENAME TO sessions").await;
    assert_eq!(browser.get("/session").await.status, 200);
}
