//! What a monitor reads.

use std::{io::Write, process::Stdio};

use axum::{body::Body, http::Request};
use http_body_util::BodyExt;
use qcert_protocol::operator::Role;
use qcert_server::api::operations;
use serde_json::json;
use time::Duration;
use tower::ServiceExt;

use crate::support::{PHONE, UNKNOWN_PHONE, Workplace, wrong};

async fn scraped(workplace: &Workplace) -> String {
    // What was read before is remembered for a moment.
    workplace.clock.advance(Duration::seconds(6));
    let router = operations::router(workplace.portal.clone());
    let response = router.oneshot(Request::get("/metrics").body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

/// The value of a series, written as it stands there; 0 if there is none.
fn value(text: &str, series: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.map_or(0.0, |value| value.parse().unwrap())
}

/// A whole journey: codes right and wrong, a certificate, a revocation, an answer of OCSP.
async fn journey(workplace: &Workplace) {
    let mut browser = workplace.browser();
    browser.post("/sign-in/password", json!({"phone": UNKNOWN_PHONE})).await;
    browser.post("/sign-in/password", json!({"phone": PHONE})).await;
    let password = workplace.password(PHONE).await;
    browser.post("/sign-in", json!({"phone": PHONE, "password": wrong(&password)})).await;
    assert_eq!(browser.post("/sign-in", json!({"phone": PHONE, "password": password})).await.status, 200);
    workplace.sent(&mut browser).await;
    workplace.clock.advance(Duration::seconds(40));
    workplace.work().await.unwrap();
    browser.get("/applications/not-an-id").await;
    browser.send(Request::get("/some/+79222114545").body(Body::empty()).unwrap()).await;
    let serial = workplace.portal.store.certificates().await.unwrap().remove(0).serial;
    workplace.publish().await;
    qcert_server::publication::ocsp::answer(&workplace.portal, b"no question").await;
    let petrova = workplace.operator("petrova", &[Role::Revoker]).await;
    let revoked = petrova.post(&format!("/certificates/{serial}/revocation"), json!({"reason": "superseded"})).await;
    assert_eq!(revoked.status, 200, "{:?}", revoked.json());
}

#[tokio::test]
async fn counters_move_with_a_journey() {
    let workplace = Workplace::new().await;
    let before = scraped(&workplace).await;
    journey(&workplace).await;
    let after = scraped(&workplace).await;
    let moved = |series: &str| value(&after, series) - value(&before, series);
    for (series, by) in [
        (r#"qcert_http_requests_total{route="/api/v1/sign-in",method="POST",status="200"}"#, 1.0),
        (r#"qcert_http_request_duration_seconds_count{route="/api/v1/sign-in",method="POST"}"#, 2.0),
        (r#"qcert_http_requests_total{route="/api/v1/applications/{id}",method="GET",status="404"}"#, 1.0),
        (r#"qcert_http_requests_total{route="page",method="GET",status="503"}"#, 0.0),
        (r#"qcert_http_requests_total{route="page",method="GET",status="200"}"#, 1.0),
        (r#"qcert_one_time_passwords_total{purpose="signIn",event="ordered"}"#, 2.0),
        (r#"qcert_one_time_passwords_total{purpose="signIn",event="otp_wrong"}"#, 1.0),
        (r#"qcert_one_time_passwords_total{purpose="signIn",event="right"}"#, 1.0),
        (r#"qcert_one_time_passwords_total{purpose="confirmation",event="right"}"#, 1.0),
        (r#"qcert_messages_total{gateway="outbox",outcome="accepted"}"#, 2.0),
        (r#"qcert_issuances_total{outcome="confirmed"}"#, 1.0),
        (r#"qcert_issuances_total{outcome="issued"}"#, 1.0),
        ("qcert_issuance_duration_seconds_sum", 40.0),
        (r#"qcert_signatures_total{kind="certificate",outcome="made"}"#, 1.0),
        (r#"qcert_signatures_total{kind="revocation_list",outcome="made"}"#, 1.0),
        (r#"qcert_revocations_total{by="operator",reason="superseded"}"#, 1.0),
        (r#"qcert_ocsp_answers_total{answer="malformed_request"}"#, 1.0),
    ] {
        assert_eq!(moved(series), by, "{series}");
    }
    assert!(moved(r#"qcert_store_call_duration_seconds_count{family="issuances"}"#) >= 3.0, "{after}");
    assert_eq!(value(&after, r#"qcert_build_info{version="0.1.0"}"#), 1.0);
    assert_eq!(value(&after, r#"qcert_ready{check="database"}"#), 1.0);
    let lists = after.lines().filter(|line| line.starts_with("qcert_revocation_list_next_update_seconds{"));
    let list = lists.into_iter().find(|line| !line.contains(r#"issuer="root""#)).unwrap();
    let seconds: f64 = list.rsplit(' ').next().unwrap().parse().unwrap();
    assert!((86_300.0..86_401.0).contains(&seconds), "{list}");
    for kind in ["issuing", "root"] {
        let found = after.contains(&format!("qcert_ca_certificate_expiry_seconds{{kind=\"{kind}\",key=\""));
        assert!(found, "{kind}: {after}");
    }
    for private in ["9222114545", "+7", "Иван", "not-an-id", "some"] {
        assert!(!after.contains(private), "{private}: {after}");
    }
}

#[tokio::test]
async fn what_waits_is_as_old_as_it_is() {
    let workplace = Workplace::with("[issuance]\napproval = 'operator'").await;
    let mut browser = workplace.signed_in(PHONE).await;
    workplace.sent(&mut browser).await;
    let waits = "qcert_issuances_oldest_waiting_for_approval_seconds";
    workplace.clock.advance(Duration::minutes(9));
    let text = scraped(&workplace).await;
    assert_eq!((value(&text, waits), value(&text, "qcert_issuances_oldest_waiting_seconds")), (546.0, 0.0), "{text}");
    assert_eq!(value(&text, "qcert_messages_oldest_waiting_seconds"), 0.0);
    browser.post("/sign-in/password", json!({"phone": PHONE})).await;
    workplace.clock.advance(Duration::seconds(30));
    assert_eq!(value(&scraped(&workplace).await, "qcert_messages_oldest_waiting_seconds"), 36.0);
}

#[tokio::test]
async fn what_is_not_known_is_not_shown() {
    let workplace = Workplace::new().await;
    assert!(scraped(&workplace).await.contains("\nqcert_messages_oldest_waiting_seconds 0"));
    workplace.sql("ALTER TABLE messages RENAME TO gone").await;
    let text = scraped(&workplace).await;
    assert!(!text.contains("\nqcert_messages_oldest_waiting_seconds "), "{text}");
    assert_eq!(value(&text, r#"qcert_ready{check="database"}"#), 0.0);
    assert!(value(&text, r#"qcert_store_errors_total{family="health"}"#) >= 1.0, "{text}");
}

#[tokio::test]
async fn connections_to_postgresql_are_counted() {
    let workplace = Workplace::on_postgres("").await;
    let text = scraped(&workplace).await;
    assert_eq!(value(&text, r#"qcert_database_connections{state="limit"}"#), 8.0, "{text}");
    assert!(text.contains(r#"qcert_database_connections{state="used"}"#), "{text}");
}

#[tokio::test]
async fn promtool_reads_the_metrics_and_likes_their_names() {
    let workplace = Workplace::new().await;
    journey(&workplace).await;
    let text = scraped(&workplace).await;
    let mut promtool = std::process::Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("Debian's package prometheus");
    promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}\n{text}", String::from_utf8_lossy(&said));
    assert_eq!(String::from_utf8_lossy(&said), "", "{text}");
}

#[tokio::test]
async fn promtool_takes_the_rules_of_the_documentation_and_each_names_a_metric_that_is_there() {
    let rules = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/alerts.yml");
    let output = std::process::Command::new("promtool").args(["check", "rules", rules]).output();
    let output = output.expect("Debian's package prometheus");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let workplace = Workplace::on_postgres("").await;
    journey(&workplace).await;
    let metrics = scraped(&workplace).await;
    let text = std::fs::read_to_string(rules).unwrap();
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| word.starts_with("qcert_"));
    for word in words {
        assert!(metrics.contains(&format!("\n# TYPE {word} ")), "{word}");
    }
}
