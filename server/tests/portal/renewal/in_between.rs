//! What happens between a proof and the certificate.

use qcert_pki::crl::Reason;
use qcert_protocol::operator::Role::{Approver, Registrar};
use serde_json::{Value, json};
use time::Duration;

use super::{Holder, NUMBER, SOON, entry, new_key, upload};

const BY_OPERATOR: &str = "[issuance]\napproval = 'operator'";

impl Holder {
    async fn revoke_old(&self, reason: Reason) {
        let serial = self.old.certificate.as_ref().unwrap().serial.clone();
        self.workplace.revoked_by_operator(&serial, reason).await.unwrap();
    }

    /// The operator corrects the renewal.
    async fn corrected(&self, change: impl FnOnce(&mut Value)) {
        let anna = self.workplace.operator("anna", &[Registrar]).await;
        let corrected = entry(|entry| {
            entry["number"] = json!(format!("{NUMBER}R1"));
            entry["replaces"] = json!(NUMBER);
            entry["identificationKind"] = Value::Null;
            change(entry);
        });
        let reply = anna.put(&format!("/applications/{NUMBER}R1"), corrected).await;
        assert_eq!(reply.status, 200, "{:?}", reply.json());
        self.workplace.clock.advance(Duration::minutes(3));
    }
}

#[tokio::test]
async fn an_old_certificate_that_is_revoked_after_the_proof_confirms_nothing() {
    let holder = Holder::new().await;
    let row = holder.renewed().await;
    holder.proven(&row).await;
    let key = new_key();
    let proof = holder.proof(&row, &key).await;
    holder.revoke_old(Reason::KeyCompromise).await;
    assert_eq!(holder.confirm(&row).await.code(), "identification_missing");
    assert_eq!((holder.state(&row).await.as_str(), holder.details(&row).await.renews), ("preparing", None));
    assert_eq!(holder.send(&row, upload(&row, &key, Some(proof))).await.code(), "renewal_proof_wrong");
}

#[tokio::test]
async fn an_old_certificate_that_expires_after_the_proof_confirms_nothing() {
    let mut holder = Holder::new().await;
    let row = holder.renewed().await;
    holder.proven(&row).await;
    holder.workplace.clock.advance(Duration::days(20));
    holder.back().await;
    assert_eq!(holder.confirm(&row).await.code(), "identification_missing");
    assert_eq!(holder.details(&row).await.renews, None);
    // An operator can identify the holder then, but of this request the old key had to vouch.
    holder.corrected(|entry| entry["identificationKind"] = json!(0)).await;
    assert_eq!(holder.confirm(&row).await.code(), "renewal_proof_wrong");
    assert_eq!(holder.send(&row, upload(&row, &new_key(), None)).await.status, 201);
    holder.workplace.clock.advance(Duration::minutes(3));
    holder.installed(&row).await;
    assert_eq!(holder.identification_kind(&row).await, 0);
}

#[tokio::test]
async fn a_confirmed_request_is_rejected_when_the_certificate_is_revoked_that_vouched_for_it() {
    let holder = Holder::new().await.reopened(&format!("{SOON}[issuance]\nwait_seconds = 60")).await;
    let row = holder.renewed().await;
    holder.proven(&row).await;
    assert_eq!(holder.confirm(&row).await.status, 200);
    holder.revoke_old(Reason::KeyCompromise).await;
    holder.workplace.clock.advance(Duration::minutes(2));
    holder.workplace.work().await.unwrap();
    let row = holder.row(row.id).await;
    assert_eq!((row.state.as_str(), row.certificate), ("rejected", None));
    assert!(row.reason.as_deref().unwrap().contains("отозван"), "{:?}", row.reason);
    assert_eq!(holder.renew(&holder.old).await.code(), "renewal_not_open");
}

#[tokio::test]
async fn a_confirmed_request_is_issued_though_the_old_certificate_expires_while_it_waits() {
    let mut holder = Holder::new().await.reopened(&format!("{SOON}{BY_OPERATOR}")).await;
    let row = holder.renewed().await;
    holder.proven(&row).await;
    assert_eq!(holder.confirm(&row).await.status, 200);
    holder.workplace.clock.advance(Duration::days(21));
    let vera = holder.workplace.operator("vera", &[Approver]).await;
    assert_eq!(vera.post(&format!("/applications/{NUMBER}R1/approval"), Value::Null).await.status, 200);
    holder.workplace.work().await.unwrap();
    holder.back().await;
    assert_eq!(holder.state(&row).await, "readyToInstall");
    assert_eq!(holder.identification_kind(&row).await, 1);
}

#[tokio::test]
async fn a_rejected_renewal_is_followed_by_another_and_so_is_a_revoked_one() {
    let holder = Holder::new().await.reopened(&format!("{SOON}{BY_OPERATOR}")).await;
    let row = holder.renewed().await;
    holder.proven(&row).await;
    assert_eq!(holder.confirm(&row).await.status, 200);
    let vera = holder.workplace.operator("vera", &[Approver]).await;
    let reason = json!({"reason": "Доверенность истекла."});
    assert_eq!(vera.post(&format!("/applications/{NUMBER}R1/rejection"), reason).await.status, 200);
    assert!(holder.row(holder.old.id).await.renewable);
    let second = holder.renewed().await;
    assert_eq!((second.number.as_str(), second.replaces), ("67092365R2", Some(holder.old.id)));

    holder.workplace.clock.advance(Duration::minutes(3));
    holder.proven(&second).await;
    assert_eq!(holder.confirm(&second).await.status, 200);
    let vera = holder.workplace.operator("vasilisa", &[Approver]).await;
    assert_eq!(vera.post(&format!("/applications/{NUMBER}R2/approval"), Value::Null).await.status, 200);
    holder.workplace.work().await.unwrap();
    let serial = holder.row(second.id).await.certificate.unwrap().serial;
    holder.workplace.revoked_by_operator(&serial, Reason::Superseded).await.unwrap();
    assert_eq!(holder.renewed().await.number, "67092365R3");
}

#[tokio::test]
async fn a_correction_after_the_proof_needs_another_password_and_no_other_proof() {
    let holder = Holder::new().await;
    let row = holder.renewed().await;
    let request = holder.proven(&row).await.request.unwrap().id;
    let mut browser = holder.browser.clone();
    assert_eq!(browser.post(&format!("/requests/{request}/password"), Value::Null).await.status, 202);
    let password = holder.workplace.password(crate::support::PHONE).await;
    holder.corrected(|entry| entry["holder"]["email"] = json!("novy@avtospor.example")).await;
    assert_eq!(browser.confirm(request, &password).await.code(), "digest_changed");
    holder.installed(&row).await;
    assert_eq!(holder.identification_kind(&row).await, 1);
}

#[tokio::test]
async fn a_correction_to_somebody_elses_data_ends_the_identification() {
    for (field, value) in [("snils", "11223344595"), ("innPerson", "745566778844"), ("ogrn", "1207400007891")] {
        let holder = Holder::new().await;
        let row = holder.renewed().await;
        holder.proven(&row).await;
        holder.corrected(|entry| entry["holder"][field] = json!(value)).await;
        assert_eq!(holder.details(&row).await.renews, None, "{field}");
        assert_eq!(holder.confirm(&row).await.code(), "identification_missing", "{field}");
    }
}

#[tokio::test]
async fn a_correction_that_says_of_no_application_that_it_is_renewed_ends_the_identification() {
    let holder = Holder::new().await;
    let row = holder.renewed().await;
    holder.proven(&row).await;
    holder.corrected(|entry| entry["replaces"] = Value::Null).await;
    assert_eq!(holder.confirm(&row).await.code(), "identification_missing");
}
