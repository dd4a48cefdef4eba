//! The audit's table: a chain of hashes.

use ring::digest;
use rusqlite::{Connection, params};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    AuditRow, Stored,
    rows::{self, Columns, execute, first, millis, whole},
};
use crate::audit::chained;

/// Adds a row, within the transaction of what it tells about.
pub(super) fn append(
    connection: &Connection,
    now: OffsetDateTime,
    event: &str,
    subject: Uuid,
    detail: &str,
) -> Stored<()> {
    // Read and not remembered: another program may have written since, and a savepoint may have been taken back.
    let last = first(connection, "SELECT hash FROM audit WHERE id = (SELECT max(id) FROM audit)", [], |columns| {
        columns.next()
    })?;
    let previous: [u8; digest::SHA256_OUTPUT_LEN] = last.unwrap_or_default();
    let hash = chained(&previous, millis(now), event, subject, detail);
    execute(
        connection,
        "INSERT INTO audit (at, event, subject, detail, hash) VALUES (?, ?, ?, ?, ?)",
        params![millis(now), event, subject, detail, hash],
    )?;
    Ok(())
}

/// The rows after a place.
pub(super) fn after(connection: &Connection, place: i64, limit: u32) -> Stored<Vec<(i64, AuditRow)>> {
    rows::all(
        connection,
        "SELECT id, at, event, subject, detail, hash FROM audit WHERE id > ? ORDER BY id LIMIT ?",
        params![place, limit],
        |columns| Ok((columns.next()?, row(columns)?)),
    )
}

fn row(columns: &mut Columns<'_>) -> Stored<AuditRow> {
    Ok(AuditRow {
        at: columns.time()?,
        event: columns.next()?,
        subject: columns.next()?,
        detail: columns.next()?,
        hash: columns.next()?,
    })
}

pub(super) fn all(connection: &Connection) -> Stored<Vec<AuditRow>> {
    whole(connection, "SELECT at, event, subject, detail, hash FROM audit ORDER BY id", [], row)
}
