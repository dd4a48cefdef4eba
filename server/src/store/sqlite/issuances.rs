//! The issuance queue and the registry of certificates.

use qcert_protocol::holder::Phone;
use sqlx::{Pool, Row, Sqlite, SqliteConnection, Transaction, sqlite::SqliteRow};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Certificate, Job, StoreError, Stored, audit, millis, requests::move_application, rows};

pub(super) async fn claim(
    mut transaction: Transaction<'static, Sqlite>,
    owner: Uuid,
    ripe: OffsetDateTime,
    now: OffsetDateTime,
    until: OffsetDateTime,
) -> Stored<Option<Job>> {
    let leased = sqlx::query(
        "UPDATE issuances SET state = 'working', lease_owner = ?, lease_until = ? WHERE request_id = ( \
         SELECT request_id FROM issuances WHERE (state = 'queued' AND created_at <= ?) \
         OR (state = 'working' AND lease_until <= ?) \
         ORDER BY created_at LIMIT 1) RETURNING request_id, application_id",
    )
    .bind(owner)
    .bind(millis(until))
    .bind(millis(ripe))
    .bind(millis(now))
    .fetch_optional(&mut *transaction)
    .await?;
    let Some(leased) = leased else { return Ok(None) };
    let (request, application): (Uuid, Uuid) = (leased.try_get("request_id")?, leased.try_get("application_id")?);
    if move_application(&mut transaction, application, &["sent"], "issuing").await? {
        audit::append(&mut transaction, now, "issuance begun", request, "").await?;
    }
    let job = job(&mut transaction, owner, request).await;
    // One that cannot be read is leased nevertheless, or it would be the oldest for ever and keep all others waiting.
    transaction.commit().await?;
    job.map(Some)
}

async fn job(connection: &mut SqliteConnection, owner: Uuid, request: Uuid) -> Stored<Job> {
    let row = sqlx::query(
        "SELECT a.id AS a_id, a.number, a.phone, a.holder, a.certificate_type, a.identification, a.replaces, \
         a.state AS a_state, a.reason, a.revision, \
         r.id AS r_id, r.der AS r_der, r.public_key, r.key_digest, r.key_id AS r_key_id, r.container, \
         r.token_label, r.token_serial, r.token_model, r.state AS r_state, r.created_at AS r_created_at, \
         r.confirmed_at, r.snapshot, r.digest, i.serial AS i_serial, i.to_be_signed \
         FROM issuances i JOIN requests r ON r.id = i.request_id JOIN applications a ON a.id = i.application_id \
         WHERE i.request_id = ?",
    )
    .bind(request)
    .fetch_one(connection)
    .await?;
    let snapshot: Option<String> = row.try_get("snapshot")?;
    let digest: Option<Vec<u8>> = row.try_get("digest")?;
    Ok(Job {
        owner,
        application: rows::application(&row)?,
        request: rows::request(&row)?,
        snapshot: snapshot.ok_or(StoreError::Corrupt("requests.snapshot"))?,
        digest: rows::array(&digest.ok_or(StoreError::Corrupt("requests.digest"))?)?,
        committed: committed(&row)?,
    })
}

fn committed(row: &SqliteRow) -> Stored<Option<(String, Vec<u8>)>> {
    let serial: Option<String> = row.try_get("i_serial")?;
    let bytes: Option<Vec<u8>> = row.try_get("to_be_signed")?;
    Ok(serial.zip(bytes))
}

pub(super) async fn commit(
    mut transaction: Transaction<'static, Sqlite>,
    job: &Job,
    serial: &str,
    bytes: &[u8],
    now: OffsetDateTime,
) -> Stored<bool> {
    let committed = sqlx::query(
        "UPDATE issuances SET serial = ?, to_be_signed = ? \
         WHERE request_id = ? AND state = 'working' AND lease_owner = ? AND to_be_signed IS NULL",
    )
    .bind(serial)
    .bind(bytes)
    .bind(job.request.id)
    .bind(job.owner)
    .execute(&mut *transaction)
    .await?;
    if committed.rows_affected() != 1 {
        return Ok(false);
    }
    audit::append(&mut transaction, now, "certificate committed", job.request.id, serial).await?;
    transaction.commit().await?;
    Ok(true)
}

/// Ends a leased issuance and moves request and application along; false if the lease is lost.
async fn finish(
    connection: &mut SqliteConnection,
    job: &Job,
    (issuance, request, application): (&str, &str, &str),
) -> Stored<bool> {
    let finished = sqlx::query(
        "UPDATE issuances SET state = ?, lease_owner = NULL, lease_until = NULL \
         WHERE request_id = ? AND state = 'working' AND lease_owner = ?",
    )
    .bind(issuance)
    .bind(job.request.id)
    .bind(job.owner)
    .execute(&mut *connection)
    .await?;
    if finished.rows_affected() != 1 {
        return Ok(false);
    }
    sqlx::query("UPDATE requests SET state = ? WHERE id = ?")
        .bind(request)
        .bind(job.request.id)
        .execute(&mut *connection)
        .await?;
    move_application(connection, job.application.id, &["issuing"], application).await
}

pub(super) async fn complete(
    mut transaction: Transaction<'static, Sqlite>,
    job: &Job,
    certificate: &Certificate,
) -> Stored<bool> {
    if !finish(&mut transaction, job, ("done", "issued", "readyToInstall")).await? {
        return Ok(false);
    }
    sqlx::query(
        "INSERT INTO certificates \
         (id, application_id, request_id, serial, key_id, der, not_before, not_after, issued_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(certificate.id)
    .bind(certificate.application_id)
    .bind(certificate.request_id)
    .bind(&certificate.serial)
    .bind(certificate.key_id.as_str())
    .bind(&certificate.der)
    .bind(millis(certificate.not_before))
    .bind(millis(certificate.not_after))
    .bind(millis(certificate.issued_at))
    .execute(&mut *transaction)
    .await?;
    audit::append(&mut transaction, certificate.issued_at, "certificate issued", certificate.id, &certificate.serial)
        .await?;
    transaction.commit().await?;
    Ok(true)
}

pub(super) async fn refuse(
    mut transaction: Transaction<'static, Sqlite>,
    job: &Job,
    reason: &str,
    now: OffsetDateTime,
) -> Stored<bool> {
    if !finish(&mut transaction, job, ("refused", "rejected", "rejected")).await? {
        return Ok(false);
    }
    sqlx::query("UPDATE applications SET reason = ? WHERE id = ?")
        .bind(reason)
        .bind(job.application.id)
        .execute(&mut *transaction)
        .await?;
    audit::append(&mut transaction, now, "issuance refused", job.request.id, "").await?;
    transaction.commit().await?;
    Ok(true)
}

pub(super) async fn release(pool: &Pool<Sqlite>, job: &Job, until: OffsetDateTime) -> Stored<()> {
    sqlx::query("UPDATE issuances SET lease_until = ? WHERE request_id = ? AND state = 'working' AND lease_owner = ?")
        .bind(millis(until))
        .bind(job.request.id)
        .bind(job.owner)
        .execute(pool)
        .await?;
    Ok(())
}

pub(super) async fn certificates(pool: &Pool<Sqlite>) -> Stored<Vec<Certificate>> {
    let found = sqlx::query(
        "SELECT application_id AS a_id, id AS c_id, request_id AS c_request_id, serial AS c_serial, \
         key_id AS c_key_id, der AS c_der, not_before, not_after, issued_at, installed_at \
         FROM certificates ORDER BY issued_at, rowid",
    )
    .fetch_all(pool)
    .await?;
    found.iter().map(rows::certificate).collect()
}

pub(super) async fn install(
    mut transaction: Transaction<'static, Sqlite>,
    certificate: Uuid,
    in_store: bool,
    from: &[&str],
    now: OffsetDateTime,
) -> Stored<bool> {
    let application: Option<Uuid> = sqlx::query_scalar(
        "UPDATE certificates SET installed_at = COALESCE(installed_at, ?), in_store = max(in_store, ?) \
         WHERE id = ? RETURNING application_id",
    )
    .bind(millis(now))
    .bind(in_store)
    .bind(certificate)
    .fetch_optional(&mut *transaction)
    .await?;
    let Some(application) = application else { return Ok(false) };
    if !move_application(&mut transaction, application, from, "installed").await? {
        return Ok(false);
    }
    audit::append(&mut transaction, now, "certificate installed", certificate, "").await?;
    transaction.commit().await?;
    Ok(true)
}

pub(super) async fn expire(
    mut transaction: Transaction<'static, Sqlite>,
    from: &[&str],
    now: OffsetDateTime,
) -> Stored<Vec<(Uuid, Phone)>> {
    let over = sqlx::query(
        "SELECT a.id, a.phone FROM applications a JOIN certificates c ON c.application_id = a.id \
         WHERE c.not_after <= ? AND a.state IN (SELECT value FROM json_each(?))",
    )
    .bind(millis(now))
    .bind(serde_json::to_string(from).unwrap_or_default())
    .fetch_all(&mut *transaction)
    .await?;
    let mut expired = Vec::new();
    for row in &over {
        let id: Uuid = row.try_get("id")?;
        move_application(&mut transaction, id, from, "expired").await?;
        expired.push((id, rows::phone(&row.try_get::<String, _>("phone")?)?));
    }
    transaction.commit().await?;
    Ok(expired)
}
