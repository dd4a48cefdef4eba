//! One-time passwords, the wrong ones that came in their place, and rates.

use qcert_protocol::holder::Phone;
use time::OffsetDateTime;

use super::{
    Attempt, Attempted, Failures, NewPassword, OrderLimits, Password, PasswordOrder, PasswordScope, Rate, StoreError,
    Stored,
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
    limits: &OrderLimits,
) -> Stored<PasswordOrder> {
    let (subject, session) = new.scope.subject.unzip();
    let (rates, now) = (&limits.rates, new.created_at);
    let subjects: Vec<&str> = rates.iter().map(|rate| rate.subject.as_str()).collect();
    let most: Vec<i32> = rates.iter().map(|rate| integer(rate.limit)).collect();
    let slots: Vec<i32> = rates.iter().map(slots).collect();
    let began: Vec<i64> = rates.iter().map(|rate| millis(now - rate.window)).collect();
    let ordered = connections
        .write(|| {
            sqlx::query(
                "SELECT outcome, at FROM order_password($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, \
                 $14, $15, $16, $17)",
            )
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
            .bind(millis(now - limits.interval))
            .bind(integer(limits.tries.tries))
            .bind(integer(limits.tries.most))
            .bind(&subjects)
            .bind(&most)
            .bind(&slots)
            .bind(&began)
        })
        .await?;
    let columns = &mut Columns::of(ordered.first().ok_or(StoreError::Corrupt("no answer to an order"))?);
    match columns.next()? {
        "ordered" => Ok(PasswordOrder::Ordered),
        "locked" => Ok(PasswordOrder::Locked),
        "exhausted" => Ok(PasswordOrder::Exhausted(columns.time()?)),
        "tooEarly" => Ok(PasswordOrder::TooEarly(columns.time()?)),
        "limited" => Ok(PasswordOrder::Limited(columns.time()?)),
        _ => Err(StoreError::Corrupt("the answer to an order")),
    }
}

pub(super) async fn of_scope(connections: &Connections, scope: &PasswordScope) -> Stored<Vec<Password>> {
    let (subject, session) = scope.subject.unzip();
    let statement = "SELECT id, digest, hash, state, tries, created_at, expires_at FROM passwords \
         WHERE phone = $1 AND purpose = $2 AND subject_id IS NOT DISTINCT FROM $3 \
         AND session_id IS NOT DISTINCT FROM $4 ORDER BY created_at DESC, id DESC LIMIT 10";
    let find = || {
        let query = sqlx::query(statement).bind(scope.phone.as_str()).bind(scope.purpose.as_str());
        query.bind(subject).bind(session)
    };
    connections.read(find).await?.iter().map(|row| password(&mut Columns::of(row))).collect()
}

fn password(columns: &mut Columns<'_>) -> Stored<Password> {
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
        tries: columns.next::<i32>()?.unsigned_abs(),
        created_at: columns.time()?,
        expires_at: columns.time()?,
    })
}

pub(super) async fn attempt(connections: &Connections, attempt: &Attempt, now: OffsetDateTime) -> Stored<Attempted> {
    let (scope, rate, limits) = (&attempt.scope, &attempt.rate, &attempt.limits);
    let (subject, session) = scope.subject.unzip();
    let waits: Vec<i64> = limits.waits.iter().map(|wait| millis(OffsetDateTime::UNIX_EPOCH + *wait)).collect();
    let answer = connections
        .write(|| {
            sqlx::query("SELECT * FROM attempt($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)")
                .bind(scope.purpose.as_str())
                .bind(scope.phone.as_str())
                .bind(subject)
                .bind(session)
                .bind(&rate.subject)
                .bind(integer(rate.limit))
                .bind(slots(rate))
                .bind(millis(now - rate.window))
                .bind(integer(limits.tries))
                .bind(&waits)
                .bind(integer(limits.most))
                .bind(millis(now))
        })
        .await?;
    let Some(first) = answer.first() else { return Ok(Attempted::NotOrdered) };
    let columns = &mut Columns::of(first);
    let (outcome, at) = (columns.next()?, columns.time()?);
    match outcome {
        "limited" => Ok(Attempted::Limited(at)),
        "locked" => Ok(Attempted::Locked),
        "exhausted" => Ok(Attempted::Exhausted(at)),
        "taken" => Ok(Attempted::Taken {
            failures: Failures { count: columns.next::<i32>()?.unsigned_abs(), rests_until: at },
            passwords: answer.iter().map(|row| password(&mut Columns::after(row, 3))).collect::<Stored<_>>()?,
        }),
        _ => Err(StoreError::Corrupt("the answer to a try")),
    }
}

pub(super) async fn failures(connections: &Connections, phone: &Phone) -> Stored<Option<Failures>> {
    let statement = "SELECT count, rests_until FROM failures WHERE phone = $1";
    let found = connections.read(|| sqlx::query(statement).bind(phone.as_str())).await?;
    let read = |row| {
        let columns = &mut Columns::of(row);
        Ok(Failures { count: columns.next::<i32>()?.unsigned_abs(), rests_until: columns.time()? })
    };
    found.first().map(read).transpose()
}

pub(super) async fn count(
    connections: &Connections,
    rate: &Rate,
    now: OffsetDateTime,
) -> Stored<Option<OffsetDateTime>> {
    let count = || {
        let query = sqlx::query("SELECT count_event($1, $2, $3, $4, $5)").bind(&rate.subject).bind(integer(rate.limit));
        query.bind(slots(rate)).bind(millis(now - rate.window)).bind(millis(now))
    };
    let since = connections.write(count).await?;
    let since = since.first().map(|row| Columns::of(row).next::<Option<i64>>()).transpose()?.flatten();
    since.map(rows::time).transpose()
}

pub(super) async fn forget(connections: &Connections, before: OffsetDateTime) -> Stored<()> {
    connections.write(|| sqlx::query("SELECT forget($1)").bind(millis(before))).await.map(drop)
}

pub(super) fn slots(rate: &Rate) -> i32 {
    if rate.limit < SHARED { 1 } else { SLOTS }
}

/// PostgreSQL has no numbers without a sign; a limit that does not fit is none.
pub(super) fn integer(limit: u32) -> i32 {
    i32::try_from(limit).unwrap_or(i32::MAX)
}
