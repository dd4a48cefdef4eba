//! What an operator decides, beside a server that may run: what is done says so and ends with 0, what is not says why and
//! ends with 3, what cannot be read ends with 2.

use std::path::Path;

use qcert_protocol::{ContainerName, KeyId, holder::Phone, portal::TokenName};
use qcert_server::{
    audit::{Actor, Keeper},
    randomness::SystemRandomness,
    secrets::Secrets,
    store::{
        Approved, Certificate, Commitment, ConfirmOutcome, ConfirmedRequest, Job, NewPassword, OrderLimits,
        PasswordOrder, PasswordScope, Prepared, Purpose, Request, RequestState, Store, TryLimits, sqlite::SqliteStore,
    },
};
use tempfile::TempDir;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::support::{run, stderr, with_applications};

const NUMBER: &str = "67092365";
const KEY: [u8; 32] = [0xab; 32];

/// The applications of the demo; the first one's request is confirmed and waits for approval.
async fn confirmed(now: OffsetDateTime) -> (TempDir, SqliteStore) {
    let directory = with_applications();
    let data = directory.path().join("data");
    let secrets = Secrets::load_or_make(&data.join("secret.key"), &SystemRandomness::new()).unwrap();
    let keeper = Keeper { node: "test".to_owned(), key: secrets.audit_key(), head: None };
    let store = SqliteStore::open(&format!("sqlite:{}", data.join("qcert.sqlite").display()), keeper).await;
    let (store, phone) = (store.unwrap(), Phone::parse("+79222114545").unwrap());
    let application = store.application_by_number(NUMBER).await.unwrap().unwrap().application;
    let request = Request {
        id: Uuid::from_u128(1),
        application_id: application.id,
        der: vec![1],
        public_key: vec![1],
        key_digest: KEY,
        key_id: KeyId::from_bytes(&[1; 20]),
        container: ContainerName::parse("1@2026-03-02-x").unwrap(),
        token: TokenName { label: "l".into(), serial: "s".into(), model: "m".into() },
        state: RequestState::Prepared,
        created_at: now,
        confirmed_at: None,
        vouched_by: None,
    };
    assert!(matches!(
        store.prepare_request(&request, &["available"], &Actor::holder([192, 0, 2, 1].into())).await.unwrap(),
        Prepared::Done(_)
    ));
    let password = NewPassword {
        id: Uuid::from_u128(2),
        scope: PasswordScope { phone, purpose: Purpose::SignIn, subject: None },
        digest: None,
        hash: [1; 32],
        created_at: now,
        expires_at: now + Duration::HOUR,
    };
    let tries = TryLimits { tries: 5, waits: vec![Duration::HOUR], most: 100 };
    let limits = OrderLimits { interval: Duration::ZERO, tries, rates: Vec::new() };
    assert_eq!(store.order_password(&password, b"m", &limits).await.unwrap(), PasswordOrder::Ordered);
    let confirmed = ConfirmedRequest {
        password: password.id,
        request: request.id,
        snapshot: application.holder_json,
        digest: [3; 32],
        held: true,
        by: Actor::holder([192, 0, 2, 1].into()),
        now,
    };
    assert!(matches!(store.confirm_request(&confirmed).await.unwrap(), ConfirmOutcome::Done(_)));
    (directory, store)
}

async fn claimed(store: &SqliteStore, now: OffsetDateTime) -> Job {
    let leased = store.claim_issuances(Uuid::from_u128(3), 1, now, now, now + Duration::MINUTE).await;
    leased.unwrap().remove(0).unwrap()
}

/// The same with a certificate, whose serial number is 0A.
async fn issued(now: OffsetDateTime, not_after: OffsetDateTime) -> (TempDir, SqliteStore) {
    let (directory, store) = confirmed(now).await;
    let application = store.application_by_number(NUMBER).await.unwrap().unwrap().application.id;
    assert_eq!(
        store.approve_issuance(application, &Actor::at_command_line("tester"), 1, now).await.unwrap(),
        Approved::Done
    );
    let job = claimed(&store, now).await;
    let (issuer, shard, serial) = ([5; 20], "1-0".to_owned(), "0A".to_owned());
    let commitment = Commitment { issuer, shard: shard.clone(), serial: serial.clone(), to_be_signed: vec![1] };
    assert!(store.commit_to_be_signed(&[(&job, &commitment)], now).await.unwrap()[0]);
    let certificate = Certificate {
        id: Uuid::from_u128(4),
        application_id: application,
        request_id: job.request.id,
        serial,
        key_id: job.request.key_id.clone(),
        der: vec![1],
        not_before: now,
        not_after,
        issued_at: now,
        installed_at: None,
        issuer,
        shard,
        revoked: None,
    };
    assert!(store.complete_issuances(&[(&job, &certificate)]).await.unwrap()[0]);
    (directory, store)
}

/// In a year whose certificates are good whenever this runs.
fn now() -> OffsetDateTime {
    time::macros::datetime!(2026-03-02 09:00 UTC)
}

fn in_a_hundred_years() -> OffsetDateTime {
    now() + Duration::days(36_500)
}

#[track_caller]
fn done(directory: &Path, arguments: &[&str]) -> String {
    let output = run(directory, arguments);
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""), "{arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn refused(directory: &Path, arguments: &[&str], code: i32, why: &str) {
    let output = run(directory, arguments);
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(code), &b""[..]), "{arguments:?}");
    assert!(stderr(&output).contains(why), "{arguments:?}: {}", stderr(&output));
}

async fn audited(store: &SqliteStore, event: &str) -> usize {
    store.audit().await.unwrap().iter().filter(|row| row.event == event).count()
}

#[tokio::test]
async fn a_certificate_is_revoked_by_its_serial_once() {
    let (directory, store) = issued(now(), in_a_hundred_years()).await;
    let revoke = |serial, reason| ["certificates", "revoke", serial, "--reason", reason, "--by", "Olga"];
    let at = directory.path();
    refused(at, &revoke("0A", "boredom"), 2, "must be one of unspecified, keyCompromise");
    refused(at, &["certificates", "revoke", "0A"], 2, "--reason");
    refused(at, &revoke("0A", "certificateHold"), 3, "certificateHold is not taken");
    refused(at, &revoke("0B", "superseded"), 3, "no certificate has the serial number 0B");
    refused(at, &revoke("xyz", "superseded"), 3, "is no serial number");
    assert_eq!(audited(&store, "certificate revoked").await, 0);
    assert_eq!(done(at, &revoke("0a", "keyCompromise")), "revoked 0A for the reason keyCompromise\n");
    refused(at, &revoke("0A", "superseded"), 3, "for the reason keyCompromise");
    let audit = store.audit().await.unwrap();
    let told: Vec<_> = audit.iter().filter(|row| row.event == "certificate revoked").collect();
    assert_eq!((told.len(), told[0].detail.as_str()), (1, "0A keyCompromise"));
    assert_eq!(told[0].by, Actor::at_command_line("Olga"));
}

#[tokio::test]
async fn a_revocation_is_told_as_an_object_on_demand() {
    let (directory, _) = issued(now(), in_a_hundred_years()).await;
    let told = done(directory.path(), &["certificates", "revoke", "0A", "--reason", "superseded", "--json"]);
    let object: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!((&object["serial"], &object["revocationReason"]), (&"0A".into(), &"superseded".into()));
    assert!(object["revokedAt"].is_string(), "{object}");
}

#[tokio::test]
async fn what_has_expired_is_not_revoked() {
    let (directory, store) = issued(now(), now() + Duration::DAY).await;
    let arguments = ["certificates", "revoke", "0A", "--reason", "superseded"];
    refused(directory.path(), &arguments, 3, "the certificate expired on 2026-03-03");
    assert_eq!(audited(&store, "certificate revoked").await, 0);
}

#[tokio::test]
async fn a_key_is_blocked_once_by_its_digest_or_by_a_file_that_has_it() {
    let (directory, store) = confirmed(now()).await;
    let at = directory.path();
    let block = |key| ["keys", "block", key, "--by", "Olga"];
    refused(at, &block("nowhere.pem"), 1, "cannot read nowhere.pem");
    std::fs::write(at.join("text"), "no key").unwrap();
    refused(at, &block("text"), 1, "is no digest, certificate, certificate request or public key");
    refused(at, &["keys", "block"], 2, "<KEY>");
    let digest = "AB".repeat(32);
    assert_eq!(done(at, &block(&digest)), format!("blocked {}\n", "ab".repeat(32)));
    refused(at, &block(&digest), 1, "is on the block list already");
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let request = rcgen::CertificateParams::default().serialize_request(&key).unwrap();
    std::fs::write(at.join("request.pem"), request.pem().unwrap()).unwrap();
    assert!(done(at, &block("request.pem")).starts_with("blocked "));
    std::fs::write(at.join("key.pem"), key.public_key_pem()).unwrap();
    refused(at, &block("key.pem"), 1, "is on the block list already");
    assert_eq!(audited(&store, "key blocked").await, 2);
    let application = store.application_by_number(NUMBER).await.unwrap().unwrap().application.id;
    assert_eq!(
        store.approve_issuance(application, &Actor::at_command_line("tester"), 1, now()).await.unwrap(),
        Approved::Done
    );
    assert!(claimed(&store, now() + Duration::MINUTE).await.key_blocked);
}

#[tokio::test]
async fn a_request_that_waits_is_approved_once() {
    let (directory, store) = confirmed(now()).await;
    let at = directory.path();
    refused(at, &["applications", "approve", "1"], 3, "there is no application with the number 1");
    refused(at, &["applications", "approve", "67092366"], 3, "does not wait for approval: it is available");
    assert_eq!(done(at, &["applications", "approve", NUMBER, "--by", "Olga"]), "approved 67092365\n");
    refused(at, &["applications", "approve", NUMBER], 3, "does not wait for approval: it is sent");
    refused(at, &["applications", "reject", NUMBER, "--reason", "late"], 3, "does not wait for approval: it is sent");
    refused(at, &["applications", "approve", NUMBER, "--by", ""], 2, "must have 1 to 64");
    assert_eq!(audited(&store, "issuance approved").await, 1);
}

#[tokio::test]
async fn a_request_that_waits_is_rejected_once_with_a_reason_for_the_person() {
    let (directory, store) = confirmed(now()).await;
    let at = directory.path();
    let reject = |number, reason| ["applications", "reject", number, "--reason", reason];
    refused(at, &["applications", "reject", NUMBER], 2, "--reason");
    refused(at, &reject(NUMBER, " "), 3, "the reason must have 1 to 500 characters");
    refused(at, &reject("1", "no"), 3, "there is no application with the number 1");
    assert_eq!(done(at, &reject(NUMBER, "Паспорт не читается")), "rejected 67092365\n");
    refused(at, &reject(NUMBER, "no"), 3, "does not wait for approval: it is rejected");
    let found = store.application_by_number(NUMBER).await.unwrap().unwrap();
    assert_eq!(found.application.reason.as_deref(), Some("Паспорт не читается"));
    assert_eq!(audited(&store, "issuance rejected").await, 1);
}
