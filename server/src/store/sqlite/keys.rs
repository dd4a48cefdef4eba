//! Keys that must not be certified.

use rusqlite::{Connection, params};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Effect, Prepared, Stored, audit, hex,
    rows::{execute, first, millis},
};
use crate::audit::{Actor, Event};

/// Why a key (SHA-256 of its SubjectPublicKeyInfo) cannot be the one of a new request.
pub(super) fn refused(connection: &Connection, key_digest: &[u8; 32]) -> Stored<Option<Prepared>> {
    let blocked = first(connection, "SELECT 1 FROM blocked_keys WHERE key_digest = ?", [key_digest], |columns| {
        columns.next::<i64>()
    })?;
    if blocked.is_some() {
        return Ok(Some(Prepared::KeyBlocked));
    }
    let revoked = first(
        connection,
        "SELECT c.revoked_at IS NOT NULL FROM requests r LEFT JOIN certificates c ON c.request_id = r.id \
         WHERE r.key_digest = ? AND r.state NOT IN ('removed', 'replaced')",
        [key_digest],
        |columns| columns.next::<bool>(),
    )?;
    Ok(revoked.map(|revoked| if revoked { Prepared::KeyRevoked } else { Prepared::KeyInUse }))
}

/// Is the key of a certificate on the block list?
pub(super) fn is_blocked(connection: &Connection, certificate: Uuid) -> Stored<bool> {
    let blocked = first(
        connection,
        "SELECT 1 FROM certificates c JOIN requests r ON r.id = c.request_id \
         JOIN blocked_keys b ON b.key_digest = r.key_digest WHERE c.id = ?",
        [certificate],
        |_| Ok(()),
    )?;
    Ok(blocked.is_some())
}

/// Puts a key on the list; false if it is there.
pub(super) fn block(connection: &Connection, key_digest: &[u8; 32], by: &str, now: OffsetDateTime) -> Stored<bool> {
    let blocked = execute(
        connection,
        "INSERT INTO blocked_keys (key_digest, blocked_by, created_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        params![key_digest, by, millis(now)],
    )?;
    Ok(blocked == 1)
}

pub(super) fn block_by_operator(
    connection: &Connection,
    key_digest: &[u8; 32],
    by: &Actor,
    now: OffsetDateTime,
) -> Stored<Effect<bool>> {
    if !block(connection, key_digest, &by.who, now)? {
        return Ok(Effect::Undone(false));
    }
    // The audit's subjects are ids; a key has none but its digest.
    audit::append(connection, now, Event::KeyBlocked, Uuid::nil(), &hex(key_digest), by)?;
    Ok(Effect::Kept(true))
}
