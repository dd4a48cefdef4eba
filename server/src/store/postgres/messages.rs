//! Text messages: those that wait, and what became of the others.

use qcert_protocol::holder::Phone;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    MessageRecord, MessageState, QueuedMessage, SettledMessage, StoreError, Stored,
    connections::Connections,
    rows::{Columns, millis, time},
};

pub(super) async fn claim(
    connections: &Connections,
    owner: Uuid,
    limit: u32,
    now: OffsetDateTime,
    until: OffsetDateTime,
) -> Stored<Vec<QueuedMessage>> {
    let statement = "WITH due AS MATERIALIZED (SELECT id, state FROM messages WHERE due_at <= $3 \
         ORDER BY due_at, id LIMIT $4 FOR UPDATE SKIP LOCKED) \
         UPDATE messages m SET lease_owner = $1, due_at = $2, attempts = attempts + 1 FROM due WHERE m.id = due.id \
         RETURNING m.id, m.sealed, m.expires_at, m.attempts, \
         CASE WHEN m.state = 'sending' THEN COALESCE(m.gateway, '') END";
    let claim = || {
        let query = sqlx::query(statement).bind(owner).bind(millis(until)).bind(millis(now));
        query.bind(i64::from(limit))
    };
    let claimed = connections.write(claim).await?;
    let read = |row| {
        let columns = &mut Columns::of(row);
        Ok(QueuedMessage {
            id: columns.next()?,
            sealed: columns.next()?,
            expires_at: columns.time()?,
            attempts: columns.next::<i32>()?.unsigned_abs(),
            handed_to: columns.next()?,
        })
    };
    let mut messages: Vec<QueuedMessage> = claimed.iter().map(read).collect::<Stored<_>>()?;
    // An answer to RETURNING has no order.
    messages.sort_by_key(|message| message.id);
    Ok(messages)
}

pub(super) async fn begin(
    connections: &Connections,
    owner: Uuid,
    ids: &[i64],
    gateway: &str,
    until: OffsetDateTime,
) -> Stored<Vec<i64>> {
    let statement = "UPDATE messages SET state = 'sending', gateway = $3, due_at = $4 \
         WHERE id = ANY ($2) AND lease_owner = $1 RETURNING id";
    let begin = || sqlx::query(statement).bind(owner).bind(ids).bind(gateway).bind(millis(until));
    connections.write(begin).await?.iter().map(|row| Columns::of(row).next()).collect()
}

pub(super) async fn settle(
    connections: &Connections,
    owner: Uuid,
    settled: &[SettledMessage],
    now: OffsetDateTime,
) -> Stored<()> {
    if settled.is_empty() {
        return Ok(());
    }
    let ids: Vec<i64> = settled.iter().map(|message| message.id).collect();
    let (states, dues): (Vec<&str>, Vec<_>) = settled.iter().map(|message| message.settlement.columns()).unzip();
    let dues: Vec<Option<i64>> = dues.into_iter().map(|due| due.map(millis)).collect();
    let gateways: Vec<Option<&str>> = settled.iter().map(|message| message.gateway.as_deref()).collect();
    let problems: Vec<Option<&str>> = settled.iter().map(|message| message.problem.as_deref()).collect();
    let settle = || {
        let query = sqlx::query("SELECT settle_messages($1, $2, $3, $4, $5, $6, $7)").bind(owner).bind(&ids);
        query.bind(&states).bind(&dues).bind(&gateways).bind(&problems).bind(millis(now))
    };
    connections.write(settle).await?;
    refer(connections, settled, now).await
}

async fn refer(connections: &Connections, settled: &[SettledMessage], now: OffsetDateTime) -> Stored<()> {
    let (mut ids, mut gateways, mut references) = (Vec::new(), Vec::new(), Vec::new());
    for message in settled {
        for reference in &message.references {
            ids.push(message.id);
            gateways.push(message.gateway.as_deref().unwrap_or_default());
            references.push(reference.as_str());
        }
    }
    if ids.is_empty() {
        return Ok(());
    }
    let refer = || {
        let query = sqlx::query("SELECT refer_messages($1, $2, $3, $4)").bind(&ids).bind(&gateways);
        query.bind(&references).bind(millis(now))
    };
    connections.write(refer).await.map(drop)
}

pub(super) async fn report(
    connections: &Connections,
    gateway: &str,
    reference: &str,
    state: MessageState,
    problem: Option<&str>,
    now: OffsetDateTime,
) -> Stored<()> {
    let report = || {
        let query = sqlx::query("SELECT report_message($1, $2, $3, $4, $5)").bind(gateway).bind(reference);
        query.bind(state.as_str()).bind(problem).bind(millis(now))
    };
    connections.write(report).await.map(drop)
}

macro_rules! records {
    ($rest:literal) => {
        concat!(
            "SELECT id, phone, purpose, state, created_at, expires_at, attempts, gateway, problem, settled_at \
             FROM messages ",
            $rest
        )
    };
}

pub(super) async fn latest(connections: &Connections, phone: Option<&Phone>, limit: u32) -> Stored<Vec<MessageRecord>> {
    let limit = i64::from(limit);
    let rows = match phone {
        Some(phone) => {
            let statement = records!("WHERE phone = $1 ORDER BY id DESC LIMIT $2");
            connections.read(|| sqlx::query(statement).bind(phone.as_str()).bind(limit)).await?
        }
        None => connections.read(|| sqlx::query(records!("ORDER BY id DESC LIMIT $1")).bind(limit)).await?,
    };
    let read = |row| {
        let columns = &mut Columns::of(row);
        Ok(MessageRecord {
            id: columns.next()?,
            phone: columns.next()?,
            purpose: columns.next()?,
            state: MessageState::parse(columns.next()?).ok_or(StoreError::Corrupt("messages.state"))?,
            created_at: columns.time()?,
            expires_at: columns.time()?,
            attempts: columns.next::<i32>()?.unsigned_abs(),
            gateway: columns.next()?,
            problem: columns.next()?,
            settled_at: columns.next::<Option<i64>>()?.map(time).transpose()?,
        })
    };
    rows.iter().map(read).collect()
}

pub(super) async fn forget(connections: &Connections, before: OffsetDateTime) -> Stored<()> {
    connections.write(|| sqlx::query("SELECT forget_messages($1)").bind(millis(before))).await.map(drop)
}
