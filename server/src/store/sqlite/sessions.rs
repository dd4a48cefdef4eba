//! Sessions.

use sqlx::{Pool, Row, Sqlite, Transaction};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{SessionRecord, Stored, millis, passwords, rows};

pub(super) async fn sign_in(
    mut transaction: Transaction<'static, Sqlite>,
    password: Uuid,
    session: &SessionRecord,
    before: Option<[u8; 32]>,
) -> Stored<bool> {
    let now = session.created_at;
    if !passwords::use_up(&mut transaction, password, now).await? {
        return Ok(false);
    }
    if let Some(before) = before {
        sqlx::query("UPDATE sessions SET ended_at = ? WHERE token_hash = ? AND ended_at IS NULL")
            .bind(millis(now))
            .bind(before.as_slice())
            .execute(&mut *transaction)
            .await?;
    }
    sqlx::query("INSERT INTO sessions (id, token_hash, phone, created_at, last_seen_at) VALUES (?, ?, ?, ?, ?)")
        .bind(session.id)
        .bind(session.token_hash.as_slice())
        .bind(session.phone.as_str())
        .bind(millis(now))
        .bind(millis(session.last_seen_at))
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(true)
}

pub(super) async fn find(pool: &Pool<Sqlite>, token_hash: &[u8; 32]) -> Stored<Option<SessionRecord>> {
    let found = sqlx::query(
        "SELECT id, phone, created_at, last_seen_at FROM sessions WHERE token_hash = ? AND ended_at IS NULL",
    )
    .bind(token_hash.as_slice())
    .fetch_optional(pool)
    .await?;
    found
        .map(|row| {
            Ok(SessionRecord {
                id: row.try_get("id")?,
                token_hash: *token_hash,
                phone: rows::phone(&row.try_get::<String, _>("phone")?)?,
                created_at: rows::time(row.try_get("created_at")?)?,
                last_seen_at: rows::time(row.try_get("last_seen_at")?)?,
            })
        })
        .transpose()
}

pub(super) async fn touch(pool: &Pool<Sqlite>, id: Uuid, now: OffsetDateTime) -> Stored<()> {
    sqlx::query("UPDATE sessions SET last_seen_at = ? WHERE id = ?").bind(millis(now)).bind(id).execute(pool).await?;
    Ok(())
}

pub(super) async fn end(pool: &Pool<Sqlite>, token_hash: &[u8; 32], now: OffsetDateTime) -> Stored<()> {
    sqlx::query("UPDATE sessions SET ended_at = ? WHERE token_hash = ? AND ended_at IS NULL")
        .bind(millis(now))
        .bind(token_hash.as_slice())
        .execute(pool)
        .await?;
    Ok(())
}
