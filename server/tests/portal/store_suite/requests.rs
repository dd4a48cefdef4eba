//! Certificate requests, up to the issuance queue.

use qcert_server::store::{Approved, ConfirmOutcome, ConfirmedRequest, Prepared, RequestState, Store};

use super::{LATER, NOW, by, claimed, confirmed, filled, holder, id, leased, phone, prepared, request, state};

async fn request_state(store: &dyn Store, application: u128) -> Option<RequestState> {
    let found = store.application_of(&phone(), id(application)).await.unwrap().unwrap();
    found.request.map(|request| request.state)
}

pub async fn a_key_serves_one_request_until_it_is_removed(store: &dyn Store) {
    filled(store).await;
    let from = ["available", "preparing"];
    assert!(matches!(store.prepare_request(&request(10, 1, 1), &from, &holder()).await.unwrap(), Prepared::Done(_)));
    assert_eq!(store.prepare_request(&request(11, 2, 1), &from, &holder()).await.unwrap(), Prepared::KeyInUse);
    assert_eq!(store.application_of(&phone(), id(2)).await.unwrap().unwrap().application.revision, 1);
    assert!(store.request_of(&phone(), id(10)).await.unwrap().is_some());
    assert!(store.request_of(&phone(), id(11)).await.unwrap().is_none());
    assert!(store.remove_request(id(10), &holder(), NOW).await.unwrap());
    assert!(!store.remove_request(id(10), &holder(), NOW).await.unwrap());
    assert!(matches!(store.prepare_request(&request(12, 2, 1), &from, &holder()).await.unwrap(), Prepared::Done(_)));
    assert_eq!(
        store.prepare_request(&request(13, 2, 2), &["available"], &holder()).await.unwrap(),
        Prepared::StateForbids
    );
    assert!(matches!(store.prepare_request(&request(14, 2, 2), &from, &holder()).await.unwrap(), Prepared::Done(_)));
    assert!(store.request_of(&phone(), id(12)).await.unwrap().is_none(), "another one took its place");
}

pub async fn a_blocked_key_is_refused(store: &dyn Store) {
    filled(store).await;
    assert!(store.block_key(&[1; 32], &by("operator"), NOW).await.unwrap());
    assert!(!store.block_key(&[1; 32], &by("operator"), NOW).await.unwrap());
    let refused = store.prepare_request(&request(10, 1, 1), &["available"], &holder()).await.unwrap();
    assert_eq!((refused, state(store, 1).await), (Prepared::KeyBlocked, "available"));
    assert!(matches!(
        store.prepare_request(&request(10, 1, 2), &["available"], &holder()).await.unwrap(),
        Prepared::Done(_)
    ));
}

pub async fn a_request_is_confirmed_once_of_two_at_once(store: &dyn Store) {
    filled(store).await;
    let confirmed = prepared(store, 1, false).await;
    let (one, two) = tokio::join!(store.confirm_request(&confirmed), store.confirm_request(&confirmed));
    let outcomes = [one.unwrap(), two.unwrap()];
    let is_done = |outcome: &ConfirmOutcome| matches!(outcome, ConfirmOutcome::Done(_));
    assert!(outcomes.iter().any(is_done) && outcomes.contains(&ConfirmOutcome::PasswordUsed), "{outcomes:?}");
    assert!(claimed(store, 20).await.is_some());
    assert!(claimed(store, 20).await.is_none());
}

pub async fn whoever_changes_an_application_is_told_its_revision(store: &dyn Store) {
    filled(store).await;
    let revision = async || store.application_of(&phone(), id(1)).await.unwrap().unwrap().application.revision;
    store.add_mistake(id(50), id(1), "text", &holder(), NOW).await.unwrap();
    let before = revision().await;
    let prepared = store.prepare_request(&request(10, 1, 9), &["available"], &holder()).await.unwrap();
    assert_eq!((prepared, revision().await), (Prepared::Done(before + 1), before + 1));
    let confirmed = self::prepared(store, 1, false).await;
    let before = revision().await;
    let done = store.confirm_request(&confirmed).await.unwrap();
    assert_eq!((done, revision().await), (ConfirmOutcome::Done(before + 1), before + 1));
}

pub async fn a_confirmation_of_other_data_uses_no_password(store: &dyn Store) {
    filled(store).await;
    let confirmed = prepared(store, 1, false).await;
    let other = ConfirmedRequest { snapshot: "{}".into(), ..confirmed.clone() };
    assert_eq!(store.confirm_request(&other).await.unwrap(), ConfirmOutcome::DataChanged);
    let gone = ConfirmedRequest { request: id(99), ..confirmed.clone() };
    assert_eq!(store.confirm_request(&gone).await.unwrap(), ConfirmOutcome::StateForbids);
    assert!(matches!(store.confirm_request(&confirmed).await.unwrap(), ConfirmOutcome::Done(_)));
    let found = store.request_of(&phone(), confirmed.request).await.unwrap().unwrap();
    let request = found.request.unwrap();
    assert_eq!((request.state, request.confirmed_at), (RequestState::Confirmed, Some(NOW)));
}

pub async fn a_confirmed_request_can_be_taken_back_until_somebody_begins(store: &dyn Store) {
    filled(store).await;
    confirmed(store, 1, false).await;
    assert!(store.withdraw(id(1), &holder(), NOW).await.unwrap());
    assert!(!store.withdraw(id(1), &holder(), NOW).await.unwrap());
    assert_eq!((state(store, 1).await, request_state(store, 1).await), ("withdrawn", Some(RequestState::Withdrawn)));
    assert!(claimed(store, 20).await.is_none());
    confirmed(store, 2, false).await;
    assert!(claimed(store, 20).await.is_some());
    assert!(!store.withdraw(id(2), &holder(), NOW).await.unwrap());
}

pub async fn a_held_request_waits_for_its_approval(store: &dyn Store) {
    filled(store).await;
    confirmed(store, 1, true).await;
    assert_eq!(state(store, 1).await, "sent");
    assert!(leased(store, 20, LATER, LATER, LATER).await.is_none());
    let (operator, other) = (by("operator"), by("other"));
    let (one, two) =
        tokio::join!(store.approve_issuance(id(1), &operator, 1, NOW), store.approve_issuance(id(1), &other, 1, NOW));
    let outcomes = [one.unwrap(), two.unwrap()];
    assert!(outcomes.contains(&Approved::Done) && outcomes.contains(&Approved::NotWaiting), "{outcomes:?}");
    assert!(!store.reject_issuance(id(1), "late", &by("operator"), NOW).await.unwrap());
    assert_eq!(claimed(store, 20).await.unwrap().application.id, id(1));
}

pub async fn a_held_request_is_rejected_with_its_reason(store: &dyn Store) {
    filled(store).await;
    confirmed(store, 1, true).await;
    confirmed(store, 2, false).await;
    assert!(!store.reject_issuance(id(2), "not held", &by("operator"), NOW).await.unwrap());
    assert!(store.reject_issuance(id(1), "reason", &by("operator"), NOW).await.unwrap());
    assert_eq!(store.approve_issuance(id(1), &by("operator"), 1, NOW).await.unwrap(), Approved::NotWaiting);
    let found = store.application_of(&phone(), id(1)).await.unwrap().unwrap();
    assert_eq!((state(store, 1).await, found.application.reason.as_deref()), ("rejected", Some("reason")));
    assert_eq!(request_state(store, 1).await, Some(RequestState::Rejected));
    assert_eq!(claimed(store, 20).await.unwrap().application.id, id(2));
}

pub async fn a_held_request_can_be_taken_back(store: &dyn Store) {
    filled(store).await;
    confirmed(store, 1, true).await;
    assert!(store.withdraw(id(1), &holder(), NOW).await.unwrap());
    assert_eq!(store.approve_issuance(id(1), &by("operator"), 1, NOW).await.unwrap(), Approved::NotWaiting);
    assert_eq!(state(store, 1).await, "withdrawn");
}

pub async fn an_application_is_found_by_its_number_and_tells_whether_its_request_is_held(store: &dyn Store) {
    filled(store).await;
    assert_eq!(store.application_by_number("99999999").await.unwrap(), None);
    let number = store.application_of(&phone(), id(1)).await.unwrap().unwrap().application.number;
    let found = async || store.application_by_number(&number).await.unwrap().unwrap();
    assert_eq!((found().await.application.id, found().await.request, found().await.held), (id(1), None, false));
    confirmed(store, 1, true).await;
    assert_eq!(Some(found().await), store.application_of(&phone(), id(1)).await.unwrap());
    assert_eq!((found().await.request.map(|request| request.id), found().await.held), (Some(id(1001)), true));
    let held = store.applications().await.unwrap().into_iter().filter(|overview| overview.held);
    assert_eq!(held.map(|overview| overview.application.id).collect::<Vec<_>>(), [id(1)]);
    assert_eq!(store.approve_issuance(id(1), &by("operator"), 1, NOW).await.unwrap(), Approved::Done);
    assert!(!found().await.held);
    confirmed(store, 2, false).await;
    assert!(!store.application_of(&phone(), id(2)).await.unwrap().unwrap().held);
}
