//! The audit: events wait, without their codes, from the transaction of what they tell; one server at a time takes them
//! into the chain.
//!
//! An event's place, and its number among its server's, are given when it is taken, so a transaction that ends late
//! comes after those that ended before it, and never between events that are chained already. What happened because of
//! something else stands after it: its row's id is higher, and when it can be seen, so can the other.

use std::collections::HashMap;

use sqlx::{Connection, PgConnection, postgres::PgRow};

use super::{
    AuditRow, StoreError, Stored,
    connections::{Connections, Failure, is_passing},
    rows::{Columns, array},
};
use crate::audit::{
    Actor, Keeper,
    chain::BEGINNING,
    head::{Follower, Head},
};

/// How many events are taken at a time.
const BATCH: i64 = 1000;
/// The advisory lock of whoever chains.
const LOCK: i64 = 0x0063_6861_696e_6572;

macro_rules! events {
    ($rest:literal) => {
        concat!("SELECT id, at, node, sequence, event, subject, who, origin, outcome, detail, hash FROM audit ", $rest)
    };
}

/// All events, in the order of the chain, those that wait included.
pub(super) async fn all(connections: &Connections, keeper: &Keeper) -> Stored<Vec<AuditRow>> {
    while close(connections, keeper).await? {}
    let rows = connections.read_all(sqlx::query(events!("ORDER BY id"))).await?;
    rows.iter().map(read_row).collect()
}

/// The events after a place in the chain.
pub(super) async fn after(connections: &Connections, keeper: &Keeper, place: i64, limit: u32) -> Stored<Vec<AuditRow>> {
    while close(connections, keeper).await? {}
    let statement = events!("WHERE id > $1 ORDER BY id LIMIT $2");
    let rows = connections.read(|| sqlx::query(statement).bind(place).bind(i64::from(limit))).await?;
    rows.iter().map(read_row).collect()
}

fn read_row(row: &PgRow) -> Stored<AuditRow> {
    let columns = &mut Columns::of(row);
    Ok(AuditRow {
        place: columns.next()?,
        at: columns.time()?,
        node: columns.next::<Option<_>>()?.unwrap_or_default(),
        sequence: columns.next::<Option<_>>()?.unwrap_or_default(),
        event: columns.next()?,
        subject: columns.next()?,
        by: Actor {
            who: columns.next::<Option<_>>()?.unwrap_or_default(),
            from: columns.next::<Option<_>>()?.unwrap_or_default(),
        },
        outcome: columns.next::<Option<_>>()?.unwrap_or_default(),
        detail: columns.next()?,
        mac: columns.array()?,
    })
}

/// Takes a batch of waiting events into the chain; true if more may wait.
pub(super) async fn close(connections: &Connections, keeper: &Keeper) -> Stored<bool> {
    let mut lent = connections.lend().await?;
    let taken = take(lent.connection(), keeper).await;
    match lent.settle(taken) {
        Err(Failure::Refused(error)) if is_passing(&error) => Ok(true),
        taken => Ok(taken? == usize::try_from(BATCH).unwrap_or(usize::MAX)),
    }
}

async fn take(connection: &mut PgConnection, keeper: &Keeper) -> Result<usize, sqlx::Error> {
    let mut transaction = connection.begin().await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut *transaction).await?;
    // Statements after the lock see what its owner before us committed. Of an event that a server of an earlier version
    // told, nobody knows by which server and for whom.
    let waiting = sqlx::query(
        "SELECT id, at, COALESCE(node, $2), 0::bigint, event, subject, COALESCE(who, ''), COALESCE(origin, ''), \
         COALESCE(outcome, 'done'), detail, decode(repeat('00', 32), 'hex') FROM audit_waiting ORDER BY id LIMIT $1",
    );
    let waiting = waiting.bind(BATCH).bind(&keeper.node).fetch_all(&mut *transaction).await?;
    if waiting.is_empty() {
        return Ok(0);
    }
    let last = sqlx::query("SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1").fetch_all(&mut *transaction).await?;
    let read = |error: StoreError| sqlx::Error::Decode(error.into());
    let (mut place, mut previous) = match last.first() {
        Some(row) => {
            let columns = &mut Columns::of(row);
            (columns.next::<i64>().map_err(read)?, array(columns.next().map_err(read)?).map_err(read)?)
        }
        None => (0, BEGINNING),
    };
    let mut numbers: HashMap<String, i64> = HashMap::new();
    let mut taken = Taken::default();
    for row in &waiting {
        // Its id there stands for its place.
        let mut event = read_row(row).map_err(read)?;
        taken.ids.push(event.place);
        place += 1;
        event.place = place;
        event.sequence = next_number(&mut transaction, &mut numbers, &event.node).await?;
        previous = keeper.key.mac(&previous, &event);
        taken.places.push(place);
        taken.nodes.push(event.node);
        taken.numbers.push(event.sequence);
        taken.codes.push(previous.to_vec());
    }
    let moved = sqlx::query(
        "WITH chained AS (SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[], $5::bytea[]) \
         AS c (waited, place, by_node, number, code)), \
         taken AS (DELETE FROM audit_waiting WHERE id = ANY ($1) RETURNING *) \
         INSERT INTO audit (id, at, node, sequence, event, subject, who, origin, outcome, detail, hash) \
         SELECT place, at, by_node, number, event, subject, COALESCE(who, ''), COALESCE(origin, ''), \
         COALESCE(outcome, 'done'), detail, code FROM taken JOIN chained ON waited = id ORDER BY place",
    );
    let moved = moved.bind(&taken.ids).bind(&taken.places).bind(&taken.nodes).bind(&taken.numbers).bind(&taken.codes);
    moved.execute(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(waiting.len())
}

/// What is added to events that waited.
#[derive(Default)]
struct Taken {
    ids: Vec<i64>,
    places: Vec<i64>,
    nodes: Vec<String>,
    numbers: Vec<i64>,
    codes: Vec<Vec<u8>>,
}

/// The next number of a server's.
async fn next_number(
    connection: &mut PgConnection,
    numbers: &mut HashMap<String, i64>,
    node: &str,
) -> Result<i64, sqlx::Error> {
    if let Some(number) = numbers.get_mut(node) {
        *number += 1;
        return Ok(*number);
    }
    let last: Option<i64> =
        sqlx::query_scalar("SELECT max(sequence) FROM audit WHERE node = $1").bind(node).fetch_one(connection).await?;
    let number = last.unwrap_or_default() + 1;
    numbers.insert(node.to_owned(), number);
    Ok(number)
}

/// Moves a head on to the end of the chain.
pub(super) async fn follow(connections: &Connections, follower: &mut Follower) -> anyhow::Result<()> {
    let last = connections.read(|| sqlx::query(events!("ORDER BY id DESC LIMIT 1"))).await?;
    let Some(last) = last.first().map(read_row).transpose()?.filter(|row| !row.is_of_before()).map(Head::from) else {
        return Ok(());
    };
    if follower.is_at(&last) {
        return Ok(());
    }
    let known = follower.known()?;
    let found = match &known {
        Some(known) => code_at(connections, known.place).await?,
        None => None,
    };
    follower.follow(&last, known.as_ref(), found)
}

async fn code_at(connections: &Connections, place: i64) -> Stored<Option<[u8; 32]>> {
    let found = connections.read(|| sqlx::query("SELECT hash FROM audit WHERE id = $1").bind(place)).await?;
    found.first().map(|row| Columns::of(row).array()).transpose()
}
