//! Text messages that wait.

use qcert_server::store::Store;
use time::Duration;

use super::{LATER, NOW, id, limits, password, session};

/// Puts as many messages into the queue; the n-th says n.
async fn waiting(store: &dyn Store, count: u8) {
    for number in 0..count {
        let number_id = u128::from(number) + 1;
        store.order_password(&password(number_id, NOW), &[number], &limits(Duration::MINUTE)).await.unwrap();
        store.sign_in(id(number_id), &session(number_id), None).await.unwrap();
    }
}

async fn claim(store: &dyn Store, owner: u128, limit: u32) -> Vec<u8> {
    let claimed = store.claim_messages(id(owner), limit, NOW, LATER).await.unwrap();
    claimed.iter().map(|message| message.sealed[0]).collect()
}

pub async fn messages_are_leased_in_their_order_and_once_at_a_time(store: &dyn Store) {
    waiting(store, 5).await;
    assert_eq!(claim(store, 7, 2).await, [0, 1]);
    assert_eq!(claim(store, 8, 10).await, [2, 3, 4]);
    assert!(claim(store, 7, 10).await.is_empty());
}

pub async fn two_senders_at_once_share_the_messages(store: &dyn Store) {
    waiting(store, 6).await;
    let (one, two) = tokio::join!(claim(store, 7, 4), claim(store, 8, 4));
    let mut all = [one, two].concat();
    all.sort_unstable();
    assert!(all.windows(2).all(|pair| pair[0] != pair[1]), "{all:?}");
    all.extend(claim(store, 9, 10).await);
    assert_eq!(all.len(), 6);
}

pub async fn a_message_whose_sender_died_is_leased_again_and_one_that_has_gone_is_not(store: &dyn Store) {
    waiting(store, 2).await;
    let first = store.claim_messages(id(7), 2, NOW, LATER).await.unwrap();
    store.remove_message(first[0].id).await.unwrap();
    let again = store.claim_messages(id(8), 2, LATER, LATER + Duration::MINUTE).await.unwrap();
    assert_eq!(again.iter().map(|message| message.id).collect::<Vec<_>>(), [first[1].id]);
}
