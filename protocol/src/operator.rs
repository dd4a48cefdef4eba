//! Bodies of the operators' API, under `/api/v1/operator`. JSON, camelCase, times RFC 3339 UTC, ids UUIDv7. Whoever
//! calls says who it is by `Authorization: Bearer` and the token that `qcert-server operators add` showed.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    Activation, ApplicationState, HolderData, KeyId,
    application::{CertificateType, IdentificationKind},
    holder::FieldReason,
    portal::{Problem, RevocationReason},
    whole_number,
};

/// What an operator may do. An operator has one or several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub enum Role {
    /// Enters and corrects applications, answers reports of wrong data, proposes a person's new phone.
    Registrar,
    /// Decides about requests that wait, confirms a person's new phone.
    Approver,
    /// Revokes certificates, blocks keys.
    Revoker,
    /// Reads everything, the audit among it, and changes nothing.
    Auditor,
    /// Sees who the operators are and takes their tokens away.
    Administrator,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 5] = [Self::Registrar, Self::Approver, Self::Revoker, Self::Auditor, Self::Administrator];

    /// The name on the wire, on the command line and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Registrar => "registrar",
            Self::Approver => "approver",
            Self::Revoker => "revoker",
            Self::Auditor => "auditor",
            Self::Administrator => "administrator",
        }
    }

    /// Reads [`Self::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }
}

/// `GET /operator/session` and a row of `GET /operator/operators`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct OperatorView {
    /// The name, as the audit has it; it is never given to anybody else.
    pub name: String,
    /// What the operator may do.
    pub roles: Vec<Role>,
    /// When the token ends by itself.
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub expires_at: OffsetDateTime,
    /// When it was taken away, if it was.
    #[serde(with = "time::serde::rfc3339::option", default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub removed_at: Option<OffsetDateTime>,
}

/// What applications are searched by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub enum SearchBy {
    /// Everything, in the order of entry; no value.
    All,
    /// What waits for approval; no value.
    Waiting,
    /// The application's number.
    Number,
    /// The certificate's serial number, hexadecimal.
    Serial,
    /// The phone, in any usual form.
    Phone,
    /// INN, of the legal entity or of the person.
    Inn,
    /// SNILS.
    Snils,
    /// How the organisation's name begins, its legal form left out; case and punctuation do not count.
    Organization,
    /// How the holder's full name begins, the family name first; case and punctuation do not count.
    Name,
}

/// `POST /operator/search`. A body and not an address: addresses stand in the logs of everything on the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Search {
    /// What the value is.
    pub by: SearchBy,
    /// The value.
    #[serde(default)]
    pub value: Option<String>,
    /// The `next` of the page before.
    #[serde(default)]
    pub after: Option<String>,
    /// How many at most, 1 to 100; 50 if nothing is said.
    #[serde(default, deserialize_with = "whole_number::optional")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 100))]
    pub limit: Option<u32>,
}

/// Answer to [`Search`]: a page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Found {
    /// What was found.
    pub applications: Vec<ApplicationRecord>,
    /// What to give as `after` for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// An application as an operator sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ApplicationRecord {
    /// Which.
    pub id: Uuid,
    /// Its number with the authority.
    pub number: String,
    /// Whose it is, `+7…`.
    pub phone: String,
    /// The holder's data.
    pub holder: HolderData,
    /// What kind of certificate.
    pub certificate_type: CertificateType,
    /// How the holder was identified (identificationKind, 1.2.643.100.114): by what an operator recorded, or by
    /// [`Self::identified_by_certificate`].
    #[cfg_attr(feature = "openapi", schema(value_type = Option<u8>, minimum = 0, maximum = 3))]
    pub identification_kind: Option<IdentificationKind>,
    /// The serial number of the certificate whose key identified the holder, for the request that there is now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identified_by_certificate: Option<String>,
    /// The number of the application that it renews or replaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
    /// Where it stands.
    pub state: ApplicationState,
    /// Does its request wait for approval?
    pub waits_for_approval: bool,
    /// Who has approved it, while it waits for somebody else's approval.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approved_by: Vec<String>,
    /// Where it stands with its activation code, whether the authority asks for one or not.
    pub activation: Activation,
    /// Why it was rejected.
    pub reason: Option<String>,
    /// The serial number of its certificate.
    pub certificate: Option<String>,
    /// Grows with each change.
    pub revision: i64,
}

/// A certificate as an operator sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct CertificateRecord {
    /// Which.
    pub id: Uuid,
    /// The application it was issued for.
    pub application: Uuid,
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
    /// When it was put on its token.
    #[serde(with = "time::serde::rfc3339::option", default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub installed_at: Option<OffsetDateTime>,
    /// Since when it is revoked.
    #[serde(with = "time::serde::rfc3339::option", default)]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>, format = DateTime))]
    pub revoked_at: Option<OffsetDateTime>,
    /// Why.
    pub revocation_reason: Option<RevocationReason>,
}

/// Answer to `POST /operator/applications/{number}/activation-code`: shown this once, to be handed over in person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ActivationCodeMade {
    /// The application's number.
    pub number: String,
    /// Twelve letters and digits in groups, as `7K3M-9QXD-4T23`.
    pub code: String,
}

/// `POST /operator/applications/{number}/rejection`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rejection {
    /// Why, in words that the person reads: 1 to 500 characters.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 500))]
    pub reason: String,
}

/// `POST /operator/certificates/{serial}/revocation`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OperatorRevocation {
    /// Why. `certificateHold` is not taken: a certificate is revoked for good, or not at all.
    pub reason: RevocationReason,
}

/// `POST /operator/keys/block`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeyBlock {
    /// A certificate, a certificate request or a public key as PEM; or SHA-256 of the SubjectPublicKeyInfo, hexadecimal.
    pub key: String,
}

/// Answer to [`KeyBlock`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct KeyBlocked {
    /// SHA-256 of the SubjectPublicKeyInfo, hexadecimal.
    pub key_sha256: String,
    /// Was it blocked by this, or before?
    pub newly: bool,
}

/// `POST /operator/phones/unlock` and `POST /operator/applications/{number}/phone`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PhoneName {
    /// A mobile number in any usual form.
    pub phone: String,
}

/// Answer to `POST /operator/phones/unlock`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Unlocked {
    /// Had it used any of its tries?
    pub was_locked: bool,
}

/// A person's new phone that nobody has decided about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct PhoneChangeView {
    /// Which.
    pub id: Uuid,
    /// The number of the application that was named; all others of the same person and phone go with it.
    pub number: String,
    /// The phone that the person has, `+7…`.
    pub old: String,
    /// The phone that the person gets.
    pub new: String,
    /// Who proposed it.
    pub proposed_by: String,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub proposed_at: OffsetDateTime,
    /// When another operator can confirm it.
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub ripe_at: OffsetDateTime,
}

/// What a person found wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct MistakeView {
    /// Which report.
    pub id: Uuid,
    /// The number of the application.
    pub number: String,
    /// In the person's words.
    pub text: String,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub reported_at: OffsetDateTime,
}

/// `POST /operator/mistakes/{id}/answer`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Answer {
    /// What the person reads in a text message: 1 to 300 characters.
    #[cfg_attr(feature = "openapi", schema(min_length = 1, max_length = 300))]
    pub text: String,
}

/// A page of `GET /operator/audit`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AuditPage {
    /// Events, in their order.
    pub events: Vec<AuditEvent>,
    /// What to give as `after` for the next page; absent when there is none yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<i64>,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct AuditEvent {
    /// Its place in the chain.
    pub place: i64,
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    #[cfg_attr(feature = "openapi", schema(value_type = String, format = DateTime))]
    pub at: OffsetDateTime,
    /// The server that tells it; empty if it was written before the chain had a key, as are the others that are new.
    pub node: String,
    /// Its number among that server's events; 0 if it has none.
    pub sequence: i64,
    /// What.
    pub event: String,
    /// On which application, request, certificate, session or operator; nil if it has no id.
    pub subject: Uuid,
    /// Who: an operator's name, `holder`, `server`, or `nobody` whose token is none.
    pub who: String,
    /// From where: the client's address, `command line`, or nothing if the server did it by itself.
    pub from: String,
    /// `done`, or `refused` and the code that was answered.
    pub outcome: String,
    /// Particulars; no personal data.
    pub detail: String,
}

/// `PUT /operator/applications/{number}`, an entry of an import in JSON, and, with the holder's fields beside the
/// others, a line of one in CSV. What does not apply is absent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApplicationEntry {
    /// Its number with the authority: 1 to 20 Latin letters and digits. As in the address, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// Whose it is: a mobile number in any usual form.
    pub phone: String,
    /// The holder's data.
    pub holder: HolderData,
    /// What kind of certificate.
    pub certificate_type: CertificateType,
    /// How the holder was identified: 0 in person, 1 with a certificate, 2 with a passport, 3 by the state system.
    /// Without it nothing is issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<u8>, minimum = 0, maximum = 3))]
    pub identification_kind: Option<IdentificationKind>,
    /// The number of the application that it renews or replaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
}

/// What an import did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ImportSummary {
    /// New applications.
    pub added: usize,
    /// Applications whose data changed.
    pub changed: usize,
    /// Applications that were there already, as they are.
    pub unchanged: usize,
}

/// Why something of an import was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub enum FaultReason {
    /// Nothing was given.
    Empty,
    /// Longer than the field may be.
    TooLong,
    /// Not of the field's form.
    Form,
    /// A character that must not stand here.
    Character,
    /// The check digits do not fit.
    CheckDigits,
    /// Needed for this kind of holder.
    Missing,
    /// Does not belong to this kind of holder.
    Superfluous,
    /// Nobody knows a field of this name.
    UnknownField,
    /// The same number stands twice in the file.
    Repeated,
    /// The application has gone on and cannot change any more.
    State,
    /// There is no application with this number.
    UnknownApplication,
    /// The application has another phone, which two operators change and no import.
    PhoneChanges,
    /// The file, or this line of it, cannot be read.
    Unreadable,
}

impl From<FieldReason> for FaultReason {
    fn from(reason: FieldReason) -> Self {
        match reason {
            FieldReason::Empty => Self::Empty,
            FieldReason::TooLong => Self::TooLong,
            FieldReason::Form => Self::Form,
            FieldReason::Character => Self::Character,
            FieldReason::CheckDigits => Self::CheckDigits,
            FieldReason::Missing => Self::Missing,
            FieldReason::Superfluous => Self::Superfluous,
        }
    }
}

/// Something that is wrong with an import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct ImportFault {
    /// The line of a CSV file, or which entry of a JSON array, from 1; 0 if it is the file.
    pub line: u64,
    /// The application's number, if it could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// The field, as `holder.snils`, in a CSV file the column; empty if it is the line.
    pub field: String,
    /// What is wrong with it.
    pub reason: FaultReason,
    /// The same in words, for a person.
    pub words: String,
}

/// `import_refused`: a problem, and all that is wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ImportProblem {
    /// The problem.
    #[serde(flatten)]
    pub problem: Problem,
    /// What is wrong, in the order of the file.
    pub faults: Vec<ImportFault>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_on_the_wire_is_its_name() {
        for role in Role::ALL {
            assert_eq!(serde_json::to_value(role).unwrap(), role.as_str());
            assert_eq!(Role::parse(role.as_str()), Some(role));
        }
    }
}
