//! Bodies of the portal's API, under `/api/v1`. JSON, camelCase, times RFC 3339 UTC, ids UUIDv7.

mod revocation;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    ApplicationState, Base64, ContainerName, ErrorCode, HolderData, KeyAlgorithm, KeyCode, KeyId,
    application::{CertificateType, FieldError},
};
pub use revocation::{Revocation, RevocationOrder, RevocationReason, RevocationView};

/// Path of the API's first version.
pub const API: &str = "/api/v1";

/// The largest PKCS#10 request, in bytes of DER. An RSA-4096 request with a long name has about 2 KiB.
pub const MAX_REQUEST_DER: usize = 8 * 1024;

/// An error: `application/problem+json` (RFC 9457) with our code.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// `urn:qcert:problem:<code>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// English, for the log of whoever called.
    pub title: String,
    /// The HTTP status, again.
    pub status: u16,
    /// What went wrong, for programs.
    pub code: ErrorCode,
    /// Which fields were refused, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldError>,
    /// When to try again, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u32>,
    /// Tries left for the one-time password or activation code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tries_left: Option<u32>,
}

/// `GET /configuration`: what the page must know before anybody signs in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Configuration {
    /// Name of the authority, for the page's head.
    pub authority: String,
    /// Telephone of the support, as it is shown.
    pub support_phone: String,
    /// Which key pair the host makes.
    pub key_algorithm: KeyAlgorithm,
    /// The server's time, for the workstation check.
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub now: OffsetDateTime,
    /// The server's version.
    pub version: String,
    /// Where the workstation's parts are found.
    pub packages: PackageLinks,
}

/// Where a person finds the workstation's parts, by system and browser; each is an `https` address, or is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PackageLinks {
    /// The host for Debian, Ubuntu, Astra Linux.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub debian: Option<String>,
    /// The host for systems of RPM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rpm: Option<String>,
    /// The host for Windows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub windows: Option<String>,
    /// The extension for Chromium and its kin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chromium: Option<String>,
    /// The extension for Firefox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub firefox: Option<String>,
}

/// `POST /sign-in/password`: asks for a one-time password by text message. Also the body that asks again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PasswordOrder {
    /// Any usual way to write a mobile number.
    pub phone: String,
}

/// Answer when a one-time password was ordered; the same for every phone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PasswordOrdered {
    /// Seconds until another can be ordered.
    pub resend_after_seconds: u32,
    /// Seconds until this one is too old.
    pub expires_in_seconds: u32,
}

/// `POST /sign-in`: the one-time password from the text message. Sets the session's cookie.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignIn {
    /// The phone for which it was ordered.
    pub phone: String,
    /// Six digits.
    pub password: String,
}

/// `GET /session` and answer to `POST /sign-in`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Session {
    /// The phone, masked.
    pub phone: String,
    /// When the session ends by itself.
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub expires_at: OffsetDateTime,
}

/// A row of the list: one application and the state of its latest attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ApplicationRow {
    /// Which application.
    pub id: Uuid,
    /// Its number with the authority.
    pub number: String,
    /// The holder's full name.
    pub holder: String,
    /// The organisation, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// INN of the legal entity, else of the person.
    pub inn: String,
    /// Where it stands.
    pub state: ApplicationState,
    /// Why it was rejected. Why a certificate was revoked, the certificate says itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The latest request, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestView>,
    /// The certificate, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<CertificateView>,
    /// The application that this one renews or replaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<Uuid>,
    /// Can another be had in its place now, with the key of this one's certificate? It is installed and ends soon, and no
    /// other application renews it.
    pub renewable: bool,
    /// Grows with each change of this row; an older copy never overwrites a newer one.
    pub revision: i64,
}

/// `GET /applications/{id}`: all that figure 5 shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ApplicationDetails {
    /// The row of the list.
    pub row: ApplicationRow,
    /// The holder's data.
    pub data: HolderData,
    /// What kind of certificate.
    pub certificate_type: CertificateType,
    /// What the container on the token will be called.
    pub container: ContainerName,
    /// Has the operator recorded how the holder was identified? Without it nothing is issued, unless the key of the
    /// certificate that is renewed identifies the holder.
    pub identified: bool,
    /// The key that can identify the holder in the operator's place, while a request can be made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renews: Option<RenewedKey>,
    /// Must an activation code be entered before a certificate can be requested?
    pub activation: ActivationState,
    /// What was found wrong in the data, the latest first, twenty at most.
    pub mistakes: Vec<ReportedMistake>,
}

/// The key of the certificate that an application renews: what it signs identifies the holder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RenewedKey {
    /// CKA_ID of the key pair.
    pub key_id: KeyId,
    /// The token that it was made on.
    pub token: TokenName,
    /// End of the certificate's validity.
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub not_after: OffsetDateTime,
    /// 32 bytes, good for this application in this session.
    pub nonce: Base64,
}

/// What the person found wrong, and what an operator answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ReportedMistake {
    /// In the person's words.
    pub text: String,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub reported_at: OffsetDateTime,
    /// The answer, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<MistakeAnswer>,
}

/// An operator's answer to a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MistakeAnswer {
    /// In the operator's words.
    pub text: String,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: OffsetDateTime,
}

/// Where an application stands with its activation code, as its holder sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub enum ActivationState {
    /// This authority asks for none.
    NotNeeded,
    /// It has to be entered first.
    Needed,
    /// It was entered.
    Done,
}

/// `POST /applications/{id}/activation`: the code that was handed over in person with the application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ActivationEntry {
    /// As it was typed.
    pub code: String,
}

/// `POST /applications/{id}/mistakes`: what the person found wrong in the data, for the operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MistakeReport {
    /// 1 to 1000 characters.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 1000))]
    pub text: String,
}

/// The token that a request was made on, so that it can be named to the person later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TokenName {
    /// CK_TOKEN_INFO.label, trimmed; at most 32 bytes.
    #[cfg_attr(feature = "openapi", schema(max_length = 32))]
    pub label: String,
    /// CK_TOKEN_INFO.serialNumber, trimmed; at most 16 bytes.
    #[cfg_attr(feature = "openapi", schema(max_length = 16))]
    pub serial: String,
    /// CK_TOKEN_INFO.model, trimmed; at most 16 bytes.
    #[cfg_attr(feature = "openapi", schema(max_length = 16))]
    pub model: String,
}

/// `POST /applications/{id}/requests`: a PKCS#10 request (RFC 2986), signed on the token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RequestUpload {
    /// The request, DER.
    pub certification_request: Base64,
    /// The container's name on the token.
    pub container: ContainerName,
    /// The token.
    pub token: TokenName,
    /// What the key of [`ApplicationDetails::renews`] signed for this request's key: PROTOCOL.md §1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<Base64>,
}

/// A request as its holder sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct RequestView {
    /// Which request.
    pub id: Uuid,
    /// The key's code: the text message names it, the extension's window shows it.
    pub key_code: KeyCode,
    /// CKA_ID of the key pair.
    pub key_id: KeyId,
    /// The container on the token.
    pub container: ContainerName,
    /// The token.
    pub token: TokenName,
    /// Was a one-time password for it sent in this session? Else one must be ordered.
    pub password_ordered: bool,
    /// Seconds until another can be ordered.
    pub resend_after_seconds: u32,
    /// When it was confirmed.
    #[serde(with = "time::serde::rfc3339::option", default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub confirmed_at: Option<OffsetDateTime>,
}

/// `POST /requests/{id}/confirmation`: the second one-time password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Confirmation {
    /// Six digits.
    pub password: String,
}

/// A certificate as its holder sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CertificateView {
    /// Which certificate.
    pub id: Uuid,
    /// Serial number, upper-case hexadecimal.
    pub serial: String,
    /// CKA_ID of its key pair.
    pub key_id: KeyId,
    /// Start of validity.
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub not_before: OffsetDateTime,
    /// End of validity.
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub not_after: OffsetDateTime,
    /// Since when and why it is revoked, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<RevocationView>,
}

/// `GET /certificates/{id}`: the certificate and what it says, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CertificateDetails {
    /// What the list shows.
    pub certificate: CertificateView,
    /// The application it was issued for.
    pub application: Uuid,
    /// The holder's full name.
    pub holder: String,
    /// The organisation, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// The certificate, DER.
    pub der: Base64,
    /// The issuing certificate and its issuers, DER, root last.
    pub issuers: Vec<Base64>,
}

/// `POST /certificates/{id}/installation`: the host wrote the certificate and read it back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Installation {
    /// The token it is on.
    pub token: TokenName,
    /// Is it also in the person's certificate store?
    pub in_store: bool,
}

/// An event of `GET /events` (text/event-stream), named `application`: a row that changed. The first events after
/// connecting are all rows as they stand.
pub type ApplicationEvent = ApplicationRow;
