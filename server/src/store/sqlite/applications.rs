//! Applications.

use qcert_protocol::holder::Phone;
use rusqlite::{Connection, params};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Application, Effect, Import, ImportRules, NewApplication, Overview, StoreError, Stored, audit, operators, people,
    rows::{self, execute, first, millis},
};
use crate::audit::{Actor, Event};
use crate::store::ImportConflict;

/// Compare and swap of an application's state.
pub(super) fn move_state(connection: &Connection, id: Uuid, from: &[&str], to: &str) -> Stored<bool> {
    Ok(moved(connection, id, from, to)?.is_some())
}

/// The same; answers the application's revision if it did.
pub(super) fn moved(connection: &Connection, id: Uuid, from: &[&str], to: &str) -> Stored<Option<i64>> {
    // Nobody writes between the two statements: both are in one transaction.
    let state: Option<String> =
        first(connection, "SELECT state FROM applications WHERE id = ?", [id], |columns| columns.next())?;
    if !state.is_some_and(|state| from.contains(&state.as_str())) {
        return Ok(None);
    }
    first(
        connection,
        "UPDATE applications SET state = ?, revision = revision + 1 WHERE id = ? RETURNING revision",
        params![to, id],
        |columns| columns.next(),
    )
}

pub(super) fn import(
    connection: &Connection,
    entries: &[NewApplication],
    rules: &ImportRules<'_>,
    now: OffsetDateTime,
) -> Stored<Effect<Import>> {
    let (mut added, mut changed, mut unchanged) = (0, 0, 0);
    let mut conflicts = Vec::new();
    // First all entries without their links, so that one may replace another that stands after it.
    for (index, entry) in entries.iter().enumerate() {
        match by_number(connection, &entry.number)? {
            None => {
                insert(connection, entry, rules.by, now)?;
                added += 1;
            }
            Some((there, replaces)) if is_same(&there, replaces.as_deref(), entry) => unchanged += 1,
            Some((there, _)) if !rules.changeable.contains(&there.state.as_str()) => {
                conflicts.push((index, ImportConflict::State(there.state)));
            }
            Some((there, _)) if there.phone != entry.phone && !rules.changes_phones => {
                conflicts.push((index, ImportConflict::Phone));
            }
            Some((there, _)) => {
                if there.phone != entry.phone {
                    leave_request_behind(connection, there.id)?;
                }
                update(connection, &there, entry, rules.by, now)?;
                move_state(connection, there.id, &["rejected"], "available")?;
                changed += 1;
            }
        }
    }
    for (index, entry) in entries.iter().enumerate() {
        if !link(connection, entry)? {
            conflicts.push((index, ImportConflict::ReplacesUnknown));
        }
    }
    if !conflicts.is_empty() {
        return Ok(Effect::Undone(Import::Refused(conflicts)));
    }
    Ok(Effect::Kept(Import::Done { added, changed, unchanged }))
}

fn by_number(connection: &Connection, number: &str) -> Stored<Option<(Application, Option<String>)>> {
    first(
        connection,
        concat!(
            "SELECT ",
            rows::application_columns!(),
            ", o.number FROM applications a LEFT JOIN applications o ON o.id = a.replaces WHERE a.number = ?"
        ),
        [number],
        |columns| Ok((rows::application(columns)?, columns.next()?)),
    )
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

fn insert(connection: &Connection, entry: &NewApplication, by: &Actor, now: OffsetDateTime) -> Stored<()> {
    execute(
        connection,
        "INSERT INTO applications \
         (id, number, phone, holder, certificate_type, identification, state, revision, created_at) \
         VALUES (?, ?, ?, ?, ?, ?, 'available', 1, ?)",
        params![
            entry.id,
            entry.number,
            entry.phone.as_str(),
            holder_json(entry)?,
            rows::certificate_type_name(entry.certificate_type),
            entry.identification.map(u8::from),
            millis(now),
        ],
    )?;
    operators::replace_terms(connection, entry.id, None, (&entry.phone, &entry.holder))?;
    audit::append(connection, now, Event::ApplicationImported, entry.id, &entry.number, by)
}

fn update(
    connection: &Connection,
    there: &Application,
    entry: &NewApplication,
    by: &Actor,
    now: OffsetDateTime,
) -> Stored<()> {
    let id = there.id;
    execute(
        connection,
        "UPDATE applications SET phone = ?, holder = ?, certificate_type = ?, identification = ?, replaces = NULL, \
         reason = NULL, revision = revision + 1 WHERE id = ?",
        params![
            entry.phone.as_str(),
            holder_json(entry)?,
            rows::certificate_type_name(entry.certificate_type),
            entry.identification.map(u8::from),
            id,
        ],
    )?;
    let before = (&there.phone, &there.holder);
    operators::replace_terms(connection, id, Some(before), (&entry.phone, &entry.holder))?;
    audit::append(connection, now, Event::ApplicationChanged, id, &entry.number, by)
}

/// A prepared request is of a key on the token of whoever had the application; it is not the next one's to confirm.
pub(super) fn leave_request_behind(connection: &Connection, id: Uuid) -> Stored<()> {
    execute(
        connection,
        "UPDATE requests SET state = 'replaced' WHERE application_id = ? AND state = 'prepared'",
        [id],
    )?;
    move_state(connection, id, &["preparing"], "available")?;
    Ok(())
}

/// Points an entry to the one it replaces; false if there is none.
fn link(connection: &Connection, entry: &NewApplication) -> Stored<bool> {
    let Some(replaces) = &entry.replaces else { return Ok(true) };
    let linked = execute(
        connection,
        "UPDATE applications SET replaces = o.id FROM (SELECT id FROM applications WHERE number = ?1) o \
         WHERE number = ?2 AND applications.id <> o.id",
        [replaces, &entry.number],
    )?;
    Ok(linked == 1)
}

pub(super) fn phone_is_known(connection: &Connection, phone: &Phone) -> Stored<bool> {
    let known = first(connection, "SELECT 1 FROM applications WHERE phone = ? LIMIT 1", [phone.as_str()], |columns| {
        columns.next::<i64>()
    })?;
    Ok(known.is_some())
}

pub(super) fn of_phone(connection: &Connection, phone: &Phone) -> Stored<Vec<Overview>> {
    rows::all(
        connection,
        rows::overview!("WHERE a.phone = ? ORDER BY a.created_at, a.rowid"),
        [phone.as_str()],
        rows::read_overview,
    )
}

pub(super) fn one(connection: &Connection, phone: &Phone, id: Uuid) -> Stored<Option<Overview>> {
    first(
        connection,
        rows::overview!("WHERE a.id = ? AND a.phone = ?"),
        params![id, phone.as_str()],
        rows::read_overview,
    )
}

pub(super) fn of_certificate(connection: &Connection, phone: &Phone, id: Uuid) -> Stored<Option<Overview>> {
    first(
        connection,
        rows::overview!("WHERE a.id = (SELECT application_id FROM certificates WHERE id = ?) AND a.phone = ?"),
        params![id, phone.as_str()],
        rows::read_overview,
    )
}

pub(super) fn overview_by_number(connection: &Connection, number: &str) -> Stored<Option<Overview>> {
    first(connection, rows::overview!("WHERE a.number = ?"), [number], rows::read_overview)
}

pub(super) fn all(connection: &Connection) -> Stored<Vec<Overview>> {
    rows::whole(connection, rows::overview!("ORDER BY a.created_at, a.rowid"), [], rows::read_overview)
}

pub(super) fn phone_of(connection: &Connection, id: Uuid) -> Stored<Option<Phone>> {
    first(connection, "SELECT phone FROM applications WHERE id = ?", [id], |columns| {
        rows::phone(&columns.next::<String>()?)
    })
}

pub(super) fn add_mistake(
    connection: &Connection,
    id: Uuid,
    application: Uuid,
    text: &str,
    by: &Actor,
    now: OffsetDateTime,
) -> Stored<Effect<()>> {
    execute(
        connection,
        "INSERT INTO mistakes (id, application_id, text, created_at) VALUES (?, ?, ?, ?)",
        params![id, application, text, millis(now)],
    )?;
    people::tell_row(connection, application)?;
    audit::append(connection, now, Event::MistakeReported, application, "", by)?;
    Ok(Effect::Kept(()))
}
