//! One-time passwords, the tries they were given, and rates.

use qcert_protocol::holder::Phone;
use time::{Duration, OffsetDateTime};

use super::{
    NewPassword, Password, PasswordOrder, PasswordScope, Purpose, StoreError, Stored,
    connections::Connections,
    rows::{self, Columns, millis},
};
use crate::store::PasswordState;

/// A limit from which a subject is one that many share.
const SHARED: u32 = 1000;
/// How many slots such a subject has.
const SLOTS: i32 = 16;

pub(super) async fn order(
    connections: &Connections,
    new: &NewPassword,
    sealed: &[u8],
    interval: Duration,
) -> Stored<PasswordOrder> {
    let (subject, session) = new.scope.subject.unzip();
    let ordered = connections
        .write(|| {
            sqlx::query("SELECT order_password($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)")
                .bind(new.id)
                .bind(new.scope.purpose.as_str())
                .bind(new.scope.phone.as_str())
                .bind(subject)
                .bind(session)
                .bind(new.digest)
                .bind(new.hash)
                .bind(millis(new.created_at))
                .bind(millis(new.expires_at))
                .bind(sealed)
                .bind(millis(new.created_at - interval))
        })
        .await?;
    match ordered.first().map(|row| Columns::of(row).next::<Option<i64>>()).transpose()?.flatten() {
        Some(earlier) => Ok(PasswordOrder::TooEarly(rows::time(earlier)?)),
        None => Ok(PasswordOrder::Ordered),
    }
}

pub(super) async fn of_scope(connections: &Connections, scope: &PasswordScope) -> Stored<Vec<Password>> {
    let (subject, session) = scope.subject.unzip();
    let statement = "SELECT id, digest, hash, state, created_at, expires_at FROM passwords \
         WHERE phone = $1 AND purpose = $2 AND subject_id IS NOT DISTINCT FROM $3 \
         AND session_id IS NOT DISTINCT FROM $4 ORDER BY created_at DESC, id DESC LIMIT 10";
    let find = || {
        let query = sqlx::query(statement).bind(scope.phone.as_str()).bind(scope.purpose.as_str());
        query.bind(subject).bind(session)
    };
    let read = |row| {
        let columns = &mut Columns::of(row);
        Ok(Password {
            id: columns.next()?,
            digest: columns.next::<Option<&[u8]>>()?.map(rows::array).transpose()?,
            hash: columns.array()?,
            state: match columns.next()? {
                "active" => PasswordState::Active,
                "superseded" => PasswordState::Superseded,
                "used" => PasswordState::Used,
                _ => return Err(StoreError::Corrupt("passwords.state")),
            },
            created_at: columns.time()?,
            expires_at: columns.time()?,
        })
    };
    connections.read(find).await?.iter().map(read).collect()
}

pub(super) async fn take_try(
    connections: &Connections,
    phone: &Phone,
    purpose: Purpose,
    limit: u32,
    window: Duration,
    now: OffsetDateTime,
) -> Stored<Option<u32>> {
    let statement = "INSERT INTO tries AS t (phone, purpose, started_at, count) VALUES ($1, $2, $3, 1) \
         ON CONFLICT (phone, purpose) DO UPDATE SET \
         count = CASE WHEN t.started_at <= $4 THEN 1 ELSE t.count + 1 END, \
         started_at = CASE WHEN t.started_at <= $4 THEN $3 ELSE t.started_at END \
         WHERE t.started_at <= $4 OR t.count < $5 RETURNING t.count";
    let take = || {
        let query = sqlx::query(statement).bind(phone.as_str()).bind(purpose.as_str()).bind(millis(now));
        query.bind(millis(now - window)).bind(integer(limit))
    };
    let taken = connections.write(take).await?;
    taken.first().map(|row| Columns::of(row).next::<i32>().map(i32::unsigned_abs)).transpose()
}

pub(super) async fn tries(
    connections: &Connections,
    phone: &Phone,
    purpose: Purpose,
) -> Stored<Option<(u32, OffsetDateTime)>> {
    let statement = "SELECT count, started_at FROM tries WHERE phone = $1 AND purpose = $2";
    let found = connections.read(|| sqlx::query(statement).bind(phone.as_str()).bind(purpose.as_str())).await?;
    let read = |row| {
        let columns = &mut Columns::of(row);
        Ok((columns.next::<i32>()?.unsigned_abs(), columns.time()?))
    };
    found.first().map(read).transpose()
}

pub(super) async fn count(
    connections: &Connections,
    subject: &str,
    limit: u32,
    window: Duration,
    now: OffsetDateTime,
) -> Stored<Option<OffsetDateTime>> {
    let slots = if limit < SHARED { 1 } else { SLOTS };
    let count = || {
        let query = sqlx::query("SELECT count_event($1, $2, $3, $4, $5)").bind(subject).bind(integer(limit));
        query.bind(slots).bind(millis(now - window)).bind(millis(now))
    };
    let since = connections.write(count).await?;
    let since = since.first().map(|row| Columns::of(row).next::<Option<i64>>()).transpose()?.flatten();
    since.map(rows::time).transpose()
}

pub(super) async fn forget(connections: &Connections, before: OffsetDateTime) -> Stored<()> {
    connections.write(|| sqlx::query("SELECT forget($1)").bind(millis(before))).await.map(drop)
}

/// PostgreSQL has no numbers without a sign; a limit that does not fit is none.
fn integer(limit: u32) -> i32 {
    i32::try_from(limit).unwrap_or(i32::MAX)
}
