//! Sessions.

use qcert_protocol::holder::Phone;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Overview, SessionRecord, Stored, Wanted,
    connections::Connections,
    flag,
    rows::{self, Columns, millis},
};
use crate::audit::Actor;

pub(super) async fn sign_in(
    connections: &Connections,
    password: Uuid,
    session: &SessionRecord,
    before: Option<[u8; 32]>,
    by: &Actor,
) -> Stored<bool> {
    let statement = "WITH begun AS MATERIALIZED (SELECT sign_in($1, $2, $3, $4, $5, $6, $7) AS done), \
         told AS (INSERT INTO audit_waiting (at, event, subject, detail, who, origin) \
         SELECT $5, 'signed in', $2, $8, $9, $10 FROM begun WHERE done) \
         SELECT done FROM begun";
    let masked = session.phone.masked();
    let begun = connections
        .write(|| {
            sqlx::query(statement)
                .bind(password)
                .bind(session.id)
                .bind(session.token_hash)
                .bind(session.phone.as_str())
                .bind(millis(session.created_at))
                .bind(millis(session.last_seen_at))
                .bind(before)
                .bind(&masked)
                .bind(&by.who)
                .bind(&by.from)
        })
        .await?;
    flag(&begun)
}

pub(super) async fn find(connections: &Connections, token_hash: &[u8; 32]) -> Stored<Option<SessionRecord>> {
    let statement =
        "SELECT id, phone, created_at, last_seen_at FROM sessions WHERE token_hash = $1 AND ended_at IS NULL";
    let found = connections.read(|| sqlx::query(statement).bind(token_hash)).await?;
    found.first().map(|row| record(&mut Columns::of(row), token_hash)).transpose()
}

fn record(columns: &mut Columns<'_>, token_hash: &[u8; 32]) -> Stored<SessionRecord> {
    Ok(SessionRecord {
        id: columns.next()?,
        token_hash: *token_hash,
        phone: rows::phone(columns.next()?)?,
        created_at: columns.time()?,
        last_seen_at: columns.time()?,
    })
}

/// How many columns those are.
const COLUMNS: usize = 4;

/// A statement for a session and the application that is wanted, which is found so.
macro_rules! with {
    ($wanted:literal) => {
        concat!(
            "SELECT s.id, s.phone, s.created_at, s.last_seen_at, ",
            rows::overview_columns!(),
            "FROM sessions s LEFT JOIN applications a ON a.phone = s.phone AND a.id = ",
            $wanted,
            rows::overview_joins!(),
            "WHERE s.token_hash = $1 AND s.ended_at IS NULL"
        )
    };
}

pub(super) async fn find_with(
    connections: &Connections,
    token_hash: &[u8; 32],
    wanted: Wanted,
) -> Stored<Option<(SessionRecord, Option<Overview>)>> {
    let (statement, id) = match wanted {
        Wanted::Application(id) => (with!("$2"), id),
        Wanted::Request(id) => (with!("(SELECT application_id FROM requests WHERE id = $2)"), id),
        Wanted::Certificate(id) => (with!("(SELECT application_id FROM certificates WHERE id = $2)"), id),
    };
    let found = connections.read(|| sqlx::query(statement).bind(token_hash).bind(id)).await?;
    let Some(row) = found.first() else { return Ok(None) };
    let session = record(&mut Columns::of(row), token_hash)?;
    let found = rows::overview_if_any(Columns::after(row, COLUMNS))?;
    // A request that was removed or replaced is not the one that is shown.
    let counts = |found: &Overview| match wanted {
        Wanted::Request(id) => found.request.as_ref().is_some_and(|request| request.id == id),
        Wanted::Application(_) | Wanted::Certificate(_) => true,
    };
    Ok(Some((session, found.filter(counts))))
}

pub(super) async fn touch(connections: &Connections, id: Uuid, now: OffsetDateTime) -> Stored<()> {
    let statement = "UPDATE sessions SET last_seen_at = greatest(last_seen_at, $2) WHERE id = $1";
    connections.write(|| sqlx::query(statement).bind(id).bind(millis(now))).await.map(drop)
}

pub(super) async fn end_all(
    connections: &Connections,
    phone: &Phone,
    by: &Actor,
    now: OffsetDateTime,
) -> Stored<Vec<Uuid>> {
    let statement = "WITH ended AS (UPDATE sessions SET ended_at = $2 \
         WHERE phone = $1 AND ended_at IS NULL RETURNING id), \
         told AS (INSERT INTO audit_waiting (at, event, subject, detail, who, origin) \
         SELECT $2, 'signed out', id, '', $3, $4 FROM ended) \
         SELECT id FROM ended";
    let end = || sqlx::query(statement).bind(phone.as_str()).bind(millis(now)).bind(&by.who).bind(&by.from);
    connections.write(end).await?.iter().map(|row| Columns::of(row).next()).collect()
}

pub(super) async fn end(
    connections: &Connections,
    token_hash: &[u8; 32],
    by: &Actor,
    now: OffsetDateTime,
) -> Stored<()> {
    let statement = "WITH ended AS (UPDATE sessions SET ended_at = $2 \
         WHERE token_hash = $1 AND ended_at IS NULL RETURNING id) \
         INSERT INTO audit_waiting (at, event, subject, detail, who, origin) \
         SELECT $2, 'signed out', id, '', $3, $4 FROM ended";
    let end = || sqlx::query(statement).bind(token_hash).bind(millis(now)).bind(&by.who).bind(&by.from);
    connections.write(end).await.map(drop)
}
