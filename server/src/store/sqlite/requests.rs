//! Certificate requests, up to the issuance queue.

use qcert_protocol::holder::Phone;
use sqlx::{Pool, Row, Sqlite, SqliteConnection, Transaction};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    ConfirmOutcome, ConfirmedRequest, Overview, Prepared, Request, Stored, audit, is_unique_violation, millis,
    passwords, rows,
};

/// Compare and swap of an application's state.
pub(super) async fn move_application(
    connection: &mut SqliteConnection,
    id: Uuid,
    from: &[&str],
    to: &str,
) -> Stored<bool> {
    // The list of states as JSON, for a statement takes no list.
    let from = serde_json::to_string(from).unwrap_or_default();
    let moved = sqlx::query(
        "UPDATE applications SET state = ?, revision = revision + 1 \
         WHERE id = ? AND state IN (SELECT value FROM json_each(?))",
    )
    .bind(to)
    .bind(id)
    .bind(from)
    .execute(connection)
    .await?;
    Ok(moved.rows_affected() == 1)
}

/// Compare and swap of a request's state; answers its application.
async fn move_request(connection: &mut SqliteConnection, id: Uuid, from: &str, to: &str) -> Stored<Option<Uuid>> {
    let moved = sqlx::query_scalar("UPDATE requests SET state = ? WHERE id = ? AND state = ? RETURNING application_id")
        .bind(to)
        .bind(id)
        .bind(from)
        .fetch_optional(connection)
        .await?;
    Ok(moved)
}

pub(super) async fn prepare(
    mut transaction: Transaction<'static, Sqlite>,
    new: &Request,
    from: &[&str],
) -> Stored<Prepared> {
    if !move_application(&mut transaction, new.application_id, from, "preparing").await? {
        return Ok(Prepared::StateForbids);
    }
    sqlx::query("UPDATE requests SET state = 'replaced' WHERE application_id = ? AND state = 'prepared'")
        .bind(new.application_id)
        .execute(&mut *transaction)
        .await?;
    match insert(&mut transaction, new).await {
        Err(error) if is_unique_violation(&error) => return Ok(Prepared::KeyInUse),
        other => other?,
    }
    audit::append(&mut transaction, new.created_at, "request prepared", new.id, new.key_id.as_str()).await?;
    transaction.commit().await?;
    Ok(Prepared::Done)
}

async fn insert(connection: &mut SqliteConnection, new: &Request) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO requests \
         (id, application_id, der, public_key, key_digest, key_id, container, \
         token_label, token_serial, token_model, state, created_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(new.id)
    .bind(new.application_id)
    .bind(&new.der)
    .bind(&new.public_key)
    .bind(new.key_digest.as_slice())
    .bind(new.key_id.as_str())
    .bind(new.container.as_str())
    .bind(&new.token.label)
    .bind(&new.token.serial)
    .bind(&new.token.model)
    .bind(new.state.as_str())
    .bind(millis(new.created_at))
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn of_phone(pool: &Pool<Sqlite>, phone: &Phone, id: Uuid) -> Stored<Option<Overview>> {
    let found = sqlx::query(rows::overview!("WHERE a.phone = ? AND r.id = ?"))
        .bind(phone.as_str())
        .bind(id)
        .fetch_optional(pool)
        .await?;
    found.as_ref().map(rows::read_overview).transpose()
}

pub(super) async fn remove(
    mut transaction: Transaction<'static, Sqlite>,
    id: Uuid,
    now: OffsetDateTime,
) -> Stored<bool> {
    let Some(application) = move_request(&mut transaction, id, "prepared", "removed").await? else {
        return Ok(false);
    };
    if !move_application(&mut transaction, application, &["preparing"], "available").await? {
        return Ok(false);
    }
    audit::append(&mut transaction, now, "request removed", id, "").await?;
    transaction.commit().await?;
    Ok(true)
}

pub(super) async fn confirm(
    mut transaction: Transaction<'static, Sqlite>,
    confirmed: &ConfirmedRequest,
) -> Stored<ConfirmOutcome> {
    if !passwords::use_up(&mut transaction, confirmed.password, confirmed.now).await? {
        return Ok(ConfirmOutcome::PasswordUsed);
    }
    let Some(application) = move_request(&mut transaction, confirmed.request, "prepared", "confirmed").await? else {
        return Ok(ConfirmOutcome::StateForbids);
    };
    let holder: String = sqlx::query("SELECT holder FROM applications WHERE id = ?")
        .bind(application)
        .fetch_one(&mut *transaction)
        .await?
        .try_get("holder")?;
    if holder != confirmed.snapshot {
        return Ok(ConfirmOutcome::DataChanged);
    }
    if !move_application(&mut transaction, application, &["preparing"], "sent").await? {
        return Ok(ConfirmOutcome::StateForbids);
    }
    sqlx::query("UPDATE requests SET snapshot = ?, digest = ?, confirmed_at = ? WHERE id = ?")
        .bind(&confirmed.snapshot)
        .bind(confirmed.digest.as_slice())
        .bind(millis(confirmed.now))
        .bind(confirmed.request)
        .execute(&mut *transaction)
        .await?;
    sqlx::query("INSERT INTO issuances (request_id, application_id, state, created_at) VALUES (?, ?, 'queued', ?)")
        .bind(confirmed.request)
        .bind(application)
        .bind(millis(confirmed.now))
        .execute(&mut *transaction)
        .await?;
    audit::append(&mut transaction, confirmed.now, "request confirmed", confirmed.request, &hex(&confirmed.digest))
        .await?;
    transaction.commit().await?;
    Ok(ConfirmOutcome::Done)
}

pub(super) async fn withdraw(
    mut transaction: Transaction<'static, Sqlite>,
    application: Uuid,
    now: OffsetDateTime,
) -> Stored<bool> {
    let withdrawn: Option<Uuid> = sqlx::query_scalar(
        "UPDATE issuances SET state = 'withdrawn' WHERE application_id = ? AND state = 'queued' RETURNING request_id",
    )
    .bind(application)
    .fetch_optional(&mut *transaction)
    .await?;
    let Some(request) = withdrawn else { return Ok(false) };
    let moved = move_request(&mut transaction, request, "confirmed", "withdrawn").await?.is_some()
        && move_application(&mut transaction, application, &["sent"], "withdrawn").await?;
    if !moved {
        return Ok(false);
    }
    audit::append(&mut transaction, now, "request withdrawn", request, "").await?;
    transaction.commit().await?;
    Ok(true)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
