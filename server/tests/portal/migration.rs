//! A database of the first server goes on.

mod on_postgres;

use std::path::{Path, PathBuf};

use qcert_server::{
    audit,
    store::{PasswordScope, Purpose, Rate, RequestState, SessionRecord, Store, sqlite::SqliteStore},
};
use rusqlite::{Connection, params};
use serde_json::Value;
use time::{Duration, OffsetDateTime, macros::datetime};
use uuid::Uuid;

use crate::{
    store_suite::keeper,
    support::{DEMO, PHONE, Workplace},
};

const FIRST: &str = include_str!("../../migrations/sqlite/0001_first.sql");
const FILL: &str = include_str!("../fill_registry.sql");
const NOW: OffsetDateTime = datetime!(2026-03-02 09:00 UTC);

/// A certificate that a server issued, and what of it was signed.
struct Issued {
    der: Vec<u8>,
    to_be_signed: Vec<u8>,
    issuer: Vec<u8>,
    holder: String,
}

async fn issued() -> Issued {
    issued_by(&Workplace::on_sqlite("").await).await
}

async fn issued_by(workplace: &Workplace) -> Issued {
    let mut browser = workplace.signed_in(PHONE).await;
    workplace.sent(&mut browser).await;
    workplace.work().await.unwrap();
    let der = workplace.portal.store.certificates().await.unwrap().remove(0).der;
    let certificate = qcert_pki::Certificate::parse(&der).unwrap();
    let holder: Vec<Value> = serde_json::from_str(DEMO).unwrap();
    Issued {
        to_be_signed: certificate.tbs_der().to_vec(),
        issuer: workplace.portal.ca.current().id().to_vec(),
        holder: holder[0]["holder"].to_string(),
        der,
    }
}

fn id(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

/// A database as the first server left it, with a row in every table; of requests and issuances, one that is done and
/// one that a worker which died had committed.
fn first_database(directory: &Path, issued: &Issued) -> PathBuf {
    let file = directory.join("qcert.sqlite");
    let connection = Connection::open(&file).unwrap();
    connection.execute_batch("PRAGMA journal_mode = WAL").unwrap();
    connection.execute_batch(FIRST).unwrap();
    // As the library wrote it that the first server used.
    connection
        .execute_batch(
            "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL, \
             installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, success BOOLEAN NOT NULL, \
             checksum BLOB NOT NULL, execution_time BIGINT NOT NULL); \
             INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
             VALUES (1, 'first', TRUE, x'00', 1);",
        )
        .unwrap();
    let now = NOW.unix_timestamp() * 1000;
    let run = |sql: &str, params: &[&dyn rusqlite::ToSql]| assert_eq!(connection.execute(sql, params).unwrap(), 1);
    for (number, state) in [(1, "installed"), (2, "issuing")] {
        run(
            "INSERT INTO applications VALUES (?, ?, ?, ?, 'qualified', 0, NULL, ?, NULL, 7, ?)",
            params![id(number), format!("6709236{number}"), PHONE, issued.holder, state, now],
        );
        run(
            "INSERT INTO requests VALUES (?, ?, x'30', x'31', ?, ?, '67092361@2026-03-02-x', 'l', 's', 'm', ?, '{}', \
             zeroblob(32), ?, ?)",
            params![
                id(10 + number),
                id(number),
                [number as u8; 32],
                "0".repeat(40),
                if number == 1 { "issued" } else { "confirmed" },
                now,
                now
            ],
        );
        run(
            "INSERT INTO issuances VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                id(10 + number),
                id(number),
                if number == 1 { "done" } else { "working" },
                (number == 2).then(|| id(30)),
                (number == 2).then_some(now),
                format!("0{number}"),
                issued.to_be_signed,
                now
            ],
        );
    }
    let not_after = (NOW + Duration::DAY).unix_timestamp() * 1000;
    run(
        "INSERT INTO certificates VALUES (?, ?, ?, '01', ?, ?, ?, ?, ?, ?, 1)",
        params![id(20), id(1), id(11), "0".repeat(40), issued.der, now, not_after, now, now],
    );
    run("INSERT INTO sessions VALUES (?, ?, ?, ?, ?, NULL)", params![id(40), [4u8; 32], PHONE, now, now]);
    run(
        "INSERT INTO passwords VALUES (?, 'confirmation', ?, ?, ?, zeroblob(32), zeroblob(32), 'active', ?, ?)",
        params![id(50), PHONE, id(12), id(40), now, not_after],
    );
    run("INSERT INTO tries VALUES (?, 'signIn', ?, 2)", params![PHONE, now]);
    run("INSERT INTO rates VALUES ('x', ?, 1)", params![now]);
    run("INSERT INTO messages (sealed, created_at) VALUES (x'4d', ?)", params![now]);
    run("INSERT INTO mistakes VALUES (?, ?, 'text', ?)", params![id(60), id(1), now]);
    let hash = audit::chain::hashed(&[0; 32], now, "application imported", id(1), "67092361");
    run(
        "INSERT INTO audit (at, event, subject, detail, hash) VALUES (?, 'application imported', ?, '67092361', ?)",
        params![now, id(1), hash],
    );
    file
}

async fn open(file: &Path) -> Result<SqliteStore, qcert_server::store::StoreError> {
    SqliteStore::open(&format!("sqlite:{}", file.display()), keeper(None)).await
}

#[tokio::test]
async fn a_database_of_the_first_server_goes_on_with_everything_in_it() {
    let issued = issued().await;
    let directory = tempfile::tempdir().unwrap();
    let store = open(&first_database(directory.path(), &issued)).await.unwrap();
    let phone = qcert_protocol::holder::Phone::parse(PHONE).unwrap();

    let rows = store.applications_of(&phone).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.application.revision).collect::<Vec<_>>(), [7, 7]);
    assert_eq!(rows[1].request.as_ref().map(|request| request.state), Some(RequestState::Confirmed));
    let certificate = rows[0].certificate.clone().unwrap();
    assert_eq!((certificate.issuer.to_vec(), certificate.shard.as_str()), (issued.issuer.clone(), ""));
    assert_eq!((certificate.installed_at, certificate.revoked), (Some(NOW), None));
    let shards = store.shards(NOW).await.unwrap();
    assert_eq!(
        (shards.len(), shards[0].issuer.to_vec(), shards[0].until),
        (1, issued.issuer.clone(), NOW + Duration::DAY)
    );

    let job = store.claim_issuances(id(31), 1, NOW, NOW, NOW).await.unwrap().remove(0).unwrap();
    let committed = job.committed.unwrap();
    assert_eq!((committed.issuer.to_vec(), committed.shard.as_str()), (issued.issuer, ""));
    assert_eq!((committed.serial.as_str(), committed.to_be_signed), ("02", issued.to_be_signed));

    let session = store.session(&[4; 32]).await.unwrap();
    assert!(matches!(session, Some(SessionRecord { id: there, .. }) if there == id(40)));
    let scope = PasswordScope { phone: phone.clone(), purpose: Purpose::Confirmation, subject: Some((id(12), id(40))) };
    assert_eq!(store.passwords(&scope).await.unwrap().len(), 1);
    assert_eq!(store.failures(&phone).await.unwrap().map(|failures| failures.count), Some(2));
    let rate = Rate { subject: "x".to_owned(), limit: 1, window: Duration::HOUR };
    assert_eq!(store.count(&rate, NOW).await.unwrap(), Some(NOW));
    assert_eq!(store.claim_messages(id(32), 9, NOW, NOW).await.unwrap()[0].sealed, b"M");
    // What was chained before there was a key goes on under it.
    let tester = audit::Actor::at_command_line("tester");
    assert!(store.block_key(&[9; 32], &tester, NOW).await.unwrap());
    let rows = store.audit().await.unwrap();
    assert_eq!((rows[0].place, rows[0].is_of_before()), (1, true));
    assert_eq!((rows[1].place, rows[1].node.as_str(), rows[1].sequence), (2, "here", 1));
    let key = keeper(None).key;
    assert!(audit::verify::is_whole(&key, &rows));
    let mut changed = rows;
    changed[0].detail.push('2');
    changed[0].mac = audit::chain::hashed(&[0; 32], changed[0].millis(), &changed[0].event, id(1), &changed[0].detail);
    assert!(!audit::verify::is_whole(&key, &changed), "its hash fits, and the first code does not");
}

#[tokio::test]
async fn a_database_is_brought_up_to_date_once_and_one_of_a_newer_server_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let file = first_database(directory.path(), &issued().await);
    drop(open(&file).await.unwrap());
    drop(open(&file).await.unwrap());
    Connection::open(&file).unwrap().execute_batch("PRAGMA user_version = 99").unwrap();
    let refused = open(&file).await.err().unwrap().to_string();
    assert!(refused.contains("version 99") && refused.contains("newer server"), "{refused}");
}

#[tokio::test]
async fn a_database_that_cannot_be_brought_up_to_date_stays_as_it_was() {
    let issued = Issued { der: vec![1], ..issued().await };
    let directory = tempfile::tempdir().unwrap();
    let file = first_database(directory.path(), &issued);
    let refused = open(&file).await.err().unwrap().to_string();
    assert!(refused.contains("version 2") && refused.contains("cannot be read"), "{refused}");
    let connection = Connection::open(&file).unwrap();
    let columns = "SELECT count(*) FROM pragma_table_info('certificates') WHERE name = 'issuer'";
    assert_eq!(connection.query_row(columns, [], |row| row.get::<_, i64>(0)).unwrap(), 0);
}

/// Prints how long a database of the first server takes that has as many certificates as QCERT_CERTIFICATES says.
#[tokio::test]
async fn a_database_with_many_certificates_is_brought_up_to_date() {
    let directory = tempfile::tempdir().unwrap();
    let file = first_database(directory.path(), &issued().await);
    let count: u32 = std::env::var("QCERT_CERTIFICATES").map_or(100, |text| text.parse().unwrap());
    let connection = Connection::open(&file).unwrap();
    connection.execute("CREATE TEMP TABLE wanted AS SELECT ? AS count", [count]).unwrap();
    // The first server's tables do not name issuers.
    let fill =
        FILL.replace(", issuer, shard)", ")").replace(", i.issuer, i.shard", "").replace(", c.issuer, c.shard", "");
    connection.execute_batch(&fill).unwrap();
    drop(connection);
    let size = std::fs::metadata(&file).unwrap().len() / 1_000_000;
    // A figure for a person to read; nothing depends on it.
    #[allow(clippy::disallowed_methods)]
    let begun = std::time::Instant::now();
    let store = open(&file).await.unwrap();
    println!("{count} certificates, {size} MB: {:.1} s", begun.elapsed().as_secs_f64());
    let (_, last) = store.certificate("01").await.unwrap().unwrap();
    assert_eq!(last.id, id(20));
    let connection = Connection::open(&file).unwrap();
    let named = "SELECT count(*) FROM certificates WHERE length(issuer) = 20";
    assert_eq!(connection.query_row(named, [], |row| row.get::<_, u32>(0)).unwrap(), count + 1);
}
