//! Certificate requests, up to the issuance queue.

use qcert_protocol::holder::Phone;
use rusqlite::{Connection, params};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Approved, ConfirmOutcome, ConfirmedRequest, Effect, Overview, Prepared, Request, Stored, applications, audit, hex,
    keys, passwords,
    rows::{self, execute, first, millis},
};
use crate::audit::{Actor, Event};

/// Compare and swap of a request's state; answers its application.
fn move_state(connection: &Connection, id: Uuid, from: &str, to: &str) -> Stored<Option<Uuid>> {
    first(
        connection,
        "UPDATE requests SET state = ? WHERE id = ? AND state = ? RETURNING application_id",
        params![to, id, from],
        |columns| columns.next(),
    )
}

pub(super) fn prepare(connection: &Connection, new: &Request, from: &[&str], by: &Actor) -> Stored<Effect<Prepared>> {
    let Some(revision) = applications::moved(connection, new.application_id, from, "preparing")? else {
        return Ok(Effect::Undone(Prepared::StateForbids));
    };
    execute(
        connection,
        "UPDATE requests SET state = 'replaced' WHERE application_id = ? AND state = 'prepared'",
        [new.application_id],
    )?;
    if let Some(refused) = keys::refused(connection, &new.key_digest)? {
        return Ok(Effect::Undone(refused));
    }
    insert(connection, new)?;
    audit::append(connection, new.created_at, Event::RequestPrepared, new.id, new.key_id.as_str(), by)?;
    Ok(Effect::Kept(Prepared::Done(revision)))
}

fn insert(connection: &Connection, new: &Request) -> Stored<()> {
    execute(
        connection,
        "INSERT INTO requests \
         (id, application_id, der, public_key, key_digest, key_id, container, \
         token_label, token_serial, token_model, state, created_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        params![
            new.id,
            new.application_id,
            new.der,
            new.public_key,
            new.key_digest,
            new.key_id.as_str(),
            new.container.as_str(),
            new.token.label,
            new.token.serial,
            new.token.model,
            new.state.as_str(),
            millis(new.created_at),
        ],
    )?;
    Ok(())
}

pub(super) fn of_phone(connection: &Connection, phone: &Phone, id: Uuid) -> Stored<Option<Overview>> {
    first(
        connection,
        rows::overview!(
            "WHERE a.id = (SELECT application_id FROM requests WHERE id = ?1) AND a.phone = ?2 AND r.id = ?1"
        ),
        params![id, phone.as_str()],
        rows::read_overview,
    )
}

pub(super) fn remove(connection: &Connection, id: Uuid, by: &Actor, now: OffsetDateTime) -> Stored<Effect<bool>> {
    let Some(application) = move_state(connection, id, "prepared", "removed")? else {
        return Ok(Effect::Undone(false));
    };
    if !applications::move_state(connection, application, &["preparing"], "available")? {
        return Ok(Effect::Undone(false));
    }
    audit::append(connection, now, Event::RequestRemoved, id, "", by)?;
    Ok(Effect::Kept(true))
}

pub(super) fn confirm(connection: &Connection, confirmed: &ConfirmedRequest) -> Stored<Effect<ConfirmOutcome>> {
    if !passwords::use_up(connection, confirmed.password, confirmed.now)? {
        return Ok(Effect::Undone(ConfirmOutcome::PasswordUsed));
    }
    let Some(application) = move_state(connection, confirmed.request, "prepared", "confirmed")? else {
        return Ok(Effect::Undone(ConfirmOutcome::StateForbids));
    };
    let holder: Option<String> =
        first(connection, "SELECT holder FROM applications WHERE id = ?", [application], |columns| columns.next())?;
    if holder.as_ref() != Some(&confirmed.snapshot) {
        return Ok(Effect::Undone(ConfirmOutcome::DataChanged));
    }
    let Some(revision) = applications::moved(connection, application, &["preparing"], "sent")? else {
        return Ok(Effect::Undone(ConfirmOutcome::StateForbids));
    };
    let now = millis(confirmed.now);
    execute(
        connection,
        "UPDATE requests SET snapshot = ?, digest = ?, confirmed_at = ? WHERE id = ?",
        params![confirmed.snapshot, confirmed.digest, now, confirmed.request],
    )?;
    execute(
        connection,
        "INSERT INTO issuances (request_id, application_id, state, created_at) VALUES (?, ?, ?, ?)",
        params![confirmed.request, application, if confirmed.held { "held" } else { "queued" }, now],
    )?;
    let (detail, by) = (hex(&confirmed.digest), &confirmed.by);
    audit::append(connection, confirmed.now, Event::RequestConfirmed, confirmed.request, &detail, by)?;
    Ok(Effect::Kept(ConfirmOutcome::Done(revision)))
}

/// The request of an application that nobody has begun to issue, moved to another state of the queue.
fn move_waiting(connection: &Connection, application: Uuid, held_only: bool, to: &str) -> Stored<Option<Uuid>> {
    first(
        connection,
        "UPDATE issuances SET state = ?2 \
         WHERE request_id IN (SELECT id FROM requests WHERE application_id = ?1 AND state = 'confirmed') \
         AND (state = 'held' OR (state = 'queued' AND NOT ?3)) RETURNING request_id",
        params![application, to, held_only],
        |columns| columns.next(),
    )
}

pub(super) fn approve(
    connection: &Connection,
    application: Uuid,
    by: &Actor,
    needed: u32,
    now: OffsetDateTime,
) -> Stored<Effect<Approved>> {
    let held: Option<Uuid> = first(
        connection,
        "SELECT request_id FROM issuances WHERE application_id = ? AND state = 'held'",
        [application],
        |columns| columns.next(),
    )?;
    let Some(request) = held else { return Ok(Effect::Undone(Approved::NotWaiting)) };
    let noted = execute(
        connection,
        "INSERT INTO approvals (request_id, approved_by, created_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        params![request, by.who, millis(now)],
    )?;
    if noted == 0 {
        return Ok(Effect::Undone(Approved::Repeated));
    }
    audit::append(connection, now, Event::IssuanceApproved, request, "", by)?;
    let count: Option<u32> =
        first(connection, "SELECT count(*) FROM approvals WHERE request_id = ?", [request], |columns| columns.next())?;
    if count.is_some_and(|count| count < needed) {
        return Ok(Effect::Kept(Approved::Waits));
    }
    move_waiting(connection, application, true, "queued")?;
    Ok(Effect::Kept(Approved::Done))
}

pub(super) fn reject(
    connection: &Connection,
    application: Uuid,
    reason: &str,
    by: &Actor,
    now: OffsetDateTime,
) -> Stored<Effect<bool>> {
    let Some(request) = move_waiting(connection, application, true, "refused")? else {
        return Ok(Effect::Undone(false));
    };
    let moved = move_state(connection, request, "confirmed", "rejected")?.is_some()
        && applications::move_state(connection, application, &["sent"], "rejected")?;
    if !moved {
        return Ok(Effect::Undone(false));
    }
    execute(connection, "UPDATE applications SET reason = ? WHERE id = ?", params![reason, application])?;
    audit::append(connection, now, Event::IssuanceRejected, request, "", by)?;
    Ok(Effect::Kept(true))
}

pub(super) fn withdraw(
    connection: &Connection,
    application: Uuid,
    by: &Actor,
    now: OffsetDateTime,
) -> Stored<Effect<bool>> {
    let Some(request) = move_waiting(connection, application, false, "withdrawn")? else {
        return Ok(Effect::Undone(false));
    };
    let moved = move_state(connection, request, "confirmed", "withdrawn")?.is_some()
        && applications::move_state(connection, application, &["sent"], "withdrawn")?;
    if !moved {
        return Ok(Effect::Undone(false));
    }
    audit::append(connection, now, Event::RequestWithdrawn, request, "", by)?;
    Ok(Effect::Kept(true))
}
