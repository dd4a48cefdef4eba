//! Statements, and rows into records.
//!
//! A statement names its columns by one of the lists here, and their reader beside it takes them in that order.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use qcert_pki::crl::Reason;
use qcert_protocol::{
    Activation, ApplicationState, ContainerName, KeyId,
    application::{CertificateType, IdentificationKind},
    holder::Phone,
    portal::TokenName,
};
use rusqlite::{Connection, Params, Row, types::FromSql};
use time::OffsetDateTime;

use super::{Application, Certificate, Overview, Request, StoreError, Stored};
use crate::store::{RequestState, Revoked};

/// Executes a statement; answers how many rows it changed.
pub(super) fn execute(connection: &Connection, sql: &str, params: impl Params) -> Stored<usize> {
    debug_assert!(never_scans(connection, sql)?, "goes through a whole table: {sql}");
    Ok(connection.prepare_cached(sql)?.execute(params)?)
}

/// The first row of an answer.
pub(super) fn first<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnOnce(&mut Columns<'_>) -> Stored<T>,
) -> Stored<Option<T>> {
    debug_assert!(never_scans(connection, sql)?, "goes through a whole table: {sql}");
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    rows.next()?.map(|row| read(&mut Columns::new(row))).transpose()
}

/// All rows of an answer.
pub(super) fn all<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl Fn(&mut Columns<'_>) -> Stored<T>,
) -> Stored<Vec<T>> {
    debug_assert!(never_scans(connection, sql)?, "goes through a whole table: {sql}");
    whole(connection, sql, params, read)
}

/// All rows of an answer for which a table is gone through from its beginning: it is a list of everything, or the table
/// is never long.
pub(super) fn whole<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl Fn(&mut Columns<'_>) -> Stored<T>,
) -> Stored<Vec<T>> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        records.push(read(&mut Columns::new(row))?);
    }
    Ok(records)
}

/// Does a statement find what it wants by an index? One that goes through a table costs more with every certificate,
/// so in every test run SQLite is asked how it would do it.
fn never_scans(connection: &Connection, sql: &str) -> Stored<bool> {
    static ASKED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let mut asked = ASKED.lock().unwrap_or_else(PoisonError::into_inner);
    if asked.contains(sql) || sql.starts_with("PRAGMA") {
        return Ok(true);
    }
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
    // It is not executed, so what its parameters are does not matter.
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next()? {
        let step: String = row.get("detail")?;
        // Rows of a subquery and of VALUES are in no table.
        let is_no_table = step.starts_with("SCAN (subquery") || step.starts_with("SCAN CONSTANT");
        if step.starts_with("SCAN") && !is_no_table {
            return Ok(false);
        }
    }
    asked.insert(sql.to_owned());
    Ok(true)
}

/// The columns of a row, one after the other.
pub(super) struct Columns<'a> {
    row: &'a Row<'a>,
    next: usize,
}

impl<'a> Columns<'a> {
    fn new(row: &'a Row<'a>) -> Self {
        Self { row, next: 0 }
    }

    /// The value of the next column.
    pub(super) fn next<T: FromSql>(&mut self) -> Stored<T> {
        let value = self.row.get(self.next)?;
        self.next += 1;
        Ok(value)
    }

    /// The time in the next column.
    pub(super) fn time(&mut self) -> Stored<OffsetDateTime> {
        time(self.next()?)
    }

    /// Is the next column, and with it those of its table, of no row?
    fn is_absent(&self) -> Stored<bool> {
        Ok(self.row.get_ref(self.next)? == rusqlite::types::ValueRef::Null)
    }
}

/// Of table `a`, for [`application`].
macro_rules! application_columns {
    () => {
        "a.id, a.number, a.phone, a.holder, a.certificate_type, a.identification, a.replaces, a.state, a.reason, \
         a.revision"
    };
}
pub(super) use application_columns;

/// How many those are.
const APPLICATION_COLUMNS: usize = 10;

/// Of table `r`, for [`request`].
macro_rules! request_columns {
    () => {
        "r.id, r.application_id, r.der, r.public_key, r.key_digest, r.key_id, r.container, r.token_label, \
         r.token_serial, r.token_model, r.state, r.created_at, r.confirmed_at, r.vouched_by"
    };
}
pub(super) use request_columns;

/// How many those are.
const REQUEST_COLUMNS: usize = 14;

/// Of table `c`, for [`certificate`].
macro_rules! certificate_columns {
    () => {
        "c.id, c.application_id, c.request_id, c.serial, c.key_id, c.der, c.not_before, c.not_after, c.issued_at, \
         c.installed_at, c.issuer, c.shard, c.revoked_at, c.revocation_reason"
    };
}
pub(super) use certificate_columns;

/// How many those are.
const CERTIFICATE_COLUMNS: usize = 14;

/// The word for [`activation`], of an application `a` and its row `v` of the table of codes.
macro_rules! activation_column {
    () => {
        "CASE WHEN v.activated_phone = a.phone THEN 'activated' \
         WHEN v.application_id IS NULL OR v.activated_phone IS NOT NULL THEN 'noCode' \
         WHEN v.tries_left = 0 THEN 'exhausted' ELSE 'codeMade' END"
    };
}
pub(super) use activation_column;

/// Is an application `a` installed, and renewed or replaced by another that goes on?
macro_rules! successor_column {
    () => {
        "a.state = 'installed' AND EXISTS (SELECT 1 FROM applications s WHERE s.replaces = a.id \
         AND s.state NOT IN ('rejected', 'withdrawn', 'revoked'))"
    };
}
pub(super) use successor_column;

/// A statement for [`read_overview`], with its end. `r` is the latest request that counts.
macro_rules! overview {
    ($rest:literal) => {
        concat!(
            "SELECT ",
            rows::application_columns!(),
            ", ",
            rows::request_columns!(),
            ", ",
            rows::certificate_columns!(),
            ", a.state = 'sent' AND EXISTS (SELECT 1 FROM issuances WHERE request_id = r.id AND state = 'held'), ",
            rows::activation_column!(),
            ", EXISTS (SELECT 1 FROM mistakes WHERE application_id = a.id), ",
            rows::successor_column!(),
            " FROM applications a \
             LEFT JOIN requests r ON r.id = (SELECT id FROM requests WHERE application_id = a.id \
             AND state NOT IN ('removed', 'replaced') ORDER BY created_at DESC, id DESC LIMIT 1) \
             LEFT JOIN certificates c ON c.application_id = a.id \
             LEFT JOIN activations v ON v.application_id = a.id ",
            $rest
        )
    };
}
pub(super) use overview;

pub(super) fn read_overview(columns: &mut Columns<'_>) -> Stored<Overview> {
    let application = application(columns)?;
    let request = if columns.is_absent()? { None } else { Some(request(columns)?) };
    columns.next = APPLICATION_COLUMNS + REQUEST_COLUMNS;
    let certificate = if columns.is_absent()? { None } else { Some(certificate(columns)?) };
    columns.next = APPLICATION_COLUMNS + REQUEST_COLUMNS + CERTIFICATE_COLUMNS;
    Ok(Overview {
        application,
        request,
        certificate,
        held: columns.next()?,
        activation: activation(&columns.next::<String>()?)?,
        has_mistakes: columns.next()?,
        has_successor: columns.next()?,
    })
}

pub(super) fn application(columns: &mut Columns<'_>) -> Stored<Application> {
    let (id, number, phone_text) = (columns.next()?, columns.next()?, columns.next::<String>()?);
    let holder_json: String = columns.next()?;
    Ok(Application {
        id,
        number,
        phone: phone(&phone_text)?,
        holder: serde_json::from_str(&holder_json).map_err(|_| StoreError::Corrupt("applications.holder"))?,
        holder_json,
        certificate_type: certificate_type(&columns.next::<String>()?)?,
        identification: columns
            .next::<Option<u8>>()?
            .map(IdentificationKind::try_from)
            .transpose()
            .map_err(|_| StoreError::Corrupt("applications.identification"))?,
        replaces: columns.next()?,
        state: ApplicationState::parse(&columns.next::<String>()?).ok_or(StoreError::Corrupt("applications.state"))?,
        reason: columns.next()?,
        revision: columns.next()?,
    })
}

pub(super) fn request(columns: &mut Columns<'_>) -> Stored<Request> {
    Ok(Request {
        id: columns.next()?,
        application_id: columns.next()?,
        der: columns.next()?,
        public_key: columns.next()?,
        key_digest: columns.next()?,
        key_id: key_id(&columns.next::<String>()?)?,
        container: ContainerName::parse(&columns.next::<String>()?).ok_or(StoreError::Corrupt("requests.container"))?,
        token: TokenName { label: columns.next()?, serial: columns.next()?, model: columns.next()? },
        state: RequestState::parse(&columns.next::<String>()?).ok_or(StoreError::Corrupt("requests.state"))?,
        created_at: columns.time()?,
        confirmed_at: columns.next::<Option<i64>>()?.map(time).transpose()?,
        vouched_by: columns.next()?,
    })
}

pub(super) fn certificate(columns: &mut Columns<'_>) -> Stored<Certificate> {
    Ok(Certificate {
        id: columns.next()?,
        application_id: columns.next()?,
        request_id: columns.next()?,
        serial: columns.next()?,
        key_id: key_id(&columns.next::<String>()?)?,
        der: columns.next()?,
        not_before: columns.time()?,
        not_after: columns.time()?,
        issued_at: columns.time()?,
        installed_at: columns.next::<Option<i64>>()?.map(time).transpose()?,
        issuer: columns.next()?,
        shard: columns.next()?,
        revoked: revoked(columns)?,
    })
}

/// Columns `revoked_at` and `revocation_reason`.
pub(super) fn revoked(columns: &mut Columns<'_>) -> Stored<Option<Revoked>> {
    let (at, reason): (Option<i64>, Option<u8>) = (columns.next()?, columns.next()?);
    let Some((at, reason)) = at.zip(reason) else { return Ok(None) };
    let reason = Reason::from_code(reason).ok_or(StoreError::Corrupt("certificates.revocation_reason"))?;
    Ok(Some(Revoked { at: time(at)?, reason }))
}

pub(super) fn phone(text: &str) -> Stored<Phone> {
    Phone::parse(text).map_err(|_| StoreError::Corrupt("phone"))
}

/// Milliseconds since 1970.
pub(super) fn millis(time: OffsetDateTime) -> i64 {
    // Years up to 9999 fit by far.
    i64::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

/// Reads [`millis`].
pub(super) fn time(millis: i64) -> Stored<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000).map_err(|_| StoreError::Corrupt("time"))
}

pub(super) fn certificate_type_name(certificate_type: CertificateType) -> &'static str {
    match certificate_type {
        CertificateType::Qualified => "qualified",
    }
}

fn certificate_type(text: &str) -> Stored<CertificateType> {
    match text {
        "qualified" => Ok(CertificateType::Qualified),
        _ => Err(StoreError::Corrupt("applications.certificate_type")),
    }
}

pub(super) fn activation(word: &str) -> Stored<Activation> {
    Activation::parse(word).ok_or(StoreError::Corrupt("activations"))
}

fn key_id(text: &str) -> Stored<KeyId> {
    KeyId::parse(text).ok_or(StoreError::Corrupt("key_id"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_that_goes_through_a_whole_table_is_found() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE t (a INTEGER PRIMARY KEY, b INTEGER)").unwrap();
        assert!(never_scans(&connection, "SELECT b FROM t WHERE a = ?").unwrap());
        assert!(!never_scans(&connection, "SELECT a FROM t WHERE b = ?").unwrap());
        assert!(!never_scans(&connection, "DELETE FROM t WHERE b < ?").unwrap());
    }
}
