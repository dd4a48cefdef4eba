//! Rows into records.

use qcert_protocol::{
    ApplicationState, ContainerName, KeyId,
    application::{CertificateType, IdentificationKind},
    holder::Phone,
    portal::TokenName,
};
use sqlx::{Row, sqlite::SqliteRow};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{Application, Certificate, Overview, Request, StoreError, Stored};
use crate::store::RequestState;

/// The columns of an [`Overview`], then the rest of the statement. `r` is the latest request that counts.
macro_rules! overview {
    ($rest:literal) => {
        concat!(
            "SELECT a.id AS a_id, a.number, a.phone, a.holder, a.certificate_type, a.identification, a.replaces, \
             a.state AS a_state, a.reason, a.revision, \
             r.id AS r_id, r.der AS r_der, r.public_key, r.key_digest, r.key_id AS r_key_id, r.container, \
             r.token_label, r.token_serial, r.token_model, r.state AS r_state, r.created_at AS r_created_at, \
             r.confirmed_at, \
             c.id AS c_id, c.request_id AS c_request_id, c.serial AS c_serial, c.key_id AS c_key_id, c.der AS c_der, \
             c.not_before, c.not_after, c.issued_at, c.installed_at \
             FROM applications a \
             LEFT JOIN requests r ON r.id = (SELECT id FROM requests WHERE application_id = a.id \
             AND state NOT IN ('removed', 'replaced') ORDER BY created_at DESC, id DESC LIMIT 1) \
             LEFT JOIN certificates c ON c.application_id = a.id ",
            $rest
        )
    };
}
pub(super) use overview;

pub(super) fn read_overview(row: &SqliteRow) -> Stored<Overview> {
    let request = row.try_get::<Option<Uuid>, _>("r_id")?.map(|_| request(row)).transpose()?;
    let certificate = row.try_get::<Option<Uuid>, _>("c_id")?.map(|_| certificate(row)).transpose()?;
    Ok(Overview { application: application(row)?, request, certificate })
}

pub(super) fn application(row: &SqliteRow) -> Stored<Application> {
    let holder_json: String = row.try_get("holder")?;
    let identification: Option<u8> = row.try_get("identification")?;
    Ok(Application {
        id: row.try_get("a_id")?,
        number: row.try_get("number")?,
        phone: phone(&row.try_get::<String, _>("phone")?)?,
        holder: serde_json::from_str(&holder_json).map_err(|_| StoreError::Corrupt("applications.holder"))?,
        holder_json,
        certificate_type: certificate_type(&row.try_get::<String, _>("certificate_type")?)?,
        identification: identification
            .map(IdentificationKind::try_from)
            .transpose()
            .map_err(|_| StoreError::Corrupt("applications.identification"))?,
        replaces: row.try_get("replaces")?,
        state: state(&row.try_get::<String, _>("a_state")?)?,
        reason: row.try_get("reason")?,
        revision: row.try_get("revision")?,
    })
}

pub(super) fn request(row: &SqliteRow) -> Stored<Request> {
    Ok(Request {
        id: row.try_get("r_id")?,
        application_id: row.try_get("a_id")?,
        der: row.try_get("r_der")?,
        public_key: row.try_get("public_key")?,
        key_digest: array(&row.try_get::<Vec<u8>, _>("key_digest")?)?,
        key_id: key_id(&row.try_get::<String, _>("r_key_id")?)?,
        container: ContainerName::parse(&row.try_get::<String, _>("container")?)
            .ok_or(StoreError::Corrupt("requests.container"))?,
        token: TokenName {
            label: row.try_get("token_label")?,
            serial: row.try_get("token_serial")?,
            model: row.try_get("token_model")?,
        },
        state: RequestState::parse(&row.try_get::<String, _>("r_state")?)
            .ok_or(StoreError::Corrupt("requests.state"))?,
        created_at: time(row.try_get("r_created_at")?)?,
        confirmed_at: row.try_get::<Option<i64>, _>("confirmed_at")?.map(time).transpose()?,
    })
}

pub(super) fn certificate(row: &SqliteRow) -> Stored<Certificate> {
    Ok(Certificate {
        id: row.try_get("c_id")?,
        application_id: row.try_get("a_id")?,
        request_id: row.try_get("c_request_id")?,
        serial: row.try_get("c_serial")?,
        key_id: key_id(&row.try_get::<String, _>("c_key_id")?)?,
        der: row.try_get("c_der")?,
        not_before: time(row.try_get("not_before")?)?,
        not_after: time(row.try_get("not_after")?)?,
        issued_at: time(row.try_get("issued_at")?)?,
        installed_at: row.try_get::<Option<i64>, _>("installed_at")?.map(time).transpose()?,
    })
}

pub(super) fn phone(text: &str) -> Stored<Phone> {
    Phone::parse(text).map_err(|_| StoreError::Corrupt("phone"))
}

pub(super) fn state(text: &str) -> Stored<ApplicationState> {
    ApplicationState::parse(text).ok_or(StoreError::Corrupt("applications.state"))
}

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

fn key_id(text: &str) -> Stored<KeyId> {
    KeyId::parse(text).ok_or(StoreError::Corrupt("key_id"))
}
