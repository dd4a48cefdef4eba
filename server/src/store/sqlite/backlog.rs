//! How far behind the work is.

use rusqlite::Connection;
use time::OffsetDateTime;

use super::{
    Stored,
    rows::{first, time},
};
use crate::store::Backlog;

pub(super) fn read(connection: &Connection) -> Stored<Backlog> {
    // SQLite calls it no scan of an index if there is a bound.
    let message =
        "SELECT created_at FROM messages WHERE due_at IS NOT NULL AND created_at > 0 ORDER BY created_at LIMIT 1";
    let queued =
        "SELECT created_at FROM issuances WHERE state = 'queued' AND created_at > 0 ORDER BY created_at LIMIT 1";
    let working =
        "SELECT created_at FROM issuances WHERE state = 'working' AND lease_until > 0 ORDER BY lease_until LIMIT 1";
    let held = "SELECT created_at FROM issuances WHERE state = 'held' AND created_at > 0 ORDER BY created_at LIMIT 1";
    let last_event = "SELECT at FROM audit WHERE id > 0 ORDER BY id DESC LIMIT 1";
    Ok(Backlog {
        message: oldest(connection, message)?,
        issuance: [oldest(connection, queued)?, oldest(connection, working)?].into_iter().flatten().min(),
        approval: oldest(connection, held)?,
        database_time: None,
        last_event: oldest(connection, last_event)?,
    })
}

fn oldest(connection: &Connection, sql: &str) -> Stored<Option<OffsetDateTime>> {
    first(connection, sql, [], |columns| columns.next())?.map(time).transpose()
}
