//! Text messages that wait.

use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    QueuedMessage, Stored,
    connections::Connections,
    rows::{Columns, millis},
};

pub(super) async fn claim(
    connections: &Connections,
    owner: Uuid,
    limit: u32,
    now: OffsetDateTime,
    until: OffsetDateTime,
) -> Stored<Vec<QueuedMessage>> {
    let statement = "WITH due AS MATERIALIZED (SELECT id FROM messages WHERE lease_until IS NULL OR lease_until <= $3 \
         ORDER BY id LIMIT $4 FOR UPDATE SKIP LOCKED) \
         UPDATE messages m SET lease_owner = $1, lease_until = $2 FROM due WHERE m.id = due.id \
         RETURNING m.id, m.sealed";
    let claim = || {
        let query = sqlx::query(statement).bind(owner).bind(millis(until)).bind(millis(now));
        query.bind(i64::from(limit))
    };
    let claimed = connections.write(claim).await?;
    let read = |row| {
        let columns = &mut Columns::of(row);
        Ok(QueuedMessage { id: columns.next()?, sealed: columns.next()? })
    };
    let mut messages: Vec<QueuedMessage> = claimed.iter().map(read).collect::<Stored<_>>()?;
    // An answer to RETURNING has no order.
    messages.sort_by_key(|message| message.id);
    Ok(messages)
}

pub(super) async fn remove(connections: &Connections, id: i64) -> Stored<()> {
    connections.write(|| sqlx::query("DELETE FROM messages WHERE id = $1").bind(id)).await.map(drop)
}
