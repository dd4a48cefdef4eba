//! Rows into records.
//!
//! A statement names its columns by one of the lists here, and their reader beside it takes them in that order.

use qcert_pki::crl::Reason;
use qcert_protocol::{
    Activation, ApplicationState, ContainerName, KeyId,
    application::{CertificateType, IdentificationKind},
    holder::Phone,
    portal::TokenName,
};
use sqlx::{Decode, Postgres, Row, Type, postgres::PgRow};
use time::OffsetDateTime;

use super::{Application, Certificate, Overview, Request, StoreError, Stored};
use crate::store::{RequestState, Revoked};

/// The columns of a row, one after the other.
pub(super) struct Columns<'a> {
    row: &'a PgRow,
    next: usize,
}

impl<'a> Columns<'a> {
    pub(super) fn of(row: &'a PgRow) -> Self {
        Self::after(row, 0)
    }

    /// The columns after so many others.
    pub(super) fn after(row: &'a PgRow, others: usize) -> Self {
        Self { row, next: others }
    }

    /// The value of the next column.
    pub(super) fn next<T: Decode<'a, Postgres> + Type<Postgres>>(&mut self) -> Stored<T> {
        let value = self.row.try_get(self.next)?;
        self.next += 1;
        Ok(value)
    }

    /// The time in the next column.
    pub(super) fn time(&mut self) -> Stored<OffsetDateTime> {
        time(self.next()?)
    }

    /// The bytes in the next column, so many as there must be.
    pub(super) fn array<const N: usize>(&mut self) -> Stored<[u8; N]> {
        array(self.next()?)
    }

    /// Is the next column, and with it those of its table, of no row?
    fn is_absent(&self) -> Stored<bool> {
        Ok(sqlx::ValueRef::is_null(&self.row.try_get_raw(self.next)?))
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
        "a.state = 'installed' AND EXISTS (SELECT FROM applications s WHERE s.replaces = a.id \
         AND s.state NOT IN ('rejected', 'withdrawn', 'revoked'))"
    };
}
pub(super) use successor_column;

/// Columns for [`read_overview`], of what [`overview_joins`] joins to an application `a`.
macro_rules! overview_columns {
    () => {
        concat!(
            rows::application_columns!(),
            ", ",
            rows::request_columns!(),
            ", ",
            rows::certificate_columns!(),
            ", a.state = 'sent' AND EXISTS (SELECT FROM issuances WHERE request_id = r.id AND state = 'held'), ",
            rows::activation_column!(),
            ", EXISTS (SELECT FROM mistakes WHERE application_id = a.id), ",
            rows::successor_column!(),
            " "
        )
    };
}
pub(super) use overview_columns;

/// What belongs to an application `a`. `r` is the latest request that counts.
macro_rules! overview_joins {
    () => {
        " LEFT JOIN LATERAL (SELECT * FROM requests WHERE application_id = a.id AND counts \
         ORDER BY created_at DESC, id DESC LIMIT 1) r ON true \
         LEFT JOIN certificates c ON c.application_id = a.id \
         LEFT JOIN activations v ON v.application_id = a.id "
    };
}
pub(super) use overview_joins;

/// A statement for [`read_overview`], with its end.
macro_rules! overview {
    ($rest:literal) => {
        concat!("SELECT ", rows::overview_columns!(), "FROM applications a", rows::overview_joins!(), $rest)
    };
}
pub(super) use overview;

pub(super) fn read_overview(row: &PgRow) -> Stored<Overview> {
    the_overview(&mut Columns::of(row))
}

/// `None` where there is no application.
pub(super) fn overview_if_any(mut columns: Columns<'_>) -> Stored<Option<Overview>> {
    if columns.is_absent()? { Ok(None) } else { the_overview(&mut columns).map(Some) }
}

fn the_overview(columns: &mut Columns<'_>) -> Stored<Overview> {
    let first = columns.next;
    let application = application(columns)?;
    let request = if columns.is_absent()? { None } else { Some(request(columns)?) };
    columns.next = first + APPLICATION_COLUMNS + REQUEST_COLUMNS;
    let certificate = if columns.is_absent()? { None } else { Some(certificate(columns)?) };
    columns.next = first + APPLICATION_COLUMNS + REQUEST_COLUMNS + CERTIFICATE_COLUMNS;
    Ok(Overview {
        application,
        request,
        certificate,
        held: columns.next()?,
        activation: activation(columns.next()?)?,
        has_mistakes: columns.next()?,
        has_successor: columns.next()?,
    })
}

pub(super) fn application(columns: &mut Columns<'_>) -> Stored<Application> {
    let (id, number, phone_text) = (columns.next()?, columns.next()?, columns.next::<&str>()?);
    let holder_json: String = columns.next()?;
    Ok(Application {
        id,
        number,
        phone: phone(phone_text)?,
        holder: serde_json::from_str(&holder_json).map_err(|_| StoreError::Corrupt("applications.holder"))?,
        holder_json,
        certificate_type: certificate_type(columns.next()?)?,
        identification: columns.next::<Option<i16>>()?.map(identification).transpose()?,
        replaces: columns.next()?,
        state: ApplicationState::parse(columns.next()?).ok_or(StoreError::Corrupt("applications.state"))?,
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
        key_digest: columns.array()?,
        key_id: key_id(columns.next()?)?,
        container: ContainerName::parse(columns.next()?).ok_or(StoreError::Corrupt("requests.container"))?,
        token: TokenName { label: columns.next()?, serial: columns.next()?, model: columns.next()? },
        state: RequestState::parse(columns.next()?).ok_or(StoreError::Corrupt("requests.state"))?,
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
        key_id: key_id(columns.next()?)?,
        der: columns.next()?,
        not_before: columns.time()?,
        not_after: columns.time()?,
        issued_at: columns.time()?,
        installed_at: columns.next::<Option<i64>>()?.map(time).transpose()?,
        issuer: columns.array()?,
        shard: columns.next()?,
        revoked: revoked(columns)?,
    })
}

/// Columns `revoked_at` and `revocation_reason`.
pub(super) fn revoked(columns: &mut Columns<'_>) -> Stored<Option<Revoked>> {
    let (at, reason): (Option<i64>, Option<i16>) = (columns.next()?, columns.next()?);
    let Some((at, reason)) = at.zip(reason) else { return Ok(None) };
    let reason = u8::try_from(reason).ok().and_then(Reason::from_code);
    Ok(Some(Revoked { at: time(at)?, reason: reason.ok_or(StoreError::Corrupt("certificates.revocation_reason"))? }))
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

pub(super) fn array<const N: usize>(bytes: &[u8]) -> Stored<[u8; N]> {
    bytes.try_into().map_err(|_| StoreError::Corrupt("a value of fixed length"))
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

fn identification(number: i16) -> Stored<IdentificationKind> {
    let kind = u8::try_from(number).ok().and_then(|number| IdentificationKind::try_from(number).ok());
    kind.ok_or(StoreError::Corrupt("applications.identification"))
}

pub(super) fn activation(word: &str) -> Stored<Activation> {
    Activation::parse(word).ok_or(StoreError::Corrupt("activations"))
}

fn key_id(text: &str) -> Stored<KeyId> {
    KeyId::parse(text).ok_or(StoreError::Corrupt("key_id"))
}
