//! Applications.

use qcert_protocol::holder::Phone;
use sqlx::{Connection, PgConnection};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Application, Import, ImportRules, NewApplication, Overview, StoreError, Stored,
    connections::{Connections, Failure, is_passing},
    operators,
    rows::{self, Columns, millis},
};
use crate::audit::Actor;
use crate::store::ImportConflict;

/// The advisory lock of whoever imports, or renews: two that want one number do not meet.
pub(super) const LOCK: i64 = 0x696d_706f_7274;

/// Why an import ends early.
enum Stop {
    Database(sqlx::Error),
    Value(StoreError),
    Refused(Vec<(usize, ImportConflict)>),
}

impl From<sqlx::Error> for Stop {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Value(error)
    }
}

pub(super) async fn import(
    connections: &Connections,
    entries: &[NewApplication],
    rules: &ImportRules<'_>,
    now: OffsetDateTime,
) -> Stored<Import> {
    loop {
        let mut lent = connections.lend().await?;
        let (done, answer) = match all_or_nothing(lent.connection(), entries, rules, now).await {
            Ok(import) => (Ok(()), Ok(import)),
            Err(Stop::Refused(conflicts)) => (Ok(()), Ok(Import::Refused(conflicts))),
            Err(Stop::Value(error)) => (Ok(()), Err(error)),
            Err(Stop::Database(error)) => (Err(error), Ok(Import::Refused(Vec::new()))),
        };
        match lent.settle(done) {
            Ok(()) => return answer,
            Err(Failure::Refused(error)) if is_passing(&error) => {}
            Err(failure) => return Err(failure.into()),
        }
    }
}

async fn all_or_nothing(
    connection: &mut PgConnection,
    entries: &[NewApplication],
    rules: &ImportRules<'_>,
    now: OffsetDateTime,
) -> Result<Import, Stop> {
    let mut transaction = connection.begin().await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut *transaction).await?;
    let (mut added, mut changed, mut unchanged) = (0, 0, 0);
    let mut conflicts = Vec::new();
    // First all entries without their links, so that one may replace another that stands after it.
    for (index, entry) in entries.iter().enumerate() {
        match by_number(&mut transaction, &entry.number).await? {
            None => {
                insert(&mut transaction, entry, rules.by, now).await?;
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
                    leave_request_behind(&mut transaction, there.id).await?;
                }
                update(&mut transaction, &there, entry, rules.by, now).await?;
                changed += 1;
            }
        }
    }
    for (index, entry) in entries.iter().enumerate() {
        if !link(&mut transaction, entry).await? {
            conflicts.push((index, ImportConflict::ReplacesUnknown));
        }
    }
    if !conflicts.is_empty() {
        transaction.rollback().await?;
        return Err(Stop::Refused(conflicts));
    }
    transaction.commit().await?;
    Ok(Import::Done { added, changed, unchanged })
}

/// An application and the number of the one it replaces. Nobody changes it until the import ends.
async fn by_number(connection: &mut PgConnection, number: &str) -> Result<Option<(Application, Option<String>)>, Stop> {
    let found = sqlx::query(concat!(
        "SELECT ",
        rows::application_columns!(),
        ", (SELECT o.number FROM applications o WHERE o.id = a.replaces) \
         FROM applications a WHERE a.number = $1 FOR NO KEY UPDATE"
    ));
    let found = found.bind(number).fetch_optional(connection).await?;
    let Some(row) = found else { return Ok(None) };
    let columns = &mut Columns::of(&row);
    Ok(Some((rows::application(columns)?, columns.next()?)))
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

async fn insert(
    connection: &mut PgConnection,
    entry: &NewApplication,
    by: &Actor,
    now: OffsetDateTime,
) -> Result<(), Stop> {
    sqlx::query(
        "WITH new AS (INSERT INTO applications \
         (id, number, phone, holder, certificate_type, identification, state, revision, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, 'available', 1, $7)) \
         INSERT INTO audit_waiting (at, event, subject, detail, who, origin) \
         VALUES ($7, 'application imported', $1, $2, $8, $9)",
    )
    .bind(entry.id)
    .bind(&entry.number)
    .bind(entry.phone.as_str())
    .bind(holder_json(entry)?)
    .bind(rows::certificate_type_name(entry.certificate_type))
    .bind(entry.identification.map(|kind| i16::from(u8::from(kind))))
    .bind(millis(now))
    .bind(&by.who)
    .bind(&by.from)
    .execute(&mut *connection)
    .await?;
    Ok(operators::replace_terms(connection, entry.id, None, (&entry.phone, &entry.holder)).await?)
}

async fn update(
    connection: &mut PgConnection,
    there: &Application,
    entry: &NewApplication,
    by: &Actor,
    now: OffsetDateTime,
) -> Result<(), Stop> {
    sqlx::query(
        "WITH changed AS (UPDATE applications SET phone = $3, holder = $4, certificate_type = $5, \
         identification = $6, replaces = NULL, reason = NULL, revision = revision + 1, \
         state = CASE state WHEN 'rejected' THEN 'available' ELSE state END WHERE id = $1) \
         INSERT INTO audit_waiting (at, event, subject, detail, who, origin) \
         VALUES ($7, 'application changed', $1, $2, $8, $9)",
    )
    .bind(there.id)
    .bind(&entry.number)
    .bind(entry.phone.as_str())
    .bind(holder_json(entry)?)
    .bind(rows::certificate_type_name(entry.certificate_type))
    .bind(entry.identification.map(|kind| i16::from(u8::from(kind))))
    .bind(millis(now))
    .bind(&by.who)
    .bind(&by.from)
    .execute(&mut *connection)
    .await?;
    let before = (&there.phone, &there.holder);
    Ok(operators::replace_terms(connection, there.id, Some(before), (&entry.phone, &entry.holder)).await?)
}

/// A prepared request is of a key on the token of whoever had the application; it is not the next one's to confirm.
async fn leave_request_behind(connection: &mut PgConnection, id: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query(
        "WITH left_behind AS (UPDATE requests SET state = 'replaced' WHERE application_id = $1 AND state = 'prepared') \
         UPDATE applications SET state = 'available', revision = revision + 1 WHERE id = $1 AND state = 'preparing'",
    )
    .bind(id)
    .execute(connection)
    .await?;
    Ok(())
}

/// Points an entry to the one it replaces; false if there is none.
async fn link(connection: &mut PgConnection, entry: &NewApplication) -> Result<bool, sqlx::Error> {
    let Some(replaces) = &entry.replaces else { return Ok(true) };
    let linked = sqlx::query(
        "UPDATE applications SET replaces = o.id FROM (SELECT id FROM applications WHERE number = $1) o \
         WHERE number = $2 AND applications.id <> o.id",
    );
    let linked = linked.bind(replaces).bind(&entry.number).execute(connection).await?;
    Ok(linked.rows_affected() == 1)
}

pub(super) async fn phone_is_known(connections: &Connections, phone: &Phone) -> Stored<bool> {
    let known = connections
        .read(|| sqlx::query("SELECT EXISTS (SELECT FROM applications WHERE phone = $1)").bind(phone.as_str()))
        .await?;
    known.first().map_or(Ok(false), |row| Columns::of(row).next())
}

pub(super) async fn of_phone(connections: &Connections, phone: &Phone) -> Stored<Vec<Overview>> {
    let statement = rows::overview!("WHERE a.phone = $1 ORDER BY a.created_at, a.place");
    let found = connections.read(|| sqlx::query(statement).bind(phone.as_str())).await?;
    found.iter().map(rows::read_overview).collect()
}

pub(super) async fn one(connections: &Connections, phone: &Phone, id: Uuid) -> Stored<Option<Overview>> {
    let statement = rows::overview!("WHERE a.phone = $1 AND a.id = $2");
    let found = connections.read(|| sqlx::query(statement).bind(phone.as_str()).bind(id)).await?;
    found.first().map(rows::read_overview).transpose()
}

pub(super) async fn overview_by_number(connections: &Connections, number: &str) -> Stored<Option<Overview>> {
    let statement = rows::overview!("WHERE a.number = $1");
    let found = connections.read(|| sqlx::query(statement).bind(number)).await?;
    found.first().map(rows::read_overview).transpose()
}

pub(super) async fn all(connections: &Connections) -> Stored<Vec<Overview>> {
    let statement = rows::overview!("ORDER BY a.created_at, a.place");
    let found = connections.read_all(sqlx::query(statement)).await?;
    found.iter().map(rows::read_overview).collect()
}

pub(super) async fn add_mistake(
    connections: &Connections,
    id: Uuid,
    application: Uuid,
    text: &str,
    by: &Actor,
    now: OffsetDateTime,
) -> Stored<()> {
    // The row tells whoever looks at the data that there is something to read.
    let statement = "WITH told AS (INSERT INTO mistakes (id, application_id, text, created_at) VALUES ($1, $2, $3, $4)), \
         row AS (UPDATE applications SET revision = revision + 1 WHERE id = $2) \
         INSERT INTO audit_waiting (at, event, subject, detail, who, origin) \
         VALUES ($4, 'mistake reported', $2, '', $5, $6)";
    let add = || {
        let query = sqlx::query(statement).bind(id).bind(application).bind(text);
        query.bind(millis(now)).bind(&by.who).bind(&by.from)
    };
    connections.write(add).await.map(drop)
}

pub(super) async fn phone_of(connections: &Connections, application: Uuid) -> Stored<Option<Phone>> {
    let found =
        connections.read(|| sqlx::query("SELECT phone FROM applications WHERE id = $1").bind(application)).await?;
    found.first().map(|row| rows::phone(Columns::of(row).next()?)).transpose()
}
