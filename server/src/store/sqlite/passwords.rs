//! One-time passwords, the tries they were given, and rates.

use qcert_protocol::holder::Phone;
use rusqlite::{Connection, params};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Attempt, Attempted, Effect, NewPassword, OrderLimits, Password, PasswordOrder, PasswordScope, Purpose, Rate,
    StoreError, Stored,
    rows::{all, execute, first, millis},
};
use crate::store::PasswordState;

pub(super) fn order(
    connection: &Connection,
    new: &NewPassword,
    sealed: &[u8],
    limits: &OrderLimits,
) -> Stored<Effect<PasswordOrder>> {
    let now = new.created_at;
    match tries(connection, &new.scope.phone, new.scope.purpose)? {
        Some((taken, since)) if taken >= limits.tries && since > now - limits.window => {
            return Ok(Effect::Undone(PasswordOrder::Exhausted(since)));
        }
        _ => {}
    }
    if let Some(latest) = latest_active(connection, &new.scope, now - limits.interval)? {
        return Ok(Effect::Undone(PasswordOrder::TooEarly(latest)));
    }
    for rate in &limits.rates {
        if let Some(since) = count(connection, rate, now)? {
            return Ok(Effect::Kept(PasswordOrder::Limited(since)));
        }
    }
    supersede(connection, &new.scope)?;
    insert(connection, new)?;
    execute(
        connection,
        "INSERT INTO messages (sealed, phone, purpose, created_at, expires_at) VALUES (?, ?, ?, ?, ?)",
        params![sealed, new.scope.phone.as_str(), new.scope.purpose.as_str(), millis(now), millis(new.expires_at)],
    )?;
    if let Some((subject, _)) = new.scope.subject {
        tell_row(connection, new.scope.purpose, subject)?;
    }
    Ok(Effect::Kept(PasswordOrder::Ordered))
}

/// When the latest of a scope was made, if it can be used and was made after `after`.
fn latest_active(
    connection: &Connection,
    scope: &PasswordScope,
    after: OffsetDateTime,
) -> Stored<Option<OffsetDateTime>> {
    let (subject, session) = scope.subject.unzip();
    first(
        connection,
        "SELECT created_at FROM passwords WHERE phone = ? AND purpose = ? AND subject IS ? AND session_id IS ? \
         AND state = 'active' AND created_at > ? ORDER BY created_at DESC LIMIT 1",
        params![scope.phone.as_str(), scope.purpose.as_str(), subject, session, millis(after)],
        |columns| columns.time(),
    )
}

/// A later password takes the place of every earlier one: of the phone, or of the subject in whichever session.
fn supersede(connection: &Connection, scope: &PasswordScope) -> Stored<()> {
    execute(
        connection,
        "UPDATE passwords SET state = 'superseded' \
         WHERE phone = ? AND purpose = ? AND subject IS ? AND state = 'active'",
        params![scope.phone.as_str(), scope.purpose.as_str(), scope.subject.map(|(subject, _)| subject)],
    )?;
    Ok(())
}

fn insert(connection: &Connection, new: &NewPassword) -> Stored<()> {
    let (subject, session) = new.scope.subject.unzip();
    execute(
        connection,
        "INSERT INTO passwords \
         (id, purpose, phone, subject, session_id, digest, hash, state, created_at, expires_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, 'active', ?, ?)",
        params![
            new.id,
            new.scope.purpose.as_str(),
            new.scope.phone.as_str(),
            subject,
            session,
            new.digest,
            new.hash,
            millis(new.created_at),
            millis(new.expires_at),
        ],
    )?;
    Ok(())
}

/// The row tells whether a password was ordered, so a copy of it has to know that it changed.
fn tell_row(connection: &Connection, purpose: Purpose, subject: Uuid) -> Stored<()> {
    let sql = match purpose {
        Purpose::SignIn => return Ok(()),
        Purpose::Confirmation => {
            "UPDATE applications SET revision = revision + 1 \
             WHERE id = (SELECT application_id FROM requests WHERE id = ?)"
        }
        Purpose::Revocation => {
            "UPDATE applications SET revision = revision + 1 \
             WHERE id = (SELECT application_id FROM certificates WHERE id = ?)"
        }
    };
    execute(connection, sql, [subject])?;
    Ok(())
}

pub(super) fn of_scope(connection: &Connection, scope: &PasswordScope) -> Stored<Vec<Password>> {
    let (subject, session) = scope.subject.unzip();
    all(
        connection,
        "SELECT id, digest, hash, state, created_at, expires_at FROM passwords \
         WHERE phone = ? AND purpose = ? AND subject IS ? AND session_id IS ? \
         ORDER BY created_at DESC, id DESC LIMIT 10",
        params![scope.phone.as_str(), scope.purpose.as_str(), subject, session],
        |columns| {
            Ok(Password {
                id: columns.next()?,
                digest: columns.next()?,
                hash: columns.next()?,
                state: match columns.next::<String>()?.as_str() {
                    "active" => PasswordState::Active,
                    "superseded" => PasswordState::Superseded,
                    "used" => PasswordState::Used,
                    _ => return Err(StoreError::Corrupt("passwords.state")),
                },
                created_at: columns.time()?,
                expires_at: columns.time()?,
            })
        },
    )
}

/// Compare and swap: active and young becomes used, once. The phone's tries begin anew.
pub(super) fn use_up(connection: &Connection, id: Uuid, now: OffsetDateTime) -> Stored<bool> {
    let used = first(
        connection,
        "UPDATE passwords SET state = 'used' WHERE id = ? AND state = 'active' AND expires_at > ? \
         RETURNING phone, purpose",
        params![id, millis(now)],
        |columns| Ok([columns.next::<String>()?, columns.next()?]),
    )?;
    let Some(tries) = used else { return Ok(false) };
    execute(connection, "DELETE FROM tries WHERE phone = ? AND purpose = ?", tries)?;
    Ok(true)
}

pub(super) fn attempt(connection: &Connection, attempt: &Attempt, now: OffsetDateTime) -> Stored<Effect<Attempted>> {
    if let Some(since) = count(connection, &attempt.rate, now)? {
        return Ok(Effect::Kept(Attempted::Limited(since)));
    }
    let passwords = of_scope(connection, &attempt.scope)?;
    if passwords.is_empty() {
        return Ok(Effect::Kept(Attempted::NotOrdered));
    }
    let (phone, purpose) = (&attempt.scope.phone, attempt.scope.purpose);
    Ok(Effect::Kept(match take_try(connection, attempt, now)? {
        Some((taken, since)) => Attempted::Taken { taken, since, passwords },
        None => Attempted::Exhausted(tries(connection, phone, purpose)?.map_or(now, |(_, since)| since)),
    }))
}

/// How many tries were taken, this one included, and since when; `None` if there was none left.
fn take_try(connection: &Connection, attempt: &Attempt, now: OffsetDateTime) -> Stored<Option<(u32, OffsetDateTime)>> {
    let (phone, purpose) = (&attempt.scope.phone, attempt.scope.purpose);
    first(
        connection,
        "INSERT INTO tries (phone, purpose, started_at, count) VALUES (?1, ?2, ?3, 1) \
         ON CONFLICT (phone, purpose) DO UPDATE SET \
         count = CASE WHEN started_at <= ?4 THEN 1 ELSE count + 1 END, \
         started_at = CASE WHEN started_at <= ?4 THEN ?3 ELSE started_at END \
         WHERE started_at <= ?4 OR count < ?5 RETURNING count, started_at",
        params![phone.as_str(), purpose.as_str(), millis(now), millis(now - attempt.window), attempt.limit],
        |columns| Ok((columns.next()?, columns.time()?)),
    )
}

pub(super) fn tries(connection: &Connection, phone: &Phone, purpose: Purpose) -> Stored<Option<(u32, OffsetDateTime)>> {
    first(
        connection,
        "SELECT count, started_at FROM tries WHERE phone = ? AND purpose = ?",
        [phone.as_str(), purpose.as_str()],
        |columns| Ok((columns.next()?, columns.time()?)),
    )
}

pub(super) fn count(connection: &Connection, rate: &Rate, now: OffsetDateTime) -> Stored<Option<OffsetDateTime>> {
    let counted = first(
        connection,
        "INSERT INTO rates (subject, started_at, count) VALUES (?1, ?2, 1) \
         ON CONFLICT (subject) DO UPDATE SET \
         count = CASE WHEN started_at <= ?3 THEN 1 ELSE count + 1 END, \
         started_at = CASE WHEN started_at <= ?3 THEN ?2 ELSE started_at END \
         WHERE started_at <= ?3 OR count < ?4 RETURNING count",
        params![rate.subject, millis(now), millis(now - rate.window), rate.limit],
        |columns| columns.next::<i64>(),
    )?;
    if counted.is_some() {
        return Ok(None);
    }
    first(connection, "SELECT started_at FROM rates WHERE subject = ?", [&rate.subject], |columns| columns.time())
}

pub(super) fn forget(connection: &Connection, before: OffsetDateTime) -> Stored<Effect<()>> {
    for statement in [
        "DELETE FROM passwords WHERE created_at < ?",
        "DELETE FROM tries WHERE started_at < ?",
        "DELETE FROM rates WHERE started_at < ?",
        "DELETE FROM sessions WHERE last_seen_at < ? \
         AND NOT EXISTS (SELECT 1 FROM passwords WHERE session_id = sessions.id)",
    ] {
        execute(connection, statement, [millis(before)])?;
    }
    Ok(Effect::Kept(()))
}
