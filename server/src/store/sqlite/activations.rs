//! Activation codes.

use qcert_protocol::{Activation, ErrorCode};
use rusqlite::{Connection, params};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Effect, Stored, audit, passwords,
    rows::{self, execute, first, millis},
};
use crate::{
    audit::{Actor, Event, Outcome},
    store::{ActivationAttempt, ActivationAttempted},
};

/// Everything but the codes that [`crate::store::NewActivationCodes`] says; owned, for a job outlives its caller.
pub(super) struct Terms {
    pub tries: u32,
    pub replaces: bool,
    pub from: Vec<String>,
    pub by: Actor,
    pub now: OffsetDateTime,
}

pub(super) fn make(connection: &Connection, codes: &[(Uuid, [u8; 32])], terms: &Terms) -> Stored<Effect<Vec<Uuid>>> {
    let mut made = Vec::new();
    for (application, hash) in codes {
        if takes_code(connection, *application, terms)? {
            record(connection, *application, hash, terms)?;
            made.push(*application);
        }
    }
    Ok(Effect::Kept(made))
}

fn takes_code(connection: &Connection, application: Uuid, terms: &Terms) -> Stored<bool> {
    let sql = concat!(
        "SELECT a.state, ",
        rows::activation_column!(),
        " FROM applications a LEFT JOIN activations v ON v.application_id = a.id WHERE a.id = ?"
    );
    let found = first(connection, sql, [application], |columns| {
        Ok((columns.next::<String>()?, rows::activation(&columns.next::<String>()?)?))
    })?;
    let Some((state, activation)) = found else { return Ok(false) };
    let is_free = match activation {
        Activation::NoCode => true,
        Activation::CodeMade | Activation::Exhausted => terms.replaces,
        Activation::Activated => false,
    };
    Ok(is_free && terms.from.contains(&state))
}

fn record(connection: &Connection, application: Uuid, hash: &[u8; 32], terms: &Terms) -> Stored<()> {
    execute(
        connection,
        "INSERT INTO activations (application_id, code_hash, tries_left, made_by, made_at) VALUES (?1, ?2, ?3, ?4, ?5) \
         ON CONFLICT (application_id) DO UPDATE SET code_hash = ?2, tries_left = ?3, made_by = ?4, made_at = ?5, \
         activated_phone = NULL, activated_at = NULL",
        params![application, hash, terms.tries, terms.by.who, millis(terms.now)],
    )?;
    changed(connection, application)?;
    audit::append(connection, terms.now, Event::ActivationCodeMade, application, "", &terms.by)
}

fn changed(connection: &Connection, application: Uuid) -> Stored<()> {
    execute(connection, "UPDATE applications SET revision = revision + 1 WHERE id = ?", [application])?;
    Ok(())
}

pub(super) fn activate(connection: &Connection, attempt: &ActivationAttempt) -> Stored<Effect<ActivationAttempted>> {
    let (application, phone, now) = (attempt.application, attempt.phone.as_str(), attempt.now);
    if let Some(since) = passwords::count(connection, &attempt.rate, now)? {
        return Ok(Effect::Kept(ActivationAttempted::Limited(since)));
    }
    let sql = concat!(
        "SELECT ",
        rows::activation_column!(),
        ", v.code_hash, v.tries_left FROM applications a JOIN activations v ON v.application_id = a.id \
         WHERE a.id = ? AND a.phone = ?"
    );
    let found = first(connection, sql, params![application, phone], |columns| {
        Ok((rows::activation(&columns.next::<String>()?)?, columns.next::<[u8; 32]>()?, columns.next::<u32>()?))
    })?;
    let (hash, left) = match found {
        None | Some((Activation::NoCode, ..)) => return Ok(Effect::Kept(ActivationAttempted::NoCode)),
        Some((Activation::Activated, ..)) => return Ok(Effect::Kept(ActivationAttempted::Done)),
        Some((Activation::Exhausted, ..)) => return Ok(Effect::Kept(ActivationAttempted::Exhausted)),
        Some((Activation::CodeMade, hash, left)) => (hash, left),
    };
    changed(connection, application)?;
    if hash == attempt.hash {
        execute(
            connection,
            "UPDATE activations SET activated_phone = ?, activated_at = ? WHERE application_id = ?",
            params![phone, millis(now), application],
        )?;
        audit::append(connection, now, Event::ApplicationActivated, application, "", &attempt.by)?;
        return Ok(Effect::Kept(ActivationAttempted::Done));
    }
    let left = left - 1;
    execute(connection, "UPDATE activations SET tries_left = ? WHERE application_id = ?", params![left, application])?;
    let (detail, outcome) = (format!("{left} tries left"), Outcome::Refused(ErrorCode::ActivationCodeWrong));
    audit::note(connection, now, Event::ActivationCodeWrong, application, &detail, &attempt.by, outcome)?;
    Ok(Effect::Kept(ActivationAttempted::Wrong(left)))
}
