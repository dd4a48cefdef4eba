//! One-time passwords, tries and rates.

use qcert_server::store::{NewPassword, PasswordOrder, PasswordScope, PasswordState, Purpose, Store};
use time::Duration;

use super::{LATER, NOW, filled, id, ordered, password, phone, prepared, session, sign_in};

pub async fn a_password_is_ordered_once_in_an_interval_and_used_once(store: &dyn Store) {
    let interval = Duration::minutes(2);
    assert_eq!(store.order_password(&password(1, NOW), b"m", interval).await.unwrap(), PasswordOrder::Ordered);
    let early = store.order_password(&password(2, LATER), b"m", interval).await.unwrap();
    assert_eq!(early, PasswordOrder::TooEarly(NOW));
    assert_eq!(store.claim_messages(id(9), 10, NOW, LATER).await.unwrap().len(), 1);
    assert!(store.sign_in(id(1), &session(1), None).await.unwrap());
    assert!(!store.sign_in(id(1), &session(2), None).await.unwrap());
    assert!(store.session(&[1; 32]).await.unwrap().is_some());
    assert!(store.session(&[2; 32]).await.unwrap().is_none());
}

pub async fn a_password_used_twice_at_once_begins_one_session(store: &dyn Store) {
    let password = ordered(store, 1).await;
    let (one, two) = (session(1), session(2));
    let (first, second) = tokio::join!(store.sign_in(password, &one, None), store.sign_in(password, &two, None));
    assert!(first.unwrap() != second.unwrap());
    let there = [store.session(&[1; 32]).await.unwrap(), store.session(&[2; 32]).await.unwrap()];
    assert_eq!(there.iter().flatten().count(), 1);
}

pub async fn a_password_is_not_used_after_its_time(store: &dyn Store) {
    let mut new = password(1, NOW - Duration::minutes(10));
    new.expires_at = NOW;
    store.order_password(&new, b"m", Duration::MINUTE).await.unwrap();
    assert!(!store.sign_in(id(1), &session(1), None).await.unwrap());
    assert_eq!(store.passwords(&sign_in()).await.unwrap()[0].state, PasswordState::Active);
}

pub async fn a_later_password_supersedes_the_earlier_ones_of_its_subject(store: &dyn Store) {
    filled(store).await;
    let request = prepared(store, 1, false).await.request;
    store.sign_in(id(2001), &session(1), None).await.unwrap();
    let revision = async || store.application_of(&phone(), id(1)).await.unwrap().unwrap().application.revision;
    let before = revision().await;
    let scope = PasswordScope { phone: phone(), purpose: Purpose::Confirmation, subject: Some((request, id(1))) };
    let of = |number, created_at| NewPassword {
        scope: scope.clone(),
        digest: Some([number as u8; 32]),
        ..password(number, created_at)
    };
    store.order_password(&of(1, NOW), b"m", Duration::MINUTE).await.unwrap();
    assert!(revision().await > before, "the row tells of the password");
    store.order_password(&of(2, LATER), b"m", Duration::MINUTE).await.unwrap();
    let listed = store.passwords(&scope).await.unwrap();
    let listed: Vec<_> = listed.iter().map(|password| (password.id, password.state, password.digest)).collect();
    let expected = [(id(2), PasswordState::Active, Some([2; 32])), (id(1), PasswordState::Superseded, Some([1; 32]))];
    assert_eq!(listed, expected);
    assert_eq!(store.passwords(&sign_in()).await.unwrap()[0].state, PasswordState::Used);
}

pub async fn tries_are_taken_until_the_window_ends(store: &dyn Store) {
    let window = Duration::MINUTE;
    let at = async |now| store.take_try(&phone(), Purpose::SignIn, 2, window, now).await.unwrap();
    assert_eq!((at(NOW).await, at(NOW).await, at(NOW).await), (Some(1), Some(2), None));
    assert_eq!(store.tries(&phone(), Purpose::SignIn).await.unwrap(), Some((2, NOW)));
    assert_eq!(store.tries(&phone(), Purpose::Confirmation).await.unwrap(), None);
    assert_eq!(at(NOW + window).await, Some(1));
}

pub async fn tries_at_the_same_moment_are_all_counted(store: &dyn Store) {
    let phone = phone();
    let take = || store.take_try(&phone, Purpose::SignIn, 2, Duration::MINUTE, NOW);
    let (a, b, c) = tokio::join!(take(), take(), take());
    let mut taken = [a.unwrap(), b.unwrap(), c.unwrap()];
    taken.sort();
    assert_eq!(taken, [None, Some(1), Some(2)]);
}

pub async fn events_are_counted_until_the_window_ends(store: &dyn Store) {
    let at = async |now| store.count("x", 1, Duration::HOUR, now).await.unwrap();
    assert_eq!((at(NOW).await, at(LATER).await), (None, Some(NOW)));
    assert_eq!(at(NOW + Duration::HOUR).await, None);
}

pub async fn what_is_old_is_forgotten_and_what_is_young_is_kept(store: &dyn Store) {
    store.order_password(&password(1, NOW), b"m", Duration::MINUTE).await.unwrap();
    store.sign_in(id(1), &session(1), None).await.unwrap();
    store.take_try(&phone(), Purpose::SignIn, 1, Duration::MINUTE, NOW).await.unwrap();
    let young = NOW + Duration::DAY;
    store.order_password(&password(2, young), b"m", Duration::MINUTE).await.unwrap();
    store.count("x", 1, Duration::WEEK, young).await.unwrap();
    store.forget(NOW + Duration::HOUR).await.unwrap();
    let kept = store.passwords(&sign_in()).await.unwrap();
    assert_eq!(kept.iter().map(|password| password.id).collect::<Vec<_>>(), [id(2)]);
    assert!(store.session(&[1; 32]).await.unwrap().is_none());
    assert_eq!(store.tries(&phone(), Purpose::SignIn).await.unwrap(), None);
    assert_eq!(store.count("x", 1, Duration::WEEK, young).await.unwrap(), Some(young));
}
