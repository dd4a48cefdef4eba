//! One-time passwords, the wrong ones that came in their place, and rates.

use qcert_protocol::holder::Phone;
use rusqlite::{Connection, params};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Attempt, Attempted, Effect, Failures, NewPassword, OrderLimits, Password, PasswordOrder, PasswordScope, Purpose,
    Rate, StoreError, Stored,
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
    match failures(connection, &new.scope.phone)? {
        Some(failures) if failures.count >= limits.tries.most => return Ok(Effect::Undone(PasswordOrder::Locked)),
        Some(Failures { rests_until, .. }) if rests_until > now => {
            return Ok(Effect::Undone(PasswordOrder::Exhausted(rests_until)));
        }
        _ => {}
    }
    if let Some(latest) = latest_active(connection, &new.scope, limits.tries.tries, now - limits.interval)? {
        return Ok(Effect::Undone(PasswordOrder::TooEarly(latest)));
    }
    for rate in &limits.rates {
        if let Some(since) = count(connection, rate, now)? {
            return Ok(Effect::Kept(PasswordOrder::Limited(since)));
        }
    }
    supersede(connection, &new.scope, now)?;
    execute(
        connection,
        "INSERT INTO messages (sealed, phone, purpose, created_at, expires_at) VALUES (?, ?, ?, ?, ?)",
        params![sealed, new.scope.phone.as_str(), new.scope.purpose.as_str(), millis(now), millis(new.expires_at)],
    )?;
    insert(connection, new, connection.last_insert_rowid())?;
    if let Some((subject, _)) = new.scope.subject {
        tell_row(connection, new.scope.purpose, subject)?;
    }
    Ok(Effect::Kept(PasswordOrder::Ordered))
}

/// When the latest of a scope was made, if it can be used, was not tried so often and was made after `after`.
fn latest_active(
    connection: &Connection,
    scope: &PasswordScope,
    tries: u32,
    after: OffsetDateTime,
) -> Stored<Option<OffsetDateTime>> {
    let (subject, session) = scope.subject.unzip();
    first(
        connection,
        "SELECT created_at FROM passwords WHERE phone = ? AND purpose = ? AND subject IS ? AND session_id IS ? \
         AND state = 'active' AND created_at > ? AND tries < ? ORDER BY created_at DESC LIMIT 1",
        params![scope.phone.as_str(), scope.purpose.as_str(), subject, session, millis(after), tries],
        |columns| columns.time(),
    )
}

/// A later password takes the place of every earlier one: of the phone, or of the subject in whichever session. What no
/// gateway was handed of those is not sent any more, although a sender may have leased it.
fn supersede(connection: &Connection, scope: &PasswordScope, now: OffsetDateTime) -> Stored<()> {
    let messages: Vec<Option<i64>> = all(
        connection,
        "UPDATE passwords SET state = 'superseded' \
         WHERE phone = ? AND purpose = ? AND subject IS ? AND state = 'active' RETURNING message_id",
        params![scope.phone.as_str(), scope.purpose.as_str(), scope.subject.map(|(subject, _)| subject)],
        |columns| columns.next(),
    )?;
    for message in messages.into_iter().flatten() {
        execute(
            connection,
            "UPDATE messages SET state = 'superseded', sealed = NULL, due_at = NULL, lease_owner = NULL, \
             settled_at = ? WHERE id = ? AND state = 'waiting'",
            [millis(now), message],
        )?;
    }
    Ok(())
}

fn insert(connection: &Connection, new: &NewPassword, message: i64) -> Stored<()> {
    let (subject, session) = new.scope.subject.unzip();
    execute(
        connection,
        "INSERT INTO passwords \
         (id, purpose, phone, subject, session_id, digest, hash, state, created_at, expires_at, message_id) \
         VALUES (?, ?, ?, ?, ?, ?, ?, 'active', ?, ?, ?)",
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
            message,
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
        "SELECT id, digest, hash, state, tries, created_at, expires_at FROM passwords \
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
                tries: columns.next()?,
                created_at: columns.time()?,
                expires_at: columns.time()?,
            })
        },
    )
}

/// Compare and swap: active and young becomes used, once. The phone has no failures any more.
pub(super) fn use_up(connection: &Connection, id: Uuid, now: OffsetDateTime) -> Stored<bool> {
    let used = first(
        connection,
        "UPDATE passwords SET state = 'used' WHERE id = ? AND state = 'active' AND expires_at > ? \
         RETURNING phone",
        params![id, millis(now)],
        |columns| columns.next::<String>(),
    )?;
    let Some(phone) = used else { return Ok(false) };
    execute(connection, "DELETE FROM failures WHERE phone = ?", [phone])?;
    Ok(true)
}

pub(super) fn attempt(connection: &Connection, attempt: &Attempt, now: OffsetDateTime) -> Stored<Effect<Attempted>> {
    if let Some(since) = count(connection, &attempt.rate, now)? {
        return Ok(Effect::Kept(Attempted::Limited(since)));
    }
    let (phone, limits) = (&attempt.scope.phone, &attempt.limits);
    let mut passwords = of_scope(connection, &attempt.scope)?;
    if passwords.is_empty() {
        return Ok(Effect::Kept(Attempted::NotOrdered));
    }
    let before = failures(connection, phone)?;
    let before = before.unwrap_or(Failures { count: 0, rests_until: OffsetDateTime::UNIX_EPOCH });
    if before.count >= limits.most {
        return Ok(Effect::Kept(Attempted::Locked));
    }
    let is_active = |password: &Password| password.state == PasswordState::Active;
    let is_spent = passwords.iter().any(|password| is_active(password) && password.tries >= limits.tries);
    if is_spent || before.rests_until > now {
        return Ok(Effect::Kept(Attempted::Exhausted(before.rests_until.max(now))));
    }
    let failures = limits.another(before, now);
    execute(
        connection,
        "INSERT INTO failures (phone, count, rests_until) VALUES (?, ?, ?) \
         ON CONFLICT (phone) DO UPDATE SET count = excluded.count, rests_until = excluded.rests_until",
        params![phone.as_str(), failures.count, millis(failures.rests_until)],
    )?;
    for password in passwords.iter_mut().filter(|password| is_active(password)) {
        execute(connection, "UPDATE passwords SET tries = tries + 1 WHERE id = ?", [password.id])?;
        password.tries += 1;
    }
    Ok(Effect::Kept(Attempted::Taken { failures, passwords }))
}

pub(super) fn failures(connection: &Connection, phone: &Phone) -> Stored<Option<Failures>> {
    first(connection, "SELECT count, rests_until FROM failures WHERE phone = ?", [phone.as_str()], |columns| {
        Ok(Failures { count: columns.next()?, rests_until: columns.time()? })
    })
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
        "DELETE FROM rates WHERE started_at < ?",
        "DELETE FROM sessions WHERE last_seen_at < ? \
         AND NOT EXISTS (SELECT 1 FROM passwords WHERE session_id = sessions.id)",
    ] {
        execute(connection, statement, [millis(before)])?;
    }
    Ok(Effect::Kept(()))
}
