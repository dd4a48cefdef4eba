//! Approval, rejection, revocation, blocked keys.

use qcert_protocol::operator::Role::*;
use serde_json::{Value, json};

use crate::support::{Browser, PHONE, Workplace};

const NUMBER: &str = "67092365";

async fn waiting(settings: &str) -> (Workplace, Browser) {
    let workplace = Workplace::with(settings).await;
    let mut browser = workplace.signed_in(PHONE).await;
    workplace.sent(&mut browser).await;
    (workplace, browser)
}

#[tokio::test]
async fn an_approver_approves_and_a_revoker_revokes_and_the_audit_names_both() {
    let (workplace, mut browser) = waiting("[issuance]\napproval = 'operator'").await;
    let anna = workplace.operator("anna", &[Approver]).await;
    let boris = workplace.operator("boris", &[Revoker]).await;
    let approved = anna.post(&format!("/applications/{NUMBER}/approval"), Value::Null).await;
    assert_eq!((approved.status.as_u16(), &approved.json()["waitsForApproval"]), (200, &json!(false)));
    let again = anna.post(&format!("/applications/{NUMBER}/approval"), Value::Null).await;
    assert_eq!((again.status.as_u16(), again.code().as_str()), (409, "application_state_forbids"));
    workplace.work().await.unwrap();

    let serial = browser.rows().await[0].certificate.clone().unwrap().serial;
    let path = format!("/certificates/{serial}/revocation");
    let hold = boris.post(&path, json!({"reason": "certificateHold"})).await;
    assert_eq!((hold.status.as_u16(), hold.code().as_str()), (422, "revocation_reason_unsupported"));
    let revoked = boris.post(&path, json!({"reason": "keyCompromise"})).await;
    assert_eq!((revoked.status.as_u16(), &revoked.json()["revocationReason"]), (200, &json!("keyCompromise")));
    assert_eq!(boris.post(&path, json!({"reason": "superseded"})).await.code(), "certificate_already_revoked");
    let unknown = boris.post("/certificates/0A/revocation", json!({"reason": "superseded"})).await;
    assert_eq!((unknown.status.as_u16(), unknown.code().as_str()), (404, "certificate_not_found"));
    assert_eq!(browser.rows().await[0].state.as_str(), "revoked");

    let audited = workplace.audited().await;
    assert!(audited.contains(&"issuance approved by anna".to_owned()), "{audited:#?}");
    assert!(audited.contains(&format!("certificate revoked: {serial} keyCompromise by boris")), "{audited:#?}");
}

#[tokio::test]
async fn a_person_reads_why_an_approver_rejected() {
    let (workplace, mut browser) = waiting("[issuance]\napproval = 'operator'").await;
    let anna = workplace.operator("anna", &[Approver]).await;
    let path = format!("/applications/{NUMBER}/rejection");
    let empty = anna.post(&path, json!({"reason": " "})).await;
    assert_eq!((empty.code().as_str(), &empty.json()["fields"][0]["field"]), ("field_invalid", &json!("reason")));
    let rejected = anna.post(&path, json!({"reason": "Нет доверенности"})).await;
    assert_eq!((rejected.status.as_u16(), &rejected.json()["state"]), (200, &json!("rejected")));
    assert_eq!(browser.rows().await[0].reason.as_deref(), Some("Нет доверенности"));
    assert!(workplace.audited().await.contains(&"issuance rejected by anna".to_owned()));
    assert_eq!(anna.post("/applications/1/rejection", json!({"reason": "x"})).await.code(), "application_not_found");
}

#[tokio::test]
async fn with_four_eyes_two_operators_approve_and_one_alone_cannot() {
    let (workplace, mut browser) = waiting("[issuance]\napproval = 'operator'\napprovals = 2").await;
    let anna = workplace.operator("anna", &[Approver]).await;
    let vera = workplace.operator("vera", &[Approver]).await;
    let path = format!("/applications/{NUMBER}/approval");
    let first = anna.post(&path, Value::Null).await.json();
    assert_eq!((&first["waitsForApproval"], &first["approvedBy"]), (&json!(true), &json!(["anna"])));
    let same = anna.post(&path, Value::Null).await;
    assert_eq!((same.status.as_u16(), same.code().as_str()), (409, "second_operator_required"));
    workplace.work().await.unwrap();
    assert_eq!(browser.rows().await[0].state.as_str(), "sent");
    let second = vera.post(&path, Value::Null).await.json();
    assert_eq!(second["waitsForApproval"], json!(false));
    workplace.work().await.unwrap();
    assert_eq!(browser.rows().await[0].state.as_str(), "readyToInstall");
}

#[tokio::test]
async fn one_approval_of_an_earlier_request_does_not_count_for_the_next() {
    let (workplace, mut browser) = waiting("[issuance]\napproval = 'operator'\napprovals = 2").await;
    let anna = workplace.operator("anna", &[Approver]).await;
    let vera = workplace.operator("vera", &[Approver]).await;
    let path = format!("/applications/{NUMBER}/approval");
    assert_eq!(anna.post(&path, Value::Null).await.status, 200);
    let id = browser.rows().await[0].id;
    assert_eq!(browser.post(&format!("/applications/{id}/withdrawal"), Value::Null).await.status, 200);
    workplace.clock.advance(time::Duration::minutes(3));
    workplace.sent(&mut browser).await;
    let alone = vera.post(&path, Value::Null).await.json();
    assert_eq!((&alone["waitsForApproval"], &alone["approvedBy"]), (&json!(true), &json!(["vera"])));
}

#[tokio::test]
async fn a_blocked_key_is_told_by_its_digest_and_blocked_once() {
    let workplace = Workplace::new().await;
    let boris = workplace.operator("boris", &[Revoker]).await;
    let key = "ab".repeat(32);
    let first = boris.post("/keys/block", json!({"key": key})).await.json();
    assert_eq!(first, json!({"keySha256": key, "newly": true}));
    assert_eq!(boris.post("/keys/block", json!({"key": key.to_uppercase()})).await.json()["newly"], json!(false));
    let none = boris.post("/keys/block", json!({"key": "no key"})).await;
    assert_eq!((none.status.as_u16(), none.code().as_str()), (422, "field_invalid"));
    assert!(workplace.audited().await.contains(&format!("key blocked: {key} by boris")));
}

#[tokio::test]
async fn an_auditor_reads_who_looked_at_what_and_not_what_was_looked_for() {
    let workplace = Workplace::new().await;
    let auditor = workplace.operator("viktor", &[Auditor]).await;
    auditor.post("/search", json!({"by": "phone", "value": PHONE})).await;
    auditor.get(&format!("/applications/{NUMBER}")).await;
    let page = auditor.get("/audit").await.json();
    let events = page["events"].as_array().unwrap();
    let detail = |event: &str| {
        events.iter().find(|found| found["event"] == event).unwrap()["detail"].as_str().unwrap().to_owned()
    };
    assert_eq!(detail("applications searched"), "by phone, 4 found");
    let read = events.iter().find(|found| found["event"] == "application read").unwrap();
    assert_eq!(
        (&read["who"], &read["from"], &read["outcome"]),
        (&json!("viktor"), &json!("127.0.0.1"), &json!("done"))
    );
    assert!(!page.to_string().contains(&PHONE[2..]));
    let last = events.last().unwrap()["place"].as_i64().unwrap();
    let rest = auditor.get(&format!("/audit?after={}", last - 1)).await.json();
    assert_eq!(rest["events"][0], *events.last().unwrap());
    // That the audit was read is news, once; that nothing else was there is not.
    for _ in 0..3 {
        let news = auditor.get(&format!("/audit?after={last}")).await.json();
        let events: Vec<_> = news["events"].as_array().unwrap().iter().map(|event| &event["event"]).collect();
        assert_eq!(events, ["audit read", "audit read"]);
    }
}
