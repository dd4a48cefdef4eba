//! Revocation, and what is told of it.

use qcert_pki::crl::Reason;
use qcert_server::store::{AuthorityRecord, NewRevocation, Prepared, RevokeOutcome, Revoked, Store};
use uuid::Uuid;

use super::{ISSUER, NOW, by, filled, holder, id, issued, ordered, request, session, state};

pub fn revocation(certificate: Uuid, reason: Reason) -> NewRevocation {
    NewRevocation { certificate, reason, password: None, by: by("operator"), now: NOW }
}

pub async fn a_certificate_is_revoked_once_of_two_at_once(store: &dyn Store) {
    filled(store).await;
    let certificate = issued(store, 1).await;
    let new = revocation(certificate.id, Reason::Superseded);
    let (one, two) = tokio::join!(store.revoke(&new), store.revoke(&new));
    let outcomes = [one.unwrap(), two.unwrap()];
    assert!(outcomes.contains(&RevokeOutcome::Done) && outcomes.contains(&RevokeOutcome::AlreadyRevoked));
    let (_, found) = store.certificate(&certificate.serial).await.unwrap().unwrap();
    assert_eq!(found.revoked, Some(Revoked { at: NOW, reason: Reason::Superseded }));
    assert_eq!(state(store, 1).await, "revoked");
    let none = store.revoke(&revocation(id(99), Reason::Superseded)).await.unwrap();
    assert_eq!(none, RevokeOutcome::NotFound);
}

pub async fn a_revocation_by_its_holder_uses_a_password(store: &dyn Store) {
    filled(store).await;
    let certificate = issued(store, 1).await;
    let password = ordered(store, 1).await;
    let new = NewRevocation { password: Some(password), ..revocation(certificate.id, Reason::Superseded) };
    assert!(store.sign_in(password, &session(1), None, &holder()).await.unwrap());
    assert_eq!(store.revoke(&new).await.unwrap(), RevokeOutcome::PasswordUsed);
    assert_eq!(state(store, 1).await, "readyToInstall");
    let fresh = ordered(store, 2).await;
    let new = NewRevocation { password: Some(fresh), ..new };
    assert_eq!(store.revoke(&new).await.unwrap(), RevokeOutcome::Done);
    assert_eq!(store.revoke(&new).await.unwrap(), RevokeOutcome::AlreadyRevoked);
    assert!(!store.sign_in(fresh, &session(2), None, &holder()).await.unwrap());
}

pub async fn a_compromised_key_is_blocked_and_another_is_not(store: &dyn Store) {
    filled(store).await;
    let (compromised, other) = (issued(store, 1).await, issued(store, 2).await);
    store.revoke(&revocation(compromised.id, Reason::KeyCompromise)).await.unwrap();
    store.revoke(&revocation(other.id, Reason::Superseded)).await.unwrap();
    let prepare = async |key| store.prepare_request(&request(50, 3, key), &["available"], &holder()).await.unwrap();
    assert_eq!((prepare(1).await, prepare(2).await), (Prepared::KeyBlocked, Prepared::KeyRevoked));
    assert!(!store.block_key(&[1; 32], &by("operator"), NOW).await.unwrap());
    assert!(store.block_key(&[2; 32], &by("operator"), NOW).await.unwrap());
}

pub async fn a_status_is_known_to_its_issuer_alone(store: &dyn Store) {
    filled(store).await;
    let (revoked, good) = (issued(store, 1).await, issued(store, 2).await);
    store.revoke(&revocation(revoked.id, Reason::Superseded)).await.unwrap();
    let serial = "0A".to_owned();
    let record = AuthorityRecord {
        serial: serial.clone(),
        issuer: ISSUER,
        kind: "ocsp".into(),
        to_be_signed: vec![1],
        created_at: NOW,
    };
    assert!(store.commit_authority_certificate(&record).await.unwrap());
    assert!(store.complete_authority_certificate(&serial, &[2], NOW).await.unwrap());
    let serials = [revoked.serial, "FF".to_owned(), good.serial, serial];
    let statuses = store.statuses(&ISSUER, &serials).await.unwrap();
    let expected = [Some(Some(Revoked { at: NOW, reason: Reason::Superseded })), None, Some(None), Some(None)];
    assert_eq!(statuses, expected);
    assert_eq!(store.statuses(&[6; 20], &serials).await.unwrap(), [None; 4]);
}
