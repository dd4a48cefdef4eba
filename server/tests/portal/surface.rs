//! What every answer has in common: other sites kept out, bodies bounded, headers, problems, the page.

use axum::{body::Body, http::Request};
use qcert_pki::Certificate;
use serde_json::json;
use time::Duration;

use crate::support::{Browser, ORIGIN, PHONE, Reply, Workplace};

async fn post(browser: &mut Browser, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Reply {
    let mut request = Request::post(format!("/api/v1{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    browser.send(request.body(body.into()).unwrap()).await
}

async fn get(browser: &mut Browser, path: &str, headers: &[(&str, &str)]) -> Reply {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    browser.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn requests_from_other_sites_are_refused() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.signed_in(PHONE).await;
    let json = ("content-type", "application/json");
    let order = json!({"phone": PHONE}).to_string();
    for foreign in [
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("origin", "http://localhost:8081"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        let reply = post(&mut browser, "/sign-in/password", &[json, foreign], order.clone()).await;
        assert_eq!((reply.status.as_u16(), reply.code().as_str()), (403, "origin_forbidden"), "{foreign:?}");
    }
    let sign_out = Request::delete("/api/v1/session").header("origin", "https://evil.example");
    assert_eq!(browser.send(sign_out.body(Body::empty()).unwrap()).await.code(), "origin_forbidden");
    assert_eq!(browser.get("/session").await.status, 200);
    // A program that is no browser says neither.
    assert_ne!(post(&mut browser, "/sign-in/password", &[json], order).await.code(), "origin_forbidden");
}

#[tokio::test]
async fn a_body_that_is_not_the_documented_one_has_its_code() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.browser();
    let own = ("origin", ORIGIN);
    let json = ("content-type", "application/json; charset=utf-8");
    let form = ("content-type", "application/x-www-form-urlencoded");
    let path = "/sign-in/password";
    assert_eq!(post(&mut browser, path, &[own, form], "phone=1").await.code(), "media_type_unsupported");
    assert_eq!(post(&mut browser, path, &[own], "{}").await.code(), "media_type_unsupported");
    assert_eq!(post(&mut browser, path, &[own, json], "{").await.code(), "body_malformed");
    assert_eq!(post(&mut browser, path, &[own, json], "{}").await.code(), "body_malformed");
    let extra = r#"{"phone":"+79222114545","isAdmin":true}"#;
    assert_eq!(post(&mut browser, path, &[own, json], extra).await.code(), "body_malformed");
    let large = format!(r#"{{"phone":"{}"}}"#, "1".repeat(16 * 1024));
    let reply = post(&mut browser, path, &[own, json], large).await;
    assert_eq!((reply.status.as_u16(), reply.code().as_str()), (413, "body_too_large"));
}

#[tokio::test]
async fn unknown_routes_and_methods_are_problems_under_api() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.browser();
    for path in ["/api", "/api/", "/api/v1", "/api/v1/", "/api/v1/nothing", "/api/v2/session"] {
        let reply = get(&mut browser, path, &[]).await;
        assert_eq!((reply.status.as_u16(), reply.code().as_str()), (404, "not_found"), "{path}");
        assert_eq!(reply.headers["content-type"], "application/problem+json");
    }
    let written = browser.post("/configuration", json!({})).await;
    assert_eq!(
        (written.code().as_str(), &written.headers["allow"]),
        ("method_not_allowed", &"GET,HEAD".parse().unwrap())
    );
    let page = browser.send(Request::post("/").body(Body::empty()).unwrap()).await;
    assert_eq!((page.code().as_str(), page.headers["allow"].to_str().unwrap()), ("method_not_allowed", "GET,HEAD"));
    let mut browser = workplace.signed_in(PHONE).await;
    assert_eq!(browser.get("/applications/no-id").await.code(), "not_found");
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.browser();
    for path in ["/", "/nothing.js", "/healthz", "/api/v1/session", "/api/v1/nothing", "/crl/issuing.crl"] {
        let reply = get(&mut browser, path, &[]).await;
        let policy = reply.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self' 'wasm-unsafe-eval' 'sha256-"), "{policy}");
        assert!(policy.ends_with("frame-ancestors 'none'"), "{policy}");
        assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"), "{policy}");
        assert_eq!(reply.headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(reply.headers["x-frame-options"], "DENY", "{path}");
        assert_eq!(reply.headers["referrer-policy"], "no-referrer", "{path}");
        assert_eq!(reply.headers["cross-origin-opener-policy"], "same-origin", "{path}");
        assert!(reply.headers["permissions-policy"].to_str().unwrap().contains("otp-credentials=(self)"), "{path}");
    }
    assert_eq!(browser.get("/session").await.headers["cache-control"], "no-store");
}

#[tokio::test]
async fn the_page_is_served_compressed_tagged_and_cached_by_its_name() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.browser();
    for path in ["/", "/some/step", "/index.html"] {
        let reply = get(&mut browser, path, &[]).await;
        assert_eq!(reply.headers["content-type"], "text/html; charset=utf-8");
        assert_eq!(reply.headers["cache-control"], "no-cache");
    }
    let script = "/app-0123456789abcdef.js";
    let plain = get(&mut browser, script, &[]).await;
    assert_eq!(plain.headers["cache-control"], "public, max-age=31536000, immutable");
    let brotli = get(&mut browser, script, &[("accept-encoding", "gzip, br")]).await;
    assert_eq!(brotli.headers["content-encoding"], "br");
    assert!(brotli.body.len() < plain.body.len());
    let tag = plain.headers["etag"].to_str().unwrap();
    let again = get(&mut browser, script, &[("if-none-match", tag)]).await;
    assert_eq!((again.status.as_u16(), again.body.len()), (304, 0));
    assert_eq!(get(&mut browser, "/missing.js", &[]).await.status, 404);
}

#[tokio::test]
async fn the_english_texts_are_text_and_cached_by_their_name_and_those_of_another_build_are_not_there() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.browser();
    let texts = get(&mut browser, "/english-0123456789abcdef.txt", &[]).await;
    assert_eq!(texts.headers["content-type"], "text/plain; charset=utf-8");
    assert_eq!(texts.headers["cache-control"], "public, max-age=31536000, immutable");
    assert_eq!(get(&mut browser, "/english-fedcba9876543210.txt", &[]).await.status, 404);
}

#[tokio::test]
async fn the_authoritys_files_are_there_for_everybody() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.browser();
    let root = get(&mut browser, "/ca/root.cer", &[]).await;
    let issuing = get(&mut browser, "/ca/issuing.cer", &[]).await;
    assert_eq!(root.headers["content-type"], "application/pkix-cert");
    let (root, issuing) = (Certificate::parse(&root.body).unwrap(), Certificate::parse(&issuing.body).unwrap());
    issuing.verify_issued_by(&root).unwrap();
    let chain = get(&mut browser, "/ca/chain.pem", &[]).await;
    let chain = Certificate::parse_pem(std::str::from_utf8(&chain.body).unwrap()).unwrap();
    assert_eq!(chain, [issuing, root]);
    let list = get(&mut browser, "/crl/issuing.crl", &[]).await;
    assert_eq!(list.headers["content-type"], "application/pkix-crl");
    workplace.clock.advance(Duration::hours(11));
    assert_eq!(get(&mut browser, "/crl/issuing.crl", &[]).await.body, list.body);
    workplace.clock.advance(Duration::hours(1));
    workplace.publish().await;
    assert_ne!(get(&mut browser, "/crl/issuing.crl", &[]).await.body, list.body, "a new list long before the old ends");
}

#[tokio::test]
async fn health_and_configuration_need_nobody_signed_in() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.browser();
    let health = get(&mut browser, "/healthz", &[]).await;
    assert_eq!((health.status.as_u16(), health.body.as_slice()), (200, b"ok".as_slice()));
    let configuration = browser.get("/configuration").await.json();
    assert_eq!(configuration["supportPhone"], "8-800-500-05-08");
    assert_eq!(configuration["keyAlgorithm"], "P-256");
    assert_eq!(configuration["packages"], json!({}));
}

#[tokio::test]
async fn the_page_is_told_where_packages_are_found() {
    let settings =
        "[workstation.packages]\ndebian = 'https://ca.example/qcert-host.deb'\nfirefox = 'https://ca.example/a.xpi'";
    let workplace = Workplace::with(settings).await;
    let configuration = workplace.browser().get("/configuration").await.json();
    let packages = json!({"debian": "https://ca.example/qcert-host.deb", "firefox": "https://ca.example/a.xpi"});
    assert_eq!(configuration["packages"], packages);
}
