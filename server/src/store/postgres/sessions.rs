//! Sessions.

use qcert_protocol::holder::Phone;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    SessionRecord, Stored,
    connections::Connections,
    flag,
    rows::{self, Columns, millis},
};

pub(super) async fn sign_in(
    connections: &Connections,
    password: Uuid,
    session: &SessionRecord,
    before: Option<[u8; 32]>,
) -> Stored<bool> {
    let begun = connections
        .write(|| {
            sqlx::query("SELECT sign_in($1, $2, $3, $4, $5, $6, $7)")
                .bind(password)
                .bind(session.id)
                .bind(session.token_hash)
                .bind(session.phone.as_str())
                .bind(millis(session.created_at))
                .bind(millis(session.last_seen_at))
                .bind(before)
        })
        .await?;
    flag(&begun)
}

pub(super) async fn find(connections: &Connections, token_hash: &[u8; 32]) -> Stored<Option<SessionRecord>> {
    let statement =
        "SELECT id, phone, created_at, last_seen_at FROM sessions WHERE token_hash = $1 AND ended_at IS NULL";
    let found = connections.read(|| sqlx::query(statement).bind(token_hash)).await?;
    let read = |row| {
        let columns = &mut Columns::of(row);
        Ok(SessionRecord {
            id: columns.next()?,
            token_hash: *token_hash,
            phone: rows::phone(columns.next()?)?,
            created_at: columns.time()?,
            last_seen_at: columns.time()?,
        })
    };
    found.first().map(read).transpose()
}

pub(super) async fn touch(connections: &Connections, id: Uuid, now: OffsetDateTime) -> Stored<()> {
    let statement = "UPDATE sessions SET last_seen_at = greatest(last_seen_at, $2) WHERE id = $1";
    connections.write(|| sqlx::query(statement).bind(id).bind(millis(now))).await.map(drop)
}

pub(super) async fn end_all(connections: &Connections, phone: &Phone, now: OffsetDateTime) -> Stored<Vec<Uuid>> {
    let statement = "UPDATE sessions SET ended_at = $2 WHERE phone = $1 AND ended_at IS NULL RETURNING id";
    let ended = connections.write(|| sqlx::query(statement).bind(phone.as_str()).bind(millis(now))).await?;
    ended.iter().map(|row| Columns::of(row).next()).collect()
}

pub(super) async fn end(connections: &Connections, token_hash: &[u8; 32], now: OffsetDateTime) -> Stored<()> {
    let statement = "UPDATE sessions SET ended_at = $2 WHERE token_hash = $1 AND ended_at IS NULL";
    connections.write(|| sqlx::query(statement).bind(token_hash).bind(millis(now))).await.map(drop)
}
