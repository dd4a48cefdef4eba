//! Operators, and what only they ask for.

use std::collections::HashMap;

use async_trait::async_trait;
use qcert_protocol::{HolderData, holder::Phone};
use sqlx::{PgConnection, postgres::PgRow};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    AuditRow, Overview, PostgresStore, StoreError, Stored, activations, audit,
    connections::Connections,
    flag, people,
    rows::{self, Columns, millis},
};
use crate::{
    audit::{Actor, Note, head::Follower},
    store::{
        Mistake, NewActivationCodes, NewOperator, Notice, OperatorRecord, OperatorStore, Page, PhoneChange,
        RenewedToken,
        operators::{parse_roles, roles_text},
        terms::terms,
    },
};

#[async_trait]
impl OperatorStore for PostgresStore {
    async fn add_operator(&self, new: &NewOperator) -> Stored<bool> {
        let roles = roles_text(&new.roles);
        let detail = format!("{} ({roles})", new.name);
        let statement = "WITH added AS (INSERT INTO operators (id, name, roles, token_hash, created_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (name) DO NOTHING RETURNING id), \
             told AS (INSERT INTO audit_waiting (at, event, subject, detail, who, origin) \
             SELECT $5, 'operator added', id, $7, $8, $9 FROM added) \
             SELECT EXISTS (SELECT FROM added)";
        let add = || {
            let query = sqlx::query(statement).bind(new.id).bind(&new.name).bind(&roles).bind(new.token_hash);
            let query = query.bind(millis(new.created_at)).bind(millis(new.expires_at)).bind(&detail);
            query.bind(&new.by.who).bind(&new.by.from)
        };
        flag(&self.connections.write(add).await?)
    }

    async fn operator(&self, token_hash: &[u8; 32]) -> Stored<Option<OperatorRecord>> {
        let statement = "SELECT id, name, roles, created_at, expires_at, removed_at FROM operators WHERE token_hash = $1 UNION ALL \
             SELECT id, name, roles, created_at, earlier_ends_at, removed_at FROM operators WHERE earlier_hash = $1";
        let found = self.connections.read(|| sqlx::query(statement).bind(token_hash)).await?;
        found.first().map(record).transpose()
    }

    async fn renew_operator(&self, renewed: &RenewedToken) -> Stored<Option<OperatorRecord>> {
        let detail = renewed.detail();
        let statement = "WITH renewed AS (UPDATE operators SET earlier_hash = token_hash, \
             earlier_ends_at = least(expires_at, $1), token_hash = $2, expires_at = $3 \
             WHERE name = $4 AND removed_at IS NULL RETURNING id, name, roles, created_at, expires_at, removed_at), \
             told AS (INSERT INTO audit_waiting (at, event, subject, detail, who, origin) \
             SELECT $5, 'operator renewed', id, $6, $7, $8 FROM renewed) \
             SELECT id, name, roles, created_at, expires_at, removed_at FROM renewed";
        let renew = || {
            let query = sqlx::query(statement).bind(millis(renewed.earlier_ends_at)).bind(renewed.token_hash);
            let query = query.bind(millis(renewed.expires_at)).bind(&renewed.name);
            let query = query.bind(millis(renewed.renewed_at)).bind(&detail);
            query.bind(&renewed.by.who).bind(&renewed.by.from)
        };
        self.connections.write(renew).await?.first().map(record).transpose()
    }

    async fn operators(&self) -> Stored<Vec<OperatorRecord>> {
        let statement =
            "SELECT id, name, roles, created_at, expires_at, removed_at FROM operators ORDER BY name COLLATE \"C\"";
        self.connections.read(|| sqlx::query(statement)).await?.iter().map(record).collect()
    }

    async fn remove_operator(&self, name: &str, by: &Actor, now: OffsetDateTime) -> Stored<bool> {
        let statement = "WITH removed AS (UPDATE operators SET removed_at = $2 \
             WHERE name = $1 AND removed_at IS NULL RETURNING id), \
             told AS (INSERT INTO audit_waiting (at, event, subject, detail, who, origin) \
             SELECT $2, 'operator removed', id, $1, $3, $4 FROM removed) \
             SELECT EXISTS (SELECT FROM removed)";
        let remove = || sqlx::query(statement).bind(name).bind(millis(now)).bind(&by.who).bind(&by.from);
        flag(&self.connections.write(remove).await?)
    }

    async fn search(&self, page: &Page, limit: u32) -> Stored<Vec<Overview>> {
        search(&self.connections, page, limit).await
    }

    async fn application(&self, id: Uuid) -> Stored<Option<Overview>> {
        let statement = rows::overview!("WHERE a.id = $1");
        let found = self.connections.read(|| sqlx::query(statement).bind(id)).await?;
        found.first().map(rows::read_overview).transpose()
    }

    async fn approvals(&self, request: Uuid) -> Stored<Vec<String>> {
        let statement =
            "SELECT approved_by FROM approvals WHERE request_id = $1 ORDER BY created_at, approved_by COLLATE \"C\"";
        let found = self.connections.read(|| sqlx::query(statement).bind(request)).await?;
        found.iter().map(|row| Columns::of(row).next()).collect()
    }

    async fn note(&self, note: &Note, now: OffsetDateTime) -> Stored<()> {
        let statement = "INSERT INTO audit_waiting (at, event, subject, detail, who, origin, outcome) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)";
        let outcome = note.outcome.to_string();
        let insert = || {
            let query = sqlx::query(statement).bind(millis(now)).bind(note.event.as_str()).bind(note.subject);
            query.bind(&note.detail).bind(&note.by.who).bind(&note.by.from).bind(&outcome)
        };
        self.connections.write(insert).await.map(drop)
    }

    async fn open_mistakes(&self, after: Uuid, limit: u32) -> Stored<Vec<Mistake>> {
        people::open_mistakes(&self.connections, after, limit).await
    }

    async fn mistake(&self, id: Uuid) -> Stored<Option<Mistake>> {
        people::mistake(&self.connections, id).await
    }

    async fn answer_mistake(
        &self,
        id: Uuid,
        answer: &str,
        notice: &Notice,
        by: &Actor,
        now: OffsetDateTime,
    ) -> Stored<bool> {
        people::answer(&self.connections, id, answer, notice, by, now).await
    }

    async fn make_activation_codes(&self, new: &NewActivationCodes<'_>) -> Stored<Vec<Uuid>> {
        activations::make(&self.connections, new).await
    }

    async fn unlock_phone(&self, phone: &Phone, by: &Actor, now: OffsetDateTime) -> Stored<bool> {
        people::unlock(&self.connections, phone, by, now).await
    }

    async fn propose_phone_change(&self, change: &PhoneChange, notice: &Notice, by: &Actor) -> Stored<()> {
        people::propose(&self.connections, change, notice, by).await
    }

    async fn phone_change(&self, id: Uuid) -> Stored<Option<PhoneChange>> {
        people::phone_change(&self.connections, id).await
    }

    async fn open_phone_changes(&self, after: Uuid, limit: u32) -> Stored<Vec<PhoneChange>> {
        people::open_phone_changes(&self.connections, after, limit).await
    }

    async fn confirm_phone_change(&self, id: Uuid, snils: &str, by: &Actor, now: OffsetDateTime) -> Stored<Vec<Uuid>> {
        people::confirm(&self.connections, id, snils, by, now).await
    }

    async fn cancel_phone_change(&self, id: Uuid, by: &Actor, now: OffsetDateTime) -> Stored<bool> {
        people::cancel(&self.connections, id, by, now).await
    }

    async fn audit_after(&self, place: i64, limit: u32) -> Stored<Vec<AuditRow>> {
        audit::after(&self.connections, &self.keeper, place, limit).await
    }

    async fn close_audit(&self) -> Stored<()> {
        while audit::close(&self.connections, &self.keeper).await? {}
        let Some(mut follower) = self.keeper.head.clone().map(Follower::new) else { return Ok(()) };
        let followed = audit::follow(&self.connections, &mut follower).await;
        followed.map_err(|error| StoreError::Unavailable(format!("the audit's head: {error:#}")))
    }
}

fn record(row: &PgRow) -> Stored<OperatorRecord> {
    let columns = &mut Columns::of(row);
    Ok(OperatorRecord {
        id: columns.next()?,
        name: columns.next()?,
        roles: parse_roles(columns.next()?)?,
        created_at: columns.time()?,
        expires_at: columns.time()?,
        removed_at: columns.next::<Option<i64>>()?.map(rows::time).transpose()?,
    })
}

async fn search(connections: &Connections, page: &Page, limit: u32) -> Stored<Vec<Overview>> {
    let limit = i64::from(limit);
    let found = match page {
        Page::All { after } => {
            let statement = "SELECT id FROM applications WHERE id > $1 ORDER BY id LIMIT $2";
            connections.read(|| sqlx::query(statement).bind(after).bind(limit)).await?
        }
        Page::Waiting { after } => {
            let statement = "SELECT application_id FROM issuances WHERE is_held AND application_id > $1 \
                 ORDER BY application_id LIMIT $2";
            connections.read(|| sqlx::query(statement).bind(after).bind(limit)).await?
        }
        Page::Terms { kind, after: (term, id), to } => {
            let statement = "SELECT application_id FROM application_terms WHERE kind = $1 \
                 AND (term, application_id) > ($2, $3) AND term <= $4 ORDER BY term, application_id LIMIT $5";
            let search = || sqlx::query(statement).bind(kind.number()).bind(term).bind(id).bind(to).bind(limit);
            connections.read(search).await?
        }
    };
    let ids: Vec<Uuid> = found.iter().map(|row| Columns::of(row).next()).collect::<Stored<_>>()?;
    let rows = connections.read(|| sqlx::query(rows::overview!("WHERE a.id = ANY ($1)")).bind(&ids)).await?;
    let overviews: Vec<Overview> = rows.iter().map(rows::read_overview).collect::<Stored<_>>()?;
    let mut by_id: HashMap<Uuid, Overview> = overviews.into_iter().map(|found| (found.application.id, found)).collect();
    Ok(ids.iter().filter_map(|id| by_id.remove(id)).collect())
}

/// Keeps what an application is found by in step with it.
pub(super) async fn replace_terms(
    connection: &mut PgConnection,
    id: Uuid,
    before: Option<(&Phone, &HolderData)>,
    now: (&Phone, &HolderData),
) -> Result<(), sqlx::Error> {
    let before = before.map(|(phone, holder)| terms(phone, holder)).unwrap_or_default();
    let now = terms(now.0, now.1);
    let (gone, gone_kinds) = without(&before, &now);
    let (new, new_kinds) = without(&now, &before);
    if gone.is_empty() && new.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "WITH gone AS (DELETE FROM application_terms t USING unnest($2::smallint[], $3::text[]) AS g (kind, term) \
         WHERE t.kind = g.kind AND t.term = g.term AND t.application_id = $1) \
         INSERT INTO application_terms (kind, term, application_id) \
         SELECT kind, term, $1 FROM unnest($4::smallint[], $5::text[]) AS n (kind, term)",
    )
    .bind(id)
    .bind(gone_kinds)
    .bind(gone)
    .bind(new_kinds)
    .bind(new)
    .execute(connection)
    .await?;
    Ok(())
}

/// Texts and kinds of the terms that are in one list and not in the other.
fn without(terms: &[(i16, String)], others: &[(i16, String)]) -> (Vec<String>, Vec<i16>) {
    terms.iter().filter(|term| !others.contains(term)).map(|(kind, term)| (term.clone(), *kind)).unzip()
}

/// The terms of the applications that were there before terms were, once. Two servers that do it at once do no harm.
pub(super) async fn fill_terms(connection: &mut PgConnection) -> Stored<()> {
    const PART: i64 = 1000;
    let done = sqlx::query("SELECT 1 FROM filled WHERE name = 'application_terms'");
    if done.fetch_optional(&mut *connection).await?.is_some() {
        return Ok(());
    }
    let mut last = Uuid::nil();
    loop {
        let part = sqlx::query("SELECT id, phone, holder FROM applications WHERE id > $1 ORDER BY id LIMIT $2");
        let part = part.bind(last).bind(PART).fetch_all(&mut *connection).await?;
        let Some(row) = part.last() else { break };
        last = Columns::of(row).next()?;
        let (mut kinds, mut texts, mut ids) = (Vec::new(), Vec::new(), Vec::new());
        for row in &part {
            let columns = &mut Columns::of(row);
            let (id, phone, holder): (Uuid, &str, &str) = (columns.next()?, columns.next()?, columns.next()?);
            let holder = serde_json::from_str(holder).map_err(|_| StoreError::Corrupt("applications.holder"))?;
            for (kind, term) in terms(&rows::phone(phone)?, &holder) {
                kinds.push(kind);
                texts.push(term);
                ids.push(id);
            }
        }
        let insert = sqlx::query(
            "INSERT INTO application_terms (kind, term, application_id) \
             SELECT * FROM unnest($1::smallint[], $2::text[], $3::uuid[]) ON CONFLICT DO NOTHING",
        );
        insert.bind(&kinds).bind(&texts).bind(&ids).execute(&mut *connection).await?;
    }
    let note = sqlx::query("INSERT INTO filled (name) VALUES ('application_terms') ON CONFLICT DO NOTHING");
    note.execute(&mut *connection).await?;
    Ok(())
}
