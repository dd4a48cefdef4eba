//! What is in no event, and in no file of them.

use qcert_protocol::operator::Role;
use qcert_server::audit::{
    Event,
    chain::BEGINNING,
    export::{Exporter, Format},
};
use serde_json::{Value, json};

use crate::support::{OTHER_PHONE, PHONE, UNKNOWN_PHONE, Workplace, wrong};

/// Does this text stand in the other as a word of its own? Digests have six digits in a row by chance.
fn has_word(text: &str, word: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric()).any(|found| found == word)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_code_no_token_and_no_whole_phone_is_in_the_audit_or_in_an_export() {
    for workplace in [Workplace::on_sqlite("").await, Workplace::on_postgres("").await] {
        let (mut browser, view) = workplace.with_certificate().await;
        let mut guest = workplace.browser();
        for phone in [OTHER_PHONE, UNKNOWN_PHONE] {
            guest.post("/sign-in/password", json!({"phone": phone})).await;
        }
        let typed = wrong(&workplace.password(OTHER_PHONE).await);
        guest.post("/sign-in", json!({"phone": OTHER_PHONE, "password": typed})).await;
        guest.post("/sign-in", json!({"phone": UNKNOWN_PHONE, "password": typed})).await;
        let revocation = format!("/certificates/{}/revocation", view.id);
        browser.post(&format!("{revocation}/password"), json!({"reason": "superseded"})).await;
        let password = workplace.password(PHONE).await;
        browser.post(&revocation, json!({"reason": "superseded", "password": password})).await;
        let anna = workplace.operator("anna", &[Role::Registrar, Role::Auditor]).await;
        anna.post("/search", json!({"by": "phone", "value": PHONE})).await;
        anna.post("/phones/unlock", json!({"phone": OTHER_PHONE})).await;
        anna.post("/applications/67092366/phone", json!({"phone": UNKNOWN_PHONE})).await;
        let mut nobody = workplace.operator("boris", &[Role::Auditor]).await;
        nobody.token.push('x');
        nobody.get("/session").await;
        let page = anna.get("/audit").await.json();
        let cookie = browser.cookie.clone().unwrap();
        browser.call(axum::http::Method::DELETE, "/session", Value::Null).await;

        let rows = workplace.audit().await;
        for event in [Event::SignInRefused, Event::CertificateRevoked, Event::PhoneUnlocked, Event::OperatorRefused] {
            assert!(rows.iter().any(|row| row.event == event.as_str()), "{}", event.as_str());
        }
        let mut texts = vec![page.to_string()];
        for format in [Format::Jsonl, Format::Csv] {
            let mut file = Vec::new();
            let mut exporter = Exporter::new(&mut file, format, BEGINNING);
            rows.iter().for_each(|row| exporter.write(row).unwrap());
            exporter.finish().unwrap();
            texts.push(String::from_utf8(file).unwrap());
        }
        let messages = workplace.messages().await;
        let codes = messages.iter().filter_map(|(_, text)| text.rsplit_once('#').map(|(_, code)| code));
        let codes: Vec<&str> = codes.chain([typed.as_str()]).collect();
        assert!(codes.len() > 4, "{codes:?}");
        let token = cookie.split_once('=').unwrap().1;
        for text in &texts {
            assert!(codes.iter().all(|code| !has_word(text, code)));
            assert!(!text.contains(token) && !text.contains(&anna.token) && !text.contains("qcert_operator_"));
            for phone in [PHONE, OTHER_PHONE, UNKNOWN_PHONE] {
                assert!(!text.contains(&phone[2..]), "{phone}");
            }
            assert!(text.contains("+7 922 ··· ··45"), "a phone is told as its ends");
        }
    }
}
