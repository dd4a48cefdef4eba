//! Renewals and operators: those that the authority enters, and what it sees of all.

use qcert_protocol::{
    operator::{ApplicationRecord, Role::*},
    portal::ActivationState,
};
use serde_json::{Value, json};
use time::Duration;

use super::{ApplicationRow, Holder, NUMBER, SOON, entry, new_key, upload};
use crate::support::OTHER_PHONE;

const BY_CODE: &str = "[issuance]\nactivation = 'code'";

impl Holder {
    /// The authority enters an application in place of the old one.
    async fn entered(&self, number: &str, change: impl FnOnce(&mut Value)) -> ApplicationRecord {
        let name = format!("r{}", self.workplace.audited().await.len());
        let registrar = self.workplace.operator(&name, &[Registrar]).await;
        let entered = entry(|entry| {
            entry["number"] = json!(number);
            entry["replaces"] = json!(NUMBER);
            entry["identificationKind"] = Value::Null;
            change(entry);
        });
        let reply = registrar.put(&format!("/applications/{number}"), entered).await;
        assert!(reply.status.is_success(), "{:?}", reply.json());
        reply.parsed()
    }

    async fn seen(&self, number: &str) -> ApplicationRecord {
        let name = format!("a{}", self.workplace.audited().await.len());
        let auditor = self.workplace.operator(&name, &[Auditor]).await;
        auditor.get(&format!("/applications/{number}")).await.parsed()
    }

    async fn entered_row(&self, number: &str) -> ApplicationRow {
        self.browser.clone().rows().await.into_iter().find(|row| row.number == number).unwrap()
    }
}

#[tokio::test]
async fn what_the_authority_enters_is_renewed_like_what_the_portal_makes_and_in_its_place() {
    let holder = Holder::new().await;
    holder.entered("70000001", |entry| entry["holder"]["title"] = json!("Генеральный директор")).await;
    assert!(!holder.row(holder.old.id).await.renewable);
    let row = holder.renewed().await;
    assert_eq!((row.number.as_str(), row.replaces), ("70000001", Some(holder.old.id)));
    holder.proven(&row).await;
    holder.installed(&row).await;
    assert_eq!(holder.identification_kind(&row).await, 1);
}

#[tokio::test]
async fn nobody_vouches_for_another_holder_or_with_another_phone() {
    for (field, value) in [("snils", "11223344595"), ("innLegalEntity", "7455123457")] {
        let holder = Holder::new().await;
        holder.entered("70000001", |entry| entry["holder"][field] = json!(value)).await;
        let row = holder.entered_row("70000001").await;
        assert_eq!((row.replaces, holder.details(&row).await.renews), (Some(holder.old.id), None), "{field}");
    }
    let mut holder = Holder::new().await;
    holder.entered("70000001", |entry| entry["phone"] = json!(OTHER_PHONE)).await;
    assert_eq!(holder.renew(&holder.old).await.code(), "renewal_not_open", "another has the next application");
    holder.browser = holder.workplace.signed_in(OTHER_PHONE).await;
    let row = holder.entered_row("70000001").await;
    assert_eq!(holder.details(&row).await.renews, None);
    let key = new_key();
    let signature = rcgen::SigningKey::sign(&holder.key, b"qcert-proof-v1").unwrap();
    assert_eq!(holder.send(&row, upload(&row, &key, Some(signature))).await.code(), "renewal_proof_wrong");
}

#[tokio::test]
async fn an_operator_sees_what_is_renewed_and_whose_key_identified_the_holder() {
    let holder = Holder::new().await;
    let row = holder.renewed().await;
    let number = format!("{NUMBER}R1");
    let shown = |seen: ApplicationRecord| {
        let kind = seen.identification_kind.map(u8::from);
        (seen.replaces, kind, seen.identified_by_certificate)
    };
    let old = Some(NUMBER.to_owned());
    assert_eq!(shown(holder.seen(NUMBER).await), (None, Some(0), None));
    assert_eq!(shown(holder.seen(&number).await), (old.clone(), None, None));
    holder.proven(&row).await;
    let serial = Some(holder.old.certificate.as_ref().unwrap().serial.clone());
    assert_eq!(shown(holder.seen(&number).await), (old.clone(), Some(1), serial.clone()));
    holder.installed(&row).await;
    assert_eq!(shown(holder.seen(&number).await), (old, Some(1), serial));
}

#[tokio::test]
async fn a_holder_whose_old_token_is_lost_is_identified_by_an_operator() {
    let holder = Holder::new().await;
    let row = holder.renewed().await;
    let number = format!("{NUMBER}R1");
    holder.entered(&number, |entry| entry["identificationKind"] = json!(0)).await;
    let details = holder.details(&row).await;
    assert!(details.identified && details.renews.is_some(), "either way is open");
    assert_eq!(holder.send(&row, upload(&row, &new_key(), None)).await.status, 201);
    holder.installed(&row).await;
    assert_eq!(holder.identification_kind(&row).await, 0);
}

#[tokio::test]
async fn a_proof_takes_the_place_of_the_activation_code_and_nothing_else_does() {
    let holder = Holder::new().await.reopened(&format!("{SOON}{BY_CODE}")).await;
    let row = holder.renewed().await;
    assert_eq!(holder.details(&row).await.activation, ActivationState::NotNeeded);
    holder.proven(&row).await;
    holder.installed(&row).await;

    let holder = Holder::new().await.reopened(&format!("{SOON}{BY_CODE}")).await;
    let row = holder.renewed().await;
    holder.entered(&format!("{NUMBER}R1"), |entry| entry["identificationKind"] = json!(0)).await;
    assert_eq!(holder.details(&row).await.activation, ActivationState::Needed);
    assert_eq!(holder.send(&row, upload(&row, &new_key(), None)).await.code(), "activation_required");
    holder.workplace.clock.advance(Duration::minutes(3));
    holder.proven(&row).await;
    holder.installed(&row).await;
    assert_eq!(holder.identification_kind(&row).await, 1);
}
