//! The issuance queue and the registry.

use qcert_server::store::{Commitment, Store};
use time::Duration;

use super::{LATER, NOW, certificate, claimed, commitment, confirmed, filled, id, issued, phone, state};

pub async fn a_confirmed_request_is_leased_by_one_at_a_time(store: &dyn Store) {
    filled(store).await;
    confirmed(store, 1, false).await;
    assert!(store.claim_issuance(id(20), NOW - Duration::SECOND, NOW, LATER).await.unwrap().is_none(), "not ripe");
    let job = claimed(store, 20).await.unwrap();
    assert_eq!((job.owner, job.digest, job.committed.clone()), (id(20), [3; 32], None));
    assert_eq!(job.snapshot, job.application.holder_json);
    assert!(claimed(store, 21).await.is_none());
    assert_eq!(state(store, 1).await, "issuing");
    assert!(store.commit_to_be_signed(&job, &commitment("01"), NOW).await.unwrap());
    let taken_over = store.claim_issuance(id(21), NOW, LATER, LATER + Duration::MINUTE).await.unwrap().unwrap();
    assert_eq!(taken_over.committed, Some(commitment("01")));
    assert!(!store.refuse_issuance(&job, "late", LATER).await.unwrap());
    assert!(store.refuse_issuance(&taken_over, "reason", LATER).await.unwrap());
    let row = store.application_of(&phone(), id(1)).await.unwrap().unwrap().application;
    assert_eq!((row.state.as_str(), row.reason.as_deref()), ("rejected", Some("reason")));
}

pub async fn two_claims_at_once_lease_one_request_once(store: &dyn Store) {
    filled(store).await;
    confirmed(store, 1, false).await;
    let (one, two) = tokio::join!(claimed(store, 20), claimed(store, 21));
    assert_eq!([one, two].iter().flatten().count(), 1);
}

pub async fn the_oldest_ripe_request_is_leased_first(store: &dyn Store) {
    filled(store).await;
    let mut later = super::prepared(store, 1, false).await;
    later.now = NOW + Duration::SECOND;
    store.confirm_request(&later).await.unwrap();
    confirmed(store, 2, false).await;
    let now = NOW + Duration::SECOND;
    let first = store.claim_issuance(id(20), now, now, LATER).await.unwrap().unwrap();
    let second = store.claim_issuance(id(20), now, now, LATER).await.unwrap().unwrap();
    assert_eq!((first.application.id, second.application.id), (id(2), id(1)));
}

pub async fn a_serial_is_committed_once(store: &dyn Store) {
    filled(store).await;
    confirmed(store, 1, false).await;
    confirmed(store, 2, false).await;
    let (one, two) = (claimed(store, 20).await.unwrap(), claimed(store, 20).await.unwrap());
    assert!(store.commit_to_be_signed(&one, &commitment("01"), NOW).await.unwrap());
    assert!(!store.commit_to_be_signed(&one, &commitment("02"), NOW).await.unwrap(), "others were committed");
    let same = Commitment { to_be_signed: b"other".to_vec(), ..commitment("01") };
    assert!(!store.commit_to_be_signed(&two, &same, NOW).await.unwrap(), "the serial is used");
    assert!(store.commit_to_be_signed(&two, &commitment("02"), NOW).await.unwrap());
}

pub async fn a_lost_lease_changes_nothing(store: &dyn Store) {
    filled(store).await;
    confirmed(store, 1, false).await;
    let lost = claimed(store, 20).await.unwrap();
    let job = store.claim_issuance(id(21), NOW, LATER, LATER + Duration::MINUTE).await.unwrap().unwrap();
    assert!(!store.commit_to_be_signed(&lost, &commitment("01"), LATER).await.unwrap());
    assert!(!store.complete_issuance(&lost, &certificate(&lost, 1)).await.unwrap());
    assert!(!store.refuse_issuance(&lost, "late", LATER).await.unwrap());
    store.release_issuance(&lost, LATER).await.unwrap();
    assert!(claimed(store, 22).await.is_none(), "the lease is the other's");
    assert!(store.commit_to_be_signed(&job, &commitment("01"), LATER).await.unwrap());
    assert!(store.complete_issuance(&job, &certificate(&job, 1)).await.unwrap());
    assert!(!store.complete_issuance(&job, &certificate(&job, 2)).await.unwrap());
    assert_eq!(store.certificates().await.unwrap().len(), 1);
}

pub async fn a_released_lease_rests_until_its_time(store: &dyn Store) {
    filled(store).await;
    confirmed(store, 1, false).await;
    let job = claimed(store, 20).await.unwrap();
    store.release_issuance(&job, NOW + Duration::SECOND).await.unwrap();
    assert!(claimed(store, 21).await.is_none());
    let now = NOW + Duration::SECOND;
    assert!(store.claim_issuance(id(21), NOW, now, LATER).await.unwrap().is_some());
}

pub async fn a_completed_issuance_is_in_the_registry(store: &dyn Store) {
    filled(store).await;
    let certificate = issued(store, 1).await;
    assert_eq!(state(store, 1).await, "readyToInstall");
    assert_eq!(store.certificates().await.unwrap(), std::slice::from_ref(&certificate));
    let (application, found) = store.certificate(&certificate.serial).await.unwrap().unwrap();
    assert_eq!((application.id, found), (id(1), certificate.clone()));
    assert_eq!(store.certificate("0102").await.unwrap(), None);
    let overview = store.application_of(&phone(), id(1)).await.unwrap().unwrap();
    assert_eq!(overview.certificate, Some(certificate));
}

pub async fn an_installation_is_noted(store: &dyn Store) {
    filled(store).await;
    let certificate = issued(store, 1).await;
    assert!(!store.install(certificate.id, false, &["available"], NOW).await.unwrap());
    assert_eq!(store.certificates().await.unwrap()[0].installed_at, None, "what was refused is not noted");
    assert!(store.install(certificate.id, true, &["readyToInstall"], NOW).await.unwrap());
    assert!(store.install(certificate.id, false, &["installed"], LATER).await.unwrap());
    assert_eq!(store.certificates().await.unwrap()[0].installed_at, Some(NOW));
    assert_eq!(state(store, 1).await, "installed");
    assert!(!store.install(id(99), false, &["installed"], NOW).await.unwrap());
}

pub async fn an_end_is_noted_once(store: &dyn Store) {
    filled(store).await;
    let certificate = issued(store, 1).await;
    let from = ["readyToInstall", "installed"];
    assert!(store.expire(&from, certificate.not_after - Duration::SECOND).await.unwrap().is_empty());
    assert_eq!(store.expire(&from, certificate.not_after).await.unwrap(), [(id(1), phone())]);
    assert!(store.expire(&from, certificate.not_after).await.unwrap().is_empty());
    assert_eq!(state(store, 1).await, "expired");
}
