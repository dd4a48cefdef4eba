//! What somebody does who can write into the database and does not have the key.

use qcert_server::audit::verify::Kind;
use serde_json::json;

use crate::support::{PHONE, Workplace};

/// Each store, with twelve events and more, and a head at the last.
async fn each() -> [Workplace; 2] {
    let each = [Workplace::on_sqlite("").await, Workplace::on_postgres("").await];
    for workplace in &each {
        let mut browser = workplace.signed_in(PHONE).await;
        workplace.sent(&mut browser).await;
        workplace.work().await.unwrap();
        workplace.portal.store.operator_store().close_audit().await.unwrap();
        assert!(workplace.verified().await.is_whole());
    }
    each
}

impl Workplace {
    /// Does something to the audit that its triggers would not let anybody do.
    async fn tamper(&self, statement: &str) {
        let open = match self.portal.settings.database_url.is_postgres() {
            true => {
                "ALTER TABLE audit DISABLE TRIGGER USER; ALTER TABLE audit DROP CONSTRAINT IF EXISTS audit_is_whole;"
            }
            false => {
                "DROP TRIGGER IF EXISTS audit_is_not_changed; DROP TRIGGER IF EXISTS audit_is_not_shortened; \
                 DROP TRIGGER IF EXISTS audit_is_whole;"
            }
        };
        self.sql(&format!("{open} {statement}")).await;
    }

    /// What is found, as kind and places.
    async fn found(&self) -> Vec<(Kind, i64, i64)> {
        let report = self.verified().await;
        report.findings.iter().map(|found| (found.kind, found.place, found.to)).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_database_lets_nobody_change_or_shorten_the_audit() {
    for workplace in each().await {
        for statement in ["UPDATE audit SET detail = '' WHERE id = 3", "DELETE FROM audit WHERE id = 3"] {
            let refused = workplace.try_sql(statement).await.unwrap_err();
            assert!(refused.contains("the audit is only appended to"), "{refused}");
        }
        let unsigned = "INSERT INTO audit (id, at, event, subject, detail, hash) \
             SELECT 100, at, event, subject, detail, hash FROM audit WHERE id = 1";
        assert!(workplace.try_sql(unsigned).await.unwrap_err().contains(
            if workplace.portal.settings.database_url.is_postgres() { "audit_is_whole" } else { "by which server" }
        ));
        if workplace.portal.settings.database_url.is_postgres() {
            assert!(workplace.try_sql("TRUNCATE audit").await.unwrap_err().contains("only appended to"));
        }
        assert!(workplace.verified().await.is_whole());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_event_is_found() {
    for workplace in each().await {
        workplace.tamper("UPDATE audit SET who = 'anna' WHERE id = 7").await;
        assert_eq!(workplace.found().await, [(Kind::Changed, 7, 7)]);
        workplace.tamper("UPDATE audit SET who = 'holder', origin = '198.51.100.1' WHERE id = 7").await;
        assert_eq!(workplace.found().await, [(Kind::Changed, 7, 7)]);
        workplace.tamper("UPDATE audit SET origin = '127.0.0.1' WHERE id = 7").await;
        assert_eq!(workplace.found().await, [], "as it was written");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_event_is_found() {
    for workplace in each().await {
        workplace.tamper("DELETE FROM audit WHERE id IN (4, 5)").await;
        assert_eq!(workplace.found().await, [(Kind::Missing, 4, 5)]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exchanged_events_are_found() {
    for workplace in each().await {
        workplace
            .tamper(
                "UPDATE audit SET id = -1 WHERE id = 4; UPDATE audit SET id = 4 WHERE id = 5; \
                 UPDATE audit SET id = 5 WHERE id = -1",
            )
            .await;
        assert_eq!(workplace.found().await, [(Kind::Reordered, 4, 4), (Kind::Reordered, 5, 5)]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_off_end_is_found_although_the_server_goes_on() {
    for workplace in each().await {
        let last = workplace.audit().await.len() as i64;
        workplace.tamper(&format!("DELETE FROM audit WHERE id > {}", last - 2)).await;
        assert_eq!(workplace.found().await, [(Kind::Truncated, last, last - 2)]);
        for phone in ["+79120000217", "+79120000225"] {
            let mut browser = workplace.browser();
            browser.post("/sign-in", json!({"phone": phone, "password": "000000"})).await;
        }
        workplace.signed_in("+79120000217").await;
        workplace.portal.store.operator_store().close_audit().await.unwrap();
        let found = workplace.found().await;
        assert!(matches!(found[..], [(Kind::Truncated, place, _)] if place == last), "{found:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_no_server_wrote_is_found() {
    for workplace in each().await {
        let last = workplace.audit().await.len() as i64;
        let copied = "INSERT INTO audit (id, at, node, sequence, event, subject, who, origin, outcome, detail, hash) \
             SELECT id + 1, at, node, sequence + 1, 'issuance approved', subject, 'anna', origin, outcome, detail, hash \
             FROM audit WHERE id = (SELECT max(id) FROM audit)";
        workplace.tamper(copied).await;
        assert_eq!(workplace.found().await, [(Kind::Changed, last + 1, last + 1)]);
        let as_before = "INSERT INTO audit (id, at, event, subject, detail, hash) \
             SELECT id + 1, at, event, subject, detail, hash FROM audit WHERE id = (SELECT max(id) FROM audit)";
        workplace.tamper(as_before).await;
        assert_eq!(
            workplace.found().await,
            [(Kind::Changed, last + 1, last + 1), (Kind::Inserted, last + 2, last + 2)]
        );
    }
}
