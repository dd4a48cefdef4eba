//! The issuance queue.

use rusqlite::{Connection, params};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Certificate, Commitment, Effect, Job, StoreError, Stored, applications, audit, certificates, revocation_lists,
    rows::{self, Columns, execute, first, millis},
};
use crate::audit::{Actor, Event};

/// Whose an issuance is.
#[derive(Clone, Copy)]
pub(super) struct Lease {
    owner: Uuid,
    request: Uuid,
    application: Uuid,
}

impl Lease {
    pub(super) fn of(job: &Job) -> Self {
        Self { owner: job.owner, request: job.request.id, application: job.application.id }
    }
}

pub(super) fn claim(
    connection: &Connection,
    owner: Uuid,
    limit: u32,
    ripe: OffsetDateTime,
    now: OffsetDateTime,
    until: OffsetDateTime,
) -> Stored<Effect<Vec<Stored<Job>>>> {
    let mut claimed = Vec::new();
    for _ in 0..limit {
        let Some((request, application)) = lease_oldest(connection, owner, ripe, now, until)? else { break };
        if applications::move_state(connection, application, &["sent"], "issuing")? {
            audit::append(connection, now, Event::IssuanceBegun, request, "", &Actor::server())?;
        }
        claimed.push(job(connection, owner, request).and_then(|job| job.ok_or(StoreError::Corrupt("issuances"))));
    }
    Ok(if claimed.is_empty() { Effect::Undone(claimed) } else { Effect::Kept(claimed) })
}

/// Leases the oldest that waits; answers its request and its application.
fn lease_oldest(
    connection: &Connection,
    owner: Uuid,
    ripe: OffsetDateTime,
    now: OffsetDateTime,
    until: OffsetDateTime,
) -> Stored<Option<(Uuid, Uuid)>> {
    first(
        connection,
        "UPDATE issuances SET state = 'working', lease_owner = ?1, lease_until = ?2 WHERE request_id = ( \
         SELECT request_id FROM ( \
         SELECT * FROM (SELECT request_id, created_at FROM issuances \
         WHERE state = 'queued' AND created_at <= ?3 ORDER BY created_at LIMIT 1) \
         UNION ALL \
         SELECT * FROM (SELECT request_id, created_at FROM issuances \
         WHERE state = 'working' AND lease_until <= ?4 ORDER BY lease_until LIMIT 1)) \
         ORDER BY created_at LIMIT 1) RETURNING request_id, application_id",
        params![owner, millis(until), millis(ripe), millis(now)],
        |columns| Ok((columns.next()?, columns.next()?)),
    )
}

fn job(connection: &Connection, owner: Uuid, request: Uuid) -> Stored<Option<Job>> {
    first(
        connection,
        concat!(
            "SELECT ",
            rows::application_columns!(),
            ", ",
            rows::request_columns!(),
            ", r.snapshot, r.digest, EXISTS (SELECT 1 FROM blocked_keys WHERE key_digest = r.key_digest), \
             EXISTS (SELECT 1 FROM certificates c JOIN requests o ON o.id = c.request_id WHERE c.id = r.vouched_by AND \
             (c.revoked_at IS NOT NULL OR EXISTS (SELECT 1 FROM blocked_keys WHERE key_digest = o.key_digest))), \
             i.issuer, i.shard, i.serial, i.to_be_signed FROM issuances i \
             JOIN requests r ON r.id = i.request_id JOIN applications a ON a.id = i.application_id \
             WHERE i.request_id = ?"
        ),
        [request],
        |columns| {
            Ok(Job {
                owner,
                application: rows::application(columns)?,
                request: rows::request(columns)?,
                snapshot: columns.next::<Option<_>>()?.ok_or(StoreError::Corrupt("requests.snapshot"))?,
                digest: columns.next::<Option<_>>()?.ok_or(StoreError::Corrupt("requests.digest"))?,
                key_blocked: columns.next()?,
                voucher_lost: columns.next()?,
                committed: commitment(columns)?,
            })
        },
    )
}

fn commitment(columns: &mut Columns<'_>) -> Stored<Option<Commitment>> {
    let (issuer, shard) = (columns.next::<Option<_>>()?, columns.next::<Option<_>>()?);
    let (serial, to_be_signed) = (columns.next::<Option<_>>()?, columns.next::<Option<_>>()?);
    match (issuer, shard, serial, to_be_signed) {
        (None, None, None, None) => Ok(None),
        (Some(issuer), Some(shard), Some(serial), Some(to_be_signed)) => {
            Ok(Some(Commitment { issuer, shard, serial, to_be_signed }))
        }
        _ => Err(StoreError::Corrupt("half of what is to be signed")),
    }
}

pub(super) fn commit(
    connection: &Connection,
    lease: Lease,
    commitment: &Commitment,
    now: OffsetDateTime,
) -> Stored<Effect<bool>> {
    if serial_is_used(connection, &commitment.serial)? {
        return Ok(Effect::Undone(false));
    }
    let committed = execute(
        connection,
        "UPDATE issuances SET issuer = ?, shard = ?, serial = ?, to_be_signed = ? \
         WHERE request_id = ? AND state = 'working' AND lease_owner = ? AND to_be_signed IS NULL",
        params![
            commitment.issuer,
            commitment.shard,
            commitment.serial,
            commitment.to_be_signed,
            lease.request,
            lease.owner
        ],
    )?;
    if committed != 1 {
        return Ok(Effect::Undone(false));
    }
    audit::append(connection, now, Event::CertificateCommitted, lease.request, &commitment.serial, &Actor::server())?;
    Ok(Effect::Kept(true))
}

/// Was a serial ever committed, for a holder's certificate or one of the authority's own?
pub(super) fn serial_is_used(connection: &Connection, serial: &str) -> Stored<bool> {
    let used = first(
        connection,
        "SELECT EXISTS (SELECT 1 FROM issuances WHERE serial = ?1) \
         OR EXISTS (SELECT 1 FROM authority_certificates WHERE serial = ?1)",
        [serial],
        |columns| columns.next(),
    )?;
    Ok(used.unwrap_or_default())
}

/// Ends a leased issuance and moves request and application along; false if the lease is lost.
fn finish(connection: &Connection, lease: Lease, (issuance, request, application): (&str, &str, &str)) -> Stored<bool> {
    let finished = execute(
        connection,
        "UPDATE issuances SET state = ?, lease_owner = NULL, lease_until = NULL \
         WHERE request_id = ? AND state = 'working' AND lease_owner = ?",
        params![issuance, lease.request, lease.owner],
    )?;
    if finished != 1 {
        return Ok(false);
    }
    execute(connection, "UPDATE requests SET state = ? WHERE id = ?", params![request, lease.request])?;
    applications::move_state(connection, lease.application, &["issuing"], application)
}

pub(super) fn complete(connection: &Connection, lease: Lease, certificate: &Certificate) -> Stored<Effect<bool>> {
    if !finish(connection, lease, ("done", "issued", "readyToInstall"))? {
        return Ok(Effect::Undone(false));
    }
    if !certificates::insert(connection, certificate)? {
        return Ok(Effect::Undone(false));
    }
    revocation_lists::named(connection, certificate)?;
    let by = Actor::server();
    audit::append(
        connection,
        certificate.issued_at,
        Event::CertificateIssued,
        certificate.id,
        &certificate.serial,
        &by,
    )?;
    Ok(Effect::Kept(true))
}

pub(super) fn refuse(connection: &Connection, lease: Lease, reason: &str, now: OffsetDateTime) -> Stored<Effect<bool>> {
    if !finish(connection, lease, ("refused", "rejected", "rejected"))? {
        return Ok(Effect::Undone(false));
    }
    execute(connection, "UPDATE applications SET reason = ? WHERE id = ?", params![reason, lease.application])?;
    audit::append(connection, now, Event::IssuanceRefused, lease.request, "", &Actor::server())?;
    Ok(Effect::Kept(true))
}

pub(super) fn release(connection: &Connection, lease: Lease, until: OffsetDateTime) -> Stored<Effect<()>> {
    execute(
        connection,
        "UPDATE issuances SET lease_until = ? WHERE request_id = ? AND state = 'working' AND lease_owner = ?",
        params![millis(until), lease.request, lease.owner],
    )?;
    Ok(Effect::Kept(()))
}
