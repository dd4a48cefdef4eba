//! The registry of certificates.

use qcert_pki::crl::Reason;
use qcert_protocol::holder::Phone;
use rusqlite::{Connection, params};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Application, Certificate, Effect, IssuerId, NewRevocation, RevokeOutcome, Revoked, RevokedCertificate, Stored,
    applications, audit, keys, passwords, revocation_lists,
    rows::{self, all as all_rows, execute, first, millis},
};
use crate::audit::{Actor, Event};

/// False if the registry has its id, serial, request or application already.
pub(super) fn insert(connection: &Connection, certificate: &Certificate) -> Stored<bool> {
    let inserted = execute(
        connection,
        "INSERT INTO certificates \
         (id, application_id, request_id, serial, key_id, der, not_before, not_after, issued_at, issuer, shard) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        params![
            certificate.id,
            certificate.application_id,
            certificate.request_id,
            certificate.serial,
            certificate.key_id.as_str(),
            certificate.der,
            millis(certificate.not_before),
            millis(certificate.not_after),
            millis(certificate.issued_at),
            certificate.issuer,
            certificate.shard,
        ],
    )?;
    Ok(inserted == 1)
}

pub(super) fn all(connection: &Connection) -> Stored<Vec<Certificate>> {
    rows::whole(
        connection,
        concat!("SELECT ", rows::certificate_columns!(), " FROM certificates c ORDER BY c.issued_at, c.rowid"),
        [],
        rows::certificate,
    )
}

pub(super) fn by_serial(connection: &Connection, serial: &str) -> Stored<Option<(Application, Certificate)>> {
    first(
        connection,
        concat!(
            "SELECT ",
            rows::application_columns!(),
            ", ",
            rows::certificate_columns!(),
            " FROM certificates c JOIN applications a ON a.id = c.application_id WHERE c.serial = ?"
        ),
        [serial],
        |columns| Ok((rows::application(columns)?, rows::certificate(columns)?)),
    )
}

/// What a revocation needs to know of its certificate.
struct Found {
    application: Uuid,
    serial: String,
    issuer: IssuerId,
    shard: String,
    is_revoked: bool,
    key_digest: [u8; 32],
}

pub(super) fn revoke(connection: &Connection, revocation: &NewRevocation) -> Stored<Effect<RevokeOutcome>> {
    let found = first(
        connection,
        "SELECT c.application_id, c.serial, c.issuer, c.shard, c.revoked_at IS NOT NULL, r.key_digest \
         FROM certificates c JOIN requests r ON r.id = c.request_id WHERE c.id = ?",
        [revocation.certificate],
        |columns| {
            Ok(Found {
                application: columns.next()?,
                serial: columns.next()?,
                issuer: columns.next()?,
                shard: columns.next()?,
                is_revoked: columns.next()?,
                key_digest: columns.next()?,
            })
        },
    )?;
    let Some(found) = found else { return Ok(Effect::Undone(RevokeOutcome::NotFound)) };
    if found.is_revoked {
        return Ok(Effect::Undone(RevokeOutcome::AlreadyRevoked));
    }
    if let Some(password) = revocation.password
        && !passwords::use_up(connection, password, revocation.now)?
    {
        return Ok(Effect::Undone(RevokeOutcome::PasswordUsed));
    }
    let at = revocation_lists::revoked_at(connection, &found.issuer, &found.shard, revocation.now)?;
    execute(
        connection,
        "UPDATE certificates SET revoked_at = ?, revocation_reason = ? WHERE id = ?",
        params![at, revocation.reason.code(), revocation.certificate],
    )?;
    execute(
        connection,
        "UPDATE applications SET state = 'revoked', revision = revision + 1 WHERE id = ?",
        [found.application],
    )?;
    if revocation.reason == Reason::KeyCompromise {
        keys::block(connection, &found.key_digest, &revocation.by.who, revocation.now)?;
    }
    let (detail, by) = (format!("{} {}", found.serial, revocation.reason), &revocation.by);
    audit::append(connection, revocation.now, Event::CertificateRevoked, revocation.certificate, &detail, by)?;
    Ok(Effect::Kept(RevokeOutcome::Done))
}

pub(super) fn revoked(
    connection: &Connection,
    issuer: &IssuerId,
    shard: &str,
    now: OffsetDateTime,
) -> Stored<Vec<RevokedCertificate>> {
    let revoked = all_rows(
        connection,
        "SELECT serial, revoked_at, revocation_reason FROM certificates \
         WHERE issuer = ? AND shard = ? AND revoked_at IS NOT NULL AND not_after > ? ORDER BY serial",
        params![issuer, shard, millis(now)],
        |columns| Ok((columns.next()?, rows::revoked(columns)?)),
    )?;
    let entry = |(serial, revoked): (String, Option<Revoked>)| Some(RevokedCertificate { serial, revoked: revoked? });
    Ok(revoked.into_iter().filter_map(entry).collect())
}

pub(super) fn statuses(
    connection: &Connection,
    issuer: &IssuerId,
    serials: &[String],
) -> Stored<Vec<Option<Option<Revoked>>>> {
    let status = |serial: &String| {
        let held = first(
            connection,
            "SELECT revoked_at, revocation_reason FROM certificates WHERE serial = ? AND issuer = ?",
            params![serial, issuer],
            rows::revoked,
        )?;
        if held.is_some() {
            return Ok(held);
        }
        first(
            connection,
            "SELECT 1 FROM authority_certificates WHERE serial = ? AND issuer = ? AND der IS NOT NULL",
            params![serial, issuer],
            |_| Ok(None),
        )
    };
    serials.iter().map(status).collect()
}

pub(super) fn install(
    connection: &Connection,
    certificate: Uuid,
    in_store: bool,
    from: &[&str],
    by: &Actor,
    now: OffsetDateTime,
) -> Stored<Effect<bool>> {
    let application: Option<Uuid> = first(
        connection,
        "UPDATE certificates SET installed_at = COALESCE(installed_at, ?), in_store = max(in_store, ?) \
         WHERE id = ? RETURNING application_id",
        params![millis(now), in_store, certificate],
        |columns| columns.next(),
    )?;
    let Some(application) = application else { return Ok(Effect::Undone(false)) };
    if !applications::move_state(connection, application, from, "installed")? {
        return Ok(Effect::Undone(false));
    }
    audit::append(connection, now, Event::CertificateInstalled, certificate, "", by)?;
    Ok(Effect::Kept(true))
}

pub(super) fn expire(
    connection: &Connection,
    from: &[&str],
    now: OffsetDateTime,
) -> Stored<Effect<Vec<(Uuid, Phone)>>> {
    // Each certificate's end is noted once, whatever has become of its application, and never looked at again.
    let over = all_rows(
        connection,
        "UPDATE certificates SET is_over = 1 WHERE is_over = 0 AND not_after <= ? RETURNING application_id",
        [millis(now)],
        |columns| columns.next(),
    )?;
    if over.is_empty() {
        return Ok(Effect::Undone(Vec::new()));
    }
    let mut expired = Vec::new();
    for id in over {
        if applications::move_state(connection, id, from, "expired")?
            && let Some(phone) = applications::phone_of(connection, id)?
        {
            expired.push((id, phone));
        }
    }
    Ok(Effect::Kept(expired))
}
