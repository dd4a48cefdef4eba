//! What PostgreSQL reads for an answer when there is much of everything: it is asked how it carried out each statement
//! that the server sent, and no statement may go through more than the page that is shown. SQLite is asked in every
//! test (`store/sqlite/rows.rs`).

use std::{cell::Cell, time::Duration};

use qcert_protocol::{holder::Phone, operator::Role};
use qcert_test_postgres::Cluster;
use serde_json::{Value, json};
use sqlx::Connection;

use crate::support::{PHONE, Workplace};

/// Applications, certificates, messages and the rest.
const MANY: usize = 10_000;
/// A page and what stands beside each of its rows, several times over.
const A_FEW: f64 = 1_500.0;
/// A statement that is sent this often on one connection is planned without its values, for good.
const OFTEN: usize = 8;

const FILL: &str = concat!(
    "CREATE TEMP TABLE wanted AS SELECT 10000 AS count;",
    include_str!("../fill_registry_postgres.sql"),
    "INSERT INTO audit (id, at, node, sequence, event, subject, who, origin, outcome, detail, hash) \
         SELECT 1000 + n, n, 'filled', n, 'filled', gen_random_uuid(), 'x', '', 'done', '', sha256('x') \
         FROM generate_series(1, 10000) n;
     INSERT INTO messages (phone, purpose, state, due_at, created_at, expires_at) \
         SELECT '+78' || lpad(n::text, 9, '0'), 'notice', 'accepted', NULL, n, n FROM generate_series(1, 10000) n;
     INSERT INTO mistakes (id, application_id, text, created_at, answer, answered_by, answered_at) \
         SELECT a.id, a.id, 'x', 1, CASE a.place % 2 WHEN 0 THEN 'x' END, CASE a.place % 2 WHEN 0 THEN 'x' END, \
         CASE a.place % 2 WHEN 0 THEN 1 END FROM applications a;
     INSERT INTO phone_changes (id, application_id, old_phone, new_phone, proposed_by, proposed_at, ripe_at, state) \
         SELECT a.id, a.id, a.phone, '+79990000000', 'anna', 1, 1, CASE a.place % 2 WHEN 0 THEN 'open' ELSE 'done' END \
         FROM applications a;
     UPDATE applications SET state = 'sent' WHERE place % 2 = 0 AND number LIKE 'F%';
     UPDATE issuances i SET state = 'held' FROM applications a WHERE a.id = i.application_id AND a.state = 'sent';"
);

/// A statement and how it was carried out.
struct Carried {
    statement: String,
    plan: Value,
}

/// A portal on a PostgreSQL that writes down how it carries out what it is asked.
struct Filled {
    cluster: Cluster,
    workplace: Workplace,
    seen: Cell<usize>,
}

impl Filled {
    async fn new() -> Self {
        let cluster = Cluster::with(&[
            "session_preload_libraries=auto_explain",
            "auto_explain.log_min_duration=0",
            "auto_explain.log_analyze=on",
            "auto_explain.log_timing=off",
            "auto_explain.log_nested_statements=on",
            "auto_explain.log_format=json",
        ])
        .unwrap();
        let url = cluster.create_database("qcert").unwrap();
        let workplace = Workplace::at("", url.clone()).await;
        let mut browser = workplace.signed_in(PHONE).await;
        workplace.sent(&mut browser).await;
        workplace.work().await.unwrap();
        let mut connection = sqlx::PgConnection::connect(&url).await.unwrap();
        sqlx::raw_sql(FILL).execute(&mut connection).await.unwrap();
        sqlx::raw_sql("VACUUM ANALYZE").execute(&mut connection).await.unwrap();
        let seen = Cell::new(cluster.log().unwrap().len());
        Self { cluster, workplace, seen }
    }

    /// What was carried out since this was asked the last time, once something of it reads this table.
    async fn carried(&self, table: &str) -> Vec<Carried> {
        for _ in 0..100 {
            tokio::time::sleep(Duration::from_millis(50)).await;
            let log = self.cluster.log().unwrap();
            let carried = plans(&log[self.seen.get()..]);
            if carried.iter().any(|carried| reads(&carried.plan, table)) {
                self.seen.set(log.len());
                return carried;
            }
        }
        panic!("nothing was read from {table}");
    }
}

/// The plans of a log: JSON after `plan:`, in lines that begin with a tab.
fn plans(log: &str) -> Vec<Carried> {
    let mut plans = Vec::new();
    let mut lines = log.lines().peekable();
    while let Some(line) = lines.next() {
        if !line.ends_with("plan:") {
            continue;
        }
        let mut text = String::new();
        while let Some(part) = lines.next_if(|line| line.starts_with('\t')) {
            text.push_str(part);
        }
        // The last one may still be on its way into the file.
        let Ok(plan) = serde_json::from_str::<Value>(&text) else { continue };
        let statement = plan["Query Text"].as_str().unwrap_or_default().to_owned();
        plans.push(Carried { statement, plan: plan["Plan"].clone() });
    }
    plans
}

/// Each step of a plan.
fn steps(plan: &Value) -> Vec<&Value> {
    let below = plan["Plans"].as_array().into_iter().flatten().flat_map(steps);
    std::iter::once(plan).chain(below).collect()
}

fn reads(plan: &Value, table: &str) -> bool {
    steps(plan).iter().any(|step| step["Relation Name"] == table)
}

/// How many rows a step went through, those that it threw away included.
fn rows(step: &Value) -> f64 {
    let number = |name: &str| step[name].as_f64().unwrap_or(0.0);
    let thrown_away = number("Rows Removed by Filter") + number("Rows Removed by Index Recheck");
    let joined = number("Rows Removed by Join Filter");
    (number("Actual Rows") + thrown_away + joined) * number("Actual Loops")
}

fn check(what: &str, carried: &[Carried]) {
    for Carried { statement, plan } in carried {
        for step in steps(plan) {
            let told = || format!("{what}: {statement}\n{plan:#}");
            assert!(rows(step) <= A_FEW, "{} rows for {}", rows(step), told());
            // A table that is all but empty may be read whole; with many rows the line above would say so.
            let sorts_everything = step["Node Type"] == "Sort" && rows(step) > 2.0 * 101.0;
            assert!(!sorts_everything, "sorts {} rows for {}", rows(step), told());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_reads_its_page_and_no_more_among_many_on_postgres() {
    let filled = Filled::new().await;
    let demo: Value = serde_json::from_str(crate::support::DEMO).unwrap();
    let template = {
        let mut browser = filled.workplace.signed_in(PHONE).await;
        let issued = browser.rows().await.into_iter().find(|row| row.certificate.is_some()).unwrap();
        let entry = demo.as_array().unwrap().iter().find(|entry| entry["number"] == issued.number.as_str());
        (entry.unwrap()["holder"].clone(), issued.certificate.unwrap().serial)
    };
    let (holder, serial) = template;
    let name = format!("{} {}", holder["surname"].as_str().unwrap(), holder["givenName"].as_str().unwrap());
    let beginning = name.chars().take(3).collect::<String>();
    let last = "F000005000";
    filled.carried("certificates").await;
    let everything = filled.workplace.portal.store.applications().await.unwrap().len();
    assert_eq!(everything, MANY + 6);
    let whole = filled.carried("certificates").await;
    let most = whole.iter().flat_map(|carried| steps(&carried.plan)).map(rows).fold(0.0, f64::max);
    assert!(most >= MANY as f64, "what goes through everything is seen: {most}");

    for (asked, table) in [
        (json!({"by": "all"}), "applications"),
        (json!({"by": "all", "after": last}), "applications"),
        (json!({"by": "waiting"}), "issuances"),
        (json!({"by": "waiting", "after": last}), "issuances"),
        (json!({"by": "number", "value": last}), "applications"),
        (json!({"by": "serial", "value": serial}), "certificates"),
        (json!({"by": "phone", "value": "+79000005000"}), "application_terms"),
        (json!({"by": "inn", "value": holder["innPerson"]}), "application_terms"),
        (json!({"by": "inn", "value": holder["innPerson"], "after": last}), "application_terms"),
        (json!({"by": "inn", "value": holder["innLegalEntity"], "after": last}), "application_terms"),
        (json!({"by": "snils", "value": holder["snils"]}), "application_terms"),
        (json!({"by": "snils", "value": holder["snils"], "after": last}), "application_terms"),
        (json!({"by": "organization", "value": holder["organization"]}), "application_terms"),
        (json!({"by": "organization", "value": holder["organization"], "after": last}), "application_terms"),
        (json!({"by": "name", "value": beginning}), "application_terms"),
        (json!({"by": "name", "value": beginning, "after": last}), "application_terms"),
        (json!({"by": "name", "value": "я"}), "application_terms"),
    ] {
        let caller = filled.workplace.operator(&format!("o{}", filled.seen.get()), &[Role::Auditor]).await;
        for _ in 0..OFTEN {
            let reply = caller.post("/search", asked.clone()).await;
            assert_eq!(reply.status, 200, "{asked}: {}", reply.json());
            let found = reply.json()["applications"].as_array().unwrap().len();
            let is_one = ["phone", "number", "serial"].iter().any(|by| asked["by"] == **by);
            let expected = if asked["value"] == "я" {
                0
            } else if is_one {
                1
            } else {
                50
            };
            assert_eq!(found, expected, "{asked}");
        }
        check(&asked.to_string(), &filled.carried(table).await);
    }

    let caller = filled.workplace.operator("reader", &[Role::Auditor]).await;
    let middle = "a1000000-0000-0000-0000-000000001388";
    for (path, table, found) in [
        ("/audit".to_owned(), "audit", 200),
        ("/audit?after=6000".to_owned(), "audit", 200),
        ("/mistakes".to_owned(), "mistakes", 100),
        (format!("/mistakes?after={middle}"), "mistakes", 100),
        ("/phone-changes".to_owned(), "phone_changes", 100),
        (format!("/phone-changes?after={middle}"), "phone_changes", 100),
    ] {
        for _ in 0..OFTEN {
            let reply = caller.get(&path).await;
            assert_eq!(reply.status, 200, "{path}: {}", reply.json());
            let reply = reply.json();
            let list = reply["events"].as_array().or(reply.as_array()).unwrap();
            assert_eq!(list.len(), found, "{path}");
        }
        check(&path, &filled.carried(table).await);
    }

    let store = std::sync::Arc::clone(&filled.workplace.portal.store);
    for phone in [None, Some(Phone::parse(PHONE).unwrap())] {
        for _ in 0..OFTEN {
            let found = store.messages(phone.as_ref(), 50).await.unwrap().len();
            assert!(found == 50 || phone.is_some() && (1..10).contains(&found), "{found}");
        }
        check("messages", &filled.carried("messages").await);
    }
    let one = uuid::Uuid::parse_str(middle).unwrap();
    for _ in 0..OFTEN {
        assert_eq!(store.mistakes_of(one, 20).await.unwrap().len(), 1);
    }
    check("an application's reports", &filled.carried("mistakes").await);
}
