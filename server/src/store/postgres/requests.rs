//! Certificate requests, up to the issuance queue.

use qcert_protocol::holder::Phone;
use sqlx::postgres::PgRow;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Approved, ConfirmOutcome, ConfirmedRequest, Overview, Prepared, Request, StoreError, Stored,
    connections::{Connections, Statement},
    flag,
    rows::{self, Columns, millis},
    word,
};
use crate::audit::Actor;

const PREPARE: &str =
    "SELECT outcome, now_of FROM prepare_request($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";

pub(super) async fn prepare(connections: &Connections, new: &Request, from: &[&str], by: &Actor) -> Stored<Prepared> {
    let prepare = || bind_new(sqlx::query(PREPARE), new, from, by);
    prepared(connections.write_unique(prepare).await?)
}

/// The first fifteen values of a statement that prepares a request.
pub(super) fn bind_new<'q>(
    query: Statement<'q>,
    new: &'q Request,
    from: &'q [&'q str],
    by: &'q Actor,
) -> Statement<'q> {
    query
        .bind(new.id)
        .bind(new.application_id)
        .bind(&new.der)
        .bind(&new.public_key)
        .bind(new.key_digest)
        .bind(new.key_id.as_str())
        .bind(new.container.as_str())
        .bind(&new.token.label)
        .bind(&new.token.serial)
        .bind(&new.token.model)
        .bind(new.state.as_str())
        .bind(millis(new.created_at))
        .bind(from)
        .bind(&by.who)
        .bind(&by.from)
}

/// What became of it; a unique index that was met is that of keys.
pub(super) fn prepared(answer: Option<Vec<PgRow>>) -> Stored<Prepared> {
    let Some(prepared) = answer else { return Ok(Prepared::KeyInUse) };
    let (outcome, revision) = outcome(&prepared)?;
    match outcome {
        "done" => Ok(Prepared::Done(revision)),
        "stateForbids" => Ok(Prepared::StateForbids),
        "keyBlocked" => Ok(Prepared::KeyBlocked),
        "keyRevoked" => Ok(Prepared::KeyRevoked),
        "changed" => Ok(Prepared::Changed),
        "voucherBlocked" => Ok(Prepared::VoucherBlocked),
        _ => Err(StoreError::Corrupt("the answer of prepare_request")),
    }
}

/// What became of it, and the application's revision if it was done.
fn outcome(answer: &[PgRow]) -> Stored<(&str, i64)> {
    let columns = &mut Columns::of(answer.first().ok_or(StoreError::Corrupt("no answer to a request"))?);
    Ok((columns.next()?, columns.next::<Option<_>>()?.unwrap_or_default()))
}

pub(super) async fn of_phone(connections: &Connections, phone: &Phone, id: Uuid) -> Stored<Option<Overview>> {
    let statement = rows::overview!(
        "WHERE a.id = (SELECT application_id FROM requests WHERE id = $1) AND a.phone = $2 AND r.id = $1"
    );
    let found = connections.read(|| sqlx::query(statement).bind(id).bind(phone.as_str())).await?;
    found.first().map(rows::read_overview).transpose()
}

pub(super) async fn remove(connections: &Connections, id: Uuid, by: &Actor, now: OffsetDateTime) -> Stored<bool> {
    let statement = "SELECT remove_request($1, $2) FROM acting($3, $4)";
    let remove = || sqlx::query(statement).bind(id).bind(millis(now)).bind(&by.who).bind(&by.from);
    flag(&connections.write(remove).await?)
}

pub(super) async fn confirm(connections: &Connections, confirmed: &ConfirmedRequest) -> Stored<ConfirmOutcome> {
    let done = connections
        .write(|| {
            sqlx::query("SELECT outcome, now_of FROM confirm_request($1, $2, $3, $4, $5, $6, $7, $8)")
                .bind(confirmed.password)
                .bind(confirmed.request)
                .bind(&confirmed.snapshot)
                .bind(confirmed.digest)
                .bind(if confirmed.held { "held" } else { "queued" })
                .bind(millis(confirmed.now))
                .bind(&confirmed.by.who)
                .bind(&confirmed.by.from)
        })
        .await?;
    let (outcome, revision) = outcome(&done)?;
    match outcome {
        "done" => Ok(ConfirmOutcome::Done(revision)),
        "passwordUsed" => Ok(ConfirmOutcome::PasswordUsed),
        "stateForbids" => Ok(ConfirmOutcome::StateForbids),
        "dataChanged" => Ok(ConfirmOutcome::DataChanged),
        _ => Err(StoreError::Corrupt("the answer of confirm_request")),
    }
}

pub(super) async fn approve(
    connections: &Connections,
    application: Uuid,
    by: &Actor,
    needed: u32,
    now: OffsetDateTime,
) -> Stored<Approved> {
    let approve = || {
        let query =
            sqlx::query("SELECT approve_issuance($1, $2, $3, $4) FROM acting($2, $5)").bind(application).bind(&by.who);
        query.bind(i32::try_from(needed).unwrap_or(i32::MAX)).bind(millis(now)).bind(&by.from)
    };
    match word(&connections.write(approve).await?)? {
        "done" => Ok(Approved::Done),
        "waits" => Ok(Approved::Waits),
        "repeated" => Ok(Approved::Repeated),
        "notWaiting" => Ok(Approved::NotWaiting),
        _ => Err(StoreError::Corrupt("the answer of approve_issuance")),
    }
}

pub(super) async fn reject(
    connections: &Connections,
    application: Uuid,
    reason: &str,
    by: &Actor,
    now: OffsetDateTime,
) -> Stored<bool> {
    let reject = || {
        let query = sqlx::query("SELECT reject_issuance($1, $2, $3, $4) FROM acting($3, $5)").bind(application);
        query.bind(reason).bind(&by.who).bind(millis(now)).bind(&by.from)
    };
    flag(&connections.write(reject).await?)
}

pub(super) async fn withdraw(
    connections: &Connections,
    application: Uuid,
    by: &Actor,
    now: OffsetDateTime,
) -> Stored<bool> {
    let statement = "SELECT withdraw($1, $2) FROM acting($3, $4)";
    let withdraw = || sqlx::query(statement).bind(application).bind(millis(now)).bind(&by.who).bind(&by.from);
    flag(&connections.write(withdraw).await?)
}
