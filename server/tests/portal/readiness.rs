//! Whether a server is ready, and what it says of that.

use axum::{body::Body, http::Request};
use qcert_server::{
    clock::{Clock, SystemClock},
    config::Settings,
    health::readiness,
    sms::{gateway::Gateways, sender},
};
use serde_json::{Value, json};
use time::Duration;
use uuid::Uuid;

use crate::support::{PHONE, Reply, Workplace};

async fn asked(workplace: &Workplace) -> Reply {
    workplace.browser().send(Request::get("/readyz").body(Body::empty()).unwrap()).await
}

/// The code of a part, after what was found before is forgotten.
async fn code(workplace: &Workplace, name: &str) -> (u16, Value) {
    workplace.clock.advance(Duration::seconds(4));
    let reply = asked(workplace).await;
    let answer = reply.json();
    let check = answer["checks"].as_array().unwrap().iter().find(|check| check["name"] == name).unwrap();
    (reply.status.as_u16(), check["code"].clone())
}

#[tokio::test]
async fn a_server_is_ready_when_all_its_parts_are() {
    let workplace = Workplace::new().await;
    let reply = asked(&workplace).await;
    assert_eq!(reply.status, 200, "{:?}", reply.json());
    let good = |name: &str| json!({"name": name, "state": "ok", "code": "ok"});
    let checks = ["database", "caKey", "gateway", "clock"].map(good);
    assert_eq!(reply.json(), json!({"status": "ready", "checks": checks}));
    assert_eq!(reply.headers["cache-control"], "no-store");
}

#[tokio::test]
async fn a_server_without_its_database_lives_and_is_not_ready() {
    let workplace = Workplace::new().await;
    workplace.sql("ALTER TABLE messages RENAME TO gone").await;
    let reply = asked(&workplace).await;
    assert_eq!((reply.status.as_u16(), &reply.json()["status"]), (503, &json!("not_ready")));
    let failed = json!({"name": "database", "state": "failed", "code": "database_unavailable"});
    assert_eq!(reply.json()["checks"][0], failed);
    assert_eq!(reply.json()["checks"][3], json!({"name": "clock", "state": "unknown", "code": "unknown"}));
    let said = String::from_utf8(reply.body).unwrap();
    assert!(!said.contains("messages") && !said.contains('/'), "a stranger is told nothing: {said}");
    let lives = workplace.browser().send(Request::get("/healthz").body(Body::empty()).unwrap()).await;
    assert_eq!(lives.status, 200);
}

#[tokio::test]
async fn what_was_found_is_remembered_for_a_moment() {
    let workplace = Workplace::new().await;
    assert_eq!(asked(&workplace).await.status, 200);
    workplace.sql("ALTER TABLE messages RENAME TO gone").await;
    assert_eq!(asked(&workplace).await.status, 200);
    assert_eq!(code(&workplace, "database").await, (503, json!("database_unavailable")));
}

#[tokio::test]
async fn a_clock_that_goes_back_is_told() {
    let workplace = Workplace::new().await;
    assert_eq!(code(&workplace, "clock").await, (200, json!("ok")));
    workplace.clock.advance(-Duration::MINUTE);
    assert_eq!(code(&workplace, "clock").await, (503, json!("clock_went_back")));
    workplace.clock.advance(Duration::MINUTE);
    assert_eq!(code(&workplace, "clock").await, (200, json!("ok")));
}

#[tokio::test]
async fn a_clock_before_the_newest_row_of_the_audit_is_told() {
    let workplace = Workplace::new().await;
    workplace.clock.advance(Duration::HOUR);
    // Signing in leaves a row.
    workplace.signed_in(PHONE).await;
    let mut browser = workplace.signed_in(crate::support::OTHER_PHONE).await;
    workplace.prepared(&mut browser).await;
    let restarted = workplace.reopened("").await;
    restarted.clock.advance(-Duration::minutes(30));
    assert_eq!(code(&restarted, "clock").await, (503, json!("clock_behind")));
}

#[tokio::test]
async fn the_clock_of_postgresql_is_compared_with_ours() {
    let workplace = Workplace::on_postgres("").await;
    assert_eq!(code(&workplace, "clock").await, (503, json!("clock_differs")));
    let difference = SystemClock.now() - workplace.clock.now();
    workplace.clock.advance(difference - Duration::seconds(4));
    assert_eq!(code(&workplace, "clock").await, (200, json!("ok")));
    assert_eq!(code(&workplace, "database").await.1, "ok");
}

#[tokio::test]
async fn a_gateway_that_cannot_be_reached_makes_a_server_unready_for_a_while() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("url = 'http://{closed}/{{{{phone}}}}?text={{{{text}}}}'");
    let workplace = Workplace::with(&format!("[sms.first]\nkind = 'http'\n{url}")).await;
    let gateways = Gateways::open(&workplace.portal).unwrap();
    assert_eq!(code(&workplace, "gateway").await, (200, json!("ok")));
    workplace.browser().post("/sign-in/password", json!({"phone": PHONE})).await;
    for _ in 0..3 {
        sender::send_waiting(&workplace.portal, &gateways, Uuid::max()).await.unwrap();
        workplace.clock.advance(Duration::seconds(15));
    }
    assert_eq!(code(&workplace, "gateway").await, (503, json!("gateway_unreachable")));
    // Nobody knows any more; but what waits has waited too long by now.
    workplace.clock.advance(Duration::MINUTE);
    assert_eq!(code(&workplace, "gateway").await, (503, json!("messages_stuck")));
    // The password is too old, and its message is given up.
    workplace.clock.advance(Duration::minutes(15));
    sender::send_waiting(&workplace.portal, &gateways, Uuid::max()).await.unwrap();
    assert_eq!(code(&workplace, "gateway").await, (200, json!("ok")));
}

#[tokio::test]
async fn a_second_gateway_suffices() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("url = 'http://{closed}/{{{{phone}}}}?text={{{{text}}}}'");
    let settings = format!("[sms.first]\nkind = 'http'\n{url}\n[sms.second]\nkind = 'outbox'");
    let workplace = Workplace::with(&settings).await;
    let gateways = Gateways::open(&workplace.portal).unwrap();
    for _ in 0..3 {
        workplace.browser().post("/sign-in/password", json!({"phone": PHONE})).await;
        assert_eq!(sender::send_waiting(&workplace.portal, &gateways, Uuid::max()).await.unwrap(), 1);
        workplace.clock.advance(Duration::minutes(3));
    }
    assert_eq!(code(&workplace, "gateway").await, (200, json!("ok")));
}

#[tokio::test]
async fn an_smpp_gateway_without_a_session_is_not_reached() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, "word").unwrap();
    let secret = file.path().display();
    let smpp = "kind = 'smpp'\nsystem_id = 'q'\nsource = 'Q'\ntls = 'off'";
    let settings = format!("[sms.first]\n{smpp}\naddress = '{closed}'\nsecret_file = '{secret}'");
    let workplace = Workplace::with(&settings).await;
    workplace.portal.health.watch(&Gateways::open(&workplace.portal).unwrap());
    assert_eq!(code(&workplace, "gateway").await, (503, json!("gateway_unreachable")));
}

#[tokio::test]
async fn a_signature_that_failed_counts_until_one_is_made_or_a_minute_has_passed() {
    let workplace = Workplace::new().await.reopened("[ca]\nsignature_journal = '/dev/full'").await;
    let mut browser = workplace.signed_in(PHONE).await;
    workplace.sent(&mut browser).await;
    assert_eq!(code(&workplace, "caKey").await, (200, json!("ok")));
    assert!(workplace.work().await.is_err());
    assert_eq!(code(&workplace, "caKey").await, (503, json!("key_unusable")));
    workplace.clock.advance(Duration::MINUTE);
    assert_eq!(code(&workplace, "caKey").await, (200, json!("ok")));
    assert!(workplace.work().await.is_err());
    assert_eq!(code(&workplace, "caKey").await, (503, json!("key_unusable")));
}

#[tokio::test]
async fn a_key_in_an_hsm_that_is_away_shows() {
    let workplace = Workplace::new().await;
    // The same certificate, its key in a module that is not there.
    let directory = workplace.portal.settings.ca.directory.clone();
    let key = std::fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path());
    let key = key.into_iter().find(|path| path.to_string_lossy().ends_with(".key") && !path.ends_with("root.key"));
    std::fs::remove_file(key.unwrap()).unwrap();
    let pin = directory.join("pin");
    std::fs::write(&pin, "1234").unwrap();
    std::fs::set_permissions(&pin, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let settings = format!("[hsm]\nmodule = '/nowhere/lib.so'\ntoken = 'T'\npin_file = '{}'", pin.display());
    let workplace = workplace.reopened(&settings).await;
    assert_eq!(code(&workplace, "caKey").await, (503, json!("key_unusable")));
}

#[tokio::test]
async fn an_issuing_certificate_that_has_ended_is_told() {
    let workplace = Workplace::with("[ca]\nissuing_years = 1").await;
    workplace.clock.advance(Duration::days(367));
    assert_eq!(code(&workplace, "caKey").await, (503, json!("issuer_not_valid")));
}

#[tokio::test]
async fn a_server_that_is_about_to_end_is_not_ready() {
    let workplace = Workplace::new().await;
    assert_eq!(asked(&workplace).await.status, 200);
    workplace.portal.close();
    let reply = asked(&workplace).await;
    assert_eq!((reply.status.as_u16(), &reply.json()["status"]), (503, &json!("closing")));
    assert!(readiness(&workplace.portal).await.is_closing());
}

#[tokio::test]
async fn metrics_are_nowhere_unless_somebody_says_where() {
    let settings = Settings::read("", &Default::default()).unwrap();
    assert_eq!(settings.operations_listen, None);
    let workplace = Workplace::new().await;
    let reply = workplace.browser().send(Request::get("/metrics").body(Body::empty()).unwrap()).await;
    assert!(!String::from_utf8_lossy(&reply.body).contains("qcert_"), "not where the portal is");
}
