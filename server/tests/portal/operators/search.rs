//! Searching.

use qcert_protocol::operator::{Found, Role};
use qcert_server::store::terms::folded_organization;
use serde_json::{Value, json};

use super::Caller;
use crate::support::{DEMO, OTHER_PHONE, PHONE, UNKNOWN_PHONE, Workplace};

async fn numbers(caller: &Caller<'_>, asked: Value) -> Vec<String> {
    let reply = caller.post("/search", asked.clone()).await;
    assert_eq!(reply.status, 200, "{asked}: {}", reply.json());
    let found: Found = reply.parsed();
    assert_eq!(found.next, None);
    found.applications.into_iter().map(|application| application.number).collect()
}

fn demo() -> Vec<Value> {
    serde_json::from_str(DEMO).unwrap()
}

/// The numbers in the demo for which something holds.
fn those(holds: impl Fn(&Value) -> bool) -> Vec<String> {
    let demo = demo();
    let mut numbers: Vec<_> =
        demo.iter().filter(|entry| holds(entry)).map(|entry| entry["number"].as_str().unwrap().to_owned()).collect();
    numbers.sort();
    numbers
}

#[tokio::test]
async fn an_application_is_found_by_whatever_is_known_of_it() {
    let workplace = Workplace::new().await;
    let caller = workplace.operator("auditor", &[Role::Auditor]).await;
    let first = &demo()[0];
    let holder = &first["holder"];
    let sorted = |mut numbers: Vec<String>| {
        numbers.sort();
        numbers
    };
    for (phone, typed) in [(PHONE, "8 (922) 211-45-45"), (OTHER_PHONE, OTHER_PHONE), (UNKNOWN_PHONE, UNKNOWN_PHONE)] {
        let found = sorted(numbers(&caller, json!({"by": "phone", "value": typed})).await);
        let same = |entry: &Value| {
            qcert_protocol::holder::Phone::parse(entry["phone"].as_str().unwrap()).unwrap().as_str() == phone
        };
        assert_eq!(found, those(same), "{phone}");
    }
    for (by, field) in [("inn", "innPerson"), ("inn", "innLegalEntity"), ("snils", "snils")] {
        let digits = |entry: &Value| {
            let text = entry["holder"][field].as_str().unwrap_or_default().to_owned();
            text.chars().filter(char::is_ascii_digit).collect::<String>()
        };
        let value = &holder[field];
        let found = sorted(numbers(&caller, json!({"by": by, "value": value})).await);
        assert_eq!(found, those(|entry| digits(entry) == digits(first)), "{field}");
        assert!(!found.is_empty());
    }
    let name = format!("{} {}", holder["surname"].as_str().unwrap(), holder["givenName"].as_str().unwrap());
    let same_name = |entry: &Value| {
        (&entry["holder"]["surname"], &entry["holder"]["givenName"]) == (&holder["surname"], &holder["givenName"])
    };
    let upper = name.to_uppercase();
    let found = sorted(numbers(&caller, json!({"by": "name", "value": upper})).await);
    assert_eq!(found, those(same_name));
    let beginning = folded_organization(holder["organization"].as_str().unwrap());
    let same_organization = |entry: &Value| {
        let name = folded_organization(entry["holder"]["organization"].as_str().unwrap_or_default());
        name.starts_with(&beginning)
    };
    let organization = holder["organization"].as_str().unwrap().replace(['«', '»'], "\"");
    let found = sorted(numbers(&caller, json!({"by": "organization", "value": organization})).await);
    assert_eq!(found, those(same_organization));
    assert_eq!(
        numbers(&caller, json!({"by": "number", "value": first["number"]})).await,
        [first["number"].as_str().unwrap()]
    );
    assert!(numbers(&caller, json!({"by": "number", "value": "1"})).await.is_empty());
    assert_eq!(numbers(&caller, json!({"by": "all"})).await.len(), 6);
    assert!(numbers(&caller, json!({"by": "waiting"})).await.is_empty());
}

#[tokio::test]
async fn a_certificate_is_found_by_its_serial_number_and_what_waits_by_that() {
    let workplace = Workplace::with("[issuance]\napproval = 'operator'").await;
    let caller = workplace.operator("approver", &[Role::Approver, Role::Auditor]).await;
    let mut browser = workplace.signed_in(PHONE).await;
    let (row, _) = workplace.sent(&mut browser).await;
    assert_eq!(numbers(&caller, json!({"by": "waiting"})).await, [row.number.as_str()]);
    assert_eq!(caller.post(&format!("/applications/{}/approval", row.number), Value::Null).await.status, 200);
    workplace.work().await.unwrap();
    assert!(numbers(&caller, json!({"by": "waiting"})).await.is_empty());
    let serial = browser.rows().await[0].certificate.clone().unwrap().serial;
    let typed: Vec<String> =
        serial.to_lowercase().as_bytes().chunks(2).map(|pair| String::from_utf8(pair.into()).unwrap()).collect();
    assert_eq!(numbers(&caller, json!({"by": "serial", "value": typed.join(":")})).await, [row.number.as_str()]);
    let certificate = caller.get(&format!("/certificates/{serial}")).await.json();
    assert_eq!((&certificate["serial"], &certificate["revokedAt"]), (&json!(serial), &Value::Null));
    let read = caller.get(&format!("/applications/{}", row.number)).await.json();
    assert_eq!((&read["certificate"], &read["state"]), (&json!(serial), &json!("readyToInstall")));
}

#[tokio::test]
async fn pages_together_have_everything_once() {
    let workplace = Workplace::new().await;
    let caller = workplace.operator("auditor", &[Role::Auditor]).await;
    let organization = demo()[0]["holder"]["organization"].as_str().unwrap().chars().take(8).collect::<String>();
    for asked in [
        json!({"by": "all"}),
        json!({"by": "phone", "value": PHONE}),
        json!({"by": "organization", "value": organization}),
        json!({"by": "name", "value": "и"}),
    ] {
        let mut whole = asked.clone();
        whole["limit"] = json!(100);
        let whole = numbers(&caller, whole).await;
        let (mut paged, mut after) = (Vec::new(), Value::Null);
        for _ in 0..10 {
            let mut page = asked.clone();
            page["limit"] = json!(1);
            page["after"] = after;
            let found: Found = caller.post("/search", page).await.parsed();
            assert!(found.applications.len() <= 1);
            paged.extend(found.applications.into_iter().map(|application| application.number));
            after = match found.next {
                Some(next) => json!(next),
                None => break,
            };
        }
        assert_eq!(paged, whole, "{asked}");
    }
}

#[tokio::test]
async fn what_cannot_be_searched_for_is_told_with_field_and_reason() {
    let workplace = Workplace::new().await;
    let caller = workplace.operator("auditor", &[Role::Auditor]).await;
    for (asked, field, reason) in [
        (json!({"by": "phone"}), "value", "missing"),
        (json!({"by": "phone", "value": "112"}), "value", "form"),
        (json!({"by": "snils", "value": "07500122106"}), "value", "checkDigits"),
        (json!({"by": "inn", "value": "6688242591"}), "value", "checkDigits"),
        (json!({"by": "inn", "value": "500100732258"}), "value", "checkDigits"),
        (json!({"by": "inn", "value": "5"}), "value", "form"),
        (json!({"by": "name", "value": "«»"}), "value", "character"),
        (json!({"by": "name", "value": "x".repeat(129)}), "value", "tooLong"),
        (json!({"by": "serial", "value": "xyz"}), "value", "form"),
        (json!({"by": "all", "limit": 101}), "limit", "form"),
        (json!({"by": "all", "limit": 0}), "limit", "form"),
    ] {
        let reply = caller.post("/search", asked.clone()).await;
        assert_eq!((reply.status.as_u16(), reply.code().as_str()), (422, "field_invalid"), "{asked}");
        assert_eq!(reply.json()["fields"], json!([{"field": field, "reason": reason}]), "{asked}");
    }
    let lost = caller.post("/search", json!({"by": "all", "after": "1"})).await;
    assert_eq!(lost.code(), "application_not_found");
}

#[tokio::test]
async fn a_corrected_application_is_found_by_what_it_says_now() {
    let workplace = Workplace::new().await;
    let caller = workplace.operator("registrar", &[Role::Registrar]).await;
    let mut entry = demo().remove(0);
    let number = entry["number"].as_str().unwrap().to_owned();
    let before = entry["holder"]["surname"].clone();
    entry["holder"]["surname"] = json!("Щукин");
    assert_eq!(caller.put(&format!("/applications/{number}"), entry).await.status, 200);
    assert_eq!(numbers(&caller, json!({"by": "name", "value": "щукин"})).await, [number.as_str()]);
    assert!(!numbers(&caller, json!({"by": "name", "value": before})).await.contains(&number));
}
