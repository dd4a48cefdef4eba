//! The issuance queue and the registry.

use qcert_server::store::{Commitment, Job, Store};
use time::Duration;

use super::{
    LATER, NOW, by, certificate, claimed, commitment, committed, completed, confirmed, filled, holder, id, issued,
    leased, phone, state,
};

pub async fn a_confirmed_request_is_leased_by_one_at_a_time(store: &dyn Store) {
    filled(store).await;
    confirmed(store, 1, false).await;
    assert!(leased(store, 20, NOW - Duration::SECOND, NOW, LATER).await.is_none(), "not ripe");
    let job = claimed(store, 20).await.unwrap();
    assert_eq!((job.owner, job.digest, job.committed.clone()), (id(20), [3; 32], None));
    assert_eq!(job.snapshot, job.application.holder_json);
    assert!(claimed(store, 21).await.is_none());
    assert_eq!(state(store, 1).await, "issuing");
    assert!(committed(store, &job, &commitment("01"), NOW).await);
    let taken_over = leased(store, 21, NOW, LATER, LATER + Duration::MINUTE).await.unwrap();
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
    let first = leased(store, 20, now, now, LATER).await.unwrap();
    let second = leased(store, 20, now, now, LATER).await.unwrap();
    assert_eq!((first.application.id, second.application.id), (id(2), id(1)));
}

pub async fn a_job_tells_whether_its_key_was_blocked_meanwhile(store: &dyn Store) {
    filled(store).await;
    confirmed(store, 1, false).await;
    let job = claimed(store, 20).await.unwrap();
    assert!(!job.key_blocked);
    assert!(store.block_key(&[2; 32], &by("operator"), NOW).await.unwrap());
    store.release_issuance(&job, NOW).await.unwrap();
    assert!(!claimed(store, 20).await.unwrap().key_blocked, "another key was blocked");
    assert!(store.block_key(&job.request.key_digest, &by("operator"), NOW).await.unwrap());
    store.release_issuance(&job, NOW).await.unwrap();
    assert!(claimed(store, 20).await.unwrap().key_blocked);
}

pub async fn a_serial_is_committed_once(store: &dyn Store) {
    filled(store).await;
    confirmed(store, 1, false).await;
    confirmed(store, 2, false).await;
    let (one, two) = (claimed(store, 20).await.unwrap(), claimed(store, 20).await.unwrap());
    assert!(committed(store, &one, &commitment("01"), NOW).await);
    assert!(!committed(store, &one, &commitment("02"), NOW).await, "others were committed");
    let same = Commitment { to_be_signed: b"other".to_vec(), ..commitment("01") };
    assert!(!committed(store, &two, &same, NOW).await, "the serial is used");
    assert!(committed(store, &two, &commitment("02"), NOW).await);
}

pub async fn a_lost_lease_changes_nothing(store: &dyn Store) {
    filled(store).await;
    confirmed(store, 1, false).await;
    let lost = claimed(store, 20).await.unwrap();
    let job = leased(store, 21, NOW, LATER, LATER + Duration::MINUTE).await.unwrap();
    assert!(!committed(store, &lost, &commitment("01"), LATER).await);
    assert!(!completed(store, &lost, &certificate(&lost, 1)).await);
    assert!(!store.refuse_issuance(&lost, "late", LATER).await.unwrap());
    store.release_issuance(&lost, LATER).await.unwrap();
    assert!(claimed(store, 22).await.is_none(), "the lease is the other's");
    assert!(committed(store, &job, &commitment("01"), LATER).await);
    assert!(completed(store, &job, &certificate(&job, 1)).await);
    assert!(!completed(store, &job, &certificate(&job, 2)).await);
    assert_eq!(store.certificates().await.unwrap().len(), 1);
}

pub async fn a_released_lease_rests_until_its_time(store: &dyn Store) {
    filled(store).await;
    confirmed(store, 1, false).await;
    let job = claimed(store, 20).await.unwrap();
    store.release_issuance(&job, NOW + Duration::SECOND).await.unwrap();
    assert!(claimed(store, 21).await.is_none());
    let now = NOW + Duration::SECOND;
    assert!(leased(store, 21, NOW, now, LATER).await.is_some());
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
    assert!(!store.install(certificate.id, false, &["available"], &holder(), NOW).await.unwrap());
    assert_eq!(store.certificates().await.unwrap()[0].installed_at, None, "what was refused is not noted");
    assert!(store.install(certificate.id, true, &["readyToInstall"], &holder(), NOW).await.unwrap());
    assert!(store.install(certificate.id, false, &["installed"], &holder(), LATER).await.unwrap());
    assert_eq!(store.certificates().await.unwrap()[0].installed_at, Some(NOW));
    assert_eq!(state(store, 1).await, "installed");
    assert!(!store.install(id(99), false, &["installed"], &holder(), NOW).await.unwrap());
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

pub async fn several_are_leased_committed_and_completed_together(store: &dyn Store) {
    filled(store).await;
    for application in 1..=4 {
        confirmed(store, application, false).await;
    }
    let claim = async |owner, limit| {
        let claimed = store.claim_issuances(id(owner), limit, NOW, NOW, LATER).await.unwrap();
        claimed.into_iter().map(Result::unwrap).collect::<Vec<_>>()
    };
    let (mine, other) = (claim(20, 3).await, claim(21, 3).await);
    assert_eq!((mine.len(), other.len()), (3, 1), "each is leased once");
    assert!(mine.iter().all(|job| job.owner == id(20)) && claim(22, 3).await.is_empty());
    // One serial twice, one lease that is another's: each is refused for itself, and the others are not.
    let stranger = Job { owner: id(20), ..other[0].clone() };
    let serials = ["0A", "0B", "0A"].map(commitment);
    let decided =
        [(&mine[0], &serials[0]), (&mine[1], &serials[1]), (&mine[2], &serials[2]), (&stranger, &commitment("0C"))];
    let done = store.commit_to_be_signed(&decided, NOW).await.unwrap();
    assert_eq!((done[1], done[0] != done[2], done[3]), (true, true, false));
    let (first, refused) = if done[0] { (&mine[0], &mine[2]) } else { (&mine[2], &mine[0]) };
    assert!(committed(store, refused, &commitment("0D"), NOW).await);
    let certificates =
        [(first, 0x0a), (&mine[1], 0x0b), (&stranger, 0x0c)].map(|(job, number)| certificate(job, number));
    let issued = [(first, &certificates[0]), (&mine[1], &certificates[1]), (&stranger, &certificates[2])];
    assert_eq!(store.complete_issuances(&issued).await.unwrap(), [true, true, false]);
    assert_eq!(store.complete_issuances(&issued).await.unwrap(), [false, false, false], "once");
    // What the registry has already is refused; another beside it is not.
    assert!(committed(store, &other[0], &commitment("0C"), NOW).await);
    let (again, new) = (certificate(refused, 0x0a), certificate(&other[0], 0x0c));
    assert_eq!(store.complete_issuances(&[(refused, &again), (&other[0], &new)]).await.unwrap(), [false, true]);
    let registry = store.certificates().await.unwrap();
    assert_eq!(registry.len(), 3);
    assert!(registry.iter().all(|there| certificates[..2].contains(there) || *there == new));
}
