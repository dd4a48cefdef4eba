//! Text messages that wait.

use qcert_protocol::holder::Phone;
use qcert_server::store::{MessageRecord, MessageState, SettledMessage, Settlement, Store};
use time::Duration;

use super::{LATER, NOW, PHONE, holder, id, limits, password, phone, session};
use crate::support::OTHER_PHONE;

/// Puts as many messages into the queue; the n-th says n.
async fn waiting(store: &dyn Store, count: u8) {
    for number in 0..count {
        let number_id = u128::from(number) + 1;
        store.order_password(&password(number_id, NOW), &[number], &limits(Duration::MINUTE)).await.unwrap();
        store.sign_in(id(number_id), &session(number_id), None, &holder()).await.unwrap();
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
    let accepted = ended(first[0].id, MessageState::Accepted, &[]);
    store.settle_messages(id(7), &[accepted], NOW).await.unwrap();
    let again = store.claim_messages(id(8), 2, LATER, LATER + Duration::MINUTE).await.unwrap();
    assert_eq!(again.iter().map(|message| (message.id, message.attempts)).collect::<Vec<_>>(), [(first[1].id, 2)]);
    assert_eq!(again[0].handed_to, None, "it was not handed to anybody");
}

fn ended(message: i64, state: MessageState, references: &[&str]) -> SettledMessage {
    SettledMessage {
        id: message,
        settlement: Settlement::Ended(state),
        gateway: Some("first".into()),
        problem: None,
        references: references.iter().map(|reference| (*reference).to_owned()).collect(),
    }
}

/// A message that was handed to the gateway `first`, and settled so.
async fn sent(store: &dyn Store, state: MessageState, references: &[&str]) -> i64 {
    waiting(store, 1).await;
    let claimed = store.claim_messages(id(7), 1, NOW, LATER).await.unwrap();
    store.begin_messages(id(7), &[claimed[0].id], "first", LATER).await.unwrap();
    store.settle_messages(id(7), &[ended(claimed[0].id, state, references)], NOW).await.unwrap();
    claimed[0].id
}

async fn state(store: &dyn Store) -> (MessageState, Option<String>) {
    let record = store.messages(None, 10).await.unwrap().remove(0);
    (record.state, record.problem)
}

async fn report(store: &dyn Store, reference: &str, state: MessageState) {
    let problem = (state == MessageState::Undelivered).then_some("UNDELIV");
    store.report_message("first", reference, state, problem, LATER).await.unwrap();
}

pub async fn a_message_that_is_about_to_be_handed_over_says_so_to_whoever_comes_after(store: &dyn Store) {
    waiting(store, 2).await;
    let claimed = store.claim_messages(id(7), 2, NOW, LATER).await.unwrap();
    let ids: Vec<i64> = claimed.iter().map(|message| message.id).collect();
    assert!(store.begin_messages(id(8), &ids, "first", LATER).await.unwrap().is_empty(), "another's lease");
    assert_eq!(store.begin_messages(id(7), &ids[..1], "first", LATER).await.unwrap(), ids[..1]);
    assert_eq!(state(store).await.0, MessageState::Waiting, "the second was not begun");
    let again = store.claim_messages(id(8), 2, LATER, LATER + Duration::MINUTE).await.unwrap();
    let handed: Vec<_> = again.iter().map(|message| message.handed_to.as_deref()).collect();
    assert_eq!(handed, [Some("first"), None]);
    // Whoever has lost the lease changes nothing.
    store.settle_messages(id(7), &[ended(ids[0], MessageState::Accepted, &[])], LATER).await.unwrap();
    assert_eq!(store.messages(None, 10).await.unwrap()[1].state, MessageState::Sending);
}

pub async fn a_message_that_is_postponed_waits_until_then_and_keeps_its_text(store: &dyn Store) {
    waiting(store, 1).await;
    let claimed = store.claim_messages(id(7), 1, NOW, LATER).await.unwrap();
    store.begin_messages(id(7), &[claimed[0].id], "first", LATER).await.unwrap();
    let settlement = Settlement::Postponed(LATER);
    let problem = Some("connection".to_owned());
    let postponed = SettledMessage { settlement, problem, ..ended(claimed[0].id, MessageState::Waiting, &[]) };
    store.settle_messages(id(7), &[postponed], NOW).await.unwrap();
    assert_eq!(state(store).await, (MessageState::Waiting, Some("connection".into())));
    assert!(store.claim_messages(id(7), 1, NOW, LATER).await.unwrap().is_empty());
    let again = store.claim_messages(id(7), 1, LATER, LATER).await.unwrap().remove(0);
    assert_eq!((again.sealed, again.handed_to, again.attempts), (vec![0], None, 2));
}

pub async fn what_became_of_a_message_is_kept_and_of_one_that_is_discarded_nothing(store: &dyn Store) {
    waiting(store, 2).await;
    let claimed = store.claim_messages(id(7), 2, NOW, LATER).await.unwrap();
    let discarded =
        SettledMessage { settlement: Settlement::Discarded, ..ended(claimed[0].id, MessageState::Accepted, &[]) };
    let settled = [discarded, ended(claimed[1].id, MessageState::Accepted, &[])];
    store.settle_messages(id(7), &settled, LATER).await.unwrap();
    let kept = store.messages(Some(&phone()), 10).await.unwrap();
    let expected = MessageRecord {
        id: claimed[1].id,
        phone: Some(PHONE.into()),
        purpose: Some("signIn".into()),
        state: MessageState::Accepted,
        created_at: NOW,
        expires_at: NOW + Duration::minutes(10),
        attempts: 1,
        gateway: Some("first".into()),
        problem: None,
        settled_at: Some(LATER),
    };
    assert_eq!(kept, [expected]);
    assert!(store.messages(Some(&Phone::parse(OTHER_PHONE).unwrap()), 10).await.unwrap().is_empty());
    assert!(store.claim_messages(id(7), 9, LATER + Duration::HOUR, LATER).await.unwrap().is_empty());
}

pub async fn a_report_says_whether_a_message_was_delivered(store: &dyn Store) {
    sent(store, MessageState::Accepted, &["a"]).await;
    report(store, "b", MessageState::Undelivered).await;
    assert_eq!(state(store).await.0, MessageState::Accepted, "it was of another message");
    report(store, "a", MessageState::Delivered).await;
    assert_eq!(state(store).await, (MessageState::Delivered, None));
}

pub async fn a_message_in_parts_is_delivered_when_all_of_it_is(store: &dyn Store) {
    sent(store, MessageState::Accepted, &["a", "b"]).await;
    report(store, "a", MessageState::Delivered).await;
    assert_eq!(state(store).await.0, MessageState::Accepted);
    report(store, "b", MessageState::Delivered).await;
    assert_eq!(state(store).await.0, MessageState::Delivered);
    report(store, "b", MessageState::Undelivered).await;
    assert_eq!(state(store).await, (MessageState::Undelivered, Some("UNDELIV".into())));
}

pub async fn a_report_that_is_faster_than_the_answer_counts(store: &dyn Store) {
    report(store, "a", MessageState::Delivered).await;
    sent(store, MessageState::Accepted, &["a"]).await;
    assert_eq!(state(store).await.0, MessageState::Delivered);
}

pub async fn a_name_that_a_gateway_gives_again_is_of_the_later_message(store: &dyn Store) {
    sent(store, MessageState::Accepted, &["a"]).await;
    report(store, "a", MessageState::Undelivered).await;
    store.order_password(&password(9, LATER), &[9], &limits(Duration::SECOND)).await.unwrap();
    let again = store.claim_messages(id(7), 1, LATER, LATER + Duration::MINUTE).await.unwrap();
    let settled = [ended(again[0].id, MessageState::Accepted, &["a"])];
    store.settle_messages(id(7), &settled, LATER).await.unwrap();
    assert_eq!(state(store).await.0, MessageState::Accepted, "the report was of the one before");
    report(store, "a", MessageState::Delivered).await;
    let states: Vec<_> = store.messages(None, 10).await.unwrap().iter().map(|record| record.state).collect();
    assert_eq!(states, [MessageState::Delivered, MessageState::Undelivered]);
}

pub async fn a_report_tells_of_a_message_of_which_nobody_knew(store: &dyn Store) {
    sent(store, MessageState::Unknown, &["a"]).await;
    report(store, "a", MessageState::Delivered).await;
    assert_eq!(state(store).await.0, MessageState::Delivered);
}

pub async fn old_messages_are_forgotten_unless_they_are_on_their_way(store: &dyn Store) {
    sent(store, MessageState::Accepted, &["a"]).await;
    store.order_password(&password(9, LATER), &[9], &limits(Duration::SECOND)).await.unwrap();
    store.forget_messages(NOW).await.unwrap();
    assert_eq!(store.messages(None, 10).await.unwrap().len(), 2);
    store.forget_messages(LATER + Duration::DAY).await.unwrap();
    let kept = store.messages(None, 10).await.unwrap();
    assert_eq!(kept.iter().map(|record| record.state).collect::<Vec<_>>(), [MessageState::Waiting]);
}

pub async fn a_message_whose_password_is_superseded_is_not_sent_and_loses_its_text(store: &dyn Store) {
    let order = async |number: u128, at| {
        store.order_password(&password(number, at), &[number as u8], &limits(Duration::SECOND)).await.unwrap()
    };
    order(1, NOW).await;
    let claimed = store.claim_messages(id(7), 1, NOW, LATER).await.unwrap();
    order(2, LATER).await;
    // Leased, and not begun.
    assert!(store.begin_messages(id(7), &[claimed[0].id], "first", LATER).await.unwrap().is_empty());
    order(3, LATER + Duration::MINUTE).await;
    let waiting = store.claim_messages(id(8), 9, LATER + Duration::HOUR, LATER).await.unwrap();
    assert_eq!(waiting.iter().map(|message| message.sealed.clone()).collect::<Vec<_>>(), [vec![3]]);
    store.settle_messages(id(7), &[ended(claimed[0].id, MessageState::Accepted, &[])], LATER).await.unwrap();
    let records = store.messages(None, 10).await.unwrap();
    let states: Vec<_> = records.iter().map(|record| (record.state, record.settled_at)).collect();
    let superseded = |at| (MessageState::Superseded, Some(at));
    assert_eq!(states, [(MessageState::Waiting, None), superseded(LATER + Duration::MINUTE), superseded(LATER)]);
    store.forget_messages(LATER + Duration::HOUR).await.unwrap();
    assert_eq!(store.messages(None, 10).await.unwrap().len(), 1);
}

pub async fn a_message_that_was_begun_stays_when_its_password_is_superseded(store: &dyn Store) {
    store.order_password(&password(1, NOW), b"m", &limits(Duration::SECOND)).await.unwrap();
    let claimed = store.claim_messages(id(7), 1, NOW, LATER).await.unwrap();
    store.begin_messages(id(7), &[claimed[0].id], "first", LATER).await.unwrap();
    store.order_password(&password(2, NOW + Duration::SECOND), b"m", &limits(Duration::SECOND)).await.unwrap();
    assert_eq!(store.messages(None, 10).await.unwrap()[1].state, MessageState::Sending);
    store.settle_messages(id(7), &[ended(claimed[0].id, MessageState::Accepted, &["a"])], LATER).await.unwrap();
    report(store, "a", MessageState::Delivered).await;
    assert_eq!(store.messages(None, 10).await.unwrap()[1].state, MessageState::Delivered);
}
