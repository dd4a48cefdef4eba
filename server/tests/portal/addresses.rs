//! By which address a client is counted: the connection's, or what a trusted proxy says of it; IPv6 by /64.

use axum::{body::Body, http::Request};
use serde_json::json;

use crate::support::{Browser, ORIGIN, OTHER_PHONE, PHONE, Reply, Workplace, wrong};

/// One message, one try and one wrong token an hour; behind a proxy at 10.0.0.1.
const LIMITS: &str = "[server]\ntrusted_proxies = '10.0.0.1'\n[otp]\nhourly_by_address = 1\n\
    hourly_tries_by_address = 1\n[operators]\nhourly_wrong_tokens_by_address = 1";

async fn order(browser: &mut Browser, phone: &str, headers: &[(&str, &str)]) -> Reply {
    let mut request = Request::post("/api/v1/sign-in/password").header("origin", ORIGIN);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = Body::from(json!({"phone": phone}).to_string());
    browser.send(request.header("content-type", "application/json").body(body).unwrap()).await
}

async fn with_a_wrong_token(browser: &mut Browser) -> u16 {
    let request = Request::get("/api/v1/operator/session").header("authorization", "Bearer wrong");
    browser.send(request.body(Body::empty()).unwrap()).await.status.as_u16()
}

#[tokio::test]
async fn two_addresses_of_one_64_share_a_rate_and_those_of_two_do_not() {
    let workplace = Workplace::with(LIMITS).await;
    let [mut one, mut beside, mut apart] =
        ["2001:db8:0:1::1", "2001:db8:0:1:ffff::2", "2001:db8:0:2::1"].map(|address| workplace.browser_at(address));
    assert_eq!(order(&mut one, PHONE, &[]).await.status, 202);
    assert_eq!(order(&mut beside, OTHER_PHONE, &[]).await.code(), "rate_limited");
    assert_eq!(order(&mut apart, OTHER_PHONE, &[]).await.status, 202);

    let typed = json!({"phone": PHONE, "password": wrong(&workplace.password(PHONE).await)});
    assert_eq!(one.post("/sign-in", typed.clone()).await.code(), "otp_wrong");
    assert_eq!(beside.post("/sign-in", typed.clone()).await.code(), "rate_limited");
    assert_eq!(apart.post("/sign-in", typed).await.code(), "otp_wrong");

    assert_eq!(with_a_wrong_token(&mut one).await, 401);
    assert_eq!(with_a_wrong_token(&mut beside).await, 429);
    assert_eq!(with_a_wrong_token(&mut apart).await, 401);
}

#[tokio::test]
async fn ipv4_is_counted_by_the_address_however_it_is_written() {
    let workplace = Workplace::with(LIMITS).await;
    assert_eq!(order(&mut workplace.browser_at("192.0.2.1"), PHONE, &[]).await.status, 202);
    assert_eq!(order(&mut workplace.browser_at("::ffff:192.0.2.1"), OTHER_PHONE, &[]).await.code(), "rate_limited");
    assert_eq!(order(&mut workplace.browser_at("192.0.2.2"), OTHER_PHONE, &[]).await.status, 202);
}

#[tokio::test]
async fn who_is_no_proxy_cannot_borrow_another_address() {
    let workplace = Workplace::with(LIMITS).await;
    let mut browser = workplace.browser_at("192.0.2.1");
    assert_eq!(order(&mut browser, PHONE, &[("x-forwarded-for", "198.51.100.1")]).await.status, 202);
    let again = order(&mut browser, OTHER_PHONE, &[("x-forwarded-for", "198.51.100.2")]).await;
    assert_eq!(again.code(), "rate_limited");
    // The one whose name was taken has lost nothing.
    assert_eq!(order(&mut workplace.browser_at("198.51.100.1"), OTHER_PHONE, &[]).await.status, 202);
}

#[tokio::test]
async fn behind_a_proxy_each_client_has_a_rate_of_its_own_whatever_it_writes() {
    let workplace = Workplace::with(LIMITS).await;
    let mut proxy = workplace.browser_at("10.0.0.1");
    let first = [("x-forwarded-for", "198.51.100.1, 192.0.2.1"), ("forwarded", "for=198.51.100.1")];
    let again = [("x-forwarded-for", "198.51.100.2, 192.0.2.1"), ("forwarded", "for=198.51.100.2")];
    assert_eq!(order(&mut proxy, PHONE, &first).await.status, 202);
    assert_eq!(order(&mut proxy, OTHER_PHONE, &again).await.code(), "rate_limited");
    assert_eq!(order(&mut proxy, OTHER_PHONE, &[("x-forwarded-for", "192.0.2.2")]).await.status, 202);
}
