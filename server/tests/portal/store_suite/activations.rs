//! Activation codes.

use qcert_protocol::{Activation, holder::Phone};
use qcert_server::store::{ActivationAttempt, ActivationAttempted, NewActivationCodes, Rate, Store};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::{LATER, NOW, by, confirmed, filled, holder, id, phone};
use crate::support::{OTHER_PHONE, UNKNOWN_PHONE};

const TAKING: [&str; 2] = ["available", "preparing"];

async fn made(store: &dyn Store, codes: &[(u128, u8)], replaces: bool) -> Vec<Uuid> {
    let codes: Vec<_> = codes.iter().map(|(application, hash)| (id(*application), [*hash; 32])).collect();
    let new = NewActivationCodes { codes: &codes, tries: 2, replaces, from: &TAKING, by: &by("anna"), now: NOW };
    store.operator_store().make_activation_codes(&new).await.unwrap()
}

fn attempt(application: u128, hash: u8) -> ActivationAttempt {
    let rate = Rate { subject: "address".into(), limit: 100, window: Duration::HOUR };
    ActivationAttempt { application: id(application), phone: phone(), hash: [hash; 32], rate, by: holder(), now: LATER }
}

async fn tried(store: &dyn Store, application: u128, hash: u8) -> ActivationAttempted {
    store.activate(&attempt(application, hash)).await.unwrap()
}

async fn activation(store: &dyn Store, application: u128) -> Activation {
    store.application_of(&phone(), id(application)).await.unwrap().unwrap().activation
}

async fn events(store: &dyn Store) -> Vec<(String, Uuid, String)> {
    let rows = store.audit().await.unwrap().into_iter().skip(6);
    rows.map(|row| (row.event, row.subject, row.detail)).collect()
}

fn event(event: &str, application: u128, detail: &str) -> (String, Uuid, String) {
    (event.to_owned(), id(application), detail.to_owned())
}

pub async fn a_code_activates_its_application_once_and_for_good(store: &dyn Store) {
    filled(store).await;
    assert_eq!(
        (activation(store, 1).await, tried(store, 1, 7).await),
        (Activation::NoCode, ActivationAttempted::NoCode)
    );
    assert_eq!(made(store, &[(1, 7), (2, 8)], true).await, [id(1), id(2)]);
    assert_eq!(activation(store, 1).await, Activation::CodeMade);
    // Another's code is none.
    assert_eq!(tried(store, 1, 8).await, ActivationAttempted::Wrong(1));
    assert_eq!(tried(store, 1, 7).await, ActivationAttempted::Done);
    assert_eq!((activation(store, 1).await, activation(store, 2).await), (Activation::Activated, Activation::CodeMade));
    assert_eq!(tried(store, 1, 9).await, ActivationAttempted::Done);
    assert!(made(store, &[(1, 9)], true).await.is_empty());
    let by_number = store.application_by_number("67092365").await.unwrap().unwrap();
    assert_eq!((by_number.activation, by_number.application.revision), (Activation::Activated, 4));
    let expected = [
        event("activation code made", 1, ""),
        event("activation code made", 2, ""),
        event("activation code wrong", 1, "1 tries left"),
        event("application activated", 1, ""),
    ];
    assert_eq!(events(store).await, expected);
}

pub async fn wrong_codes_are_counted_and_a_new_code_begins_anew(store: &dyn Store) {
    filled(store).await;
    made(store, &[(1, 7)], true).await;
    assert_eq!(tried(store, 1, 1).await, ActivationAttempted::Wrong(1));
    assert_eq!(tried(store, 1, 2).await, ActivationAttempted::Wrong(0));
    assert_eq!(tried(store, 1, 7).await, ActivationAttempted::Exhausted);
    assert_eq!(activation(store, 1).await, Activation::Exhausted);
    assert!(made(store, &[(1, 8)], false).await.is_empty(), "nobody asked for another in its place");
    assert_eq!(made(store, &[(1, 8)], true).await, [id(1)]);
    assert_eq!(tried(store, 1, 7).await, ActivationAttempted::Wrong(1), "the one before is good no more");
    assert_eq!(tried(store, 1, 8).await, ActivationAttempted::Done);
}

pub async fn codes_that_are_tried_at_the_same_moment_are_all_counted(store: &dyn Store) {
    filled(store).await;
    made(store, &[(1, 7)], true).await;
    let (one, two, three) = (attempt(1, 1), attempt(1, 2), attempt(1, 3));
    let (one, two, three) = tokio::join!(store.activate(&one), store.activate(&two), store.activate(&three));
    let mut outcomes = [one.unwrap(), two.unwrap(), three.unwrap()].map(|outcome| format!("{outcome:?}"));
    outcomes.sort();
    assert_eq!(outcomes, ["Exhausted", "Wrong(0)", "Wrong(1)"]);
}

pub async fn a_code_that_is_tried_over_the_rate_takes_no_try(store: &dyn Store) {
    filled(store).await;
    made(store, &[(1, 7)], true).await;
    let limited = |now: OffsetDateTime| {
        let mut attempt = attempt(1, 1);
        (attempt.rate.limit, attempt.now) = (1, now);
        attempt
    };
    assert_eq!(store.activate(&limited(NOW)).await.unwrap(), ActivationAttempted::Wrong(1));
    assert_eq!(store.activate(&limited(LATER)).await.unwrap(), ActivationAttempted::Limited(NOW));
    assert_eq!(store.activate(&limited(NOW + Duration::HOUR)).await.unwrap(), ActivationAttempted::Wrong(0));
}

pub async fn a_code_is_made_for_what_takes_one_and_no_other(store: &dyn Store) {
    filled(store).await;
    confirmed(store, 2, false).await;
    made(store, &[(3, 7)], true).await;
    assert_eq!(made(store, &[(1, 7), (2, 8), (3, 9), (99, 1)], false).await, [id(1)]);
    assert_eq!(tried(store, 3, 7).await, ActivationAttempted::Done, "its code was not replaced");
    assert_eq!(activation(store, 2).await, Activation::NoCode);
    // Applications 5 and 6 are somebody else's.
    made(store, &[(5, 7)], true).await;
    assert_eq!(tried(store, 5, 7).await, ActivationAttempted::NoCode);
}

pub async fn another_phone_needs_another_code_unless_the_first_was_not_entered(store: &dyn Store) {
    filled(store).await;
    made(store, &[(1, 7), (2, 8)], true).await;
    assert_eq!(tried(store, 1, 7).await, ActivationAttempted::Done);
    let operators = store.operator_store();
    let move_to = async |number: u128, old: &str, new: &str| {
        super::operators::propose(store, number, old, new).await;
        let snils = store.application_by_number("67092365").await.unwrap().unwrap().application.holder.snils;
        assert!(
            !operators.confirm_phone_change(id(number), snils.as_str(), &by("boris"), LATER).await.unwrap().is_empty()
        );
    };
    let stands = async |application: u128| {
        let found = operators.search(&qcert_server::store::Page::All { after: id(application - 1) }, 1).await.unwrap();
        found[0].activation
    };
    move_to(60, phone().as_str(), UNKNOWN_PHONE).await;
    assert_eq!(stands(1).await, Activation::NoCode);
    assert_eq!(stands(2).await, Activation::CodeMade);
    let at_new = |hash| {
        let mut attempt = attempt(1, hash);
        attempt.phone = Phone::parse(UNKNOWN_PHONE).unwrap();
        attempt
    };
    assert_eq!(store.activate(&at_new(7)).await.unwrap(), ActivationAttempted::NoCode);
    assert_eq!(made(store, &[(1, 9)], false).await, [id(1)]);
    assert_eq!(store.activate(&at_new(9)).await.unwrap(), ActivationAttempted::Done);
    assert_eq!(stands(1).await, Activation::Activated);
    move_to(61, UNKNOWN_PHONE, OTHER_PHONE).await;
    assert_eq!(stands(1).await, Activation::NoCode);
}
