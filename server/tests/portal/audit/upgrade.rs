//! A shared database whose audit was written before its chain had a key.

use qcert_server::{
    audit::{Actor, chain::hashed, verify::is_whole},
    store::{Store, postgres::PostgresStore},
};
use qcert_test_postgres::Database;
use sqlx::{
    Connection, PgConnection, SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
};
use time::{OffsetDateTime, macros::datetime};
use uuid::Uuid;

use crate::store_suite::keeper;

const NOW: OffsetDateTime = datetime!(2026-03-02 09:00 UTC);
const BEFORE: [(i64, &str, &str); 6] = [
    (1, "tables", include_str!("../../../migrations/postgres/0001_tables.sql")),
    (2, "functions", include_str!("../../../migrations/postgres/0002_functions.sql")),
    (3, "orders and tries", include_str!("../../../migrations/postgres/0003_orders_and_tries.sql")),
    (4, "operators", include_str!("../../../migrations/postgres/0004_operators.sql")),
    (5, "messages", include_str!("../../../migrations/postgres/0005_messages.sql")),
    (6, "phones and answers", include_str!("../../../migrations/postgres/0006_phones_and_answers.sql")),
];

/// A database as a server of before left it: two events are chained, one waits.
async fn of_before(url: &str) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let migration = |(version, name, sql): (i64, &'static str, &'static str)| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations(BEFORE.map(migration).to_vec()).run(&mut connection).await.unwrap();
    let mut previous = [0; 32];
    for (place, event) in [(1_i64, "request prepared"), (2, "request removed")] {
        previous = hashed(&previous, place, event, Uuid::nil(), "x");
        let row =
            sqlx::query("INSERT INTO audit (id, at, event, subject, detail, hash) VALUES ($1, $1, $2, $3, 'x', $4)");
        row.bind(place).bind(event).bind(Uuid::nil()).bind(previous).execute(&mut connection).await.unwrap();
    }
    let waits = sqlx::query("INSERT INTO audit_waiting (at, event, subject, detail) VALUES (3, 'signed in', $1, 'x')");
    waits.bind(Uuid::nil()).execute(&mut connection).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chain_of_before_goes_on_under_the_key_and_is_held_by_the_first_code() {
    let database = Database::new().unwrap();
    of_before(&database.url()).await;
    let store = PostgresStore::open(&database.url(), 2, keeper(None)).await.unwrap();
    assert!(store.block_key(&[9; 32], &Actor::at_command_line("tester"), NOW).await.unwrap());
    let rows = store.audit().await.unwrap();
    let told: Vec<_> =
        rows.iter().map(|row| (row.place, row.node.as_str(), row.sequence, row.by.who.as_str())).collect();
    assert_eq!(told, [(1, "", 0, ""), (2, "", 0, ""), (3, "here", 1, ""), (4, "here", 2, "tester")]);
    let key = keeper(None).key;
    assert!(is_whole(&key, &rows));
    // Whoever has no key can make hashes anew, and the first code does not fit them.
    let mut changed = rows;
    changed[1].detail = "y".to_owned();
    changed[1].mac = hashed(&changed[0].mac, 2, &changed[1].event, Uuid::nil(), "y");
    assert!(!is_whole(&key, &changed));
}
