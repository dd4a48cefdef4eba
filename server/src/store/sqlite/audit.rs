//! The audit's table: a chain of hashes.

use ring::digest;
use sqlx::{Pool, Row, Sqlite, SqliteConnection};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{AuditRow, Stored, millis, rows};
use crate::audit::chained;

/// Adds a row, within the transaction of what it tells about.
pub(super) async fn append(
    connection: &mut SqliteConnection,
    now: OffsetDateTime,
    event: &str,
    subject: Uuid,
    detail: &str,
) -> Stored<()> {
    let last = sqlx::query("SELECT hash FROM audit ORDER BY id DESC LIMIT 1").fetch_optional(&mut *connection).await?;
    let previous = match last {
        Some(row) => row.try_get::<Vec<u8>, _>("hash")?,
        None => vec![0; digest::SHA256_OUTPUT_LEN],
    };
    let hash = chained(&previous, millis(now), event, subject, detail);
    sqlx::query("INSERT INTO audit (at, event, subject, detail, hash) VALUES (?, ?, ?, ?, ?)")
        .bind(millis(now))
        .bind(event)
        .bind(subject)
        .bind(detail)
        .bind(hash.as_slice())
        .execute(connection)
        .await?;
    Ok(())
}

pub(super) async fn all(pool: &Pool<Sqlite>) -> Stored<Vec<AuditRow>> {
    let found = sqlx::query("SELECT at, event, subject, detail, hash FROM audit ORDER BY id").fetch_all(pool).await?;
    found
        .iter()
        .map(|row| {
            Ok(AuditRow {
                at: rows::time(row.try_get("at")?)?,
                event: row.try_get("event")?,
                subject: row.try_get("subject")?,
                detail: row.try_get("detail")?,
                hash: rows::array(&row.try_get::<Vec<u8>, _>("hash")?)?,
            })
        })
        .collect()
}
