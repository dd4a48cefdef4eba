//! What every store does, whatever it is made of: one suite, run against each.

use qcert_protocol::{ContainerName, KeyId, holder::Phone, portal::TokenName};
use qcert_server::{
    applications::import::parse,
    store::{
        Commitment, ConfirmOutcome, ConfirmedRequest, Import, NewPassword, PasswordOrder, PasswordScope, Prepared,
        Purpose, Request, RequestState, SessionRecord, Store, sqlite::SqliteStore,
    },
};
use time::{Duration, OffsetDateTime, macros::datetime};
use uuid::Uuid;

use crate::support::{DEMO, PHONE};

const NOW: OffsetDateTime = datetime!(2026-03-02 09:00 UTC);

fn phone() -> Phone {
    Phone::parse(PHONE).unwrap()
}

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

async fn filled(store: &dyn Store) {
    let mut entries = parse(DEMO).unwrap();
    entries.iter_mut().enumerate().for_each(|(index, entry)| entry.id = id(index as u128 + 1));
    assert!(matches!(store.import(&entries, &["available"], NOW).await.unwrap(), Import::Done { added: 6, .. }));
}

fn request(number: u128, application: u128, key: u8) -> Request {
    Request {
        id: id(number),
        application_id: id(application),
        der: vec![1],
        public_key: vec![key],
        key_digest: [key; 32],
        key_id: KeyId::from_bytes(&[key; 20]),
        container: ContainerName::parse("1@2026-03-02-x").unwrap(),
        token: TokenName { label: "l".into(), serial: "s".into(), model: "m".into() },
        state: RequestState::Prepared,
        created_at: NOW,
        confirmed_at: None,
    }
}

fn password(number: u128, created_at: OffsetDateTime) -> NewPassword {
    NewPassword {
        id: id(number),
        scope: PasswordScope { phone: phone(), purpose: Purpose::SignIn, subject: None },
        digest: None,
        hash: [1; 32],
        created_at,
        expires_at: created_at + Duration::minutes(10),
    }
}

fn commitment(serial: &str) -> Commitment {
    Commitment { issuer: [5; 20], shard: "1-0".into(), serial: serial.into(), to_be_signed: serial.into() }
}

fn session(number: u128) -> SessionRecord {
    SessionRecord { id: id(number), token_hash: [number as u8; 32], phone: phone(), created_at: NOW, last_seen_at: NOW }
}

async fn a_password_is_ordered_once_in_an_interval_and_used_once(store: &dyn Store) {
    let interval = Duration::minutes(2);
    assert_eq!(store.order_password(&password(1, NOW), b"m", interval).await.unwrap(), PasswordOrder::Ordered);
    let early = store.order_password(&password(2, NOW + Duration::MINUTE), b"m", interval).await.unwrap();
    assert_eq!(early, PasswordOrder::TooEarly(NOW));
    assert_eq!(store.claim_messages(id(9), 10, NOW, NOW).await.unwrap().len(), 1);
    assert!(store.sign_in(id(1), &session(1), None).await.unwrap());
    assert!(!store.sign_in(id(1), &session(2), None).await.unwrap());
    assert!(store.session(&[1; 32]).await.unwrap().is_some());
    assert!(store.session(&[2; 32]).await.unwrap().is_none());
}

async fn tries_are_taken_until_the_window_ends(store: &dyn Store) {
    let window = Duration::MINUTE;
    let at = async |now| store.take_try(&phone(), Purpose::SignIn, 2, window, now).await.unwrap();
    assert_eq!((at(NOW).await, at(NOW).await, at(NOW).await), (Some(1), Some(2), None));
    assert_eq!(store.tries(&phone(), Purpose::SignIn).await.unwrap(), Some((2, NOW)));
    assert_eq!(store.tries(&phone(), Purpose::Confirmation).await.unwrap(), None);
    assert_eq!(at(NOW + window).await, Some(1));
}

async fn events_are_counted_until_the_window_ends(store: &dyn Store) {
    let at = async |now| store.count("x", 1, Duration::HOUR, now).await.unwrap();
    assert_eq!((at(NOW).await, at(NOW + Duration::MINUTE).await), (None, Some(NOW)));
    assert_eq!(at(NOW + Duration::HOUR).await, None);
}

async fn a_key_serves_one_request_until_it_is_removed(store: &dyn Store) {
    filled(store).await;
    let from = ["available", "preparing"];
    assert_eq!(store.prepare_request(&request(10, 1, 1), &from).await.unwrap(), Prepared::Done);
    assert_eq!(store.prepare_request(&request(11, 2, 1), &from).await.unwrap(), Prepared::KeyInUse);
    assert_eq!(store.application_of(&phone(), id(2)).await.unwrap().unwrap().application.revision, 1);
    assert!(store.remove_request(id(10), NOW).await.unwrap());
    assert!(!store.remove_request(id(10), NOW).await.unwrap());
    assert_eq!(store.prepare_request(&request(12, 2, 1), &from).await.unwrap(), Prepared::Done);
    assert_eq!(store.prepare_request(&request(13, 2, 2), &["available"]).await.unwrap(), Prepared::StateForbids);
}

async fn a_confirmed_request_is_leased_by_one_at_a_time(store: &dyn Store) {
    filled(store).await;
    store.prepare_request(&request(10, 1, 1), &["available"]).await.unwrap();
    store.order_password(&password(1, NOW), b"m", Duration::MINUTE).await.unwrap();
    let snapshot = store.application_of(&phone(), id(1)).await.unwrap().unwrap().application.holder_json;
    let confirmed =
        ConfirmedRequest { password: id(1), request: id(10), snapshot, digest: [3; 32], held: false, now: NOW };
    let other = ConfirmedRequest { snapshot: "{}".into(), ..confirmed.clone() };
    assert_eq!(store.confirm_request(&other).await.unwrap(), ConfirmOutcome::DataChanged);
    assert_eq!(store.confirm_request(&confirmed).await.unwrap(), ConfirmOutcome::Done);
    assert_eq!(store.confirm_request(&confirmed).await.unwrap(), ConfirmOutcome::PasswordUsed);

    let until = NOW + Duration::MINUTE;
    let unripe = store.claim_issuance(id(20), NOW - Duration::SECOND, NOW, until).await.unwrap();
    assert!(unripe.is_none());
    let job = store.claim_issuance(id(20), NOW, NOW, until).await.unwrap().unwrap();
    assert!(store.claim_issuance(id(21), NOW, NOW, until).await.unwrap().is_none());
    assert!(!store.withdraw(id(1), NOW).await.unwrap());
    assert!(store.commit_to_be_signed(&job, &commitment("01"), NOW).await.unwrap());
    assert!(!store.commit_to_be_signed(&job, &commitment("02"), NOW).await.unwrap());
    let taken_over = store.claim_issuance(id(21), until, until, until + Duration::MINUTE).await.unwrap().unwrap();
    assert_eq!(taken_over.committed, Some(commitment("01")));
    assert!(!store.refuse_issuance(&job, "late", until).await.unwrap());
    assert!(store.refuse_issuance(&taken_over, "reason", until).await.unwrap());
    let row = store.application_of(&phone(), id(1)).await.unwrap().unwrap().application;
    assert_eq!((row.state.as_str(), row.reason.as_deref()), ("rejected", Some("reason")));
}

async fn what_is_old_is_forgotten_and_what_is_young_is_kept(store: &dyn Store) {
    store.order_password(&password(1, NOW), b"m", Duration::MINUTE).await.unwrap();
    store.sign_in(id(1), &session(1), None).await.unwrap();
    let young = NOW + Duration::DAY;
    store.order_password(&password(2, young), b"m", Duration::MINUTE).await.unwrap();
    store.forget(NOW + Duration::HOUR).await.unwrap();
    let kept =
        store.passwords(&PasswordScope { phone: phone(), purpose: Purpose::SignIn, subject: None }).await.unwrap();
    assert_eq!(kept.iter().map(|password| password.id).collect::<Vec<_>>(), [id(2)]);
    assert!(store.session(&[1; 32]).await.unwrap().is_none());
}

/// Runs the suite's tests against a store that `open` makes anew for each.
macro_rules! suite {
    ($module:ident, $open:expr, $($test:ident),* $(,)?) => {
        mod $module {
            $(#[tokio::test]
            async fn $test() {
                let directory = tempfile::tempdir().unwrap();
                super::$test(&$open(directory.path()).await).await;
            })*
        }
    };
}

async fn sqlite(directory: &std::path::Path) -> SqliteStore {
    SqliteStore::open(&format!("sqlite:{}", directory.join("qcert.sqlite").display())).await.unwrap()
}

suite!(
    on_sqlite,
    super::sqlite,
    a_password_is_ordered_once_in_an_interval_and_used_once,
    tries_are_taken_until_the_window_ends,
    events_are_counted_until_the_window_ends,
    a_key_serves_one_request_until_it_is_removed,
    a_confirmed_request_is_leased_by_one_at_a_time,
    what_is_old_is_forgotten_and_what_is_young_is_kept,
);
