//! Operators, and what only they ask for.

use async_trait::async_trait;
use qcert_protocol::{HolderData, holder::Phone};
use rusqlite::{Connection, params};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    AuditRow, Effect, Overview, SqliteStore, StoreError, Stored,
    activations::{self, Terms},
    audit, owned, people,
    rows::{self, Columns, all, execute, first, millis, whole},
};
use crate::{
    audit::{Actor, Event, Note},
    store::{
        Mistake, NewActivationCodes, NewOperator, Notice, OperatorRecord, OperatorStore, Page, PhoneChange,
        RenewedToken,
        operators::{parse_roles, roles_text},
        terms::terms,
    },
};

#[async_trait]
impl OperatorStore for SqliteStore {
    async fn add_operator(&self, new: &NewOperator) -> Stored<bool> {
        let new = new.clone();
        self.write(move |connection| add(connection, &new)).await
    }

    async fn operator(&self, token_hash: &[u8; 32]) -> Stored<Option<OperatorRecord>> {
        self.readers.read(|connection| {
            let current =
                "SELECT id, name, roles, created_at, expires_at, removed_at FROM operators WHERE token_hash = ?";
            let earlier =
                "SELECT id, name, roles, created_at, earlier_ends_at, removed_at FROM operators WHERE earlier_hash = ?";
            match first(connection, current, [token_hash], record)? {
                None => first(connection, earlier, [token_hash], record),
                found => Ok(found),
            }
        })
    }

    async fn renew_operator(&self, renewed: &RenewedToken) -> Stored<Option<OperatorRecord>> {
        let renewed = renewed.clone();
        self.write(move |connection| renew(connection, &renewed)).await
    }

    async fn operators(&self) -> Stored<Vec<OperatorRecord>> {
        self.readers.read(|connection| {
            let sql = "SELECT id, name, roles, created_at, expires_at, removed_at FROM operators ORDER BY name";
            whole(connection, sql, [], record)
        })
    }

    async fn remove_operator(&self, name: &str, by: &Actor, now: OffsetDateTime) -> Stored<bool> {
        let (name, by) = (name.to_owned(), by.clone());
        self.write(move |connection| remove(connection, &name, &by, now)).await
    }

    async fn search(&self, page: &Page, limit: u32) -> Stored<Vec<Overview>> {
        self.readers.read(|connection| search(connection, page, limit))
    }

    async fn application(&self, id: Uuid) -> Stored<Option<Overview>> {
        self.readers.read(|connection| first(connection, rows::overview!("WHERE a.id = ?"), [id], rows::read_overview))
    }

    async fn approvals(&self, request: Uuid) -> Stored<Vec<String>> {
        self.readers.read(|connection| {
            let sql = "SELECT approved_by FROM approvals WHERE request_id = ? ORDER BY created_at, approved_by";
            all(connection, sql, [request], |columns| columns.next())
        })
    }

    async fn note(&self, note: &Note, now: OffsetDateTime) -> Stored<()> {
        let Note { event, subject, detail, by, outcome } = note.clone();
        self.write(move |connection| {
            audit::note(connection, now, event, subject, &detail, &by, outcome)?;
            Ok(Effect::Kept(()))
        })
        .await
    }

    async fn open_mistakes(&self, after: Uuid, limit: u32) -> Stored<Vec<Mistake>> {
        self.readers.read(|connection| people::open_mistakes(connection, after, limit))
    }

    async fn mistake(&self, id: Uuid) -> Stored<Option<Mistake>> {
        self.readers.read(|connection| people::mistake(connection, id))
    }

    async fn answer_mistake(
        &self,
        id: Uuid,
        answer: &str,
        notice: &Notice,
        by: &Actor,
        now: OffsetDateTime,
    ) -> Stored<bool> {
        let (answer, notice, by) = (answer.to_owned(), notice.clone(), by.clone());
        self.write(move |connection| people::answer(connection, id, &answer, &notice, &by, now)).await
    }

    async fn make_activation_codes(&self, new: &NewActivationCodes<'_>) -> Stored<Vec<Uuid>> {
        let codes = new.codes.to_vec();
        let terms =
            Terms { tries: new.tries, replaces: new.replaces, from: owned(new.from), by: new.by.clone(), now: new.now };
        self.write(move |connection| activations::make(connection, &codes, &terms)).await
    }

    async fn unlock_phone(&self, phone: &Phone, by: &Actor, now: OffsetDateTime) -> Stored<bool> {
        let (phone, by) = (phone.clone(), by.clone());
        self.write(move |connection| people::unlock(connection, &phone, &by, now)).await
    }

    async fn propose_phone_change(&self, change: &PhoneChange, notice: &Notice, by: &Actor) -> Stored<()> {
        let (change, notice, by) = (change.clone(), notice.clone(), by.clone());
        self.write(move |connection| people::propose(connection, &change, &notice, &by)).await
    }

    async fn phone_change(&self, id: Uuid) -> Stored<Option<PhoneChange>> {
        self.readers.read(|connection| people::phone_change(connection, id))
    }

    async fn open_phone_changes(&self, after: Uuid, limit: u32) -> Stored<Vec<PhoneChange>> {
        self.readers.read(|connection| people::open_phone_changes(connection, after, limit))
    }

    async fn confirm_phone_change(&self, id: Uuid, snils: &str, by: &Actor, now: OffsetDateTime) -> Stored<Vec<Uuid>> {
        let (snils, by) = (snils.to_owned(), by.clone());
        self.write(move |connection| people::confirm(connection, id, &snils, &by, now)).await
    }

    async fn cancel_phone_change(&self, id: Uuid, by: &Actor, now: OffsetDateTime) -> Stored<bool> {
        let by = by.clone();
        self.write(move |connection| people::cancel(connection, id, &by, now)).await
    }

    async fn audit_after(&self, place: i64, limit: u32) -> Stored<Vec<AuditRow>> {
        self.readers.read(|connection| audit::after(connection, place, limit))
    }

    async fn close_audit(&self) -> Stored<()> {
        self.follow_audit().await
    }
}

fn record(columns: &mut Columns<'_>) -> Stored<OperatorRecord> {
    Ok(OperatorRecord {
        id: columns.next()?,
        name: columns.next()?,
        roles: parse_roles(&columns.next::<String>()?)?,
        created_at: columns.time()?,
        expires_at: columns.time()?,
        removed_at: columns.next::<Option<i64>>()?.map(rows::time).transpose()?,
    })
}

fn add(connection: &Connection, new: &NewOperator) -> Stored<Effect<bool>> {
    let roles = roles_text(&new.roles);
    let added = execute(
        connection,
        "INSERT INTO operators (id, name, roles, token_hash, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?) \
         ON CONFLICT (name) DO NOTHING",
        params![new.id, new.name, roles, new.token_hash, millis(new.created_at), millis(new.expires_at)],
    )?;
    if added == 0 {
        return Ok(Effect::Undone(false));
    }
    let detail = format!("{} ({roles})", new.name);
    audit::append(connection, new.created_at, Event::OperatorAdded, new.id, &detail, &new.by)?;
    Ok(Effect::Kept(true))
}

fn renew(connection: &Connection, renewed: &RenewedToken) -> Stored<Effect<Option<OperatorRecord>>> {
    let found = first(
        connection,
        "UPDATE operators SET earlier_hash = token_hash, earlier_ends_at = min(expires_at, ?), token_hash = ?, \
         expires_at = ? WHERE name = ? AND removed_at IS NULL \
         RETURNING id, name, roles, created_at, expires_at, removed_at",
        params![millis(renewed.earlier_ends_at), renewed.token_hash, millis(renewed.expires_at), renewed.name,],
        record,
    )?;
    let Some(found) = found else { return Ok(Effect::Undone(None)) };
    audit::append(connection, renewed.renewed_at, Event::OperatorRenewed, found.id, &renewed.detail(), &renewed.by)?;
    Ok(Effect::Kept(Some(found)))
}

fn remove(connection: &Connection, name: &str, by: &Actor, now: OffsetDateTime) -> Stored<Effect<bool>> {
    let removed: Option<Uuid> = first(
        connection,
        "UPDATE operators SET removed_at = ? WHERE name = ? AND removed_at IS NULL RETURNING id",
        params![millis(now), name],
        |columns| columns.next(),
    )?;
    let Some(id) = removed else { return Ok(Effect::Undone(false)) };
    audit::append(connection, now, Event::OperatorRemoved, id, name, by)?;
    Ok(Effect::Kept(true))
}

fn search(connection: &Connection, page: &Page, limit: u32) -> Stored<Vec<Overview>> {
    let ids: Vec<Uuid> = match page {
        Page::All { after } => all(
            connection,
            "SELECT id FROM applications WHERE id > ? ORDER BY id LIMIT ?",
            params![after, limit],
            |columns| columns.next(),
        )?,
        Page::Waiting { after } => all(
            connection,
            "SELECT application_id FROM issuances WHERE state = 'held' AND application_id > ? \
             ORDER BY application_id LIMIT ?",
            params![after, limit],
            |columns| columns.next(),
        )?,
        Page::Terms { kind, after: (term, id), to } => all(
            connection,
            "SELECT application_id FROM application_terms \
             WHERE kind = ? AND (term, application_id) > (?, ?) AND term <= ? ORDER BY term, application_id LIMIT ?",
            params![kind.number(), term, id, to, limit],
            |columns| columns.next(),
        )?,
    };
    let one = |id| first(connection, rows::overview!("WHERE a.id = ?"), [id], rows::read_overview).transpose();
    ids.into_iter().filter_map(one).collect()
}

/// Keeps what an application is found by in step with it.
pub(super) fn replace_terms(
    connection: &Connection,
    id: Uuid,
    before: Option<(&Phone, &HolderData)>,
    now: (&Phone, &HolderData),
) -> Stored<()> {
    let before = before.map(|(phone, holder)| terms(phone, holder)).unwrap_or_default();
    let now = terms(now.0, now.1);
    for (kind, term) in before.iter().filter(|term| !now.contains(term)) {
        execute(
            connection,
            "DELETE FROM application_terms WHERE kind = ? AND term = ? AND application_id = ?",
            params![kind, term, id],
        )?;
    }
    for (kind, term) in now.iter().filter(|term| !before.contains(term)) {
        execute(
            connection,
            "INSERT INTO application_terms (kind, term, application_id) VALUES (?, ?, ?)",
            params![kind, term, id],
        )?;
    }
    Ok(())
}

/// The terms of the applications that were there before terms were.
pub(super) fn fill_terms(connection: &Connection) -> Stored<()> {
    const PART: u32 = 1000;
    let mut last = 0_i64;
    loop {
        let part: Vec<(i64, Uuid, String, String)> = all(
            connection,
            "SELECT rowid, id, phone, holder FROM applications WHERE rowid > ? ORDER BY rowid LIMIT ?",
            params![last, PART],
            |columns| Ok((columns.next()?, columns.next()?, columns.next()?, columns.next()?)),
        )?;
        let Some(end) = part.last() else { return Ok(()) };
        last = end.0;
        for (_, id, phone, holder) in part {
            let holder = serde_json::from_str(&holder).map_err(|_| StoreError::Corrupt("applications.holder"))?;
            replace_terms(connection, id, None, (&rows::phone(&phone)?, &holder))?;
        }
    }
}
