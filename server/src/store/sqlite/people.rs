//! What operators do for people: answers, phones.

use qcert_protocol::holder::Phone;
use rusqlite::{Connection, params};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Effect, Stored, applications, audit,
    rows::{self, Columns, all, execute, first, millis},
};
use crate::{
    audit::{Actor, Event},
    store::{Mistake, Notice, PhoneChange, TermKind},
};

macro_rules! mistakes {
    ($rest:literal) => {
        concat!(
            "SELECT m.id, m.application_id, a.number, a.phone, m.text, m.created_at, m.answer, m.answered_at \
             FROM mistakes m JOIN applications a ON a.id = m.application_id ",
            $rest
        )
    };
}

macro_rules! phone_changes {
    ($rest:literal) => {
        concat!(
            "SELECT p.id, p.application_id, a.number, p.old_phone, p.new_phone, p.proposed_by, p.proposed_at, \
             p.ripe_at, p.state = 'open' FROM phone_changes p JOIN applications a ON a.id = p.application_id ",
            $rest
        )
    };
}

pub(super) fn open_mistakes(connection: &Connection, after: Uuid, limit: u32) -> Stored<Vec<Mistake>> {
    let sql = mistakes!("WHERE m.answered_at IS NULL AND m.id > ? ORDER BY m.id LIMIT ?");
    all(connection, sql, params![after, limit], read_mistake)
}

pub(super) fn mistake(connection: &Connection, id: Uuid) -> Stored<Option<Mistake>> {
    first(connection, mistakes!("WHERE m.id = ?"), [id], read_mistake)
}

pub(super) fn mistakes_of(connection: &Connection, application: Uuid, limit: u32) -> Stored<Vec<Mistake>> {
    let sql = mistakes!("WHERE m.application_id = ? ORDER BY m.id DESC LIMIT ?");
    all(connection, sql, params![application, limit], read_mistake)
}

fn read_mistake(columns: &mut Columns<'_>) -> Stored<Mistake> {
    Ok(Mistake {
        id: columns.next()?,
        application: columns.next()?,
        number: columns.next()?,
        phone: rows::phone(&columns.next::<String>()?)?,
        text: columns.next()?,
        created_at: columns.time()?,
        answer: answer_in(columns)?,
    })
}

fn answer_in(columns: &mut Columns<'_>) -> Stored<Option<(String, OffsetDateTime)>> {
    let (text, at): (Option<String>, Option<i64>) = (columns.next()?, columns.next()?);
    text.zip(at).map(|(text, at)| Ok((text, rows::time(at)?))).transpose()
}

/// The row tells whoever looks at the data that there is something to read.
pub(super) fn tell_row(connection: &Connection, application: Uuid) -> Stored<()> {
    execute(connection, "UPDATE applications SET revision = revision + 1 WHERE id = ?", [application])?;
    Ok(())
}

pub(super) fn answer(
    connection: &Connection,
    id: Uuid,
    answer: &str,
    notice: &Notice,
    by: &Actor,
    now: OffsetDateTime,
) -> Stored<Effect<bool>> {
    let answered: Option<Uuid> = first(
        connection,
        "UPDATE mistakes SET answer = ?, answered_by = ?, answered_at = ? WHERE id = ? AND answered_at IS NULL \
         RETURNING application_id",
        params![answer, by.who, millis(now), id],
        |columns| columns.next(),
    )?;
    let Some(application) = answered else { return Ok(Effect::Undone(false)) };
    queue(connection, notice, now)?;
    tell_row(connection, application)?;
    audit::append(connection, now, Event::MistakeAnswered, application, "", by)?;
    Ok(Effect::Kept(true))
}

fn queue(connection: &Connection, notice: &Notice, now: OffsetDateTime) -> Stored<()> {
    execute(
        connection,
        "INSERT INTO messages (sealed, phone, purpose, created_at, expires_at) VALUES (?, ?, ?, ?, ?)",
        params![notice.sealed, notice.phone.as_str(), Notice::PURPOSE, millis(now), millis(notice.expires_at)],
    )?;
    Ok(())
}

pub(super) fn unlock(connection: &Connection, phone: &Phone, by: &Actor, now: OffsetDateTime) -> Stored<Effect<bool>> {
    if execute(connection, "DELETE FROM failures WHERE phone = ?", [phone.as_str()])? == 0 {
        return Ok(Effect::Undone(false));
    }
    audit::append(connection, now, Event::PhoneUnlocked, Uuid::nil(), &phone.masked(), by)?;
    Ok(Effect::Kept(true))
}

pub(super) fn propose(
    connection: &Connection,
    change: &PhoneChange,
    notice: &Notice,
    by: &Actor,
) -> Stored<Effect<()>> {
    let now = change.proposed_at;
    execute(
        connection,
        "UPDATE phone_changes SET state = 'cancelled', decided_by = ?, decided_at = ? \
         WHERE application_id = ? AND state = 'open'",
        params![change.proposed_by, millis(now), change.application],
    )?;
    execute(
        connection,
        "INSERT INTO phone_changes \
         (id, application_id, old_phone, new_phone, proposed_by, proposed_at, ripe_at, state) \
         VALUES (?, ?, ?, ?, ?, ?, ?, 'open')",
        params![
            change.id,
            change.application,
            change.old.as_str(),
            change.new.as_str(),
            change.proposed_by,
            millis(now),
            millis(change.ripe_at),
        ],
    )?;
    queue(connection, notice, now)?;
    audit::append(connection, now, Event::PhoneChangeProposed, change.application, "", by)?;
    Ok(Effect::Kept(()))
}

pub(super) fn phone_change(connection: &Connection, id: Uuid) -> Stored<Option<PhoneChange>> {
    first(connection, phone_changes!("WHERE p.id = ?"), [id], read_phone_change)
}

pub(super) fn open_phone_changes(connection: &Connection, after: Uuid, limit: u32) -> Stored<Vec<PhoneChange>> {
    let sql = phone_changes!("WHERE p.state = 'open' AND p.id > ? ORDER BY p.id LIMIT ?");
    all(connection, sql, params![after, limit], read_phone_change)
}

fn read_phone_change(columns: &mut Columns<'_>) -> Stored<PhoneChange> {
    Ok(PhoneChange {
        id: columns.next()?,
        application: columns.next()?,
        number: columns.next()?,
        old: rows::phone(&columns.next::<String>()?)?,
        new: rows::phone(&columns.next::<String>()?)?,
        proposed_by: columns.next()?,
        proposed_at: columns.time()?,
        ripe_at: columns.time()?,
        is_open: columns.next()?,
    })
}

pub(super) fn confirm(
    connection: &Connection,
    id: Uuid,
    snils: &str,
    by: &Actor,
    now: OffsetDateTime,
) -> Stored<Effect<Vec<Uuid>>> {
    let Some((old, new, proposed_by)) = decide(connection, id, "done", by, now)? else {
        return Ok(Effect::Undone(Vec::new()));
    };
    let theirs: Vec<Uuid> = all(
        connection,
        "SELECT a.id FROM application_terms t JOIN applications a ON a.id = t.application_id \
         WHERE t.kind = ? AND t.term = ? AND a.phone = ? ORDER BY a.id",
        params![TermKind::Snils.number(), snils, old],
        |columns| columns.next(),
    )?;
    for application in &theirs {
        applications::leave_request_behind(connection, *application)?;
        execute(
            connection,
            "UPDATE applications SET phone = ?, revision = revision + 1 WHERE id = ?",
            params![new, application],
        )?;
        execute(
            connection,
            "UPDATE application_terms SET term = ? WHERE kind = ? AND term = ? AND application_id = ?",
            params![new, TermKind::Phone.number(), old, application],
        )?;
        audit::append(connection, now, Event::PhoneChanged, *application, &format!("proposed by {proposed_by}"), by)?;
    }
    Ok(Effect::Kept(theirs))
}

/// Decides an open change: its phones, and who proposed it.
fn decide(
    connection: &Connection,
    id: Uuid,
    state: &str,
    by: &Actor,
    now: OffsetDateTime,
) -> Stored<Option<(String, String, String)>> {
    first(
        connection,
        "UPDATE phone_changes SET state = ?, decided_by = ?, decided_at = ? WHERE id = ? AND state = 'open' \
         RETURNING old_phone, new_phone, proposed_by",
        params![state, by.who, millis(now), id],
        |columns| Ok((columns.next()?, columns.next()?, columns.next()?)),
    )
}

pub(super) fn cancel(connection: &Connection, id: Uuid, by: &Actor, now: OffsetDateTime) -> Stored<Effect<bool>> {
    if decide(connection, id, "cancelled", by, now)?.is_none() {
        return Ok(Effect::Undone(false));
    }
    audit::append(connection, now, Event::PhoneChangeCancelled, id, "", by)?;
    Ok(Effect::Kept(true))
}
