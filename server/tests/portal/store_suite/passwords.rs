//! One-time passwords, tries and rates.

use qcert_server::store::{
    Attempt, Attempted, ConfirmOutcome, ConfirmedRequest, Failures, NewPassword, OrderLimits, PasswordOrder,
    PasswordScope, PasswordState, Purpose, Rate, Store,
};
use time::{Duration, OffsetDateTime};

use super::{LATER, NOW, by, filled, holder, id, limits, ordered, password, phone, prepared, session, sign_in, tries};
use crate::support::OTHER_PHONE;

/// A try at the passwords for signing in, of which there are so many.
pub fn attempt(limit: u32) -> Attempt {
    let rate = Rate { subject: "address".to_owned(), limit: 1000, window: Duration::HOUR };
    Attempt { scope: sign_in(), rate, limits: tries(limit) }
}

fn taken(attempted: Attempted) -> Option<u32> {
    match attempted {
        Attempted::Taken { failures, .. } => Some(failures.count),
        _ => None,
    }
}

/// So many wrong passwords of the phone, each at one that was just ordered.
async fn fail(store: &dyn Store, limit: u32, count: u128, at: OffsetDateTime) {
    for number in 0..count {
        let new = password(1_000_000 + at.unix_timestamp() as u128 * 1000 + number, at);
        assert_eq!(store.order_password(&new, b"m", &limits(Duration::ZERO)).await.unwrap(), PasswordOrder::Ordered);
        assert!(taken(store.attempt(&attempt(limit), at).await.unwrap()).is_some(), "{number}");
    }
}

pub async fn a_password_is_ordered_once_in_an_interval_and_used_once(store: &dyn Store) {
    let limits = limits(Duration::minutes(2));
    assert_eq!(store.order_password(&password(1, NOW), b"m", &limits).await.unwrap(), PasswordOrder::Ordered);
    let early = store.order_password(&password(2, LATER), b"m", &limits).await.unwrap();
    assert_eq!(early, PasswordOrder::TooEarly(NOW));
    assert_eq!(store.claim_messages(id(9), 10, NOW, LATER).await.unwrap().len(), 1);
    assert!(store.sign_in(id(1), &session(1), None, &holder()).await.unwrap());
    assert!(!store.sign_in(id(1), &session(2), None, &holder()).await.unwrap());
    assert!(store.session(&[1; 32]).await.unwrap().is_some());
    assert!(store.session(&[2; 32]).await.unwrap().is_none());
}

pub async fn a_password_used_twice_at_once_begins_one_session(store: &dyn Store) {
    let password = ordered(store, 1).await;
    let (one, two) = (session(1), session(2));
    let by = holder();
    let (first, second) =
        tokio::join!(store.sign_in(password, &one, None, &by), store.sign_in(password, &two, None, &by));
    assert!(first.unwrap() != second.unwrap());
    let there = [store.session(&[1; 32]).await.unwrap(), store.session(&[2; 32]).await.unwrap()];
    assert_eq!(there.iter().flatten().count(), 1);
}

pub async fn a_password_is_not_used_after_its_time(store: &dyn Store) {
    let mut new = password(1, NOW - Duration::minutes(10));
    new.expires_at = NOW;
    store.order_password(&new, b"m", &limits(Duration::MINUTE)).await.unwrap();
    assert!(!store.sign_in(id(1), &session(1), None, &holder()).await.unwrap());
    assert_eq!(store.passwords(&sign_in()).await.unwrap()[0].state, PasswordState::Active);
}

pub async fn a_later_password_supersedes_the_earlier_ones_of_its_subject(store: &dyn Store) {
    filled(store).await;
    let request = prepared(store, 1, false).await.request;
    store.sign_in(id(2001), &session(1), None, &holder()).await.unwrap();
    let revision = async || store.application_of(&phone(), id(1)).await.unwrap().unwrap().application.revision;
    let before = revision().await;
    let scope = PasswordScope { phone: phone(), purpose: Purpose::Confirmation, subject: Some((request, id(1))) };
    let of = |number, created_at| NewPassword {
        scope: scope.clone(),
        digest: Some([number as u8; 32]),
        ..password(number, created_at)
    };
    store.order_password(&of(1, NOW), b"m", &limits(Duration::MINUTE)).await.unwrap();
    assert!(revision().await > before, "the row tells of the password");
    store.order_password(&of(2, LATER), b"m", &limits(Duration::MINUTE)).await.unwrap();
    let listed = store.passwords(&scope).await.unwrap();
    let listed: Vec<_> = listed.iter().map(|password| (password.id, password.state, password.digest)).collect();
    let expected = [(id(2), PasswordState::Active, Some([2; 32])), (id(1), PasswordState::Superseded, Some([1; 32]))];
    assert_eq!(listed, expected);
    assert_eq!(store.passwords(&sign_in()).await.unwrap()[0].state, PasswordState::Used);
}

pub async fn a_phone_waits_longer_after_each_round_of_wrong_passwords(store: &dyn Store) {
    assert!(matches!(store.attempt(&attempt(2), NOW).await.unwrap(), Attempted::NotOrdered));
    assert_eq!(store.failures(&phone()).await.unwrap(), None, "nothing was tried");
    let mut at = NOW;
    for (round, hours) in (1..).zip([1, 2, 3, 3]) {
        fail(store, 2, 2, at).await;
        let until = at + Duration::hours(hours);
        let failures = Failures { count: 2 * round, rests_until: until };
        assert_eq!(store.failures(&phone()).await.unwrap(), Some(failures));
        let last = until - Duration::SECOND;
        let order = store.order_password(&password(u128::from(round), last), b"m", &limits(Duration::ZERO)).await;
        assert_eq!(order.unwrap(), PasswordOrder::Exhausted(until));
        let refused = store.attempt(&attempt(2), last).await.unwrap();
        assert!(matches!(refused, Attempted::Exhausted(then) if then == until), "{refused:?}");
        at = until;
    }
    assert_eq!(store.failures(&phone()).await.unwrap().unwrap().count, 8, "what is refused is not counted");
}

pub async fn failures_are_counted_over_all_purposes_until_a_password_is_right(store: &dyn Store) {
    filled(store).await;
    let confirmed = prepared(store, 1, false).await;
    assert!(store.sign_in(id(2001), &session(1), None, &holder()).await.unwrap());
    let scope =
        PasswordScope { phone: phone(), purpose: Purpose::Confirmation, subject: Some((confirmed.request, id(1))) };
    let new = NewPassword { scope: scope.clone(), ..password(1, NOW) };
    store.order_password(&new, b"m", &limits(Duration::ZERO)).await.unwrap();
    fail(store, 5, 3, NOW).await;
    let attempt = Attempt { scope, ..attempt(5) };
    assert_eq!(taken(store.attempt(&attempt, NOW).await.unwrap()), Some(4));
    // Of another phone nothing is known.
    let other = qcert_protocol::holder::Phone::parse(OTHER_PHONE).unwrap();
    assert_eq!(store.failures(&other).await.unwrap(), None);
    assert!(matches!(
        store.confirm_request(&ConfirmedRequest { password: id(1), ..confirmed }).await.unwrap(),
        ConfirmOutcome::Done(_)
    ));
    assert_eq!(store.failures(&phone()).await.unwrap(), None);
}

pub async fn a_phone_with_too_many_failures_is_locked_until_an_operator_opens_it(store: &dyn Store) {
    fail(store, 100, 99, NOW).await;
    store.order_password(&password(1, NOW), b"m", &limits(Duration::ZERO)).await.unwrap();
    assert_eq!(taken(store.attempt(&attempt(100), NOW).await.unwrap()), Some(100));
    let long = NOW + Duration::days(1000);
    store.forget(long).await.unwrap();
    let order = async |at| store.order_password(&password(2, at), b"m", &limits(Duration::ZERO)).await.unwrap();
    assert_eq!(order(long).await, PasswordOrder::Locked);
    store.operator_store().unlock_phone(&phone(), &by("anna"), long).await.unwrap();
    assert_eq!(order(long).await, PasswordOrder::Ordered);
    fail(store, 100, 100, long + Duration::HOUR).await;
    let late = long + Duration::days(1000);
    assert!(matches!(store.attempt(&attempt(100), late).await.unwrap(), Attempted::Locked));
}

pub async fn a_password_is_given_its_tries_and_no_more_although_the_phone_has_others(store: &dyn Store) {
    ordered(store, 1).await;
    for count in 1..=2 {
        assert_eq!(taken(store.attempt(&attempt(3), NOW).await.unwrap()), Some(count));
    }
    assert!(store.operator_store().unlock_phone(&phone(), &by("anna"), NOW).await.unwrap());
    let Attempted::Taken { failures, passwords } = store.attempt(&attempt(3), NOW).await.unwrap() else { panic!() };
    assert_eq!((failures.count, passwords[0].tries), (1, 3));
    let refused = store.attempt(&attempt(3), NOW).await.unwrap();
    assert!(matches!(refused, Attempted::Exhausted(until) if until == NOW), "{refused:?}");
    assert_eq!(store.failures(&phone()).await.unwrap().unwrap().count, 1, "nothing was tried");
    // One that cannot be tried any more keeps nobody from ordering another.
    let limits = OrderLimits { tries: tries(3), ..limits(Duration::MINUTE) };
    assert_eq!(store.order_password(&password(2, NOW), b"m", &limits).await.unwrap(), PasswordOrder::Ordered);
    assert_eq!(taken(store.attempt(&attempt(3), NOW).await.unwrap()), Some(2));
}

pub async fn a_try_reads_the_passwords_that_it_is_a_try_at(store: &dyn Store) {
    let asked = async || store.attempt(&attempt(9), LATER).await.unwrap();
    assert!(matches!(asked().await, Attempted::NotOrdered));
    ordered(store, 1).await;
    store.order_password(&password(2, LATER), b"m", &limits(Duration::MINUTE)).await.unwrap();
    let Attempted::Taken { failures, passwords } = asked().await else { panic!("no try") };
    assert_eq!(failures.count, 1);
    let read: Vec<_> = passwords.iter().map(|password| (password.id, password.state, password.tries)).collect();
    assert_eq!(read, [(id(2), PasswordState::Active, 1), (id(1), PasswordState::Superseded, 0)]);
}

pub async fn a_try_over_the_rate_takes_none_from_the_phone(store: &dyn Store) {
    ordered(store, 1).await;
    let mut attempt = attempt(9);
    attempt.rate.limit = 1;
    assert_eq!(taken(store.attempt(&attempt, NOW).await.unwrap()), Some(1));
    assert!(matches!(store.attempt(&attempt, LATER).await.unwrap(), Attempted::Limited(since) if since == NOW));
    assert_eq!(store.failures(&phone()).await.unwrap().map(|failures| failures.count), Some(1));
}

pub async fn an_order_is_counted_up_to_the_first_rate_that_is_reached(store: &dyn Store) {
    let rate = |subject: &str, limit| Rate { subject: subject.to_owned(), limit, window: Duration::HOUR };
    let limits = OrderLimits { rates: vec![rate("a", 9), rate("b", 1), rate("c", 9)], ..limits(Duration::ZERO) };
    let order = async |number| store.order_password(&password(number, NOW), b"m", &limits).await.unwrap();
    assert_eq!(order(1).await, PasswordOrder::Ordered);
    assert_eq!(order(2).await, PasswordOrder::Limited(NOW));
    assert_eq!(store.passwords(&sign_in()).await.unwrap().len(), 1, "what is refused is not recorded");
    let is_full = async |subject, limit| store.count(&rate(subject, limit), NOW).await.unwrap().is_some();
    assert_eq!((is_full("a", 2).await, is_full("c", 2).await), (true, false));
}

pub async fn tries_at_the_same_moment_are_all_counted(store: &dyn Store) {
    ordered(store, 1).await;
    let attempt = attempt(2);
    let take = || store.attempt(&attempt, NOW);
    let (a, b, c) = tokio::join!(take(), take(), take());
    let mut all = [a, b, c].map(|attempted| taken(attempted.unwrap()));
    all.sort();
    assert_eq!(all, [None, Some(1), Some(2)]);
    assert_eq!(store.passwords(&sign_in()).await.unwrap()[0].tries, 2);
}

pub async fn events_are_counted_until_the_window_ends(store: &dyn Store) {
    let rate = Rate { subject: "x".to_owned(), limit: 1, window: Duration::HOUR };
    let at = async |now| store.count(&rate, now).await.unwrap();
    assert_eq!((at(NOW).await, at(LATER).await), (None, Some(NOW)));
    assert_eq!(at(NOW + Duration::HOUR).await, None);
}

pub async fn what_is_old_is_forgotten_and_what_is_young_is_kept(store: &dyn Store) {
    store.order_password(&password(1, NOW), b"m", &limits(Duration::MINUTE)).await.unwrap();
    store.sign_in(id(1), &session(1), None, &holder()).await.unwrap();
    store.attempt(&attempt(9), NOW).await.unwrap();
    let young = NOW + Duration::DAY;
    store.order_password(&password(2, young), b"m", &limits(Duration::MINUTE)).await.unwrap();
    let rate = Rate { subject: "x".to_owned(), limit: 1, window: Duration::WEEK };
    store.count(&rate, young).await.unwrap();
    store.forget(NOW + Duration::HOUR).await.unwrap();
    let kept = store.passwords(&sign_in()).await.unwrap();
    assert_eq!(kept.iter().map(|password| password.id).collect::<Vec<_>>(), [id(2)]);
    assert!(store.session(&[1; 32]).await.unwrap().is_none());
    assert!(store.failures(&phone()).await.unwrap().is_some(), "failures are never forgotten");
    assert_eq!(store.count(&rate, young).await.unwrap(), Some(young));
}
