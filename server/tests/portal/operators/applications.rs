//! Entering, correcting and importing applications.

use axum::http::Method;
use encoding_rs::WINDOWS_1251;
use qcert_protocol::operator::Role::*;
use serde_json::{Value, json};

use crate::support::{DEMO, OTHER_PHONE, PHONE, Workplace};

fn demo() -> Vec<Value> {
    serde_json::from_str(DEMO).unwrap()
}

/// The demo's applications as a table, with other numbers.
fn table(delimiter: &str) -> String {
    const COLUMNS: [&str; 22] = [
        "number",
        "phone",
        "identificationKind",
        "replaces",
        "kind",
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
        "ogrnip",
        "fssNumber",
        "organization",
        "organizationalUnit",
        "title",
    ];
    let mut lines = vec![COLUMNS.join(delimiter)];
    for (index, entry) in demo().iter().enumerate() {
        let cell = |column: &&str| {
            let value = if *column == "number" { json!(format!("8000000{index}")) } else { entry[*column].clone() };
            let value = if value.is_null() { entry["holder"][*column].clone() } else { value };
            match value {
                Value::String(text) => format!("\"{}\"", text.replace('"', "\"\"")),
                Value::Number(number) => number.to_string(),
                _ => String::new(),
            }
        };
        lines.push(COLUMNS.iter().map(cell).collect::<Vec<_>>().join(delimiter));
    }
    lines.join("\r\n") + "\r\n"
}

#[tokio::test]
async fn an_application_is_entered_corrected_and_left_as_it_is() {
    let workplace = Workplace::new().await;
    let anna = workplace.operator("anna", &[Registrar]).await;
    let mut entry = demo().remove(0);
    entry["number"] = json!("70000001");
    let path = "/applications/70000001";
    let added = anna.put(path, entry.clone()).await;
    assert_eq!((added.status.as_u16(), &added.json()["state"]), (201, &json!("available")));
    let same = anna.put(path, entry.clone()).await;
    assert_eq!((same.status.as_u16(), &same.json()["revision"]), (200, &json!(1)));
    // The number in the address is enough.
    entry.as_object_mut().unwrap().remove("number");
    entry["holder"]["title"] = json!("Бухгалтер");
    let corrected = anna.put(path, entry.clone()).await;
    assert_eq!((corrected.status.as_u16(), &corrected.json()["holder"]["title"]), (200, &json!("Бухгалтер")));
    let audited = workplace.audited().await;
    for event in ["application imported: 70000001 by anna", "application changed: 70000001 by anna"] {
        assert!(audited.contains(&event.to_owned()), "{audited:#?}");
    }
    entry["number"] = json!("70000002");
    let other = anna.put(path, entry).await.json();
    assert_eq!((&other["code"], &other["faults"][0]["field"]), (&json!("import_refused"), &json!("number")));
}

#[tokio::test]
async fn everything_that_is_wrong_is_told_with_field_and_reason_and_nothing_is_kept() {
    let workplace = Workplace::new().await;
    let anna = workplace.operator("anna", &[Registrar]).await;
    let mut entries = demo();
    entries[0]["number"] = json!("70000001");
    entries[1]["holder"]["snils"] = json!("07500122106");
    entries[1]["holder"].as_object_mut().unwrap().remove("email");
    entries[2]["holder"]["isCa"] = json!(true);
    let refused = anna.post("/import", json!(entries)).await;
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), (422, "import_refused"));
    assert_eq!(refused.headers["content-type"], "application/problem+json");
    let told: Vec<_> = refused.json()["faults"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| {
            (
                fault["line"].as_u64().unwrap(),
                fault["field"].as_str().unwrap().to_owned(),
                fault["reason"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    let fault = |line, field: &str, reason: &str| (line, field.to_owned(), reason.to_owned());
    assert_eq!(
        told,
        [
            fault(2, "holder.email", "missing"),
            fault(2, "holder.snils", "checkDigits"),
            fault(3, "holder.isCa", "unknownField"),
        ]
    );
    assert_eq!(anna.get("/applications/70000001").await.code(), "application_not_found");
}

#[tokio::test]
async fn a_table_is_taken_in_either_encoding_and_twice_changes_nothing() {
    for (delimiter, content_type, is_1251) in [
        (",", "text/csv; charset=utf-8", false),
        (";", "text/csv", false),
        (";", "text/csv", true),
        ("\t", "text/csv; charset=Windows-1251", true),
    ] {
        let workplace = Workplace::new().await;
        let anna = workplace.operator("anna", &[Registrar]).await;
        let text = table(delimiter);
        let bytes = if is_1251 { WINDOWS_1251.encode(&text).0.into_owned() } else { text.into_bytes() };
        let first = anna.send(Method::POST, "/import", content_type, bytes.clone()).await;
        assert_eq!((first.status.as_u16(), first.json()), (200, json!({"added": 6, "changed": 0, "unchanged": 0})));
        let second = anna.send(Method::POST, "/import", content_type, bytes).await.json();
        assert_eq!(second, json!({"added": 0, "changed": 0, "unchanged": 6}), "{content_type}");
        for (index, entry) in demo().iter().enumerate() {
            let there = anna.get(&format!("/applications/8000000{index}")).await.json();
            assert_eq!(there["holder"]["surname"], entry["holder"]["surname"]);
            assert_eq!(there["holder"]["organization"], entry["holder"]["organization"]);
            assert_eq!(there["identificationKind"], entry["identificationKind"]);
        }
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_table_is_told_by_line_and_column() {
    let workplace = Workplace::new().await;
    let anna = workplace.operator("anna", &[Registrar]).await;
    let told = async |text: Vec<u8>, content_type: &str| {
        let reply = anna.send(Method::POST, "/import", content_type, text).await;
        assert_eq!((reply.status.as_u16(), reply.code().as_str()), (422, "import_refused"));
        reply.json()["faults"]
            .as_array()
            .unwrap()
            .iter()
            .map(|fault| fault["words"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let good = table(",");
    let mut lines: Vec<String> = good.lines().map(str::to_owned).collect();
    let snils = demo()[1]["holder"]["snils"].as_str().unwrap().to_owned();
    lines[2] = lines[2].replace(&snils, "07500122106");
    lines[3].push_str(",one too many");
    assert_eq!(
        told(lines.join("\n").into_bytes(), "text/csv").await,
        ["line 3: snils: check digits do not fit", "line 4: has 23 cells and not 22, as the first line",]
    );
    let columns = format!("colour,number,{good}").replace("street", "улица");
    assert_eq!(
        told(columns.into_bytes(), "text/csv").await,
        [
            "line 1: colour: no such column",
            "line 1: number: stands in the first line twice",
            "line 1: улица: no such column",
        ]
    );
    let cyrillic = WINDOWS_1251.encode(&good).0.into_owned();
    assert_eq!(told(cyrillic, "text/csv; charset=utf-8").await, ["line 2: is not UTF-8"]);
    assert_eq!(anna.post("/search", json!({"by": "all"})).await.json()["applications"].as_array().unwrap().len(), 6);
}

#[tokio::test]
async fn no_import_gives_an_application_another_phone() {
    let workplace = Workplace::new().await;
    let anna = workplace.operator("anna", &[Registrar]).await;
    let mut entry = demo().remove(0);
    entry["phone"] = json!(OTHER_PHONE);
    let number = entry["number"].as_str().unwrap().to_owned();
    for reply in
        [anna.put(&format!("/applications/{number}"), entry.clone()).await, anna.post("/import", json!([entry])).await]
    {
        let fault = &reply.json()["faults"][0];
        assert_eq!((&fault["field"], &fault["reason"]), (&json!("phone"), &json!("phoneChanges")));
    }
    assert_eq!(anna.get(&format!("/applications/{number}")).await.json()["phone"], PHONE);
}
