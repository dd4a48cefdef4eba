//! The same for a shared database.

use qcert_pki::{Serial, crl::Reason};
use qcert_server::applications::import::{File, import};
use qcert_test_postgres::Database;
use sqlx::{
    AssertSqlSafe, Connection, PgConnection, Row, SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
};
use time::Duration;

use super::{Issued, NOW, id, issued_by};
use crate::support::{DEMO, PHONE, Workplace};

const FIRST: [(i64, &str, &str); 2] = [
    (1, "tables", include_str!("../../../migrations/postgres/0001_tables.sql")),
    (2, "functions", include_str!("../../../migrations/postgres/0002_functions.sql")),
];
const FILL: &str = include_str!("../../fill_registry_postgres.sql");

/// A database as the first server left it, with one certificate and these many more; to each belongs an event.
async fn first_database(url: &str, issued: &Issued, count: i32) {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let migration = |(version, name, sql): (i64, &'static str, &'static str)| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations(FIRST.map(migration).to_vec()).run(&mut connection).await.unwrap();
    let millis = NOW.unix_timestamp() * 1000;
    let one = sqlx::query(
        "WITH application AS (INSERT INTO applications (id, number, phone, holder, certificate_type, identification, \
         state, revision, created_at) VALUES ($1, 'T000000001', '+79000000000', $2, 'qualified', 0, 'installed', 7, $3)), \
         request AS (INSERT INTO requests (id, application_id, der, public_key, key_digest, key_id, container, \
         token_label, token_serial, token_model, state, created_at, confirmed_at) VALUES ($1, $1, '0', '1', \
         sha256('x'), repeat('0', 40), '67092361@2026-03-02-x', 'l', 's', 'm', 'issued', $3, $3)), \
         issuance AS (INSERT INTO issuances (request_id, application_id, snapshot, digest, state, created_at) \
         VALUES ($1, $1, $2, sha256('x'), 'done', $3)), \
         commitment AS (INSERT INTO commitments (request_id, issuer, shard, serial, to_be_signed) \
         VALUES ($1, $4, '1-0', '01', $5)) \
         INSERT INTO certificates (id, application_id, request_id, serial, key_id, der, not_before, not_after, \
         issued_at, installed_at, in_store, issuer, shard) \
         VALUES ($1, $1, $1, '01', repeat('0', 40), $6, $3, $7, $3, $3, true, $4, '1-0')",
    );
    let one = one.bind(id(1)).bind(&issued.holder).bind(millis).bind(&issued.issuer);
    let over = (NOW + Duration::days(365)).unix_timestamp() * 1000;
    one.bind(&issued.to_be_signed).bind(&issued.der).bind(over).execute(&mut connection).await.unwrap();
    // What the applications are found by was added later.
    let (before, rest) = FILL.split_once("INSERT INTO application_terms").unwrap();
    let (_, after) = rest.split_once(";").unwrap();
    let events = "INSERT INTO audit (id, at, event, subject, detail, hash) SELECT row_number() OVER (), issued_at, \
         'certificate issued', id, serial, sha256(id::text::bytea) FROM certificates";
    let fill = format!("CREATE TEMP TABLE wanted AS SELECT {count} AS count; {before}{after}; {events}");
    sqlx::raw_sql(AssertSqlSafe(fill)).execute(&mut connection).await.unwrap();
    sqlx::raw_sql("VACUUM ANALYZE").execute(&mut connection).await.unwrap();
}

/// A number that the database answers with.
async fn number(connection: &mut PgConnection, statement: &'static str) -> i64 {
    sqlx::query(statement).fetch_one(connection).await.unwrap().get(0)
}

/// Prints what the steps took with as many certificates as QCERT_CERTIFICATES says.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shared_database_with_many_certificates_is_brought_up_to_date_and_served() {
    let authority = Workplace::on_sqlite("").await;
    let issued = issued_by(&authority).await;
    let database = Database::new().unwrap();
    let count: i32 = std::env::var("QCERT_CERTIFICATES").map_or(1000, |text| text.parse().unwrap());
    first_database(&database.url(), &issued, count).await;
    let mut connection = PgConnection::connect(&database.url()).await.unwrap();
    let size = "SELECT pg_database_size(current_database()) / 1000000";
    println!("{count} certificates, {} MB", number(&mut connection, size).await);

    // A figure for a person to read; nothing depends on it.
    #[allow(clippy::disallowed_methods)]
    let begun = std::time::Instant::now();
    let workplace = authority.on_database(&database.url()).await;
    println!("in all {:.1} s, {} MB", begun.elapsed().as_secs_f64(), number(&mut connection, size).await);
    let steps = "SELECT version || ' ' || description || ': ' || execution_time / 1000000 || ' ms' FROM _sqlx_migrations \
         ORDER BY version";
    for step in sqlx::query(steps).fetch_all(&mut connection).await.unwrap() {
        println!("{}", step.get::<String, _>(0));
    }
    let all = i64::from(count) + 1;
    for (rows, expected) in [
        ("SELECT count(*) FROM certificates c JOIN commitments USING (request_id, serial)", all),
        ("SELECT count(*) FROM issuances WHERE state = 'done' AND NOT is_held", all),
        ("SELECT count(*) FROM audit WHERE sequence IS NULL", all),
        ("SELECT count(DISTINCT application_id) FROM application_terms WHERE kind = 1", all),
    ] {
        assert_eq!(number(&mut connection, rows).await, expected, "{rows}");
    }

    let portal = &workplace.portal;
    import(&*portal.store, &*portal.clock, &*portal.randomness, &File::json(DEMO)).await.unwrap();
    let (_, view) = workplace.with_certificate().await;
    assert!(workplace.ask_about(&view.serial).await.contains("Cert Status: good"));
    let last = "SELECT serial FROM certificates WHERE id <> $1 ORDER BY place DESC LIMIT 1";
    let old: String = sqlx::query(last).bind(view.id).fetch_one(&mut connection).await.unwrap().get(0);
    assert!(workplace.ask_about(&old).await.contains("Cert Status: good"));
    workplace.revoked_by_operator(&old, Reason::CessationOfOperation).await.unwrap();
    workplace.publish().await;
    let list = workplace.list("1-0").await;
    assert!(list.entry(&Serial::parse(&old).unwrap()).is_some());
    let phone = qcert_protocol::holder::Phone::parse(PHONE).unwrap();
    assert_eq!(portal.store.applications_of(&phone).await.unwrap().len(), 4);
}
