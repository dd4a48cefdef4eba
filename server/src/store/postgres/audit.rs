//! The audit: rows wait, unchained, from the transaction of what they tell; one server at a time takes them into the
//! chain of hashes.
//!
//! A row's place is given when it is taken, so a transaction that ends late comes after those that ended before it, and
//! never between rows that are chained already. What happened because of something else stands after it: its row's id
//! is higher, and when it can be seen, so can the other.

use ring::digest::SHA256_OUTPUT_LEN;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::{
    AuditRow, Stored,
    connections::{Connections, Failure, is_passing},
    rows::{Columns, array},
};
use crate::audit::chained;

/// How many rows are taken at a time.
const BATCH: i64 = 1000;
/// The advisory lock of whoever chains.
const LOCK: i64 = 0x0063_6861_696e_6572;

/// All rows, in the order of the chain, those that wait included.
pub(super) async fn all(connections: &Connections) -> Stored<Vec<AuditRow>> {
    while close(connections).await? {}
    let rows =
        connections.read_all(sqlx::query("SELECT at, event, subject, detail, hash FROM audit ORDER BY id")).await?;
    rows.iter().map(|row| read_row(&mut Columns::of(row))).collect()
}

/// The rows after a place in the chain.
pub(super) async fn after(connections: &Connections, place: i64, limit: u32) -> Stored<Vec<(i64, AuditRow)>> {
    while close(connections).await? {}
    let statement = "SELECT id, at, event, subject, detail, hash FROM audit WHERE id > $1 ORDER BY id LIMIT $2";
    let rows = connections.read(|| sqlx::query(statement).bind(place).bind(i64::from(limit))).await?;
    let read = |row| {
        let columns = &mut Columns::of(row);
        Ok((columns.next()?, read_row(columns)?))
    };
    rows.iter().map(read).collect()
}

fn read_row(columns: &mut Columns<'_>) -> Stored<AuditRow> {
    Ok(AuditRow {
        at: columns.time()?,
        event: columns.next()?,
        subject: columns.next()?,
        detail: columns.next()?,
        hash: columns.array()?,
    })
}

/// Takes a batch of waiting rows into the chain; true if more may wait.
pub(super) async fn close(connections: &Connections) -> Stored<bool> {
    let mut lent = connections.lend().await?;
    let taken = take(lent.connection()).await;
    match lent.settle(taken) {
        Err(Failure::Refused(error)) if is_passing(&error) => Ok(true),
        taken => Ok(taken? == usize::try_from(BATCH).unwrap_or(usize::MAX)),
    }
}

async fn take(connection: &mut PgConnection) -> Result<usize, sqlx::Error> {
    let mut transaction = connection.begin().await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut *transaction).await?;
    // Statements after the lock see what its owner before us committed.
    let waiting = sqlx::query("SELECT id, at, event, subject, detail FROM audit_waiting ORDER BY id LIMIT $1");
    let waiting = waiting.bind(BATCH).fetch_all(&mut *transaction).await?;
    if waiting.is_empty() {
        return Ok(0);
    }
    let last = sqlx::query("SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1").fetch_all(&mut *transaction).await?;
    let read = |error: super::StoreError| sqlx::Error::Decode(error.into());
    let (mut place, mut previous) = match last.first() {
        Some(row) => {
            let columns = &mut Columns::of(row);
            (columns.next::<i64>().map_err(read)?, array(columns.next().map_err(read)?).map_err(read)?)
        }
        None => (0, [0; SHA256_OUTPUT_LEN]),
    };
    let (mut ids, mut places, mut hashes) = (Vec::new(), Vec::new(), Vec::new());
    for row in &waiting {
        let columns = &mut Columns::of(row);
        ids.push(columns.next::<i64>().map_err(read)?);
        let (at, event): (i64, &str) = (columns.next().map_err(read)?, columns.next().map_err(read)?);
        let (subject, detail): (Uuid, &str) = (columns.next().map_err(read)?, columns.next().map_err(read)?);
        previous = chained(&previous, at, event, subject, detail);
        place += 1;
        places.push(place);
        hashes.push(previous.to_vec());
    }
    let moved = sqlx::query(
        "WITH chained AS (SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bytea[]) AS c (waited, place, hash)), \
         taken AS (DELETE FROM audit_waiting WHERE id = ANY ($1) RETURNING *) \
         INSERT INTO audit (id, at, event, subject, detail, hash) \
         SELECT place, at, event, subject, detail, hash FROM taken JOIN chained ON waited = id ORDER BY place",
    );
    moved.bind(&ids).bind(&places).bind(&hashes).execute(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(waiting.len())
}
