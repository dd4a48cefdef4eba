//! The audit: what it tells, and what becomes of it in the hands of somebody who can write into the database.

mod secrets;
mod tampering;
mod upgrade;

use std::collections::BTreeMap;

use qcert_protocol::operator::Role;
use qcert_server::{
    audit::{
        Actor, Event, head,
        refusals::{self, MOST},
        verify::{Report, Verifier},
    },
    operators::{self, OperatorError},
    serve,
    store::AuditRow,
};
use serde_json::{Value, json};
use time::Duration;

use crate::support::{PHONE, Workplace, wrong};

impl Workplace {
    async fn audit(&self) -> Vec<AuditRow> {
        self.portal.store.audit().await.unwrap()
    }

    /// The events of one kind.
    async fn told(&self, event: Event) -> Vec<AuditRow> {
        self.audit().await.into_iter().filter(|row| row.event == event.as_str()).collect()
    }

    /// What `qcert-server audit verify` finds.
    async fn verified(&self) -> Report {
        let keeper = serve::keeper(&self.portal.settings).unwrap();
        let head = head::read(&keeper.head.unwrap()).unwrap();
        let mut verifier = Verifier::new(&keeper.key, head.into_iter().collect());
        self.audit().await.iter().for_each(|row| verifier.next(row));
        verifier.finish()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_event_says_who_from_where_and_by_which_server() {
    for workplace in
        [Workplace::on_sqlite("[server]\nnode = 'one'").await, Workplace::on_postgres("[server]\nnode = 'one'").await]
    {
        let mut browser = workplace.signed_in(PHONE).await;
        workplace.sent(&mut browser).await;
        workplace.work().await.unwrap();
        browser.delete("/session").await;
        let rows = workplace.audit().await;
        let told: Vec<_> =
            rows[6..].iter().map(|row| (row.event.as_str(), row.by.who.as_str(), row.by.from.as_str())).collect();
        let (holder, server) = (("holder", "127.0.0.1"), ("server", ""));
        let expected = [
            ("signed in", holder),
            ("request prepared", holder),
            ("request confirmed", holder),
            ("issuance begun", server),
            ("certificate committed", server),
            ("certificate issued", server),
            ("signed out", holder),
        ];
        assert_eq!(told, expected.map(|(event, (who, from))| (event, who, from)));
        assert_eq!((rows[0].by.clone(), rows[0].outcome.as_str()), (Actor::at_command_line("operator"), "done"));
        for (number, row) in (1..).zip(&rows) {
            assert_eq!((row.place, row.node.as_str(), row.sequence), (number, "one", number));
        }
        assert_eq!((rows[6].subject, rows[6].detail.as_str()), (rows[12].subject, "+7 922 ··· ··45"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_on_one_database_have_numbers_of_their_own_in_one_chain() {
    let one = Workplace::on_postgres("[server]\nnode = 'one'").await;
    let two = one.beside_as("two").await;
    for workplace in [&one, &two, &one, &two] {
        workplace.clock.advance(Duration::minutes(5));
        workplace.signed_in(PHONE).await;
    }
    let mut numbers: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for row in two.audit().await {
        numbers.entry(row.node).or_default().push(row.sequence);
    }
    assert_eq!(numbers["one"], (1..=8).collect::<Vec<_>>(), "six are imported");
    assert_eq!(numbers["two"], [1, 2]);
    assert!(one.verified().await.is_whole());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_list_stands_before_and_after_its_signature() {
    for workplace in [Workplace::on_sqlite("").await, Workplace::on_postgres("").await] {
        let (_, view) = workplace.with_certificate().await;
        workplace.revoked_by_operator(&view.serial, qcert_pki::crl::Reason::Superseded).await.unwrap();
        qcert_server::publication::lists::publish_due(&workplace.portal).await.unwrap();
        let rows = workplace.audit().await;
        let lists: Vec<_> = rows.iter().filter(|row| row.event.starts_with("revocation list")).collect();
        let events: Vec<&str> = lists.iter().map(|row| row.event.as_str()).collect();
        assert_eq!(events, ["revocation list committed", "revocation list published"]);
        assert_eq!((&lists[0].detail, &lists[0].by), (&lists[1].detail, &Actor::server()));
    }
}

#[tokio::test]
async fn a_wrong_password_is_told_once_a_minute_and_counted() {
    let workplace = Workplace::new().await;
    let mut browser = workplace.browser();
    browser.post("/sign-in/password", json!({"phone": PHONE})).await;
    let password = wrong(&workplace.password(PHONE).await);
    let try_it = json!({"phone": PHONE, "password": password});
    for _ in 0..3 {
        assert_eq!(browser.post("/sign-in", try_it.clone()).await.code(), "otp_wrong");
    }
    let told = workplace.told(Event::SignInRefused).await;
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].outcome.as_str(), told[0].detail.as_str()), ("refused otp_wrong", "+7 922 ··· ··45"));
    assert_eq!((told[0].by.who.as_str(), told[0].by.from.as_str()), ("holder", "127.0.0.1"));
    workplace.clock.advance(Duration::MINUTE);
    refusals::flush(&workplace.portal).await;
    let counted = workplace.told(Event::RefusalsCounted).await;
    assert_eq!(counted.iter().map(|row| row.detail.as_str()).collect::<Vec<_>>(), ["2 more: sign-in refused"]);
    browser.post("/sign-in", try_it).await;
    assert_eq!(workplace.told(Event::SignInRefused).await.len(), 2, "another minute");
}

#[tokio::test]
async fn refusals_of_passwords_and_tokens_are_told_with_what_they_were_for() {
    let workplace = Workplace::new().await;
    let (mut browser, view) = workplace.with_certificate().await;
    let revocation = format!("/certificates/{}/revocation", view.id);
    browser.post(&format!("{revocation}/password"), json!({"reason": "superseded"})).await;
    let password = wrong(&workplace.password(PHONE).await);
    let refused = browser.post(&revocation, json!({"reason": "superseded", "password": password})).await;
    assert_eq!(refused.code(), "otp_wrong");
    let told = workplace.told(Event::RevocationRefused).await;
    assert_eq!((told.len(), told[0].subject), (1, view.id));

    let auditor = workplace.operator("anna", &[Role::Auditor]).await;
    assert_eq!(auditor.post("/applications/1/approval", Value::Null).await.code(), "operator_role_missing");
    let mut nobody = workplace.operator("boris", &[Role::Auditor]).await;
    nobody.token.push('x');
    assert_eq!(nobody.get("/session").await.code(), "operator_token_required");
    let told = workplace.told(Event::OperatorRefused).await;
    let told: Vec<_> = told.iter().map(|row| (row.by.who.as_str(), row.outcome.as_str())).collect();
    assert_eq!(told, [("anna", "refused operator_role_missing"), ("nobody", "refused operator_token_required")]);
}

#[tokio::test]
async fn a_refused_approval_is_told() {
    let workplace = Workplace::with("[issuance]\napproval = 'operator'\napprovals = 2").await;
    let mut browser = workplace.signed_in(PHONE).await;
    let (row, _) = workplace.sent(&mut browser).await;
    let anna = workplace.operator("anna", &[Role::Approver]).await;
    let approval = format!("/applications/{}/approval", row.number);
    assert_eq!(anna.post(&approval, Value::Null).await.status, 200);
    assert_eq!(anna.post(&approval, Value::Null).await.code(), "second_operator_required");
    let told = workplace.told(Event::ApprovalRefused).await;
    assert_eq!((told.len(), told[0].subject, told[0].by.who.as_str()), (1, row.id, "anna"));
    assert_eq!(told[0].outcome, "refused second_operator_required");
}

#[tokio::test]
async fn an_attacker_does_not_fill_the_audit() {
    let workplace = Workplace::with("[otp]\nhourly_tries_by_address = 1000000").await;
    let before = workplace.audit().await.len();
    let mut browser = workplace.browser();
    for number in 0..300 {
        let phone = format!("+7999{number:07}");
        browser.post("/sign-in", json!({"phone": phone, "password": "000000"})).await;
    }
    assert!(workplace.audit().await.len() - before <= MOST);
}

#[tokio::test]
async fn names_that_the_audit_uses_itself_are_given_to_nobody() {
    let workplace = Workplace::new().await;
    let portal = &workplace.portal;
    let with = (&*portal.store, &*portal.clock, &*portal.randomness, &portal.secrets);
    let day = std::num::NonZeroU32::MIN;
    for name in ["holder", "server", "operator", "nobody", "Server"] {
        let added = operators::add(with, name, &[Role::Auditor], day, &Actor::at_command_line("tester")).await;
        assert!(matches!(added, Err(OperatorError::Reserved(_))), "{name}");
    }
    let added = operators::add(with, "command line", &[Role::Auditor], day, &Actor::at_command_line("tester")).await;
    assert!(matches!(added, Err(OperatorError::Name)));
    let refusal = qcert_server::error::Refusal::from(OperatorError::Reserved("server".to_owned()));
    assert_eq!(refusal.fields[0].field, "name");
    assert!(workplace.told(Event::OperatorAdded).await.is_empty());
}
