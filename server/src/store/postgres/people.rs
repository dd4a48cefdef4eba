//! What operators do for people: answers, phones.

use qcert_protocol::holder::Phone;
use sqlx::{Connection, PgConnection, postgres::PgRow};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Stored,
    connections::Connections,
    flag,
    rows::{self, Columns, millis},
};
use crate::{
    audit::Actor,
    store::{Mistake, Notice, PhoneChange},
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

pub(super) async fn open_mistakes(connections: &Connections, after: Uuid, limit: u32) -> Stored<Vec<Mistake>> {
    let statement = mistakes!("WHERE m.answered_at IS NULL AND m.id > $1 ORDER BY m.id LIMIT $2");
    let found = connections.read(|| sqlx::query(statement).bind(after).bind(i64::from(limit))).await?;
    found.iter().map(read_mistake).collect()
}

pub(super) async fn mistake(connections: &Connections, id: Uuid) -> Stored<Option<Mistake>> {
    let found = connections.read(|| sqlx::query(mistakes!("WHERE m.id = $1")).bind(id)).await?;
    found.first().map(read_mistake).transpose()
}

pub(super) async fn mistakes_of(connections: &Connections, application: Uuid, limit: u32) -> Stored<Vec<Mistake>> {
    let statement = mistakes!("WHERE m.application_id = $1 ORDER BY m.id DESC LIMIT $2");
    let found = connections.read(|| sqlx::query(statement).bind(application).bind(i64::from(limit))).await?;
    found.iter().map(read_mistake).collect()
}

fn read_mistake(row: &PgRow) -> Stored<Mistake> {
    let columns = &mut Columns::of(row);
    Ok(Mistake {
        id: columns.next()?,
        application: columns.next()?,
        number: columns.next()?,
        phone: rows::phone(columns.next()?)?,
        text: columns.next()?,
        created_at: columns.time()?,
        answer: answer_in(columns)?,
    })
}

fn answer_in(columns: &mut Columns<'_>) -> Stored<Option<(String, OffsetDateTime)>> {
    let (text, at): (Option<String>, Option<i64>) = (columns.next()?, columns.next()?);
    text.zip(at).map(|(text, at)| Ok((text, rows::time(at)?))).transpose()
}

pub(super) async fn answer(
    connections: &Connections,
    id: Uuid,
    answer: &str,
    notice: &Notice,
    by: &Actor,
    now: OffsetDateTime,
) -> Stored<bool> {
    let statement = "WITH answered AS (UPDATE mistakes SET answer = $2, answered_by = $3, answered_at = $4 \
         WHERE id = $1 AND answered_at IS NULL RETURNING application_id), \
         queued AS (INSERT INTO messages (sealed, phone, purpose, created_at, expires_at) \
         SELECT $5, $6, $7, $4, $8 FROM answered), \
         row AS (UPDATE applications SET revision = revision + 1 FROM answered WHERE id = application_id), \
         told AS (INSERT INTO audit_waiting (at, event, subject, detail, who, origin) \
         SELECT $4, 'mistake answered', application_id, '', $3, $9 FROM answered) \
         SELECT EXISTS (SELECT FROM answered)";
    let answer = || {
        let query = sqlx::query(statement).bind(id).bind(answer).bind(&by.who).bind(millis(now));
        query
            .bind(&notice.sealed)
            .bind(notice.phone.as_str())
            .bind(Notice::PURPOSE)
            .bind(millis(notice.expires_at))
            .bind(&by.from)
    };
    flag(&connections.write(answer).await?)
}

pub(super) async fn unlock(connections: &Connections, phone: &Phone, by: &Actor, now: OffsetDateTime) -> Stored<bool> {
    let detail = phone.masked();
    let statement = "WITH unlocked AS (DELETE FROM failures WHERE phone = $1 RETURNING phone), \
         told AS (INSERT INTO audit_waiting (at, event, subject, detail, who, origin) \
         SELECT $2, 'phone unlocked', $3, $4, $5, $6 FROM unlocked LIMIT 1) \
         SELECT EXISTS (SELECT FROM unlocked)";
    let unlock = || {
        let query = sqlx::query(statement).bind(phone.as_str()).bind(millis(now));
        query.bind(Uuid::nil()).bind(&detail).bind(&by.who).bind(&by.from)
    };
    flag(&connections.write(unlock).await?)
}

pub(super) async fn propose(
    connections: &Connections,
    change: &PhoneChange,
    notice: &Notice,
    by: &Actor,
) -> Stored<()> {
    let mut lent = connections.lend().await?;
    let done = replace(lent.connection(), change, notice, by).await;
    Ok(lent.settle(done)?)
}

async fn replace(
    connection: &mut PgConnection,
    change: &PhoneChange,
    notice: &Notice,
    by: &Actor,
) -> Result<(), sqlx::Error> {
    let now = millis(change.proposed_at);
    let mut transaction = connection.begin().await?;
    // Two proposals for one application come one after the other.
    let lock = sqlx::query("SELECT 1 FROM applications WHERE id = $1 FOR NO KEY UPDATE");
    lock.bind(change.application).execute(&mut *transaction).await?;
    let cancel = sqlx::query(
        "UPDATE phone_changes SET state = 'cancelled', decided_by = $1, decided_at = $2 \
         WHERE application_id = $3 AND state = 'open'",
    );
    cancel.bind(&change.proposed_by).bind(now).bind(change.application).execute(&mut *transaction).await?;
    let propose = sqlx::query(
        "WITH queued AS (INSERT INTO messages (sealed, phone, purpose, created_at, expires_at) \
         VALUES ($8, $3, $9, $6, $10)), \
         told AS (INSERT INTO audit_waiting (at, event, subject, detail, who, origin) \
         VALUES ($6, 'phone change proposed', $2, '', $11, $12)) \
         INSERT INTO phone_changes (id, application_id, old_phone, new_phone, proposed_by, proposed_at, ripe_at, state) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, 'open')",
    );
    let propose = propose.bind(change.id).bind(change.application).bind(change.old.as_str());
    let propose = propose.bind(change.new.as_str()).bind(&change.proposed_by).bind(now);
    let propose = propose.bind(millis(change.ripe_at)).bind(&notice.sealed).bind(Notice::PURPOSE);
    let propose = propose.bind(millis(notice.expires_at)).bind(&by.who).bind(&by.from);
    propose.execute(&mut *transaction).await?;
    transaction.commit().await
}

pub(super) async fn phone_change(connections: &Connections, id: Uuid) -> Stored<Option<PhoneChange>> {
    let found = connections.read(|| sqlx::query(phone_changes!("WHERE p.id = $1")).bind(id)).await?;
    found.first().map(read_phone_change).transpose()
}

pub(super) async fn open_phone_changes(connections: &Connections, after: Uuid, limit: u32) -> Stored<Vec<PhoneChange>> {
    let statement = phone_changes!("WHERE p.state = 'open' AND p.id > $1 ORDER BY p.id LIMIT $2");
    let found = connections.read(|| sqlx::query(statement).bind(after).bind(i64::from(limit))).await?;
    found.iter().map(read_phone_change).collect()
}

fn read_phone_change(row: &PgRow) -> Stored<PhoneChange> {
    let columns = &mut Columns::of(row);
    Ok(PhoneChange {
        id: columns.next()?,
        application: columns.next()?,
        number: columns.next()?,
        old: rows::phone(columns.next()?)?,
        new: rows::phone(columns.next()?)?,
        proposed_by: columns.next()?,
        proposed_at: columns.time()?,
        ripe_at: columns.time()?,
        is_open: columns.next()?,
    })
}

pub(super) async fn confirm(
    connections: &Connections,
    id: Uuid,
    snils: &str,
    by: &Actor,
    now: OffsetDateTime,
) -> Stored<Vec<Uuid>> {
    let confirm = || {
        let query = sqlx::query("SELECT confirm_phone_change($1, $2, $3, $4) FROM acting($3, $5)").bind(id);
        query.bind(snils).bind(&by.who).bind(millis(now)).bind(&by.from)
    };
    connections.write(confirm).await?.iter().map(|row| Columns::of(row).next()).collect()
}

pub(super) async fn cancel(connections: &Connections, id: Uuid, by: &Actor, now: OffsetDateTime) -> Stored<bool> {
    let statement = "WITH cancelled AS (UPDATE phone_changes SET state = 'cancelled', decided_by = $2, decided_at = $3 \
         WHERE id = $1 AND state = 'open' RETURNING id), \
         told AS (INSERT INTO audit_waiting (at, event, subject, detail, who, origin) \
         SELECT $3, 'phone change cancelled', id, '', $2, $4 FROM cancelled) \
         SELECT EXISTS (SELECT FROM cancelled)";
    let cancel = || sqlx::query(statement).bind(id).bind(&by.who).bind(millis(now)).bind(&by.from);
    flag(&connections.write(cancel).await?)
}
