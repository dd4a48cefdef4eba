//! Applications and sessions.

use qcert_server::{
    applications::import::parse,
    store::{Import, ImportConflict, ImportRules, Store, Wanted},
};

use super::{LATER, NOW, filled, holder, id, issued, ordered, phone, request, rules, session, state};
use crate::support::{DEMO, OTHER_PHONE, UNKNOWN_PHONE};

pub async fn an_import_takes_all_entries_or_none(store: &dyn Store) {
    filled(store).await;
    let mut entries = parse(DEMO).unwrap();
    assert_eq!(
        store.import(&entries, &rules(), NOW).await.unwrap(),
        Import::Done { added: 0, changed: 0, unchanged: 6 }
    );
    entries[0].identification = None;
    entries[1].replaces = Some("no such number".into());
    let refused = store.import(&entries, &rules(), NOW).await.unwrap();
    assert_eq!(refused, Import::Refused(vec![(1, ImportConflict::ReplacesUnknown)]));
    let there = store.application_of(&phone(), id(1)).await.unwrap().unwrap().application;
    assert!(there.identification.is_some() && there.revision == 1);
    entries[1].replaces = Some(entries[0].number.clone());
    let done = store.import(&entries, &rules(), NOW).await.unwrap();
    assert_eq!(done, Import::Done { added: 0, changed: 2, unchanged: 4 });
    let linked = store.application_of(&phone(), id(2)).await.unwrap().unwrap().application;
    assert_eq!(linked.replaces, Some(id(1)));
    entries[0].identification = parse(DEMO).unwrap()[0].identification;
    let late = store.import(&entries, &ImportRules { changeable: &[], ..rules() }, NOW).await.unwrap();
    assert_eq!(late, Import::Refused(vec![(0, ImportConflict::State(there.state))]));
}

pub async fn a_phone_is_known_by_its_applications(store: &dyn Store) {
    filled(store).await;
    for (text, known, count) in [(crate::support::PHONE, true, 4), (OTHER_PHONE, true, 2), (UNKNOWN_PHONE, false, 0)] {
        let phone = qcert_protocol::holder::Phone::parse(text).unwrap();
        assert_eq!(store.phone_is_known(&phone).await.unwrap(), known);
        let of_phone = store.applications_of(&phone).await.unwrap();
        assert_eq!(of_phone.len(), count);
        assert!(of_phone.windows(2).all(|pair| pair[0].application.number < pair[1].application.number));
    }
    assert_eq!(store.applications().await.unwrap().len(), 6);
}

pub async fn an_application_is_its_phones_alone(store: &dyn Store) {
    filled(store).await;
    assert!(store.application_of(&phone(), id(1)).await.unwrap().is_some());
    assert!(store.application_of(&phone(), id(5)).await.unwrap().is_none());
    assert_eq!(store.phone_of(id(5)).await.unwrap().unwrap().as_str(), OTHER_PHONE);
    assert_eq!(store.phone_of(id(99)).await.unwrap(), None);
    store.add_mistake(id(50), id(1), "text", &holder(), NOW).await.unwrap();
    assert_eq!(state(store, 1).await, "available");
    store.ping().await.unwrap();
}

pub async fn a_session_is_read_with_what_is_wanted_and_nothing_of_anybody_elses(store: &dyn Store) {
    filled(store).await;
    let certificate = issued(store, 1).await;
    let removed = request(10, 2, 2);
    store.prepare_request(&removed, &["available"], &holder()).await.unwrap();
    let application_of = async |number| store.application_of(&phone(), id(number)).await.unwrap();
    let password = ordered(store, 1).await;
    assert_eq!(store.session_with(&[1; 32], Wanted::Application(id(1))).await.unwrap(), None);
    assert!(store.sign_in(password, &session(1), None, &holder()).await.unwrap());
    let session = store.session(&[1; 32]).await.unwrap().unwrap();
    let read = async |wanted| {
        let (read, found) = store.session_with(&[1; 32], wanted).await.unwrap().unwrap();
        assert_eq!(read, session);
        found
    };
    assert_eq!(read(Wanted::Application(id(1))).await, application_of(1).await);
    assert_eq!(read(Wanted::Request(certificate.request_id)).await, application_of(1).await);
    assert_eq!(read(Wanted::Certificate(certificate.id)).await, application_of(1).await);
    assert_eq!(read(Wanted::Request(removed.id)).await, application_of(2).await);
    // The id of one thing is none of another.
    assert_eq!(read(Wanted::Application(certificate.id)).await, None);
    assert_eq!(read(Wanted::Request(id(1))).await, None);
    assert!(store.remove_request(removed.id, &holder(), NOW).await.unwrap());
    assert_eq!(read(Wanted::Request(removed.id)).await, None);
    // Application 5 is of another phone.
    assert_eq!(read(Wanted::Application(id(5))).await, None);
    store.add_mistake(id(50), id(1), "text", &holder(), NOW).await.unwrap();
    let has_mistakes = async |number| read(Wanted::Application(id(number))).await.unwrap().has_mistakes;
    assert_eq!((has_mistakes(1).await, has_mistakes(2).await), (true, false));
    store.end_session(&[1; 32], &holder(), LATER).await.unwrap();
    assert_eq!(store.session_with(&[1; 32], Wanted::Application(id(1))).await.unwrap(), None);
}

pub async fn a_session_ends_once_and_for_all(store: &dyn Store) {
    let password = ordered(store, 1).await;
    assert!(store.sign_in(password, &session(1), None, &holder()).await.unwrap());
    store.touch_session(id(1), LATER).await.unwrap();
    let found = store.session(&[1; 32]).await.unwrap().unwrap();
    assert_eq!((found.id, found.created_at, found.last_seen_at), (id(1), NOW, LATER));
    store.end_session(&[1; 32], &holder(), LATER).await.unwrap();
    store.end_session(&[1; 32], &holder(), LATER).await.unwrap();
    assert_eq!(store.session(&[1; 32]).await.unwrap(), None);
}

pub async fn signing_in_ends_the_session_before(store: &dyn Store) {
    let first = ordered(store, 1).await;
    assert!(store.sign_in(first, &session(1), None, &holder()).await.unwrap());
    let second = ordered(store, 2).await;
    assert!(store.sign_in(second, &session(2), Some([1; 32]), &holder()).await.unwrap());
    assert!(store.session(&[1; 32]).await.unwrap().is_none());
    assert!(store.session(&[2; 32]).await.unwrap().is_some());
}

pub async fn all_sessions_of_a_phone_end_and_nobody_elses(store: &dyn Store) {
    for number in 1..=3 {
        let password = ordered(store, number).await;
        let mut session = session(number);
        if number == 3 {
            session.phone = qcert_protocol::holder::Phone::parse(OTHER_PHONE).unwrap();
        }
        assert!(store.sign_in(password, &session, None, &holder()).await.unwrap());
    }
    store.end_session(&[1; 32], &holder(), NOW).await.unwrap();
    assert_eq!(store.end_sessions(&phone(), &holder(), LATER).await.unwrap(), [id(2)]);
    assert!(store.end_sessions(&phone(), &holder(), LATER).await.unwrap().is_empty());
    assert!(store.session(&[2; 32]).await.unwrap().is_none());
    assert!(store.session(&[3; 32]).await.unwrap().is_some());
}
