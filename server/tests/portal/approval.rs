//! Approval by an operator.

use qcert_server::{
    approval::{ApprovalError, approve, reject},
    audit::Actor,
    store::Overview,
};
use serde_json::Value;
use time::Duration;

use crate::support::{Browser, PHONE, Workplace};

const BY_OPERATOR: &str = "[issuance]\napproval = 'operator'";
const NUMBER: &str = "67092365";

async fn waiting() -> (Workplace, Browser) {
    let workplace = Workplace::with(BY_OPERATOR).await;
    let mut browser = workplace.signed_in(PHONE).await;
    workplace.sent(&mut browser).await;
    workplace.work().await.unwrap();
    (workplace, browser)
}

fn tester() -> Actor {
    Actor::at_command_line("tester")
}

async fn approved(workplace: &Workplace) -> Result<Overview, ApprovalError> {
    approve(&*workplace.portal.store, &*workplace.portal.clock, NUMBER, &tester(), 1).await
}

async fn rejected(workplace: &Workplace, reason: &str) -> Result<Overview, ApprovalError> {
    reject(&*workplace.portal.store, &*workplace.portal.clock, NUMBER, reason, &tester()).await
}

async fn state(browser: &mut Browser) -> String {
    browser.rows().await[0].state.as_str().to_owned()
}

async fn held(workplace: &Workplace) -> Vec<String> {
    let all = workplace.portal.store.applications().await.unwrap();
    all.into_iter().filter(|found| found.held).map(|found| found.application.number).collect()
}

#[tokio::test]
async fn a_confirmed_request_waits_for_the_operators_word() {
    let (workplace, mut browser) = waiting().await;
    assert_eq!((state(&mut browser).await.as_str(), held(&workplace).await), ("sent", vec![NUMBER.to_owned()]));
    workplace.clock.advance(Duration::hours(1));
    let mut browser = workplace.signed_in(PHONE).await;
    workplace.work().await.unwrap();
    assert_eq!(state(&mut browser).await, "sent");

    assert!(!approved(&workplace).await.unwrap().held);
    workplace.work().await.unwrap();
    assert_eq!((state(&mut browser).await.as_str(), held(&workplace).await.len()), ("readyToInstall", 0));
}

#[tokio::test]
async fn what_was_approved_is_not_approved_or_rejected_again() {
    let (workplace, _) = waiting().await;
    approved(&workplace).await.unwrap();
    for again in [approved(&workplace).await, rejected(&workplace, "Нет доверенности").await] {
        assert!(matches!(again, Err(ApprovalError::NotWaiting { .. })), "{again:?}");
    }
    workplace.work().await.unwrap();
    let again = approved(&workplace).await.unwrap_err().to_string();
    assert_eq!(again, "the application 67092365 does not wait for approval: it is readyToInstall");
}

#[tokio::test]
async fn a_person_reads_why_the_request_was_rejected() {
    let (workplace, mut browser) = waiting().await;
    for reason in ["", " ", &"я".repeat(501), "a\nb"] {
        assert!(matches!(rejected(&workplace, reason).await, Err(ApprovalError::Reason)), "{reason}");
    }
    rejected(&workplace, "Нет доверенности").await.unwrap();
    workplace.work().await.unwrap();
    let row = browser.rows().await.remove(0);
    assert_eq!((row.state.as_str(), row.reason.as_deref()), ("rejected", Some("Нет доверенности")));
    assert!(workplace.portal.store.certificates().await.unwrap().is_empty());
    assert!(matches!(approved(&workplace).await, Err(ApprovalError::NotWaiting { .. })));
}

#[tokio::test]
async fn a_holder_takes_a_waiting_request_back() {
    let (workplace, mut browser) = waiting().await;
    let id = browser.rows().await[0].id;
    let withdrawn = browser.post(&format!("/applications/{id}/withdrawal"), Value::Null).await;
    assert_eq!(withdrawn.json()["state"], "withdrawn");
    assert!(matches!(approved(&workplace).await, Err(ApprovalError::NotWaiting { .. })));
}

#[tokio::test]
async fn nothing_that_is_not_there_is_approved() {
    let (workplace, _) = waiting().await;
    let unknown = approve(&*workplace.portal.store, &*workplace.portal.clock, "1", &tester(), 1).await;
    assert!(matches!(unknown, Err(ApprovalError::NotFound(_))), "{unknown:?}");
}
