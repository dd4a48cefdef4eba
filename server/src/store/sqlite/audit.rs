//! The audit's table: a chain of codes. The key that they are made with belongs to a function of the connection that
//! writes, so that whoever appends needs to know nothing of it.

use rusqlite::{Connection, functions::FunctionFlags, params};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    AuditRow, Stored,
    rows::{self, Columns, execute, first, millis, whole},
};
use crate::audit::{
    Actor, Event, Keeper, Outcome,
    chain::BEGINNING,
    head::{Follower, Head},
};

/// Gives a connection what it appends with: the server's name, and the function that makes codes.
pub(super) fn prepare(connection: &Connection, keeper: &Keeper) -> Stored<()> {
    let (node, key) = (keeper.node.clone(), keeper.key.clone());
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_DIRECTONLY;
    connection.create_scalar_function("audit_node", 0, flags, move |_| Ok(node.clone()))?;
    connection.create_scalar_function("audit_code", 11, flags, move |context| {
        let millis: i64 = context.get(2)?;
        let refused = |_| rusqlite::Error::UserFunctionError("a time that is none".into());
        let row = AuditRow {
            place: context.get(1)?,
            at: rows::time(millis).map_err(refused)?,
            node: context.get(3)?,
            sequence: context.get(4)?,
            event: context.get(5)?,
            subject: context.get(6)?,
            by: Actor { who: context.get(7)?, from: context.get(8)? },
            outcome: context.get(9)?,
            detail: context.get(10)?,
            mac: BEGINNING,
        };
        Ok(key.mac(&context.get::<[u8; 32]>(0)?, &row).to_vec())
    })?;
    Ok(())
}

/// What was done, on whom.
pub(super) fn append(
    connection: &Connection,
    now: OffsetDateTime,
    event: Event,
    subject: Uuid,
    detail: &str,
    by: &Actor,
) -> Stored<()> {
    note(connection, now, event, subject, detail, by, Outcome::Done)
}

/// Adds an event, within the transaction of what it tells about.
pub(super) fn note(
    connection: &Connection,
    now: OffsetDateTime,
    event: Event,
    subject: Uuid,
    detail: &str,
    by: &Actor,
    outcome: Outcome,
) -> Stored<()> {
    // The end of the chain is read and not remembered: another program may have written since, and a savepoint may have
    // been taken back.
    execute(
        connection,
        "INSERT INTO audit (id, at, node, sequence, event, subject, who, origin, outcome, detail, hash) \
         SELECT place, ?1, node, sequence, ?2, ?3, ?4, ?5, ?6, ?7, \
         audit_code(previous, place, ?1, node, sequence, ?2, ?3, ?4, ?5, ?6, ?7) \
         FROM (SELECT COALESCE((SELECT max(id) FROM audit), 0) + 1 AS place, audit_node() AS node, \
         COALESCE((SELECT hash FROM audit WHERE id = (SELECT max(id) FROM audit)), zeroblob(32)) AS previous, \
         COALESCE((SELECT max(sequence) FROM audit WHERE node = audit_node()), 0) + 1 AS sequence)",
        params![millis(now), event.as_str(), subject, by.who, by.from, outcome.to_string(), detail],
    )?;
    Ok(())
}

macro_rules! events {
    ($rest:literal) => {
        concat!("SELECT id, at, node, sequence, event, subject, who, origin, outcome, detail, hash FROM audit ", $rest)
    };
}

/// The events after a place.
pub(super) fn after(connection: &Connection, place: i64, limit: u32) -> Stored<Vec<AuditRow>> {
    rows::all(connection, events!("WHERE id > ? ORDER BY id LIMIT ?"), params![place, limit], row)
}

pub(super) fn all(connection: &Connection) -> Stored<Vec<AuditRow>> {
    whole(connection, events!("ORDER BY id"), [], row)
}

fn row(columns: &mut Columns<'_>) -> Stored<AuditRow> {
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
        mac: columns.next()?,
    })
}

/// Moves a head on to the end of what is committed.
pub(super) fn follow(connection: &Connection, follower: &mut Follower) -> anyhow::Result<()> {
    let last = first(connection, events!("WHERE id = (SELECT max(id) FROM audit)"), [], row)?;
    let Some(last) = last.filter(|row| !row.is_of_before()).map(Head::from) else { return Ok(()) };
    if follower.is_at(&last) {
        return Ok(());
    }
    let known = follower.known()?;
    let code = |place: i64| first(connection, "SELECT hash FROM audit WHERE id = ?", [place], |columns| columns.next());
    let found = match &known {
        Some(known) => code(known.place)?,
        None => None,
    };
    follower.follow(&last, known.as_ref(), found)
}
