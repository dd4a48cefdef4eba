//! Text messages: those that wait, and what became of the others.

use qcert_protocol::holder::Phone;
use rusqlite::{Connection, params};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Effect, MessageRecord, MessageState, QueuedMessage, SettledMessage, StoreError, Stored,
    rows::{Columns, all, execute, first, millis, time, whole},
};
use crate::store::Settlement;

pub(super) fn claim(
    connection: &Connection,
    owner: Uuid,
    limit: u32,
    now: OffsetDateTime,
    until: OffsetDateTime,
) -> Stored<Effect<Vec<QueuedMessage>>> {
    let mut claimed = all(
        connection,
        "UPDATE messages SET lease_owner = ?1, due_at = ?2, attempts = attempts + 1 WHERE id IN ( \
         SELECT id FROM messages WHERE due_at <= ?3 ORDER BY due_at, id LIMIT ?4) \
         RETURNING id, sealed, expires_at, attempts, CASE WHEN state = 'sending' THEN COALESCE(gateway, '') END",
        params![owner, millis(until), millis(now), limit],
        |columns| {
            Ok(QueuedMessage {
                id: columns.next()?,
                sealed: columns.next()?,
                expires_at: columns.time()?,
                attempts: columns.next()?,
                handed_to: columns.next()?,
            })
        },
    )?;
    // An answer to RETURNING has no order.
    claimed.sort_by_key(|message| message.id);
    Ok(if claimed.is_empty() { Effect::Undone(claimed) } else { Effect::Kept(claimed) })
}

pub(super) fn begin(
    connection: &Connection,
    owner: Uuid,
    ids: &[i64],
    gateway: &str,
    until: OffsetDateTime,
) -> Stored<Effect<Vec<i64>>> {
    let mut begun = Vec::with_capacity(ids.len());
    for id in ids {
        let changed = execute(
            connection,
            "UPDATE messages SET state = 'sending', gateway = ?3, due_at = ?4 WHERE id = ?1 AND lease_owner = ?2",
            params![id, owner, gateway, millis(until)],
        )?;
        begun.extend((changed == 1).then_some(*id));
    }
    Ok(Effect::Kept(begun))
}

pub(super) fn settle(
    connection: &Connection,
    owner: Uuid,
    settled: &[SettledMessage],
    now: OffsetDateTime,
) -> Stored<Effect<()>> {
    for message in settled {
        if message.settlement == Settlement::Discarded {
            let discard = "DELETE FROM messages WHERE id = ? AND lease_owner = ?";
            execute(connection, discard, params![message.id, owner])?;
            continue;
        }
        let (state, due) = message.settlement.columns();
        execute(
            connection,
            "UPDATE messages SET state = ?3, due_at = ?4, lease_owner = NULL, gateway = COALESCE(?5, gateway), \
             problem = ?6, sealed = CASE WHEN ?4 IS NULL THEN NULL ELSE sealed END, \
             settled_at = CASE WHEN ?4 IS NULL THEN ?7 END WHERE id = ?1 AND lease_owner = ?2",
            params![message.id, owner, state, due.map(millis), message.gateway, message.problem, millis(now)],
        )?;
        for reference in &message.references {
            refer(connection, message, reference, now)?;
        }
        if !message.references.is_empty() {
            judge(connection, message.id, now)?;
        }
    }
    Ok(Effect::Kept(()))
}

/// A gateway begins its numbers again some day. What was reported before the name was noted counts.
fn refer(connection: &Connection, message: &SettledMessage, reference: &str, now: OffsetDateTime) -> Stored<()> {
    execute(
        connection,
        "INSERT INTO message_references (gateway, reference, message_id, noted_at) \
         SELECT ?1, ?2, id, ?4 FROM messages WHERE id = ?3 \
         ON CONFLICT (gateway, reference) DO UPDATE SET message_id = excluded.message_id, noted_at = ?4, \
         state = CASE WHEN message_references.message_id IS NULL THEN message_references.state END, \
         problem = CASE WHEN message_references.message_id IS NULL THEN message_references.problem END",
        params![message.gateway.as_deref().unwrap_or_default(), reference, message.id, millis(now)],
    )?;
    Ok(())
}

/// A message is delivered when all of it is, and undelivered when any part is.
fn judge(connection: &Connection, message: i64, now: OffsetDateTime) -> Stored<()> {
    let parts: Vec<(Option<String>, Option<String>)> =
        all(connection, "SELECT state, problem FROM message_references WHERE message_id = ?", [message], |columns| {
            Ok((columns.next()?, columns.next()?))
        })?;
    let undelivered = MessageState::Undelivered.as_str();
    let failed = parts.iter().find(|(state, _)| state.as_deref() == Some(undelivered));
    let state = match failed {
        Some(_) => undelivered,
        None if parts.iter().all(|(state, _)| state.is_some()) => MessageState::Delivered.as_str(),
        None => return Ok(()),
    };
    execute(
        connection,
        "UPDATE messages SET state = ?2, problem = ?3, settled_at = ?4 \
         WHERE id = ?1 AND state IN ('accepted', 'unknown', 'delivered', 'undelivered')",
        params![message, state, failed.and_then(|(_, problem)| problem.as_deref()), millis(now)],
    )?;
    Ok(())
}

pub(super) fn report(
    connection: &Connection,
    gateway: &str,
    reference: &str,
    state: MessageState,
    problem: Option<&str>,
    now: OffsetDateTime,
) -> Stored<Effect<()>> {
    let message = first(
        connection,
        "INSERT INTO message_references (gateway, reference, state, problem, noted_at) VALUES (?1, ?2, ?3, ?4, ?5) \
         ON CONFLICT (gateway, reference) DO UPDATE SET state = excluded.state, problem = excluded.problem \
         RETURNING message_id",
        params![gateway, reference, state.as_str(), problem, millis(now)],
        |columns| columns.next::<Option<i64>>(),
    )?;
    if let Some(message) = message.flatten() {
        judge(connection, message, now)?;
    }
    Ok(Effect::Kept(()))
}

macro_rules! records {
    ($rest:literal) => {
        concat!(
            "SELECT id, phone, purpose, state, created_at, expires_at, attempts, gateway, problem, settled_at \
             FROM messages ",
            $rest
        )
    };
}

pub(super) fn latest(connection: &Connection, phone: Option<&Phone>, limit: u32) -> Stored<Vec<MessageRecord>> {
    match phone {
        Some(phone) => {
            let sql = records!("WHERE phone = ? ORDER BY id DESC LIMIT ?");
            all(connection, sql, params![phone.as_str(), limit], record)
        }
        // From its end, and not further than the limit.
        None => whole(connection, records!("ORDER BY id DESC LIMIT ?"), [limit], record),
    }
}

fn record(columns: &mut Columns<'_>) -> Stored<MessageRecord> {
    Ok(MessageRecord {
        id: columns.next()?,
        phone: columns.next()?,
        purpose: columns.next()?,
        state: MessageState::parse(&columns.next::<String>()?).ok_or(StoreError::Corrupt("messages.state"))?,
        created_at: columns.time()?,
        expires_at: columns.time()?,
        attempts: columns.next()?,
        gateway: columns.next()?,
        problem: columns.next()?,
        settled_at: columns.next::<Option<i64>>()?.map(time).transpose()?,
    })
}

pub(super) fn forget(connection: &Connection, before: OffsetDateTime) -> Stored<Effect<()>> {
    for statement in [
        "DELETE FROM messages WHERE created_at < ? AND due_at IS NULL",
        "DELETE FROM message_references WHERE noted_at < ?",
    ] {
        execute(connection, statement, [millis(before)])?;
    }
    Ok(Effect::Kept(()))
}
