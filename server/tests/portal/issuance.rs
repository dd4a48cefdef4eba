//! From the queue to the certificate, whatever fails on the way.

use qcert_pki::Certificate;
use qcert_protocol::portal::{ApplicationRow, CertificateDetails};
use qcert_server::{
    applications::import::{File, import},
    audit, issuance, store,
};
use serde_json::{Value, json};
use time::Duration;
use uuid::Uuid;

use crate::{
    behind::Step,
    support::{Browser, DEMO, PHONE, Workplace, certification_request, token},
};

async fn state(browser: &mut Browser) -> String {
    browser.rows().await[0].state.as_str().to_owned()
}

async fn certificates(workplace: &Workplace) -> Vec<store::Certificate> {
    workplace.portal.store.certificates().await.unwrap()
}

#[tokio::test]
async fn a_confirmed_request_becomes_a_certificate_of_the_applications_data() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.signed_in(PHONE).await;
    workplace.sent(&mut browser).await;
    workplace.work().await.unwrap();
    let row = browser.rows().await.remove(0);
    let view = row.certificate.unwrap();
    let details: CertificateDetails = browser.get(&format!("/certificates/{}", view.id)).await.parsed();
    let certificate = Certificate::parse(&details.der.0).unwrap();
    let issuer = Certificate::parse(&details.issuers[0].0).unwrap();
    let root = Certificate::parse(&details.issuers[1].0).unwrap();
    certificate.verify_issued_by(&issuer).unwrap();
    issuer.verify_issued_by(&root).unwrap();
    assert_eq!(certificate.public_key().key_id(), row.request.unwrap().key_id);
    assert_eq!(certificate.serial().to_string(), view.serial);
    let subject = certificate.subject_text();
    for part in ["ООО «АвтоСпор»", "Иванов", "6688242590", "07500122105", "Екатеринбург"]
    {
        assert!(subject.contains(part), "{subject}");
    }

    let file = browser.get(&format!("/certificates/{}/file", view.id)).await;
    assert_eq!(file.body, certificate.der());
    assert_eq!(file.headers["content-type"], "application/pkix-cert");
    assert_eq!(file.headers["content-disposition"], format!("attachment; filename=\"{}.cer\"", view.serial));
}

#[tokio::test]
async fn an_installed_certificate_is_noted_and_twice_is_as_good_as_once() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.signed_in(PHONE).await;
    workplace.sent(&mut browser).await;
    workplace.work().await.unwrap();
    let id = browser.rows().await[0].certificate.as_ref().unwrap().id;
    for in_store in [false, true] {
        let body = json!({"token": token(), "inStore": in_store});
        let reply = browser.post(&format!("/certificates/{id}/installation"), body).await;
        assert_eq!(reply.json()["state"], "installed");
    }
}

#[tokio::test]
async fn a_confirmed_request_rests_as_long_as_the_settings_say() {
    let workplace = Workplace::with("[issuance]\nwait_seconds = 60").await;
    let mut browser = workplace.signed_in(PHONE).await;
    workplace.sent(&mut browser).await;
    workplace.clock.advance(Duration::seconds(59));
    workplace.work().await.unwrap();
    assert_eq!(state(&mut browser).await, "sent");
    workplace.clock.advance(Duration::SECOND);
    workplace.work().await.unwrap();
    assert_eq!(state(&mut browser).await, "readyToInstall");
}

#[tokio::test]
async fn a_worker_that_dies_after_the_lease_is_followed_by_another() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.signed_in(PHONE).await;
    workplace.sent(&mut browser).await;
    let now = workplace.portal.clock.now();
    let lease = workplace.portal.store.claim_issuances(Uuid::max(), 1, now, now, now + Duration::seconds(15)).await;
    assert_eq!(lease.unwrap().len(), 1);
    workplace.work().await.unwrap();
    assert_eq!(state(&mut browser).await, "issuing");
    workplace.clock.advance(Duration::seconds(15));
    workplace.work().await.unwrap();
    assert_eq!((state(&mut browser).await.as_str(), certificates(&workplace).await.len()), ("readyToInstall", 1));
}

#[tokio::test]
async fn a_crash_before_the_commit_ends_in_one_certificate() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.signed_in(PHONE).await;
    workplace.sent(&mut browser).await;
    workplace.let_fail(Step::Commit).await;
    assert!(workplace.work().await.is_err());
    workplace.let_pass(Step::Commit).await;
    workplace.clock.advance(Duration::minutes(1));
    workplace.work().await.unwrap();
    assert_eq!((state(&mut browser).await.as_str(), certificates(&workplace).await.len()), ("readyToInstall", 1));
}

#[tokio::test]
async fn serial_and_bytes_are_committed_before_the_authority_signs() {
    let directory = tempfile::tempdir().unwrap();
    let journal = directory.path().join("signatures");
    let workplace = Workplace::with(&format!("[ca]\nsignature_journal = '{}'", journal.display())).await;
    let mut browser = workplace.signed_in(PHONE).await;
    workplace.sent(&mut browser).await;
    // A line for each certificate that is to be signed, with the digest of its bytes.
    let signed = || {
        let lines = std::fs::read_to_string(&journal).unwrap_or_default();
        lines.lines().filter(|line| line.contains(" certificate ")).map(str::to_owned).collect::<Vec<_>>()
    };
    let before = signed().len();
    assert_eq!(before, 2, "the authority's own");
    workplace.let_fail(Step::Commit).await;
    assert!(workplace.work().await.is_err());
    assert_eq!(signed().len(), before, "{:?}", signed());
    workplace.let_pass(Step::Commit).await;

    workplace.let_fail(Step::Store).await;
    workplace.clock.advance(Duration::minutes(1));
    assert!(workplace.work().await.is_err());
    workplace.let_pass(Step::Store).await;
    let begun = signed().split_off(before);
    workplace.clock.advance(Duration::minutes(1));
    workplace.work().await.unwrap();
    let issued = certificates(&workplace).await.remove(0);
    let to_be_signed = qcert_pki::Certificate::parse(&issued.der).unwrap().tbs_der().to_vec();
    let digest = ring::digest::digest(&ring::digest::SHA256, &to_be_signed);
    let digest: String = digest.as_ref().iter().map(|octet| format!("{octet:02x}")).collect();
    assert!(begun.len() == 1 && begun[0].ends_with(&digest), "{begun:?}: what was committed, and not yet stored");
    let signed = signed().split_off(before);
    assert!(signed.iter().all(|line| line.ends_with(&digest)), "{signed:?}: the same again");
}

#[tokio::test]
async fn a_crash_after_signing_ends_in_one_certificate_of_what_was_committed() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.signed_in(PHONE).await;
    workplace.sent(&mut browser).await;
    workplace.let_fail(Step::Store).await;
    assert!(workplace.work().await.is_err());
    let committed = |rows: &[store::AuditRow]| {
        let rows = rows.iter().filter(|row| row.event == "certificate committed");
        rows.map(|row| row.detail.clone()).collect::<Vec<_>>()
    };
    let before = committed(&workplace.portal.store.audit().await.unwrap());
    assert_eq!(before.len(), 1);

    workplace.let_pass(Step::Store).await;
    workplace.clock.advance(Duration::minutes(1));
    workplace.work().await.unwrap();
    let issued = certificates(&workplace).await;
    assert_eq!(issued.iter().map(|certificate| certificate.serial.clone()).collect::<Vec<_>>(), before);
    assert_eq!(committed(&workplace.portal.store.audit().await.unwrap()), before);
}

#[tokio::test]
async fn bytes_that_were_changed_after_the_commit_are_not_signed_and_wait() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.signed_in(PHONE).await;
    workplace.sent(&mut browser).await;
    workplace.let_fail(Step::Store).await;
    assert!(workplace.work().await.is_err());
    workplace.let_pass(Step::Store).await;
    // Among the policies, class KC1 becomes class KA.
    workplace.change_to_be_signed("2A8503647101", "2A8503647106").await;
    workplace.clock.advance(Duration::minutes(1));
    assert!(workplace.work().await.is_err());
    assert_eq!((state(&mut browser).await.as_str(), certificates(&workplace).await.len()), ("issuing", 0));

    workplace.change_to_be_signed("2A8503647106", "2A8503647101").await;
    workplace.clock.advance(Duration::minutes(1));
    workplace.work().await.unwrap();
    assert_eq!((state(&mut browser).await.as_str(), certificates(&workplace).await.len()), ("readyToInstall", 1));
}

#[tokio::test]
async fn a_corrected_application_that_was_rejected_can_be_requested_again() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.signed_in(PHONE).await;
    workplace.sent(&mut browser).await;
    workplace.change_snapshots("replace(snapshot, 'Иванов', 'Петров')").await;
    workplace.work().await.unwrap();
    assert_eq!(state(&mut browser).await, "rejected");

    let corrected = DEMO.replacen("\"Директор\"", "\"Генеральный директор\"", 1);
    let portal = &workplace.portal;
    import(&*portal.store, &*portal.clock, &*portal.randomness, &File::json(&corrected)).await.unwrap();
    let row = browser.rows().await.remove(0);
    assert_eq!((row.state.as_str(), row.reason), ("available", None));
    workplace.clock.advance(Duration::minutes(10));
    workplace.sent(&mut browser).await;
    workplace.work().await.unwrap();
    assert_eq!((state(&mut browser).await.as_str(), certificates(&workplace).await.len()), ("readyToInstall", 1));
}

#[tokio::test]
async fn a_worker_that_lost_its_lease_changes_nothing_more() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.signed_in(PHONE).await;
    workplace.sent(&mut browser).await;
    let portal = &workplace.portal;
    let now = portal.clock.now();
    let claimed = portal.store.claim_issuances(Uuid::max(), 1, now, now, now + Duration::seconds(15)).await.unwrap();
    let jobs: Vec<_> = claimed.into_iter().map(Result::unwrap).collect();
    workplace.clock.advance(Duration::seconds(15));
    workplace.work().await.unwrap();
    let outcomes = issuance::issue(portal, &jobs).await;
    assert!(matches!(outcomes[..], [Ok(issuance::Outcome::LeaseLost)]), "{outcomes:?}");
    assert_eq!(certificates(&workplace).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_workers_make_one_certificate_of_one_application() {
    let workplace = std::sync::Arc::new(Workplace::new().await);
    let mut browser = workplace.signed_in(PHONE).await;
    workplace.sent(&mut browser).await;
    let workers = (0..6).map(|_| {
        let workplace = std::sync::Arc::clone(&workplace);
        tokio::spawn(async move { workplace.work().await })
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.await.unwrap().unwrap();
    }
    assert_eq!(certificates(&workplace).await.len(), 1);
}

#[tokio::test]
async fn a_snapshot_that_is_not_what_was_confirmed_is_never_issued() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.signed_in(PHONE).await;
    workplace.sent(&mut browser).await;
    workplace.change_snapshots("replace(snapshot, 'Иванов', 'Петров')").await;
    workplace.work().await.unwrap();
    let row = browser.rows().await.remove(0);
    assert_eq!(row.state.as_str(), "rejected");
    assert!(row.reason.is_some());
    assert!(certificates(&workplace).await.is_empty());
}

#[tokio::test]
async fn a_confirmation_that_fails_half_way_uses_no_password() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.signed_in(PHONE).await;
    let (_, request) = workplace.prepared(&mut browser).await;
    browser.post(&format!("/requests/{request}/password"), Value::Null).await;
    let password = workplace.password(PHONE).await;
    workplace.let_fail(Step::Queue).await;
    let failed = browser.confirm(request, &password).await;
    assert_eq!((failed.status.as_u16(), failed.code().as_str()), (503, "portal_unavailable"));
    assert_eq!(state(&mut browser).await, "preparing");
    workplace.let_pass(Step::Queue).await;
    assert_eq!(browser.confirm(request, &password).await.status, 200);
}

#[tokio::test]
async fn a_certificate_whose_time_is_over_is_shown_so() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.signed_in(PHONE).await;
    workplace.sent(&mut browser).await;
    workplace.work().await.unwrap();
    workplace.clock.advance(Duration::days(366));
    let now = workplace.portal.clock.now();
    let expired = workplace.portal.store.expire(&["readyToInstall", "installed"], now).await.unwrap();
    assert_eq!(expired.len(), 1);
    let mut browser = workplace.signed_in(PHONE).await;
    assert_eq!(state(&mut browser).await, "expired");
}

#[tokio::test]
async fn the_audit_is_a_chain_and_names_nobody() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.signed_in(PHONE).await;
    workplace.sent(&mut browser).await;
    workplace.work().await.unwrap();
    let mut rows = workplace.portal.store.audit().await.unwrap();
    let key = workplace.audit_key();
    assert!(audit::verify::is_whole(&key, &rows));
    let events: Vec<&str> = rows.iter().map(|row| row.event.as_str()).collect();
    let last =
        ["request prepared", "request confirmed", "issuance begun", "certificate committed", "certificate issued"];
    assert!(events.ends_with(&last), "{events:?}");
    assert!(rows.iter().all(|row| !row.detail.contains("Иван") && !row.detail.contains("9222114545")));
    rows.remove(2);
    assert!(!audit::verify::is_whole(&key, &rows));
}

#[tokio::test]
async fn a_request_that_cannot_be_read_keeps_no_other_waiting() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.signed_in(PHONE).await;
    workplace.sent(&mut browser).await;
    workplace.spoil_confirmations().await;
    workplace.clock.advance(Duration::SECOND);
    let row = browser.rows().await.remove(1);
    let uploaded: ApplicationRow = browser.upload(&row, &certification_request()).await.parsed();
    let request = uploaded.request.unwrap().id;
    browser.post(&format!("/requests/{request}/password"), Value::Null).await;
    let password = workplace.password(PHONE).await;
    assert_eq!(browser.confirm(request, &password).await.status, 200);

    assert!(workplace.work().await.is_err());
    workplace.work().await.unwrap();
    assert_eq!(browser.rows().await[1].state.as_str(), "readyToInstall");
}
