//! Sessions.

use qcert_protocol::holder::Phone;
use rusqlite::{Connection, params};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Effect, SessionRecord, Stored, audit, passwords,
    rows::{all, execute, first, millis, phone},
};
use crate::audit::{Actor, Event};

pub(super) fn sign_in(
    connection: &Connection,
    password: Uuid,
    session: &SessionRecord,
    before: Option<[u8; 32]>,
    by: &Actor,
) -> Stored<Effect<bool>> {
    let now = session.created_at;
    if !passwords::use_up(connection, password, now)? {
        return Ok(Effect::Undone(false));
    }
    if let Some(before) = before {
        end(connection, &before, now)?;
    }
    execute(
        connection,
        "INSERT INTO sessions (id, token_hash, phone, created_at, last_seen_at) VALUES (?, ?, ?, ?, ?)",
        params![session.id, session.token_hash, session.phone.as_str(), millis(now), millis(session.last_seen_at)],
    )?;
    audit::append(connection, now, Event::SignedIn, session.id, &session.phone.masked(), by)?;
    Ok(Effect::Kept(true))
}

pub(super) fn find(connection: &Connection, token_hash: &[u8; 32]) -> Stored<Option<SessionRecord>> {
    first(
        connection,
        "SELECT id, phone, created_at, last_seen_at FROM sessions WHERE token_hash = ? AND ended_at IS NULL",
        [token_hash],
        |columns| {
            Ok(SessionRecord {
                id: columns.next()?,
                token_hash: *token_hash,
                phone: phone(&columns.next::<String>()?)?,
                created_at: columns.time()?,
                last_seen_at: columns.time()?,
            })
        },
    )
}

pub(super) fn touch(connection: &Connection, id: Uuid, now: OffsetDateTime) -> Stored<Effect<()>> {
    execute(connection, "UPDATE sessions SET last_seen_at = ? WHERE id = ?", params![millis(now), id])?;
    Ok(Effect::Kept(()))
}

pub(super) fn end_all(
    connection: &Connection,
    of: &Phone,
    by: &Actor,
    now: OffsetDateTime,
) -> Stored<Effect<Vec<Uuid>>> {
    let ended: Vec<Uuid> = all(
        connection,
        "UPDATE sessions SET ended_at = ? WHERE phone = ? AND ended_at IS NULL RETURNING id",
        params![millis(now), of.as_str()],
        |columns| columns.next(),
    )?;
    for session in &ended {
        audit::append(connection, now, Event::SignedOut, *session, "", by)?;
    }
    Ok(Effect::Kept(ended))
}

/// Ends a session; answers which, if it had not been ended.
fn end(connection: &Connection, token_hash: &[u8; 32], now: OffsetDateTime) -> Stored<Option<Uuid>> {
    first(
        connection,
        "UPDATE sessions SET ended_at = ? WHERE token_hash = ? AND ended_at IS NULL RETURNING id",
        params![millis(now), token_hash],
        |columns| columns.next(),
    )
}

pub(super) fn sign_out(
    connection: &Connection,
    token_hash: &[u8; 32],
    by: &Actor,
    now: OffsetDateTime,
) -> Stored<Effect<()>> {
    if let Some(session) = end(connection, token_hash, now)? {
        audit::append(connection, now, Event::SignedOut, session, "", by)?;
    }
    Ok(Effect::Kept(()))
}
