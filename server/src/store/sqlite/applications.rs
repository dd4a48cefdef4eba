//! Applications.

use qcert_protocol::holder::Phone;
use sqlx::{Pool, Row, Sqlite, SqliteConnection, Transaction};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Application, Import, NewApplication, Overview, StoreError, Stored, audit, millis, requests::move_application, rows,
};
use crate::store::ImportConflict;

pub(super) async fn import(
    mut transaction: Transaction<'static, Sqlite>,
    entries: &[NewApplication],
    changeable: &[&str],
    now: OffsetDateTime,
) -> Stored<Import> {
    let (mut added, mut changed, mut unchanged) = (0, 0, 0);
    let mut conflicts = Vec::new();
    // First all entries without their links, so that one may replace another that stands after it.
    for (index, entry) in entries.iter().enumerate() {
        match by_number(&mut transaction, &entry.number).await? {
            None => {
                insert(&mut transaction, entry, now).await?;
                added += 1;
            }
            Some((there, replaces)) if is_same(&there, replaces.as_deref(), entry) => unchanged += 1,
            Some((there, _)) if changeable.contains(&there.state.as_str()) => {
                if there.phone != entry.phone {
                    leave_request_behind(&mut transaction, there.id).await?;
                }
                update(&mut transaction, there.id, entry, now).await?;
                move_application(&mut transaction, there.id, &["rejected"], "available").await?;
                changed += 1;
            }
            Some((there, _)) => conflicts.push((index, ImportConflict::State(there.state))),
        }
    }
    for (index, entry) in entries.iter().enumerate() {
        if !link(&mut transaction, entry).await? {
            conflicts.push((index, ImportConflict::ReplacesUnknown));
        }
    }
    if !conflicts.is_empty() {
        return Ok(Import::Refused(conflicts));
    }
    transaction.commit().await?;
    Ok(Import::Done { added, changed, unchanged })
}

async fn by_number(connection: &mut SqliteConnection, number: &str) -> Stored<Option<(Application, Option<String>)>> {
    let found = sqlx::query(
        "SELECT a.id AS a_id, a.number, a.phone, a.holder, a.certificate_type, a.identification, a.replaces, \
         a.state AS a_state, a.reason, a.revision, o.number AS replaces_number \
         FROM applications a LEFT JOIN applications o ON o.id = a.replaces WHERE a.number = ?",
    )
    .bind(number)
    .fetch_optional(connection)
    .await?;
    found.map(|row| Ok((rows::application(&row)?, row.try_get("replaces_number")?))).transpose()
}

fn is_same(there: &Application, replaces: Option<&str>, entry: &NewApplication) -> bool {
    there.phone == entry.phone
        && there.holder == entry.holder
        && there.certificate_type == entry.certificate_type
        && there.identification == entry.identification
        && replaces == entry.replaces.as_deref()
}

fn holder_json(entry: &NewApplication) -> Stored<String> {
    serde_json::to_string(&entry.holder).map_err(|_| StoreError::Corrupt("applications.holder"))
}

async fn insert(connection: &mut SqliteConnection, entry: &NewApplication, now: OffsetDateTime) -> Stored<()> {
    sqlx::query(
        "INSERT INTO applications \
         (id, number, phone, holder, certificate_type, identification, state, revision, created_at) \
         VALUES (?, ?, ?, ?, ?, ?, 'available', 1, ?)",
    )
    .bind(entry.id)
    .bind(&entry.number)
    .bind(entry.phone.as_str())
    .bind(holder_json(entry)?)
    .bind(rows::certificate_type_name(entry.certificate_type))
    .bind(entry.identification.map(u8::from))
    .bind(millis(now))
    .execute(&mut *connection)
    .await?;
    audit::append(connection, now, "application imported", entry.id, &entry.number).await
}

async fn update(
    connection: &mut SqliteConnection,
    id: Uuid,
    entry: &NewApplication,
    now: OffsetDateTime,
) -> Stored<()> {
    sqlx::query(
        "UPDATE applications SET phone = ?, holder = ?, certificate_type = ?, identification = ?, replaces = NULL, \
         reason = NULL, revision = revision + 1 WHERE id = ?",
    )
    .bind(entry.phone.as_str())
    .bind(holder_json(entry)?)
    .bind(rows::certificate_type_name(entry.certificate_type))
    .bind(entry.identification.map(u8::from))
    .bind(id)
    .execute(&mut *connection)
    .await?;
    audit::append(connection, now, "application changed", id, &entry.number).await
}

/// A prepared request is of a key on the token of whoever had the application; it is not the next one's to confirm.
async fn leave_request_behind(connection: &mut SqliteConnection, id: Uuid) -> Stored<()> {
    sqlx::query("UPDATE requests SET state = 'replaced' WHERE application_id = ? AND state = 'prepared'")
        .bind(id)
        .execute(&mut *connection)
        .await?;
    move_application(connection, id, &["preparing"], "available").await?;
    Ok(())
}

/// Points an entry to the one it replaces; false if there is none.
async fn link(connection: &mut SqliteConnection, entry: &NewApplication) -> Stored<bool> {
    let Some(replaces) = &entry.replaces else { return Ok(true) };
    let linked = sqlx::query(
        "UPDATE applications SET replaces = o.id FROM (SELECT id FROM applications WHERE number = ?1) o \
         WHERE number = ?2 AND applications.id <> o.id",
    )
    .bind(replaces)
    .bind(&entry.number)
    .execute(connection)
    .await?;
    Ok(linked.rows_affected() == 1)
}

pub(super) async fn phone_is_known(pool: &Pool<Sqlite>, phone: &Phone) -> Stored<bool> {
    let known = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM applications WHERE phone = ?)")
        .bind(phone.as_str())
        .fetch_one(pool)
        .await?;
    Ok(known)
}

pub(super) async fn of_phone(pool: &Pool<Sqlite>, phone: &Phone) -> Stored<Vec<Overview>> {
    let found = sqlx::query(rows::overview!("WHERE a.phone = ? ORDER BY a.created_at, a.rowid"))
        .bind(phone.as_str())
        .fetch_all(pool)
        .await?;
    found.iter().map(rows::read_overview).collect()
}

pub(super) async fn one(pool: &Pool<Sqlite>, phone: &Phone, id: Uuid) -> Stored<Option<Overview>> {
    let found = sqlx::query(rows::overview!("WHERE a.phone = ? AND a.id = ?"))
        .bind(phone.as_str())
        .bind(id)
        .fetch_optional(pool)
        .await?;
    found.as_ref().map(rows::read_overview).transpose()
}

pub(super) async fn all(pool: &Pool<Sqlite>) -> Stored<Vec<Overview>> {
    let found = sqlx::query(rows::overview!("ORDER BY a.created_at, a.rowid")).fetch_all(pool).await?;
    found.iter().map(rows::read_overview).collect()
}

pub(super) async fn add_mistake(
    mut transaction: Transaction<'static, Sqlite>,
    id: Uuid,
    application: Uuid,
    text: &str,
    now: OffsetDateTime,
) -> Stored<()> {
    sqlx::query("INSERT INTO mistakes (id, application_id, text, created_at) VALUES (?, ?, ?, ?)")
        .bind(id)
        .bind(application)
        .bind(text)
        .bind(millis(now))
        .execute(&mut *transaction)
        .await?;
    audit::append(&mut transaction, now, "mistake reported", application, "").await?;
    transaction.commit().await?;
    Ok(())
}
