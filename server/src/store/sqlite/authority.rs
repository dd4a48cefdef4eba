//! Certificates of the authority's own.

use rusqlite::{Connection, params};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    AuthorityRecord, Effect, Stored, audit, issuances,
    rows::{execute, millis},
};
use crate::audit::{Actor, Event};

pub(super) fn commit(connection: &Connection, record: &AuthorityRecord) -> Stored<Effect<bool>> {
    if issuances::serial_is_used(connection, &record.serial)? {
        return Ok(Effect::Undone(false));
    }
    execute(
        connection,
        "INSERT INTO authority_certificates (serial, issuer, kind, to_be_signed, created_at) VALUES (?, ?, ?, ?, ?)",
        params![record.serial, record.issuer, record.kind, record.to_be_signed, millis(record.created_at)],
    )?;
    let detail = format!("{} {}", record.kind, record.serial);
    audit::append(
        connection,
        record.created_at,
        Event::AuthorityCertificateCommitted,
        Uuid::nil(),
        &detail,
        &Actor::server(),
    )?;
    Ok(Effect::Kept(true))
}

pub(super) fn complete(connection: &Connection, serial: &str, der: &[u8], now: OffsetDateTime) -> Stored<Effect<bool>> {
    let completed = execute(
        connection,
        "UPDATE authority_certificates SET der = ?, issued_at = ? WHERE serial = ? AND der IS NULL",
        params![der, millis(now), serial],
    )?;
    if completed != 1 {
        return Ok(Effect::Undone(false));
    }
    audit::append(connection, now, Event::AuthorityCertificateIssued, Uuid::nil(), serial, &Actor::server())?;
    Ok(Effect::Kept(true))
}
