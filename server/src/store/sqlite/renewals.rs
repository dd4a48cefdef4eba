//! Renewals: another application in place of one, and requests whose holder the old key identifies.

use rusqlite::{Connection, params};
use uuid::Uuid;

use super::{
    Effect, NewRenewal, Prepared, Proof, Renewed, Request, Stored, audit, keys, operators, requests,
    rows::{all, execute, first, millis},
};
use crate::audit::{Actor, Event};

pub(super) fn renew(connection: &Connection, renewal: &NewRenewal) -> Stored<Effect<Renewed>> {
    let successors =
        all(connection, "SELECT state FROM applications WHERE replaces = ?", [renewal.of], |columns| columns.next())?;
    if successors.iter().any(|state: &String| !renewal.over.contains(&state.as_str())) {
        return Ok(Effect::Undone(Renewed::There));
    }
    if !is_of_revision(connection, renewal.of, renewal.revision)? {
        return Ok(Effect::Undone(Renewed::Changed));
    }
    let Some(number) = first_free(connection, &renewal.numbers)? else {
        return Ok(Effect::Undone(Renewed::NumbersTaken));
    };
    let same = first(
        connection,
        "SELECT phone, holder, certificate_type FROM applications WHERE id = ?",
        [renewal.of],
        |columns| Ok((columns.next::<String>()?, columns.next::<String>()?, columns.next::<String>()?)),
    )?;
    let Some((phone, holder, certificate_type)) = same else { return Ok(Effect::Undone(Renewed::Changed)) };
    execute(
        connection,
        "INSERT INTO applications (id, number, phone, holder, certificate_type, replaces, state, revision, created_at) \
         VALUES (?, ?, ?, ?, ?, ?, 'available', 1, ?)",
        params![renewal.id, number, phone, holder, certificate_type, renewal.of, millis(renewal.now)],
    )?;
    operators::replace_terms(connection, renewal.id, None, (&renewal.phone, &renewal.holder))?;
    // Its row tells whether it can be renewed, so a copy of it has to know that it changed.
    execute(connection, "UPDATE applications SET revision = revision + 1 WHERE id = ?", [renewal.of])?;
    audit::append(connection, renewal.now, Event::RenewalBegun, renewal.id, number, &renewal.by)?;
    Ok(Effect::Kept(Renewed::Done))
}

fn first_free<'a>(connection: &Connection, numbers: &'a [String]) -> Stored<Option<&'a str>> {
    for number in numbers {
        let taken = first(connection, "SELECT 1 FROM applications WHERE number = ?", [number], |_| Ok(()))?;
        if taken.is_none() {
            return Ok(Some(number));
        }
    }
    Ok(None)
}

fn is_of_revision(connection: &Connection, application: Uuid, revision: i64) -> Stored<bool> {
    let found = first(connection, "SELECT revision FROM applications WHERE id = ?", [application], |columns| {
        columns.next::<i64>()
    })?;
    Ok(found == Some(revision))
}

pub(super) fn prepare(
    connection: &Connection,
    new: &Request,
    proof: &Proof,
    from: &[&str],
    by: &Actor,
) -> Stored<Effect<Prepared>> {
    let (renewed, renewed_revision) = proof.renewed;
    let as_checked = is_of_revision(connection, new.application_id, proof.revision)?
        && is_of_revision(connection, renewed, renewed_revision)?;
    if !as_checked {
        return Ok(Effect::Undone(Prepared::Changed));
    }
    if keys::is_blocked(connection, proof.certificate)? {
        return Ok(Effect::Undone(Prepared::VoucherBlocked));
    }
    let prepared = requests::prepare(connection, new, from, by)?;
    let Effect::Kept(Prepared::Done(revision)) = prepared else { return Ok(prepared) };
    execute(
        connection,
        "UPDATE requests SET vouched_by = ?, proof_nonce = ?, proof = ? WHERE id = ?",
        params![proof.certificate, proof.nonce, proof.signature, new.id],
    )?;
    audit::append(connection, new.created_at, Event::HolderIdentified, new.id, &proof.serial, by)?;
    Ok(Effect::Kept(Prepared::Done(revision)))
}
