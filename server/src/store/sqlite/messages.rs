//! Text messages that wait.

use sqlx::{Pool, Row, Sqlite};

use super::{QueuedMessage, Stored};

pub(super) async fn oldest(pool: &Pool<Sqlite>, limit: u32) -> Stored<Vec<QueuedMessage>> {
    let found = sqlx::query("SELECT id, sealed FROM messages ORDER BY id LIMIT ?").bind(limit).fetch_all(pool).await?;
    found.iter().map(|row| Ok(QueuedMessage { id: row.try_get("id")?, sealed: row.try_get("sealed")? })).collect()
}

pub(super) async fn remove(pool: &Pool<Sqlite>, id: i64) -> Stored<()> {
    sqlx::query("DELETE FROM messages WHERE id = ?").bind(id).execute(pool).await?;
    Ok(())
}
