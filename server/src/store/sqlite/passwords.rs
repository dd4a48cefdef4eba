//! One-time passwords, the tries they were given, and rates.

use qcert_protocol::holder::Phone;
use sqlx::{Pool, Row, Sqlite, SqliteConnection, Transaction};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::{NewPassword, Password, PasswordOrder, PasswordScope, Purpose, StoreError, Stored, millis, rows};
use crate::store::PasswordState;

pub(super) async fn order(
    mut transaction: Transaction<'static, Sqlite>,
    new: &NewPassword,
    sealed: &[u8],
    interval: Duration,
) -> Stored<PasswordOrder> {
    let (request, session) = new.scope.confirmation.unzip();
    let latest: Option<i64> = sqlx::query_scalar(
        "SELECT created_at FROM passwords WHERE phone = ? AND purpose = ? AND request_id IS ? AND session_id IS ? \
         AND state = 'active' AND created_at > ? ORDER BY created_at DESC LIMIT 1",
    )
    .bind(new.scope.phone.as_str())
    .bind(new.scope.purpose().as_str())
    .bind(request)
    .bind(session)
    .bind(millis(new.created_at - interval))
    .fetch_optional(&mut *transaction)
    .await?;
    if let Some(latest) = latest {
        return Ok(PasswordOrder::TooEarly(rows::time(latest)?));
    }
    supersede(&mut transaction, &new.scope).await?;
    insert(&mut transaction, new).await?;
    sqlx::query("INSERT INTO messages (sealed, created_at) VALUES (?, ?)")
        .bind(sealed)
        .bind(millis(new.created_at))
        .execute(&mut *transaction)
        .await?;
    if let Some(request) = request {
        // The row tells whether a password was ordered, so a copy of it has to know that it changed.
        sqlx::query(
            "UPDATE applications SET revision = revision + 1 \
             WHERE id = (SELECT application_id FROM requests WHERE id = ?)",
        )
        .bind(request)
        .execute(&mut *transaction)
        .await?;
    }
    transaction.commit().await?;
    Ok(PasswordOrder::Ordered)
}

/// A later password takes the place of every earlier one: of the phone, or of the request in whichever session.
async fn supersede(connection: &mut SqliteConnection, scope: &PasswordScope) -> Stored<()> {
    sqlx::query(
        "UPDATE passwords SET state = 'superseded' \
         WHERE phone = ? AND purpose = ? AND request_id IS ? AND state = 'active'",
    )
    .bind(scope.phone.as_str())
    .bind(scope.purpose().as_str())
    .bind(scope.confirmation.map(|(request, _)| request))
    .execute(connection)
    .await?;
    Ok(())
}

async fn insert(connection: &mut SqliteConnection, new: &NewPassword) -> Stored<()> {
    let (request, session) = new.scope.confirmation.unzip();
    sqlx::query(
        "INSERT INTO passwords \
         (id, purpose, phone, request_id, session_id, digest, hash, state, created_at, expires_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, 'active', ?, ?)",
    )
    .bind(new.id)
    .bind(new.scope.purpose().as_str())
    .bind(new.scope.phone.as_str())
    .bind(request)
    .bind(session)
    .bind(new.digest.map(Vec::from))
    .bind(new.hash.as_slice())
    .bind(millis(new.created_at))
    .bind(millis(new.expires_at))
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn of_scope(pool: &Pool<Sqlite>, scope: &PasswordScope) -> Stored<Vec<Password>> {
    let (request, session) = scope.confirmation.unzip();
    let found = sqlx::query(
        "SELECT id, digest, hash, state, created_at, expires_at FROM passwords \
         WHERE phone = ? AND purpose = ? AND request_id IS ? AND session_id IS ? \
         ORDER BY created_at DESC, id DESC LIMIT 10",
    )
    .bind(scope.phone.as_str())
    .bind(scope.purpose().as_str())
    .bind(request)
    .bind(session)
    .fetch_all(pool)
    .await?;
    found
        .iter()
        .map(|row| {
            Ok(Password {
                id: row.try_get("id")?,
                digest: row.try_get::<Option<Vec<u8>>, _>("digest")?.map(|bytes| rows::array(&bytes)).transpose()?,
                hash: rows::array(&row.try_get::<Vec<u8>, _>("hash")?)?,
                state: match row.try_get::<String, _>("state")?.as_str() {
                    "active" => PasswordState::Active,
                    "superseded" => PasswordState::Superseded,
                    "used" => PasswordState::Used,
                    _ => return Err(StoreError::Corrupt("passwords.state")),
                },
                created_at: rows::time(row.try_get("created_at")?)?,
                expires_at: rows::time(row.try_get("expires_at")?)?,
            })
        })
        .collect()
}

/// Compare and swap: active and young becomes used, once. The phone's tries begin anew.
pub(super) async fn use_up(connection: &mut SqliteConnection, id: Uuid, now: OffsetDateTime) -> Stored<bool> {
    let used = sqlx::query(
        "UPDATE passwords SET state = 'used' WHERE id = ? AND state = 'active' AND expires_at > ? \
         RETURNING phone, purpose",
    )
    .bind(id)
    .bind(millis(now))
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = used else { return Ok(false) };
    sqlx::query("DELETE FROM tries WHERE phone = ? AND purpose = ?")
        .bind(row.try_get::<String, _>("phone")?)
        .bind(row.try_get::<String, _>("purpose")?)
        .execute(connection)
        .await?;
    Ok(true)
}

pub(super) async fn take_try(
    pool: &Pool<Sqlite>,
    phone: &Phone,
    purpose: Purpose,
    limit: u32,
    window: Duration,
    now: OffsetDateTime,
) -> Stored<Option<u32>> {
    let taken = sqlx::query_scalar(
        "INSERT INTO tries (phone, purpose, started_at, count) VALUES (?1, ?2, ?3, 1) \
         ON CONFLICT (phone, purpose) DO UPDATE SET \
         count = CASE WHEN started_at <= ?4 THEN 1 ELSE count + 1 END, \
         started_at = CASE WHEN started_at <= ?4 THEN ?3 ELSE started_at END \
         WHERE started_at <= ?4 OR count < ?5 RETURNING count",
    )
    .bind(phone.as_str())
    .bind(purpose.as_str())
    .bind(millis(now))
    .bind(millis(now - window))
    .bind(limit)
    .fetch_optional(pool)
    .await?;
    Ok(taken)
}

pub(super) async fn tries(
    pool: &Pool<Sqlite>,
    phone: &Phone,
    purpose: Purpose,
) -> Stored<Option<(u32, OffsetDateTime)>> {
    let found = sqlx::query("SELECT count, started_at FROM tries WHERE phone = ? AND purpose = ?")
        .bind(phone.as_str())
        .bind(purpose.as_str())
        .fetch_optional(pool)
        .await?;
    found.map(|row| Ok((row.try_get("count")?, rows::time(row.try_get("started_at")?)?))).transpose()
}

pub(super) async fn count(
    pool: &Pool<Sqlite>,
    subject: &str,
    limit: u32,
    window: Duration,
    now: OffsetDateTime,
) -> Stored<Option<OffsetDateTime>> {
    let counted = sqlx::query(
        "INSERT INTO rates (subject, started_at, count) VALUES (?1, ?2, 1) \
         ON CONFLICT (subject) DO UPDATE SET \
         count = CASE WHEN started_at <= ?3 THEN 1 ELSE count + 1 END, \
         started_at = CASE WHEN started_at <= ?3 THEN ?2 ELSE started_at END \
         WHERE started_at <= ?3 OR count < ?4 RETURNING count",
    )
    .bind(subject)
    .bind(millis(now))
    .bind(millis(now - window))
    .bind(limit)
    .fetch_optional(pool)
    .await?;
    if counted.is_some() {
        return Ok(None);
    }
    let started: i64 =
        sqlx::query_scalar("SELECT started_at FROM rates WHERE subject = ?").bind(subject).fetch_one(pool).await?;
    Ok(Some(rows::time(started)?))
}

pub(super) async fn forget(mut transaction: Transaction<'static, Sqlite>, before: OffsetDateTime) -> Stored<()> {
    for statement in [
        "DELETE FROM passwords WHERE created_at < ?",
        "DELETE FROM tries WHERE started_at < ?",
        "DELETE FROM rates WHERE started_at < ?",
        "DELETE FROM sessions WHERE last_seen_at < ? AND id NOT IN (SELECT session_id FROM passwords \
         WHERE session_id IS NOT NULL)",
    ] {
        sqlx::query(statement).bind(millis(before)).execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    Ok(())
}
