//! Revocation, by the holder and by an operator.

use qcert_pki::crl::Reason;
use qcert_protocol::portal::{ApplicationRow, CertificateView, RevocationReason};
use qcert_server::{
    audit::Actor,
    revocation::{RevocationError, by_operator},
    store,
};
use serde_json::{Value, json};
use time::Duration;
use uuid::Uuid;

use crate::support::{Browser, OTHER_PHONE, PHONE, Reply, Workplace, certification_request, wrong};

impl Workplace {
    /// Somebody whose first application has a certificate.
    pub async fn with_certificate(&self) -> (Browser, CertificateView) {
        let mut browser = self.signed_in(PHONE).await;
        self.sent(&mut browser).await;
        self.work().await.unwrap();
        let view = browser.rows().await[0].certificate.clone().unwrap();
        (browser, view)
    }

    pub async fn revoked_by_operator(&self, serial: &str, reason: Reason) -> Result<(), RevocationError> {
        by_operator(&*self.portal.store, &*self.portal.clock, serial, reason, &Actor::at_command_line("tester"))
            .await
            .map(drop)
    }

    async fn revocations(&self) -> usize {
        let audit = self.portal.store.audit().await.unwrap();
        audit.iter().filter(|row| row.event == "certificate revoked").count()
    }
}

async fn order(browser: &mut Browser, id: Uuid, reason: &str) -> Reply {
    browser.post(&format!("/certificates/{id}/revocation/password"), json!({"reason": reason})).await
}

async fn revoke(browser: &mut Browser, id: Uuid, reason: &str, password: &str) -> Reply {
    browser.post(&format!("/certificates/{id}/revocation"), json!({"reason": reason, "password": password})).await
}

#[tokio::test]
async fn a_holder_revokes_with_a_password_of_its_own() {
    let workplace = Workplace::new().await;
    let (mut browser, certificate) = workplace.with_certificate().await;
    assert_eq!(revoke(&mut browser, certificate.id, "superseded", "000000").await.code(), "otp_not_requested");
    assert_eq!(order(&mut browser, certificate.id, "superseded").await.status, 202);
    let (_, text) = workplace.messages().await.pop().unwrap();
    for part in ["Отзыв сертификата", "ООО «АвтоСпор»", &certificate.serial] {
        assert!(text.contains(part), "{text}");
    }
    let password = workplace.password(PHONE).await;
    let reply = revoke(&mut browser, certificate.id, "superseded", &wrong(&password)).await;
    assert_eq!((reply.code().as_str(), &reply.json()["triesLeft"]), ("otp_wrong", &json!(4)));
    let row: ApplicationRow = revoke(&mut browser, certificate.id, "superseded", &password).await.parsed();
    let revoked = row.certificate.unwrap().revoked.unwrap();
    assert_eq!((row.state.as_str(), revoked.reason), ("revoked", RevocationReason::Superseded));
    assert_eq!(revoked.at, workplace.portal.clock.now());
}

#[tokio::test]
async fn a_password_revokes_for_the_reason_it_was_ordered_for() {
    let workplace = Workplace::new().await;
    let (mut browser, certificate) = workplace.with_certificate().await;
    order(&mut browser, certificate.id, "superseded").await;
    let password = workplace.password(PHONE).await;
    assert_eq!(revoke(&mut browser, certificate.id, "keyCompromise", &password).await.code(), "digest_changed");
    assert_eq!(revoke(&mut browser, certificate.id, "superseded", &password).await.status, 200);
}

#[tokio::test]
async fn a_password_belongs_to_its_session() {
    let workplace = Workplace::new().await;
    let (mut browser, certificate) = workplace.with_certificate().await;
    order(&mut browser, certificate.id, "superseded").await;
    let password = workplace.password(PHONE).await;
    workplace.clock.advance(Duration::minutes(3));
    let mut later = workplace.signed_in(PHONE).await;
    assert_eq!(revoke(&mut later, certificate.id, "superseded", &password).await.code(), "otp_not_requested");
}

#[tokio::test]
async fn a_revocation_sent_twice_revokes_once() {
    let workplace = Workplace::new().await;
    let (mut browser, certificate) = workplace.with_certificate().await;
    order(&mut browser, certificate.id, "cessationOfOperation").await;
    let password = workplace.password(PHONE).await;
    let (mut first, mut second) = (browser.clone(), browser.clone());
    let both = tokio::join!(
        revoke(&mut first, certificate.id, "cessationOfOperation", &password),
        revoke(&mut second, certificate.id, "cessationOfOperation", &password),
    );
    let later = revoke(&mut browser, certificate.id, "cessationOfOperation", &password).await;
    for reply in [both.0, both.1, later] {
        assert_eq!((reply.status.as_u16(), &reply.json()["state"]), (200, &json!("revoked")));
    }
    assert_eq!(workplace.revocations().await, 1);
}

#[tokio::test]
async fn what_an_operator_revoked_is_told_so() {
    let workplace = Workplace::new().await;
    let (mut browser, certificate) = workplace.with_certificate().await;
    workplace.revoked_by_operator(&certificate.serial, Reason::PrivilegeWithdrawn).await.unwrap();
    let row = browser.rows().await.remove(0);
    let reason = row.certificate.unwrap().revoked.unwrap().reason;
    assert_eq!((row.state.as_str(), reason), ("revoked", RevocationReason::PrivilegeWithdrawn));
    let code = "certificate_already_revoked";
    assert_eq!(order(&mut browser, certificate.id, "superseded").await.code(), code);
    assert_eq!(revoke(&mut browser, certificate.id, "superseded", "123456").await.code(), code);
}

#[tokio::test]
async fn an_operators_reason_is_not_a_holders() {
    let workplace = Workplace::new().await;
    let (mut browser, certificate) = workplace.with_certificate().await;
    for reason in ["privilegeWithdrawn", "caCompromise", "certificateHold", "unspecified"] {
        assert_eq!(order(&mut browser, certificate.id, reason).await.code(), "revocation_reason_unsupported");
    }
    assert_eq!(order(&mut browser, certificate.id, "boredom").await.code(), "body_malformed");
}

#[tokio::test]
async fn a_stranger_finds_nothing_to_revoke() {
    let workplace = Workplace::new().await;
    let (mut browser, certificate) = workplace.with_certificate().await;
    order(&mut browser, certificate.id, "superseded").await;
    let password = workplace.password(PHONE).await;
    let mut stranger = workplace.signed_in(OTHER_PHONE).await;
    assert_eq!(order(&mut stranger, certificate.id, "superseded").await.code(), "certificate_not_found");
    let reply = revoke(&mut stranger, certificate.id, "superseded", &password).await;
    assert_eq!(reply.code(), "certificate_not_found");
    let reply = revoke(&mut workplace.browser(), certificate.id, "superseded", &password).await;
    assert_eq!(reply.code(), "session_required");
}

#[tokio::test]
async fn what_has_expired_is_not_revoked_any_more() {
    let workplace = Workplace::new().await;
    let (_, certificate) = workplace.with_certificate().await;
    workplace.clock.advance(Duration::days(366));
    let mut browser = workplace.signed_in(PHONE).await;
    assert_eq!(order(&mut browser, certificate.id, "superseded").await.code(), "application_state_forbids");
    let refused = workplace.revoked_by_operator(&certificate.serial, Reason::Superseded).await;
    assert!(matches!(refused, Err(RevocationError::Expired(_))), "{refused:?}");
}

#[tokio::test]
async fn an_installed_certificate_is_revoked_too() {
    let workplace = Workplace::new().await;
    let (mut browser, certificate) = workplace.with_certificate().await;
    let body = json!({"token": crate::support::token(), "inStore": true});
    assert_eq!(browser.post(&format!("/certificates/{}/installation", certificate.id), body).await.status, 200);
    workplace.revoked_by_operator(&certificate.serial, Reason::Superseded).await.unwrap();
    assert_eq!(browser.rows().await[0].state.as_str(), "revoked");
}

#[tokio::test]
async fn an_operator_revokes_once_and_by_the_serial_as_programs_print_it() {
    let workplace = Workplace::new().await;
    let (_, certificate) = workplace.with_certificate().await;
    let colons: Vec<&str> =
        certificate.serial.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap()).collect();
    let printed = colons.join(":").to_lowercase();
    let hold = workplace.revoked_by_operator(&printed, Reason::CertificateHold).await;
    assert!(matches!(hold, Err(RevocationError::Hold)), "{hold:?}");
    workplace.revoked_by_operator(&printed, Reason::KeyCompromise).await.unwrap();
    let again = workplace.revoked_by_operator(&printed, Reason::Superseded).await;
    let Err(RevocationError::AlreadyRevoked(revoked)) = again else { panic!("{again:?}") };
    assert_eq!((revoked.reason, workplace.revocations().await), (Reason::KeyCompromise, 1));
    for unknown in ["0102", "zz", ""] {
        assert!(workplace.revoked_by_operator(unknown, Reason::Superseded).await.is_err(), "{unknown}");
    }
}

async fn code_of_second_request(workplace: &Workplace, browser: &mut Browser, der: &[u8]) -> String {
    let row = browser.rows().await.remove(1);
    assert!(workplace.portal.store.certificates().await.unwrap().len() < 2);
    browser.upload(&row, der).await.code()
}

#[tokio::test]
async fn the_key_of_a_revoked_certificate_is_refused_and_a_compromised_one_is_blocked() {
    for (reason, code) in [(Reason::Superseded, "key_revoked"), (Reason::KeyCompromise, "key_blocked")] {
        let workplace = Workplace::new().await;
        let mut browser = workplace.signed_in(PHONE).await;
        let request = certification_request();
        let row = browser.rows().await.remove(0);
        let uploaded: ApplicationRow = browser.upload(&row, &request).await.parsed();
        let id = uploaded.request.unwrap().id;
        browser.post(&format!("/requests/{id}/password"), Value::Null).await;
        let password = workplace.password(PHONE).await;
        assert_eq!(browser.confirm(id, &password).await.status, 200);
        workplace.work().await.unwrap();
        assert_eq!(code_of_second_request(&workplace, &mut browser, &request).await, "key_in_use");
        let serial = browser.rows().await[0].certificate.clone().unwrap().serial;
        workplace.revoked_by_operator(&serial, reason).await.unwrap();
        assert_eq!(code_of_second_request(&workplace, &mut browser, &request).await, code);
    }
}

#[tokio::test]
async fn a_key_that_is_blocked_after_its_confirmation_is_never_certified() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.signed_in(PHONE).await;
    workplace.sent(&mut browser).await;
    let now = workplace.portal.clock.now();
    let overviews = workplace.portal.store.applications().await.unwrap();
    let digest = overviews.iter().find_map(|found| found.request.as_ref()).unwrap().key_digest;
    assert!(workplace.portal.store.block_key(&digest, &Actor::at_command_line("tester"), now).await.unwrap());
    assert!(!workplace.portal.store.block_key(&digest, &Actor::at_command_line("tester"), now).await.unwrap());
    workplace.work().await.unwrap();
    assert_eq!(browser.rows().await[0].state.as_str(), "rejected");
    let certificates: Vec<store::Certificate> = workplace.portal.store.certificates().await.unwrap();
    assert!(certificates.is_empty());
}
