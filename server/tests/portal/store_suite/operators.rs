//! Operators, and what they find.

use qcert_protocol::{ErrorCode, holder::Phone, operator::Role};
use qcert_server::{
    audit::{Event, Note, Outcome},
    store::{
        Approved, Attempted, ImportRules, NewApplication, NewOperator, Notice, Page, PhoneChange, RenewedToken, Store,
        TermKind, terms::folded,
    },
};
use time::Duration;
use uuid::Uuid;

use super::{
    LATER, NOW, by, confirmed, filled, holder, id, limits, ordered, password, passwords::attempt, phone, prepared,
    rules,
};
use crate::support::{DEMO, OTHER_PHONE, PHONE, UNKNOWN_PHONE};

fn operator(number: u8, name: &str) -> NewOperator {
    NewOperator {
        id: id(number.into()),
        name: name.into(),
        roles: vec![Role::Approver, Role::Auditor],
        token_hash: [number; 32],
        by: by("tester"),
        created_at: NOW,
        expires_at: NOW + Duration::DAY,
    }
}

pub async fn an_operator_is_known_by_the_tokens_hash_until_removed(store: &dyn Store) {
    let operators = store.operator_store();
    assert!(operators.add_operator(&operator(1, "anna")).await.unwrap());
    assert!(operators.add_operator(&operator(2, "boris")).await.unwrap());
    assert!(!operators.add_operator(&operator(3, "anna")).await.unwrap());
    assert_eq!(operators.operator(&[3; 32]).await.unwrap(), None);
    let anna = operators.operator(&[1; 32]).await.unwrap().unwrap();
    assert_eq!((anna.name.as_str(), anna.roles.as_slice()), ("anna", [Role::Approver, Role::Auditor].as_slice()));
    assert_eq!((anna.created_at, anna.expires_at, anna.removed_at), (NOW, NOW + Duration::DAY, None));
    assert!(operators.remove_operator("anna", &by("boris"), LATER).await.unwrap());
    assert!(!operators.remove_operator("anna", &by("boris"), LATER).await.unwrap());
    assert!(!operators.remove_operator("nobody", &by("boris"), LATER).await.unwrap());
    let all = operators.operators().await.unwrap();
    let told: Vec<_> = all.iter().map(|one| (one.name.as_str(), one.removed_at)).collect();
    assert_eq!(told, [("anna", Some(LATER)), ("boris", None)]);
    let events: Vec<_> = store.audit().await.unwrap().into_iter().map(|row| (row.event, row.subject)).collect();
    let expected = [("operator added", 1), ("operator added", 2), ("operator removed", 1)];
    assert_eq!(events, expected.map(|(event, number)| (event.to_owned(), id(number))));
}

fn renewed(token: u8, expires_in: Duration, earlier_for: Duration) -> RenewedToken {
    RenewedToken {
        name: "anna".into(),
        token_hash: [token; 32],
        by: by("tester"),
        renewed_at: LATER,
        expires_at: LATER + expires_in,
        earlier_ends_at: LATER + earlier_for,
    }
}

pub async fn a_renewed_token_has_the_one_before_beside_it_until_that_ends(store: &dyn Store) {
    let operators = store.operator_store();
    assert_eq!(operators.renew_operator(&renewed(4, Duration::DAY, Duration::ZERO)).await.unwrap(), None);
    assert!(operators.add_operator(&operator(1, "anna")).await.unwrap());
    assert!(operators.add_operator(&operator(2, "boris")).await.unwrap());
    let ends = async |token: u8| {
        let found = operators.operator(&[token; 32]).await.unwrap();
        found.map(|found| (found.id, found.name, found.expires_at))
    };
    let anna = |at| Some((id(1), "anna".to_owned(), at));
    let answered = operators.renew_operator(&renewed(4, Duration::WEEK, Duration::HOUR)).await.unwrap().unwrap();
    assert_eq!((answered.id, answered.created_at, answered.expires_at), (id(1), NOW, LATER + Duration::WEEK));
    assert_eq!(answered.roles, [Role::Approver, Role::Auditor]);
    assert_eq!(ends(4).await, anna(LATER + Duration::WEEK));
    assert_eq!(ends(1).await, anna(LATER + Duration::HOUR));
    // It goes on no longer than it would have without another.
    operators.renew_operator(&renewed(5, Duration::HOUR, Duration::WEEK * 2)).await.unwrap().unwrap();
    assert_eq!((ends(5).await, ends(4).await), (anna(LATER + Duration::HOUR), anna(LATER + Duration::WEEK)));
    assert_eq!(ends(1).await, None, "the one before that is forgotten");
    assert_eq!(ends(2).await, Some((id(2), "boris".to_owned(), NOW + Duration::DAY)));
    assert!(operators.remove_operator("anna", &by("boris"), LATER).await.unwrap());
    for token in [4, 5] {
        assert_eq!(operators.operator(&[token; 32]).await.unwrap().unwrap().removed_at, Some(LATER));
    }
    assert_eq!(operators.renew_operator(&renewed(6, Duration::DAY, Duration::ZERO)).await.unwrap(), None);
    assert_eq!(ends(6).await, None);
    let events: Vec<_> = store.audit().await.unwrap().into_iter().map(|row| (row.event, row.detail)).collect();
    assert_eq!(events[2], ("operator renewed".to_owned(), "anna, the earlier good for 3600 s more".to_owned()));
    assert_eq!(events.iter().filter(|(event, _)| *event == events[2].0).count(), 2);
}

pub async fn a_page_begins_after_the_one_before(store: &dyn Store) {
    filled(store).await;
    let operators = store.operator_store();
    let numbers = async |page: Page, limit| {
        let found = operators.search(&page, limit).await.unwrap();
        found.into_iter().map(|found| found.application.id.as_u128()).collect::<Vec<_>>()
    };
    assert_eq!(numbers(Page::All { after: Uuid::nil() }, 10).await, [1, 2, 3, 4, 5, 6]);
    assert_eq!(numbers(Page::All { after: id(2) }, 2).await, [3, 4]);
    let of = |phone: &str, after| Page::Terms {
        kind: TermKind::Phone,
        after: (phone.to_owned(), id(after)),
        to: phone.to_owned(),
    };
    assert_eq!(numbers(of(PHONE, 0), 3).await, [1, 2, 3]);
    assert_eq!(numbers(of(PHONE, 3), 3).await, [4]);
    assert_eq!(numbers(of(OTHER_PHONE, 0), 3).await, [5, 6]);
    assert!(numbers(of(PHONE, 4), 3).await.is_empty());
    let beginning =
        Page::Terms { kind: TermKind::Name, after: (String::new(), Uuid::nil()), to: char::MAX.to_string() };
    let by_name = operators.search(&beginning, 10).await.unwrap();
    let names: Vec<_> = by_name.iter().map(|found| folded(&found.application.holder.full_name())).collect();
    assert!(names.len() == 6 && names.is_sorted(), "{names:?}");
}

pub async fn what_an_application_is_found_by_changes_with_it(store: &dyn Store) {
    filled(store).await;
    let mut entry: NewApplication = qcert_server::applications::import::parse(DEMO).unwrap().remove(0);
    entry.phone = Phone::parse("+79990000001").unwrap();
    let rules = ImportRules { changes_phones: true, ..rules() };
    store.import(&[entry.clone()], &rules, NOW).await.unwrap();
    let found = async |phone: &str| {
        let page = Page::Terms { kind: TermKind::Phone, after: (phone.to_owned(), Uuid::nil()), to: phone.to_owned() };
        store.operator_store().search(&page, 10).await.unwrap().len()
    };
    assert_eq!((found(PHONE).await, found("+79990000001").await), (3, 1));
}

pub async fn a_request_needs_as_many_approvals_as_are_asked_for(store: &dyn Store) {
    filled(store).await;
    confirmed(store, 1, true).await;
    let waiting = Page::Waiting { after: Uuid::nil() };
    let held = store.operator_store().search(&waiting, 10).await.unwrap();
    assert_eq!((held.len(), held[0].application.id, held[0].held), (1, id(1), true));
    assert!(store.operator_store().search(&Page::Waiting { after: id(1) }, 10).await.unwrap().is_empty());
    assert_eq!(store.approve_issuance(id(1), &by("anna"), 2, NOW).await.unwrap(), Approved::Waits);
    assert_eq!(store.approve_issuance(id(1), &by("anna"), 2, NOW).await.unwrap(), Approved::Repeated);
    assert_eq!(store.operator_store().approvals(id(1001)).await.unwrap(), ["anna"]);
    assert_eq!(store.approve_issuance(id(1), &by("boris"), 2, LATER).await.unwrap(), Approved::Done);
    assert_eq!(store.approve_issuance(id(1), &by("vera"), 2, LATER).await.unwrap(), Approved::NotWaiting);
    assert!(store.operator_store().search(&waiting, 10).await.unwrap().is_empty());
    let approvals = store.audit().await.unwrap().into_iter().filter(|row| row.event == "issuance approved");
    assert_eq!(approvals.map(|row| row.by.who).collect::<Vec<_>>(), ["anna", "boris"]);
}

pub async fn two_approvals_at_once_are_two(store: &dyn Store) {
    filled(store).await;
    confirmed(store, 1, true).await;
    let (anna, boris) = (by("anna"), by("boris"));
    let (one, two) =
        tokio::join!(store.approve_issuance(id(1), &anna, 2, NOW), store.approve_issuance(id(1), &boris, 2, NOW));
    let outcomes = [one.unwrap(), two.unwrap()];
    assert!(outcomes.contains(&Approved::Waits) && outcomes.contains(&Approved::Done), "{outcomes:?}");
}

pub async fn the_audit_is_read_from_any_place(store: &dyn Store) {
    filled(store).await;
    let (detail, outcome) = ("by phone".to_owned(), Outcome::Refused(ErrorCode::RateLimited));
    let note = Note { event: Event::ApplicationsSearched, subject: id(9), detail, by: by("anna"), outcome };
    store.operator_store().note(&note, LATER).await.unwrap();
    let all = store.operator_store().audit_after(0, 100).await.unwrap();
    assert_eq!(all.len(), 7);
    assert_eq!(all, store.audit().await.unwrap());
    let last = &all[6];
    assert_eq!((last.event.as_str(), last.subject, last.detail.as_str()), ("applications searched", id(9), "by phone"));
    assert_eq!((&last.by, last.outcome.as_str(), last.at), (&by("anna"), "refused rate_limited", LATER));
    assert_eq!((last.place, last.node.as_str(), last.sequence), (7, "here", 7));
    assert_eq!(store.operator_store().audit_after(last.place - 1, 5).await.unwrap(), all[6..]);
    assert_eq!(store.operator_store().audit_after(all[0].place, 2).await.unwrap(), all[1..3]);
}

fn notice() -> Notice {
    Notice { phone: Phone::parse(PHONE).unwrap(), sealed: b"sealed".to_vec(), expires_at: NOW + Duration::DAY }
}

async fn queued(store: &dyn Store) -> usize {
    store.claim_messages(id(70), 10, LATER, LATER + Duration::MINUTE).await.unwrap().len()
}

pub async fn a_report_is_open_until_it_is_answered(store: &dyn Store) {
    filled(store).await;
    store.add_mistake(id(50), id(1), "one", &holder(), NOW).await.unwrap();
    store.add_mistake(id(51), id(5), "two", &holder(), LATER).await.unwrap();
    let operators = store.operator_store();
    let open = operators.open_mistakes(Uuid::nil(), 10).await.unwrap();
    assert_eq!(open.iter().map(|mistake| mistake.text.as_str()).collect::<Vec<_>>(), ["one", "two"]);
    assert_eq!((open[0].application, open[0].created_at, open[0].phone.as_str()), (id(1), NOW, PHONE));
    assert_eq!(operators.open_mistakes(id(50), 10).await.unwrap(), open[1..]);
    assert!(operators.answer_mistake(id(50), "done", &notice(), &by("anna"), LATER).await.unwrap());
    assert!(!operators.answer_mistake(id(50), "again", &notice(), &by("anna"), LATER).await.unwrap());
    assert!(!operators.answer_mistake(id(99), "none", &notice(), &by("anna"), LATER).await.unwrap());
    assert_eq!(queued(store).await, 1);
    assert_eq!(operators.open_mistakes(Uuid::nil(), 10).await.unwrap(), open[1..]);
    assert_eq!(operators.mistake(id(50)).await.unwrap().unwrap().answer, Some(("done".into(), LATER)));
    assert_eq!(operators.mistake(id(99)).await.unwrap(), None);
}

pub async fn an_applications_reports_are_told_the_latest_first_with_their_answers(store: &dyn Store) {
    filled(store).await;
    let revision = async |application| {
        store.application_of(&phone(), id(application)).await.unwrap().unwrap().application.revision
    };
    let (before, other) = (revision(1).await, revision(2).await);
    for (number, application, text) in [(50, 1, "one"), (51, 2, "of another"), (52, 1, "two"), (53, 1, "three")] {
        store.add_mistake(id(number), id(application), text, &holder(), NOW).await.unwrap();
    }
    assert_eq!((revision(1).await, revision(2).await), (before + 3, other + 1), "the row tells of each report");
    assert!(store.operator_store().answer_mistake(id(52), "done", &notice(), &by("anna"), LATER).await.unwrap());
    assert_eq!(revision(1).await, before + 4, "the row tells of the answer");
    assert!(!store.operator_store().answer_mistake(id(52), "again", &notice(), &by("anna"), LATER).await.unwrap());
    assert_eq!((revision(1).await, revision(2).await), (before + 4, other + 1));
    let told = async |limit| {
        let told = store.mistakes_of(id(1), limit).await.unwrap();
        told.into_iter().map(|mistake| (mistake.text, mistake.answer)).collect::<Vec<_>>()
    };
    let latest = ("three".to_owned(), None);
    let answered = ("two".to_owned(), Some(("done".to_owned(), LATER)));
    assert_eq!(told(20).await, [latest.clone(), answered.clone(), ("one".to_owned(), None)]);
    assert_eq!(told(2).await, [latest, answered]);
    assert!(store.mistakes_of(id(3), 20).await.unwrap().is_empty());
}

fn change(number: u128, new: &str) -> PhoneChange {
    PhoneChange {
        id: id(number),
        application: id(1),
        number: "67092365".into(),
        old: Phone::parse(PHONE).unwrap(),
        new: Phone::parse(new).unwrap(),
        proposed_by: "anna".into(),
        proposed_at: NOW,
        ripe_at: LATER,
        is_open: true,
    }
}

/// Proposes that the person of application 1 gets another phone.
pub async fn propose(store: &dyn Store, number: u128, old: &str, new: &str) {
    let change = PhoneChange { old: Phone::parse(old).unwrap(), ..change(number, new) };
    store.operator_store().propose_phone_change(&change, &notice(), &by("anna")).await.unwrap();
}

pub async fn a_phone_is_changed_once_for_the_holders_applications(store: &dyn Store) {
    filled(store).await;
    prepared(store, 1, false).await;
    let operators = store.operator_store();
    operators.propose_phone_change(&change(60, OTHER_PHONE), &notice(), &by("anna")).await.unwrap();
    operators.propose_phone_change(&change(61, UNKNOWN_PHONE), &notice(), &by("anna")).await.unwrap();
    let open = operators.open_phone_changes(Uuid::nil(), 10).await.unwrap();
    assert_eq!(open, [change(61, UNKNOWN_PHONE)]);
    assert!(operators.open_phone_changes(id(61), 10).await.unwrap().is_empty());
    assert!(!operators.phone_change(id(60)).await.unwrap().unwrap().is_open);
    let of_old = store.applications_of(&Phone::parse(PHONE).unwrap()).await.unwrap();
    let snils = of_old[0].application.holder.snils.clone();
    let theirs: Vec<_> = of_old
        .iter()
        .filter(|found| found.application.holder.snils == snils)
        .map(|found| found.application.id)
        .collect();
    assert!(operators.confirm_phone_change(id(60), snils.as_str(), &by("boris"), LATER).await.unwrap().is_empty());
    let (boris, vera) = (by("boris"), by("vera"));
    let (one, two) = tokio::join!(
        operators.confirm_phone_change(id(61), snils.as_str(), &boris, LATER),
        operators.confirm_phone_change(id(61), snils.as_str(), &vera, LATER),
    );
    let mut changed = one.unwrap();
    changed.extend(two.unwrap());
    assert_eq!(changed, theirs);
    let of_new = store.applications_of(&Phone::parse(UNKNOWN_PHONE).unwrap()).await.unwrap();
    assert_eq!(of_new.iter().map(|found| found.application.id).collect::<Vec<_>>(), theirs);
    assert_eq!((of_new[0].application.state.as_str(), &of_new[0].request), ("available", &None));
    let page = |phone: &str| Page::Terms {
        kind: TermKind::Phone,
        after: (phone.to_owned(), Uuid::nil()),
        to: phone.to_owned(),
    };
    assert_eq!(operators.search(&page(UNKNOWN_PHONE), 10).await.unwrap().len(), theirs.len());
    assert_eq!(operators.search(&page(PHONE), 10).await.unwrap().len(), of_old.len() - theirs.len());
}

pub async fn a_cancelled_phone_change_changes_nothing(store: &dyn Store) {
    filled(store).await;
    let operators = store.operator_store();
    operators.propose_phone_change(&change(60, OTHER_PHONE), &notice(), &by("anna")).await.unwrap();
    // Beside the one that tells of the proposal there is no message.
    assert_eq!(queued(store).await, 1);
    assert!(operators.cancel_phone_change(id(60), &by("boris"), LATER).await.unwrap());
    assert!(!operators.cancel_phone_change(id(60), &by("boris"), LATER).await.unwrap());
    let there = store.application_by_number("67092365").await.unwrap().unwrap().application;
    let changed =
        operators.confirm_phone_change(id(60), there.holder.snils.as_str(), &by("boris"), LATER).await.unwrap();
    assert!(changed.is_empty());
    assert_eq!(store.application_by_number("67092365").await.unwrap().unwrap().application, there);
    let events: Vec<_> = store.audit().await.unwrap().into_iter().map(|row| row.event).collect();
    assert_eq!(events[6..], ["phone change proposed", "phone change cancelled"]);
}

pub async fn an_unlocked_phone_begins_its_tries_anew(store: &dyn Store) {
    let phone = Phone::parse(PHONE).unwrap();
    assert!(!store.operator_store().unlock_phone(&phone, &by("anna"), NOW).await.unwrap());
    ordered(store, 1).await;
    let exhausted = async || matches!(store.attempt(&attempt(1), NOW).await.unwrap(), Attempted::Exhausted(_));
    assert_eq!((exhausted().await, exhausted().await), (false, true));
    assert!(store.operator_store().unlock_phone(&phone, &by("anna"), NOW).await.unwrap());
    store.order_password(&password(2, NOW), b"m", &limits(Duration::ZERO)).await.unwrap();
    assert!(!exhausted().await);
    let rows = store.audit().await.unwrap();
    let last = rows.last().unwrap();
    assert_eq!((last.detail.as_str(), &last.by), ("+7 922 ··· ··45", &by("anna")));
}
