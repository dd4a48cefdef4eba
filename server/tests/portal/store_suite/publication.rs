//! Revocation lists, the authority's own certificates, the audit.

use qcert_pki::crl::Reason;
use qcert_server::{
    audit,
    store::{AuthorityRecord, RevocationList, ShardState, Store},
};
use time::{Duration, OffsetDateTime};

use super::{
    ISSUER, LATER, NOW, SHARD, by, claimed, commitment, committed, confirmed, filled, holder, id, issued, keeper,
    revocations::revocation,
};

fn list(number: i64, this_update: OffsetDateTime) -> RevocationList {
    RevocationList {
        issuer: ISSUER,
        shard: SHARD.into(),
        number,
        der: vec![number as u8],
        this_update,
        next_update: this_update + Duration::hours(2),
    }
}

async fn shard(store: &dyn Store, now: OffsetDateTime) -> Option<ShardState> {
    let mut shards = store.shards(now).await.unwrap();
    assert!(shards.len() <= 1);
    shards.pop()
}

pub async fn a_list_is_published_over_the_one_before(store: &dyn Store) {
    filled(store).await;
    let certificate = issued(store, 1).await;
    let state = shard(store, NOW).await.unwrap();
    assert_eq!((state.issuer, state.shard.as_str(), state.latest), (ISSUER, SHARD, None));
    assert_eq!((state.stale, state.until), (false, certificate.not_after));
    assert_eq!(store.revocation_list(&ISSUER, SHARD).await.unwrap(), None);

    assert!(!store.publish_revocation_list(&list(2, NOW), 1).await.unwrap());
    assert!(store.publish_revocation_list(&list(1, NOW), 0).await.unwrap());
    let (second, third) = (list(2, LATER), list(3, LATER));
    let (one, two) = tokio::join!(store.publish_revocation_list(&second, 1), store.publish_revocation_list(&third, 1));
    assert!(one.unwrap() != two.unwrap());
    assert!(!store.publish_revocation_list(&list(1, NOW), 0).await.unwrap());
    let latest = store.revocation_list(&ISSUER, SHARD).await.unwrap().unwrap();
    assert!(latest == second || latest == third);
    let state = shard(store, NOW).await.unwrap();
    assert_eq!(state.latest, Some((latest.number, latest.this_update, latest.next_update)));
    assert_eq!(store.revocation_list(&ISSUER, "").await.unwrap(), None);
}

pub async fn what_is_revoked_after_a_list_was_asked_for_leaves_it_stale(store: &dyn Store) {
    filled(store).await;
    let (first, second) = (issued(store, 1).await, issued(store, 2).await);
    let revoked = async |now| {
        let listed = store.revoked(&ISSUER, SHARD, now).await.unwrap();
        listed.into_iter().map(|entry| entry.serial).collect::<Vec<_>>()
    };
    store.revoke(&revocation(second.id, Reason::Superseded)).await.unwrap();
    assert!(shard(store, NOW).await.unwrap().stale);
    assert_eq!(revoked(NOW).await, std::slice::from_ref(&second.serial));
    // The clock of whoever revokes may say the same time still.
    store.revoke(&revocation(first.id, Reason::Superseded)).await.unwrap();
    assert!(store.publish_revocation_list(&list(1, NOW), 0).await.unwrap());
    assert!(shard(store, NOW).await.unwrap().stale);

    assert_eq!(revoked(LATER).await, [first.serial, second.serial]);
    assert!(store.publish_revocation_list(&list(2, LATER), 1).await.unwrap());
    assert!(!shard(store, NOW).await.unwrap().stale);
    assert!(revoked(first.not_after).await.is_empty(), "what has expired is not listed");
    assert!(store.revoked(&ISSUER, "1-1", LATER).await.unwrap().is_empty());
}

pub async fn a_list_ends_with_its_last_certificate(store: &dyn Store) {
    filled(store).await;
    assert_eq!(shard(store, NOW).await, None);
    let until = issued(store, 1).await.not_after;
    assert!(shard(store, until - Duration::SECOND).await.is_some());
    assert_eq!(shard(store, until).await, None);
    assert!(store.publish_revocation_list(&list(1, until), 0).await.unwrap());
    assert!(shard(store, until).await.is_some(), "it may be asked for until its next update");
    assert_eq!(shard(store, until + Duration::hours(2)).await, None);
}

pub async fn a_certificate_of_the_authority_is_committed_and_completed_once(store: &dyn Store) {
    filled(store).await;
    let record = |serial: &str| AuthorityRecord {
        serial: serial.into(),
        issuer: ISSUER,
        kind: "ocsp".into(),
        to_be_signed: vec![1],
        created_at: NOW,
    };
    assert!(store.commit_authority_certificate(&record("AA")).await.unwrap());
    assert!(!store.commit_authority_certificate(&record("AA")).await.unwrap());
    assert_eq!(store.statuses(&ISSUER, &["AA".into()]).await.unwrap(), [None], "nothing is signed yet");
    assert!(store.complete_authority_certificate("AA", &[2], NOW).await.unwrap());
    assert!(!store.complete_authority_certificate("AA", &[3], NOW).await.unwrap());
    assert!(!store.complete_authority_certificate("BB", &[2], NOW).await.unwrap());
    assert_eq!(store.statuses(&ISSUER, &["AA".into()]).await.unwrap(), [Some(None)]);

    confirmed(store, 1, false).await;
    let job = claimed(store, 20).await.unwrap();
    assert!(!committed(store, &job, &commitment("AA"), NOW).await);
    assert!(committed(store, &job, &commitment("CC"), NOW).await);
    assert!(!store.commit_authority_certificate(&record("CC")).await.unwrap());
}

pub async fn every_change_is_in_the_audit_and_the_audit_is_a_chain(store: &dyn Store) {
    filled(store).await;
    let certificate = issued(store, 1).await;
    confirmed(store, 2, true).await;
    store.approve_issuance(id(2), &by("operator"), 1, NOW).await.unwrap();
    confirmed(store, 3, true).await;
    store.reject_issuance(id(3), "reason", &by("operator"), NOW).await.unwrap();
    store.block_key(&[9; 32], &by("operator"), NOW).await.unwrap();
    store.revoke(&revocation(certificate.id, Reason::KeyCompromise)).await.unwrap();
    let rows = store.audit().await.unwrap();
    assert!(audit::verify::is_whole(&keeper(None).key, &rows));
    let events: Vec<&str> = rows.iter().map(|row| row.event.as_str()).collect();
    let expected = [
        "request prepared",
        "request confirmed",
        "issuance begun",
        "certificate committed",
        "certificate issued",
        "request prepared",
        "request confirmed",
        "issuance approved",
        "request prepared",
        "request confirmed",
        "issuance rejected",
        "key blocked",
        "certificate revoked",
    ];
    assert_eq!(events[6..], expected);
    let last = rows.last().unwrap();
    assert!(last.detail.ends_with(" keyCompromise") && last.by == by("operator"), "{last:?}");
    let prepared = &rows[6];
    assert_eq!((&prepared.by, prepared.outcome.as_str(), prepared.sequence), (&holder(), "done", 7));
}
