//! The operator's file.

use qcert_server::applications::import::{File, ImportError, Summary, import, parse};
use serde_json::{Value, json};

use crate::support::{DEMO, OTHER_PHONE, PHONE, Workplace};

fn demo() -> Vec<Value> {
    serde_json::from_str(DEMO).unwrap()
}

async fn imported(workplace: &Workplace, entries: &[Value]) -> Result<Summary, ImportError> {
    brought(workplace, &File::json(&json!(entries).to_string())).await
}

async fn brought(workplace: &Workplace, file: &File<'_>) -> Result<Summary, ImportError> {
    let portal = &workplace.portal;
    import(&*portal.store, &*portal.clock, &*portal.randomness, file).await
}

#[tokio::test]
async fn the_same_file_twice_changes_nothing() {
    let workplace = Workplace::new().await;
    let before = workplace.portal.store.applications().await.unwrap();
    let summary = imported(&workplace, &demo()).await.unwrap();
    assert_eq!(summary, Summary { added: 0, changed: 0, unchanged: 6 });
    assert_eq!(workplace.portal.store.applications().await.unwrap(), before);
}

#[test]
fn the_demos_first_application_has_every_field() {
    let first = &demo()[0]["holder"];
    for field in [
        "surname",
        "givenName",
        "country",
        "region",
        "locality",
        "street",
        "email",
        "snils",
        "innPerson",
        "innLegalEntity",
        "kpp",
        "ogrn",
        "fssNumber",
        "organization",
        "organizationalUnit",
        "title",
    ] {
        assert!(first[field].is_string(), "{field}");
    }
}

#[test]
fn every_bad_field_is_named_with_its_entry_and_reason() {
    let mut entries = demo();
    entries[0]["holder"]["snils"] = json!("07500122106");
    entries[0]["holder"]["email"] = json!("директор");
    entries[0]["colour"] = json!("red");
    entries[1]["phone"] = json!("112");
    entries[1]["identificationKind"] = json!(9);
    entries[2]["holder"]["title"] = json!("Директор");
    entries[3]["number"] = entries[4]["number"].clone();
    entries[5]["holder"]["isCa"] = json!(true);
    let errors = parse(&json!(entries).to_string()).unwrap_err();
    for expected in [
        "entry 1: holder.snils: check digits do not fit",
        "entry 1: holder.email: a character that is not allowed",
        "entry 1: colour: no such field",
        "entry 2: phone: not of the expected form",
        "entry 2: identificationKind: not of the expected form",
        "entry 3: holder.title: not for this kind of holder",
        "entry 5: number: stands in the file twice",
        "entry 6: holder.isCa: no such field",
    ] {
        assert!(errors.iter().any(|error| error.words == expected), "{expected}\n{errors:#?}");
    }
    assert_eq!(errors.len(), 8, "{errors:#?}");
}

#[test]
fn what_is_no_array_is_told_so() {
    assert!(parse("{}").unwrap_err()[0].words.starts_with("the file is not a JSON array"));
    assert_eq!(parse("[1]").unwrap_err()[0].words, "entry 1: it: is not an object");
}

#[tokio::test]
async fn a_file_is_taken_whole_or_not_at_all() {
    let workplace = Workplace::new().await;
    let mut entries = demo();
    entries[0]["number"] = json!("70000001");
    entries[1]["number"] = json!("70000002");
    entries[1]["replaces"] = json!("1");
    let refused = imported(&workplace, &entries).await.unwrap_err().to_string();
    assert!(refused.contains("entry 2 (number 70000002): replaces an application that is not there"), "{refused}");
    assert_eq!(workplace.portal.store.applications().await.unwrap().len(), 6);
}

#[tokio::test]
async fn a_renewal_points_to_the_application_before() {
    let workplace = Workplace::new().await;
    let mut renewal = demo().remove(0);
    renewal["number"] = json!("70000001");
    renewal["replaces"] = json!("67092365");
    assert_eq!(imported(&workplace, &[renewal.clone()]).await.unwrap().added, 1);
    assert_eq!(imported(&workplace, &[renewal]).await.unwrap().unchanged, 1);
    let rows = workplace.signed_in(PHONE).await.rows().await;
    assert_eq!(rows[4].replaces, Some(rows[0].id));
}

#[tokio::test]
async fn an_application_that_has_gone_on_cannot_be_changed() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.signed_in(PHONE).await;
    workplace.sent(&mut browser).await;
    let mut entries = demo();
    entries[0]["holder"]["title"] = json!("Бухгалтер");
    entries[2]["holder"]["locality"] = json!("Тюмень");
    let refused = imported(&workplace, &entries).await.unwrap_err().to_string();
    assert!(refused.contains("entry 1 (number 67092365): is sent and cannot change any more"), "{refused}");
    let third = &browser.rows().await[2];
    let details = browser.get(&format!("/applications/{}", third.id)).await.json();
    assert_eq!(details["data"]["locality"], "Екатеринбург");
}

#[tokio::test]
async fn an_application_that_becomes_somebody_elses_brings_no_request_with_it() {
    let workplace = Workplace::new().await;
    let mut before = workplace.signed_in(PHONE).await;
    let (row, request) = workplace.prepared(&mut before).await;
    let mut entries = demo();
    entries[0]["phone"] = json!(OTHER_PHONE);
    let refused = imported(&workplace, &entries).await.unwrap_err().to_string();
    assert!(refused.contains("entry 1 (number 67092365): has another phone"), "{refused}");
    let text = json!(entries).to_string();
    let file = File { changes_phones: true, ..File::json(&text) };
    assert_eq!(brought(&workplace, &file).await.unwrap().changed, 1);

    let mut after = workplace.signed_in(OTHER_PHONE).await;
    let theirs = after.rows().await.into_iter().find(|theirs| theirs.id == row.id).unwrap();
    assert_eq!((theirs.state.as_str(), theirs.request), ("available", None));
    for browser in [&mut before, &mut after] {
        let order = browser.post(&format!("/requests/{request}/password"), Value::Null).await;
        assert_eq!(order.code(), "request_not_found");
    }
}
