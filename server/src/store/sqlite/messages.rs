//! Text messages that wait.

use rusqlite::{Connection, params};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Effect, QueuedMessage, Stored,
    rows::{execute, millis, whole},
};

pub(super) fn claim(
    connection: &Connection,
    owner: Uuid,
    limit: u32,
    now: OffsetDateTime,
    until: OffsetDateTime,
) -> Stored<Effect<Vec<QueuedMessage>>> {
    // At the table's beginning are no more than those that are leased.
    let mut claimed = whole(
        connection,
        "UPDATE messages SET lease_owner = ?1, lease_until = ?2 WHERE id IN ( \
         SELECT id FROM messages WHERE lease_until IS NULL OR lease_until <= ?3 ORDER BY id LIMIT ?4) \
         RETURNING id, sealed",
        params![owner, millis(until), millis(now), limit],
        |columns| Ok(QueuedMessage { id: columns.next()?, sealed: columns.next()? }),
    )?;
    // An answer to RETURNING has no order.
    claimed.sort_by_key(|message| message.id);
    Ok(if claimed.is_empty() { Effect::Undone(claimed) } else { Effect::Kept(claimed) })
}

pub(super) fn remove(connection: &Connection, id: i64) -> Stored<Effect<()>> {
    execute(connection, "DELETE FROM messages WHERE id = ?", [id])?;
    Ok(Effect::Kept(()))
}
