//! People's phones, and what they found wrong.

use axum::http::Method;
use qcert_protocol::operator::Role::*;
use serde_json::{Value, json};
use time::Duration;

use crate::support::{OTHER_PHONE, PHONE, UNKNOWN_PHONE, Workplace, wrong};

const NUMBER: &str = "67092365";

#[tokio::test]
async fn a_new_phone_needs_two_operators_a_day_and_tells_the_old_one() {
    let workplace = Workplace::new().await;
    let anna = workplace.operator("anna", &[Registrar, Approver]).await;
    let mut old = workplace.signed_in(PHONE).await;
    workplace.prepared(&mut old).await;
    let before = old.rows().await.len();
    let proposed = anna.post(&format!("/applications/{NUMBER}/phone"), json!({"phone": "8 999 000-00-00"})).await;
    assert_eq!((proposed.status.as_u16(), &proposed.json()["new"]), (201, &json!(UNKNOWN_PHONE)));
    let id = proposed.json()["id"].as_str().unwrap().to_owned();
    let (to, text) = workplace.messages().await.pop().unwrap();
    assert_eq!(to, PHONE);
    assert_eq!(
        text,
        "Для заявления 67092365 указан новый телефон +7 999 ··· ··00. Если это сделали не вы, позвоните: 8-800-500-05-08"
    );
    assert_eq!(anna.get("/phone-changes").await.json(), json!([proposed.json()]));

    let confirmation = format!("/phone-changes/{id}/confirmation");
    let alone = anna.post(&confirmation, Value::Null).await;
    assert_eq!((alone.status.as_u16(), alone.code().as_str()), (409, "second_operator_required"));
    workplace.clock.advance(Duration::hours(23));
    let boris = workplace.operator("boris", &[Approver]).await;
    let early = boris.post(&confirmation, Value::Null).await;
    assert_eq!((early.status.as_u16(), early.code().as_str()), (409, "phone_change_too_early"));
    assert_eq!(early.headers["retry-after"], "3600");
    let mut old = workplace.signed_in(PHONE).await;
    assert_eq!(old.rows().await.len(), before, "nothing is changed while it waits");

    workplace.clock.advance(Duration::HOUR);
    let mut old = workplace.signed_in(PHONE).await;
    assert_eq!(boris.post(&confirmation, Value::Null).await.status, 200);
    let again = boris.post(&confirmation, Value::Null).await;
    assert_eq!(again.code(), "application_state_forbids");
    assert_eq!(old.get("/applications").await.code(), "session_required");
    let mut old = workplace.signed_in(PHONE).await;
    assert!(old.rows().await.iter().all(|row| row.number != NUMBER));
    let mut new = workplace.signed_in(UNKNOWN_PHONE).await;
    let rows = new.rows().await;
    let theirs = rows.iter().find(|row| row.number == NUMBER).unwrap();
    assert_eq!((theirs.state.as_str(), &theirs.request), ("available", &None));
    let audited = workplace.audited().await;
    for event in ["phone change proposed by anna", "phone changed: proposed by anna by boris"] {
        assert!(audited.contains(&event.to_owned()), "{audited:#?}");
    }
    assert!(!audited.iter().any(|event| event.contains("9990000000") || event.contains(&PHONE[2..])), "{audited:#?}");
}

#[tokio::test]
async fn all_of_a_persons_applications_go_with_the_phone_and_nobody_elses() {
    let workplace = Workplace::with("[operators]\nphone_change_hours = 1").await;
    let anna = workplace.operator("anna", &[Registrar, Auditor]).await;
    let boris = workplace.operator("boris", &[Approver]).await;
    let of = async |phone: &str| {
        let found = anna.post("/search", json!({"by": "phone", "value": phone})).await.json();
        let found = found["applications"].as_array().unwrap().clone();
        found.into_iter().map(|found| (found["number"].clone(), found["holder"]["snils"].clone())).collect::<Vec<_>>()
    };
    let before = of(PHONE).await;
    let snils = before.iter().find(|(number, _)| number == NUMBER).unwrap().1.clone();
    let (theirs, others): (Vec<_>, Vec<_>) = before.into_iter().partition(|(_, own)| *own == snils);
    let change = anna.post(&format!("/applications/{NUMBER}/phone"), json!({"phone": UNKNOWN_PHONE})).await.json();
    workplace.clock.advance(Duration::HOUR);
    let path = format!("/phone-changes/{}/confirmation", change["id"].as_str().unwrap());
    assert_eq!(boris.post(&path, Value::Null).await.status, 200);
    assert_eq!((of(UNKNOWN_PHONE).await, of(PHONE).await), (theirs, others));
}

#[tokio::test]
async fn a_proposal_is_replaced_by_the_next_and_dropped_by_either_operator() {
    let workplace = Workplace::new().await;
    let anna = workplace.operator("anna", &[Registrar]).await;
    let boris = workplace.operator("boris", &[Approver]).await;
    let path = format!("/applications/{NUMBER}/phone");
    let first = anna.post(&path, json!({"phone": UNKNOWN_PHONE})).await.json();
    let second = anna.post(&path, json!({"phone": OTHER_PHONE})).await.json();
    assert_eq!(boris.get("/phone-changes").await.json(), json!([second]));
    let page = format!("/phone-changes?after={}", second["id"].as_str().unwrap());
    assert_eq!(boris.get(&page).await.json(), json!([]));
    assert_eq!(boris.get("/phone-changes?after=x").await.code(), "field_invalid");
    let delete = async |change: &Value| {
        let path = format!("/phone-changes/{}", change["id"].as_str().unwrap());
        boris.call(Method::DELETE, &path, Value::Null).await.status.as_u16()
    };
    assert_eq!((delete(&first).await, delete(&second).await, delete(&second).await), (404, 204, 404));
    let same = anna.post(&path, json!({"phone": PHONE})).await;
    assert_eq!((same.code().as_str(), &same.json()["fields"][0]["field"]), ("field_invalid", &json!("phone")));
    assert_eq!(anna.post(&path, json!({"phone": "112"})).await.code(), "field_invalid");
    assert_eq!(anna.post("/applications/1/phone", json!({"phone": PHONE})).await.code(), "application_not_found");
}

#[tokio::test]
async fn an_unlocked_phone_has_its_tries_again() {
    let workplace = Workplace::new().await;
    let anna = workplace.operator("anna", &[Registrar]).await;
    let mut signed_in = workplace.signed_in(PHONE).await;
    let mut browser = workplace.browser();
    assert_eq!(browser.post("/sign-in/password", json!({"phone": PHONE})).await.status, 202);
    let password = workplace.password(PHONE).await;
    for _ in 0..5 {
        browser.post("/sign-in", json!({"phone": PHONE, "password": wrong(&password)})).await;
    }
    let typed = json!({"phone": PHONE, "password": password});
    assert_eq!(browser.post("/sign-in", typed.clone()).await.code(), "otp_tries_exhausted");
    let unlocked = anna.post("/phones/unlock", json!({"phone": PHONE})).await;
    assert_eq!((unlocked.status.as_u16(), unlocked.json()), (200, json!({"wasLocked": true})));
    assert_eq!(browser.post("/sign-in", typed).await.code(), "otp_tries_exhausted", "the password had its five");
    assert_eq!(browser.post("/sign-in/password", json!({"phone": PHONE})).await.status, 202, "at once");
    let password = workplace.password(PHONE).await;
    assert_eq!(browser.post("/sign-in", json!({"phone": PHONE, "password": password})).await.status, 200);
    assert_eq!(signed_in.get("/session").await.status, 200, "whoever was signed in is so still");
    assert_eq!(anna.post("/phones/unlock", json!({"phone": PHONE})).await.json(), json!({"wasLocked": false}));
    assert_eq!(anna.post("/phones/unlock", json!({"phone": "1"})).await.code(), "field_invalid");
    assert!(workplace.audited().await.contains(&"phone unlocked: +7 922 ··· ··45 by anna".to_owned()));
}

#[tokio::test]
async fn a_report_of_wrong_data_is_answered_once_and_the_person_reads_it() {
    let workplace = Workplace::new().await;
    let anna = workplace.operator("anna", &[Registrar]).await;
    let mut browser = workplace.signed_in(PHONE).await;
    let row = browser.rows().await.remove(0);
    let report = browser.post(&format!("/applications/{}/mistakes", row.id), json!({"text": "Фамилия не та"})).await;
    assert_eq!(report.status, 204);
    let details = format!("/applications/{}", row.id);
    let reported = json!({"text": "Фамилия не та", "reportedAt": "2026-03-02T09:00:00Z"});
    assert_eq!(browser.get(&details).await.json()["mistakes"], json!([reported]));
    let open = anna.get("/mistakes").await.json();
    assert_eq!((&open[0]["number"], &open[0]["text"]), (&json!(row.number), &json!("Фамилия не та")));
    let path = format!("/mistakes/{}/answer", open[0]["id"].as_str().unwrap());
    for text in ["", "a\nb", &"я".repeat(301)] {
        assert_eq!(anna.post(&path, json!({"text": text})).await.code(), "field_invalid", "{text}");
    }
    workplace.clock.advance(Duration::MINUTE);
    assert_eq!(anna.post(&path, json!({"text": "Исправили, проверьте"})).await.status, 204);
    let mut answered = reported;
    answered["answer"] = json!({"text": "Исправили, проверьте", "at": "2026-03-02T09:01:00Z"});
    assert_eq!(browser.get(&details).await.json()["mistakes"], json!([answered]));
    let (to, text) = workplace.messages().await.pop().unwrap();
    let expected = format!("Ответ на ваше сообщение об ошибке в заявлении {}: Исправили, проверьте", row.number);
    assert_eq!((to.as_str(), text), (PHONE, expected));
    assert_eq!(anna.get("/mistakes").await.json(), json!([]));
    assert_eq!(anna.post(&path, json!({"text": "Ещё раз"})).await.code(), "application_state_forbids");
    let unknown = format!("/mistakes/{}/answer", row.id);
    assert_eq!(anna.post(&unknown, json!({"text": "x"})).await.code(), "not_found");
    assert!(workplace.audited().await.contains(&"mistake answered by anna".to_owned()));
}
