//! Activation codes: what the authority hands over in person, and what text messages alone do not suffice for.

use qcert_protocol::{ActivationCode, operator::Role::*, portal::ApplicationRow};
use serde_json::{Value, json};
use time::Duration;
use uuid::Uuid;

use crate::support::{Browser, OTHER_PHONE, PHONE, UNKNOWN_PHONE, Workplace, certification_request};

const BY_CODE: &str = "[issuance]\nactivation = 'code'\n";
const NUMBER: &str = "67092365";

impl Workplace {
    /// Makes the code of an application.
    async fn activation_code(&self, number: &str) -> String {
        let name = format!("r{}", self.audited().await.len());
        let registrar = self.operator(&name, &[Registrar]).await;
        let made = registrar.post(&format!("/applications/{number}/activation-code"), Value::Null).await;
        assert_eq!((made.status.as_u16(), &made.json()["number"]), (201, &json!(number)), "{:?}", made.json());
        made.json()["code"].as_str().unwrap().to_owned()
    }
}

/// Another code with a good check symbol.
fn wrong(number: u8) -> String {
    ActivationCode::from_bits([number; 7]).to_string()
}

async fn enter(browser: &mut Browser, id: Uuid, code: &str) -> (u16, Value) {
    let reply = browser.post(&format!("/applications/{id}/activation"), json!({"code": code})).await;
    (reply.status.as_u16(), reply.json())
}

async fn stands(browser: &mut Browser, id: Uuid) -> Value {
    browser.get(&format!("/applications/{id}")).await.json()["activation"].clone()
}

#[tokio::test]
async fn nothing_is_requested_before_the_code_was_entered_and_then_all_goes_on() {
    let workplace = Workplace::with(BY_CODE).await;
    let mut browser = workplace.signed_in(PHONE).await;
    let row = browser.rows().await.remove(0);
    assert_eq!(stands(&mut browser, row.id).await, "needed");
    let early = browser.upload(&row, &certification_request()).await;
    assert_eq!((early.status.as_u16(), early.code().as_str()), (409, "activation_required"));
    assert_eq!(enter(&mut browser, row.id, &wrong(3)).await.1["code"], "activation_code_missing");

    let code = workplace.activation_code(NUMBER).await;
    let typed = code.to_lowercase().replace('-', " ").replace('0', "о");
    let (status, details) = enter(&mut browser, row.id, &typed).await;
    assert_eq!((status, &details["activation"], &details["row"]["number"]), (200, &json!("done"), &json!(NUMBER)));
    assert_eq!(enter(&mut browser, row.id, &code).await.0, 200, "an answer that got lost is given again");
    workplace.sent(&mut browser).await;
    workplace.work().await.unwrap();
    assert_eq!(browser.rows().await[0].state.as_str(), "readyToInstall");

    // The others of the same person have codes of their own.
    let other: ApplicationRow = browser.rows().await.remove(1);
    assert_eq!(browser.upload(&other, &certification_request()).await.code(), "activation_required");
    assert_eq!(enter(&mut browser, other.id, &code).await.1["code"], "activation_code_missing");
}

#[tokio::test]
async fn wrong_codes_run_out_and_only_an_operator_makes_another() {
    let workplace = Workplace::with(BY_CODE).await;
    let mut browser = workplace.signed_in(PHONE).await;
    let id = browser.rows().await[0].id;
    let code = workplace.activation_code(NUMBER).await;
    for left in [4, 3, 2, 1] {
        let (status, told) = enter(&mut browser, id, &wrong(left)).await;
        assert_eq!((status, &told["code"], &told["triesLeft"]), (403, &json!("activation_code_wrong"), &json!(left)));
        let mistyped = format!("{}{}", &code[..13], if code.ends_with('2') { '3' } else { '2' });
        assert_eq!(enter(&mut browser, id, &mistyped).await.1["code"], "activation_code_mistyped", "and costs nothing");
    }
    for typed in [wrong(9), code.clone()] {
        assert_eq!(enter(&mut browser, id, &typed).await.1["code"], "activation_tries_exhausted");
    }
    let again = workplace.activation_code(NUMBER).await;
    assert_ne!(code, again);
    assert_eq!(enter(&mut browser, id, &code).await.1["triesLeft"], 4, "the first is good no more");
    assert_eq!(enter(&mut browser, id, &again).await.0, 200);
    let registrar = workplace.operator("late", &[Registrar]).await;
    let late = registrar.post(&format!("/applications/{NUMBER}/activation-code"), Value::Null).await;
    assert_eq!(late.code(), "application_state_forbids");
    assert_eq!(registrar.get(&format!("/applications/{NUMBER}")).await.json()["activation"], "activated");
}

#[tokio::test]
async fn codes_are_tried_no_faster_than_passwords() {
    let workplace = Workplace::with(&format!("{BY_CODE}[otp]\nhourly_tries_by_address = 3")).await;
    let mut browser = workplace.signed_in(PHONE).await;
    let (first, second) = (browser.rows().await[0].id, browser.rows().await[1].id);
    let code = workplace.activation_code(NUMBER).await;
    for id in [first, second, second] {
        assert_ne!(enter(&mut browser, id, &wrong(1)).await.1["code"], "rate_limited");
    }
    let (status, told) = enter(&mut browser, first, &code).await;
    assert_eq!((status, &told["code"], &told["retryAfterSeconds"]), (429, &json!("rate_limited"), &json!(3600)));
    workplace.clock.advance(Duration::HOUR);
    let mut browser = workplace.signed_in(PHONE).await;
    assert_eq!(enter(&mut browser, first, &code).await.0, 200);
}

#[tokio::test]
async fn a_code_stands_in_no_audit_and_no_message_and_not_in_the_database() {
    let workplace = Workplace::with(BY_CODE).await;
    let mut browser = workplace.signed_in(PHONE).await;
    let id = browser.rows().await[0].id;
    let code = workplace.activation_code(NUMBER).await;
    enter(&mut browser, id, &wrong(1)).await;
    enter(&mut browser, id, &code).await;
    let audited = workplace.audited().await;
    let told: Vec<_> = audited.iter().filter(|event| event.contains("activat")).collect();
    assert_eq!(told.len(), 3, "{audited:#?}");
    assert!(told[0].starts_with("activation code made by r"), "{told:?}");
    assert_eq!(told[1..], ["activation code wrong: 4 tries left by holder", "application activated by holder"]);
    let without_dashes = code.replace('-', "");
    assert!(!audited.join("\n").replace('-', "").contains(&without_dashes));
    assert!(workplace.messages().await.iter().all(|(_, text)| !text.replace('-', "").contains(&without_dashes)));
    assert!(workplace.has_stored(NUMBER).await);
    for secret in [&code, &without_dashes] {
        assert!(!workplace.has_stored(secret).await);
    }
}

#[tokio::test]
async fn another_persons_application_is_not_there_to_be_activated() {
    let workplace = Workplace::with(BY_CODE).await;
    let id = workplace.signed_in(PHONE).await.rows().await[0].id;
    let code = workplace.activation_code(NUMBER).await;
    let mut stranger = workplace.signed_in(OTHER_PHONE).await;
    assert_eq!(enter(&mut stranger, id, &code).await.1["code"], "application_not_found");
    assert_eq!(enter(&mut workplace.browser(), id, &code).await.0, 401);
}

#[tokio::test]
async fn a_new_phone_ends_the_activation_and_what_was_prepared() {
    let workplace = Workplace::with(BY_CODE).await;
    let mut old = workplace.signed_in(PHONE).await;
    let id = old.rows().await[0].id;
    let code = workplace.activation_code(NUMBER).await;
    enter(&mut old, id, &code).await;
    workplace.prepared(&mut old).await;
    let anna = workplace.operator("anna", &[Registrar]).await;
    let proposed = anna.post(&format!("/applications/{NUMBER}/phone"), json!({"phone": UNKNOWN_PHONE})).await;
    workplace.clock.advance(Duration::hours(24));
    let boris = workplace.operator("boris", &[Approver]).await;
    let confirmation = format!("/phone-changes/{}/confirmation", proposed.json()["id"].as_str().unwrap());
    assert_eq!(boris.post(&confirmation, Value::Null).await.status, 200);

    let mut new = workplace.signed_in(UNKNOWN_PHONE).await;
    let row = new.rows().await.into_iter().find(|row| row.id == id).unwrap();
    assert_eq!((row.state.as_str(), stands(&mut new, id).await), ("available", json!("needed")));
    assert_eq!(new.upload(&row, &certification_request()).await.code(), "activation_required");
    assert_eq!(enter(&mut new, id, &code).await.1["code"], "activation_code_missing");
    let code = workplace.activation_code(NUMBER).await;
    assert_eq!(enter(&mut new, id, &code).await.0, 200);
    assert_eq!(new.upload(&row, &certification_request()).await.status, 201);
}

#[tokio::test]
async fn a_request_from_before_the_setting_is_not_confirmed_without_the_code() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.signed_in(PHONE).await;
    let (row, request) = workplace.prepared(&mut browser).await;
    assert_eq!(stands(&mut browser, row.id).await, "notNeeded");
    assert_eq!(browser.post(&format!("/requests/{request}/password"), Value::Null).await.status, 202);
    let password = workplace.password(PHONE).await;
    let workplace = workplace.reopened(BY_CODE).await;
    browser.router = workplace.router.clone();
    assert_eq!(browser.confirm(request, &password).await.code(), "activation_required");
    let code = workplace.activation_code(NUMBER).await;
    assert_eq!(enter(&mut browser, row.id, &code).await.0, 200);
    assert_eq!(browser.confirm(request, &password).await.status, 200);
}
