//! What a monitor asks of the store.

use qcert_server::store::Store;
use time::Duration;

use super::{LATER, NOW, by, claimed, confirmed, filled, id, prepared};

pub async fn the_oldest_of_what_waits_is_told(store: &dyn Store) {
    filled(store).await;
    let empty = store.backlog().await.unwrap();
    assert_eq!((empty.message, empty.issuance, empty.approval), (None, None, None));
    confirmed(store, 1, true).await;
    let mut later = prepared(store, 2, true).await;
    later.now = LATER;
    store.confirm_request(&later).await.unwrap();
    let backlog = store.backlog().await.unwrap();
    assert_eq!((backlog.message, backlog.issuance, backlog.approval), (Some(NOW), None, Some(NOW)));
    store.approve_issuance(id(1), &by("petrova"), 1, LATER).await.unwrap();
    let backlog = store.backlog().await.unwrap();
    assert_eq!((backlog.issuance, backlog.approval), (Some(NOW), Some(LATER)));
    claimed(store, 20).await.unwrap();
    assert_eq!(store.backlog().await.unwrap().issuance, Some(NOW), "what is worked at is not issued yet");
}

pub async fn the_database_says_what_time_it_is_or_when_something_happened_last(store: &dyn Store) {
    filled(store).await;
    confirmed(store, 1, false).await;
    let backlog = store.backlog().await.unwrap();
    match (backlog.database_time, backlog.last_event) {
        (None, Some(last)) => assert_eq!(last, NOW),
        (Some(theirs), None) => assert!(theirs > NOW + Duration::days(30), "its own clock, not ours: {theirs}"),
        both_or_none => panic!("{both_or_none:?}"),
    }
}
