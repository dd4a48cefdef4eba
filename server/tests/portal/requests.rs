//! Certificate requests up to the issuance queue.

use qcert_protocol::portal::ApplicationRow;
use serde_json::{Value, json};
use time::Duration;

use crate::support::{DEMO, PHONE, Workplace, certification_request, token, wrong};

#[tokio::test]
async fn an_uploaded_request_waits_for_its_password() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.signed_in(PHONE).await;
    let (row, _) = workplace.prepared(&mut browser).await;
    let request = row.request.unwrap();
    assert_eq!(row.state.as_str(), "preparing");
    assert!(!request.password_ordered);
    assert_eq!(workplace.messages().await.len(), 1, "no password is sent yet");
}

#[tokio::test]
async fn what_is_answered_to_an_upload_and_a_confirmation_is_the_row_as_it_stands() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.signed_in(PHONE).await;
    let (uploaded, request) = workplace.prepared(&mut browser).await;
    assert_eq!(browser.rows().await[0], uploaded);
    browser.post(&format!("/requests/{request}/password"), Value::Null).await;
    let password = workplace.password(PHONE).await;
    let confirmed: ApplicationRow = browser.confirm(request, &password).await.parsed();
    assert_eq!(browser.rows().await[0], confirmed);
    assert!(confirmed.request.unwrap().confirmed_at.is_some());
}

#[tokio::test]
async fn what_changed_while_a_request_was_confirmed_is_in_the_answer() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.signed_in(PHONE).await;
    let (_, request) = workplace.prepared(&mut browser).await;
    browser.post(&format!("/requests/{request}/password"), Value::Null).await;
    let password = workplace.password(PHONE).await;
    // Somebody else's change comes after the application was read for the confirmation, and before it is confirmed.
    let meanwhile = workplace.by_store(
        "CREATE TRIGGER meanwhile AFTER UPDATE OF state ON passwords \
         BEGIN UPDATE applications SET reason = 'meanwhile', revision = revision + 1; END",
        "CREATE FUNCTION meanwhile() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         UPDATE applications SET reason = 'meanwhile', revision = revision + 1; RETURN NULL; END $$; \
         CREATE TRIGGER meanwhile AFTER UPDATE OF state ON passwords EXECUTE FUNCTION meanwhile()",
    );
    workplace.sql(meanwhile).await;
    let confirmed: ApplicationRow = browser.confirm(request, &password).await.parsed();
    assert_eq!(confirmed.reason.as_deref(), Some("meanwhile"));
    assert_eq!(browser.rows().await[0], confirmed);
}

#[tokio::test]
async fn the_second_message_names_the_organisation_and_the_key() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.signed_in(PHONE).await;
    let (row, request) = workplace.prepared(&mut browser).await;
    assert_eq!(browser.post(&format!("/requests/{request}/password"), Value::Null).await.status, 202);
    let (_, text) = workplace.messages().await.pop().unwrap();
    assert!(text.contains("ООО «АвтоСпор»"), "{text}");
    assert!(text.contains(row.request.unwrap().key_code.as_str()), "{text}");
    let view = browser.rows().await.remove(0).request.unwrap();
    assert_eq!((view.password_ordered, view.resend_after_seconds), (true, 120));
}

#[tokio::test]
async fn a_new_session_gets_a_new_password_for_the_request() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.signed_in(PHONE).await;
    let (_, request) = workplace.prepared(&mut browser).await;
    browser.post(&format!("/requests/{request}/password"), Value::Null).await;
    let first = workplace.password(PHONE).await;

    let mut later = workplace.signed_in(PHONE).await;
    let view = later.rows().await.remove(0).request.unwrap();
    assert_eq!((view.password_ordered, view.resend_after_seconds), (false, 0));
    assert_eq!(later.confirm(request, &first).await.code(), "otp_not_requested");
    assert_eq!(later.post(&format!("/requests/{request}/password"), Value::Null).await.status, 202);
    assert_eq!(later.confirm(request, &first).await.code(), "otp_wrong");
    let second = workplace.password(PHONE).await;
    assert_eq!(later.confirm(request, &second).await.status, 200);
}

#[tokio::test]
async fn a_password_for_one_request_does_not_confirm_another() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.signed_in(PHONE).await;
    let (row, first) = workplace.prepared(&mut browser).await;
    browser.post(&format!("/requests/{first}/password"), Value::Null).await;
    let password = workplace.password(PHONE).await;
    // The page swaps the request.
    let swapped: ApplicationRow = browser.upload(&row, &certification_request()).await.parsed();
    let second = swapped.request.unwrap().id;
    assert_ne!(first, second);
    assert_eq!(browser.confirm(second, &password).await.code(), "otp_not_requested");
    assert_eq!(browser.confirm(first, &password).await.code(), "request_not_found");
}

#[tokio::test]
async fn a_code_is_bound_to_its_purpose_and_digest_and_only_its_keyed_hash_is_kept() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.signed_in(PHONE).await;
    let (_, request) = workplace.prepared(&mut browser).await;
    browser.post(&format!("/requests/{request}/password"), Value::Null).await;
    let password = workplace.password(PHONE).await;
    let sign_in = json!({"phone": PHONE, "password": password});
    assert_eq!(workplace.browser().post("/sign-in", sign_in.clone()).await.code(), "otp_wrong");
    // Nor does it become good for something else in the database.
    workplace.sql("CREATE TABLE kept AS SELECT id, digest FROM passwords").await;
    for other in [
        "UPDATE passwords SET digest = hash WHERE purpose = 'confirmation'",
        "UPDATE passwords SET digest = NULL WHERE purpose = 'confirmation'",
        workplace.by_store(
            "UPDATE passwords SET purpose = 'signIn', subject = NULL, session_id = NULL WHERE purpose = 'confirmation'",
            "UPDATE passwords SET purpose = 'signIn', subject_id = NULL, session_id = NULL \
             WHERE purpose = 'confirmation'",
        ),
    ] {
        workplace.sql(other).await;
        let code = match other.contains("signIn") {
            true => workplace.browser().post("/sign-in", sign_in.clone()).await.code(),
            false => browser.confirm(request, &password).await.code(),
        };
        assert_eq!(code, "otp_wrong", "{other}");
        workplace.sql("UPDATE passwords SET digest = (SELECT digest FROM kept WHERE kept.id = passwords.id)").await;
    }
    let hash = workplace.latest_hash().await;
    let plain = ring::digest::digest(&ring::digest::SHA256, password.as_bytes());
    assert!(hash.len() == 32 && hash != plain.as_ref(), "a hash of a million codes is looked up in no time");
}

#[tokio::test]
async fn data_that_change_after_the_password_was_sent_need_a_new_one() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.signed_in(PHONE).await;
    let (_, request) = workplace.prepared(&mut browser).await;
    browser.post(&format!("/requests/{request}/password"), Value::Null).await;
    let password = workplace.password(PHONE).await;
    let portal = &workplace.portal;
    let corrected = DEMO.replace("\"Дирекция\"", "\"Управление\"");
    use qcert_server::applications::import::{File, import};
    let summary = import(&*portal.store, &*portal.clock, &*portal.randomness, &File::json(&corrected)).await.unwrap();
    assert_eq!(summary.changed, 1);

    assert_eq!(browser.confirm(request, &password).await.code(), "digest_changed");
    assert_eq!(browser.rows().await[0].state.as_str(), "preparing");
    workplace.clock.advance(Duration::seconds(120));
    browser.post(&format!("/requests/{request}/password"), Value::Null).await;
    let password = workplace.password(PHONE).await;
    assert_eq!(browser.confirm(request, &password).await.status, 200);
}

#[tokio::test]
async fn an_identification_that_was_taken_back_confirms_nothing_and_the_password_stays_good() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.signed_in(PHONE).await;
    let (_, request) = workplace.prepared(&mut browser).await;
    browser.post(&format!("/requests/{request}/password"), Value::Null).await;
    let password = workplace.password(PHONE).await;
    workplace.sql("UPDATE applications SET identification = NULL").await;
    assert_eq!(browser.confirm(request, &password).await.code(), "identification_missing");
    assert_eq!(browser.rows().await[0].state.as_str(), "preparing");
    workplace.sql("UPDATE applications SET identification = 0").await;
    assert_eq!(browser.confirm(request, &password).await.status, 200);
}

#[tokio::test]
async fn wrong_second_passwords_run_out_like_the_first() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.signed_in(PHONE).await;
    let (_, request) = workplace.prepared(&mut browser).await;
    browser.post(&format!("/requests/{request}/password"), Value::Null).await;
    let password = workplace.password(PHONE).await;
    for _ in 0..4 {
        assert_eq!(browser.confirm(request, &wrong(&password)).await.code(), "otp_wrong");
    }
    assert_eq!(browser.confirm(request, &wrong(&password)).await.code(), "otp_tries_exhausted");
    assert_eq!(browser.confirm(request, &password).await.code(), "otp_tries_exhausted");
    assert_eq!(browser.rows().await[0].state.as_str(), "preparing");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_confirmation_twice_at_once_gives_one_certificate() {
    let workplace = Workplace::with("[otp]\ntries = 100").await;
    let mut browser = workplace.signed_in(PHONE).await;
    let (_, request) = workplace.prepared(&mut browser).await;
    browser.post(&format!("/requests/{request}/password"), Value::Null).await;
    let password = workplace.password(PHONE).await;
    let attempts = (0..6).map(|_| {
        let (mut browser, password) = (browser.clone(), password.clone());
        tokio::spawn(async move { browser.confirm(request, &password).await })
    });
    for attempt in attempts.collect::<Vec<_>>() {
        let reply = attempt.await.unwrap();
        assert_eq!(reply.status, 200, "{:?}", reply.json());
    }
    workplace.work().await.unwrap();
    assert_eq!(workplace.portal.store.certificates().await.unwrap().len(), 1);
    assert_eq!(browser.rows().await[0].state.as_str(), "readyToInstall");
}

#[tokio::test]
async fn the_same_upload_twice_is_as_good_as_once() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.signed_in(PHONE).await;
    let row = browser.rows().await.remove(0);
    let request = certification_request();
    let first: ApplicationRow = browser.upload(&row, &request).await.parsed();
    let second: ApplicationRow = browser.upload(&row, &request).await.parsed();
    assert_eq!(first, second);
}

#[tokio::test]
async fn a_removed_request_leaves_the_application_as_it_was() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.signed_in(PHONE).await;
    let (_, request) = workplace.prepared(&mut browser).await;
    let row: ApplicationRow = browser.delete(&format!("/requests/{request}")).await.parsed();
    assert_eq!((row.state.as_str(), row.request), ("available", None));
    assert_eq!(browser.delete(&format!("/requests/{request}")).await.code(), "request_not_found");
}

#[tokio::test]
async fn a_sent_request_can_be_withdrawn_until_somebody_begins_to_issue() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.signed_in(PHONE).await;
    let (row, request) = workplace.sent(&mut browser).await;
    assert_eq!(browser.delete(&format!("/requests/{request}")).await.code(), "application_state_forbids");
    let withdrawal = format!("/applications/{}/withdrawal", row.id);
    let withdrawn: ApplicationRow = browser.post(&withdrawal, Value::Null).await.parsed();
    assert_eq!(withdrawn.state.as_str(), "withdrawn");
    workplace.work().await.unwrap();
    assert!(workplace.portal.store.certificates().await.unwrap().is_empty());

    // The next attempt, of which the certificate is made.
    workplace.clock.advance(Duration::seconds(120));
    workplace.sent(&mut browser).await;
    workplace.work().await.unwrap();
    assert_eq!(browser.post(&withdrawal, Value::Null).await.code(), "application_state_forbids");
    assert_eq!(workplace.portal.store.certificates().await.unwrap().len(), 1);
}

#[tokio::test]
async fn one_application_takes_no_second_request_after_its_certificate() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.signed_in(PHONE).await;
    let (row, _) = workplace.sent(&mut browser).await;
    assert_eq!(browser.upload(&row, &certification_request()).await.code(), "application_state_forbids");
    workplace.work().await.unwrap();
    assert_eq!(browser.upload(&row, &certification_request()).await.code(), "application_state_forbids");
}

#[tokio::test]
async fn without_identification_nothing_is_requested() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.signed_in(crate::support::OTHER_PHONE).await;
    let row = browser.rows().await.remove(1);
    assert_eq!(browser.get(&format!("/applications/{}", row.id)).await.json()["identified"], false);
    assert_eq!(browser.upload(&row, &certification_request()).await.code(), "identification_missing");
}

#[tokio::test]
async fn a_request_that_is_none_is_refused_with_its_code() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.signed_in(PHONE).await;
    let row = browser.rows().await.remove(0);
    let mut forged = certification_request();
    *forged.last_mut().unwrap() ^= 1;
    let forged = browser.upload(&row, &forged).await.code();
    assert!(["proof_of_possession_failed", "request_malformed"].contains(&forged.as_str()), "{forged}");
    assert_eq!(browser.upload(&row, b"no request").await.code(), "request_malformed");
    assert_eq!(browser.upload(&row, &[0; 8 * 1024 + 1]).await.code(), "request_too_large");
    assert_eq!(browser.rows().await[0].state.as_str(), "available");
}

#[tokio::test]
async fn a_container_or_token_of_something_else_is_refused_by_field() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.signed_in(PHONE).await;
    let row = browser.rows().await.remove(0);
    let path = format!("/applications/{}/requests", row.id);
    let mut body = json!({
        "certificationRequest": qcert_protocol::Base64(certification_request()),
        "container": "67092366@2026-03-02-x",
        "token": token(),
    });
    let reply = browser.post(&path, body.clone()).await;
    assert_eq!(reply.json()["fields"], json!([{"field": "container", "reason": "form"}]));
    body["token"]["serial"] = json!("12345678901234567");
    let reply = browser.post(&path, body).await;
    assert_eq!(reply.json()["fields"], json!([{"field": "token.serial", "reason": "tooLong"}]));
}

#[tokio::test]
async fn a_mistake_is_recorded_for_the_operator() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.signed_in(PHONE).await;
    let path = format!("/applications/{}/mistakes", browser.rows().await[0].id);
    assert_eq!(browser.post(&path, json!({"text": " "})).await.code(), "field_invalid");
    assert_eq!(browser.post(&path, json!({"text": "я".repeat(1001)})).await.code(), "field_invalid");
    assert_eq!(browser.post(&path, json!({"text": "я".repeat(1000)})).await.status, 204);
    for _ in 0..19 {
        assert_eq!(browser.post(&path, json!({"text": "Другая улица"})).await.status, 204);
    }
    assert_eq!(browser.post(&path, json!({"text": "Другая улица"})).await.code(), "rate_limited");
    let audit = workplace.portal.store.audit().await.unwrap();
    assert_eq!(audit.iter().filter(|row| row.event == "mistake reported").count(), 20);
}

#[tokio::test]
async fn a_confirmation_that_comes_again_after_issuance_gets_the_row_as_it_stands() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.signed_in(PHONE).await;
    let (_, request) = workplace.sent(&mut browser).await;
    let password = workplace.password(PHONE).await;
    workplace.work().await.unwrap();
    let again = browser.confirm(request, &password).await;
    assert_eq!((again.status.as_u16(), &again.json()["state"]), (200, &json!("readyToInstall")));
    assert_eq!(workplace.portal.store.certificates().await.unwrap().len(), 1);
}
