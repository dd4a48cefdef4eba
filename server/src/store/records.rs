//! What the store keeps, as types.

mod activation;
mod audit;
mod backlog;
mod messages;
mod passwords;
mod publication;
mod renewal;
mod unshown;

use qcert_pki::crl::Reason;
use qcert_protocol::{
    Activation, ApplicationState, ContainerName, HolderData, KeyId,
    application::{CertificateType, IdentificationKind},
    holder::Phone,
    portal::TokenName,
};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::audit::Actor;
pub use activation::*;
pub use audit::AuditRow;
pub use backlog::*;
pub use messages::*;
pub use passwords::*;
pub use publication::*;
pub use renewal::*;

/// An application as it comes from a file.
#[derive(Clone, Debug, PartialEq)]
pub struct NewApplication {
    /// The id it gets if its number is new.
    pub id: Uuid,
    /// Its number with the authority.
    pub number: String,
    /// Whose it is.
    pub phone: Phone,
    /// The holder's data.
    pub holder: HolderData,
    /// What kind of certificate.
    pub certificate_type: CertificateType,
    /// How the holder was identified.
    pub identification: Option<IdentificationKind>,
    /// The number of the application that it renews or replaces.
    pub replaces: Option<String>,
}

/// What an import did.
#[derive(Clone, Debug, PartialEq)]
pub enum Import {
    /// All entries are there now.
    Done {
        /// How many are new.
        added: usize,
        /// How many changed.
        changed: usize,
        /// How many were there already, as they are.
        unchanged: usize,
    },
    /// Nothing was changed: these entries cannot be taken, by index.
    Refused(Vec<(usize, ImportConflict)>),
}

/// Why an entry cannot be taken although its fields are good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportConflict {
    /// The application has gone on and its data cannot change any more.
    State(ApplicationState),
    /// It replaces a number that nobody knows.
    ReplacesUnknown,
    /// It gives the application another phone.
    Phone,
}

/// An application.
#[derive(Clone, PartialEq)]
pub struct Application {
    /// Which.
    pub id: Uuid,
    /// Its number with the authority.
    pub number: String,
    /// Whose it is.
    pub phone: Phone,
    /// The holder's data, as it stands now.
    pub holder: HolderData,
    /// The same as the JSON text that a digest is taken of.
    pub holder_json: String,
    /// What kind of certificate.
    pub certificate_type: CertificateType,
    /// How the holder was identified.
    pub identification: Option<IdentificationKind>,
    /// The application that it renews or replaces.
    pub replaces: Option<Uuid>,
    /// Where it stands.
    pub state: ApplicationState,
    /// Why it was rejected; why it was revoked, its certificate says.
    pub reason: Option<String>,
    /// Grows with each change.
    pub revision: i64,
}

/// An application, the latest request that counts, and the certificate.
#[derive(Clone, Debug, PartialEq)]
pub struct Overview {
    /// The application.
    pub application: Application,
    /// Its latest request that was not removed or replaced.
    pub request: Option<Request>,
    /// Its certificate.
    pub certificate: Option<Certificate>,
    /// Does its request wait for an operator's approval?
    pub held: bool,
    /// Was its activation code made, and entered?
    pub activation: Activation,
    /// Did its holder ever find something wrong in it?
    pub has_mistakes: bool,
    /// Is it installed, and does another application that goes on renew or replace it?
    pub has_successor: bool,
}

/// What a person asks about, by its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// An application.
    Application(Uuid),
    /// The application of a request that counts.
    Request(Uuid),
    /// The application of a certificate.
    Certificate(Uuid),
}

/// Where a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestState {
    /// Uploaded; waits for its one-time password.
    Prepared,
    /// Removed by its holder before it was confirmed.
    Removed,
    /// Another one was uploaded in its place.
    Replaced,
    /// In the issuance queue.
    Confirmed,
    /// Taken back by its holder.
    Withdrawn,
    /// The authority refused.
    Rejected,
    /// There is a certificate.
    Issued,
}

impl RequestState {
    const ALL: [(Self, &'static str); 7] = [
        (Self::Prepared, "prepared"),
        (Self::Removed, "removed"),
        (Self::Replaced, "replaced"),
        (Self::Confirmed, "confirmed"),
        (Self::Withdrawn, "withdrawn"),
        (Self::Rejected, "rejected"),
        (Self::Issued, "issued"),
    ];

    /// The name in the database.
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(state, _)| *state == self).map_or("", |(_, name)| name)
    }

    /// Reads [`Self::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, name)| *name == text).map(|(state, _)| *state)
    }
}

/// A PKCS#10 request.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Which.
    pub id: Uuid,
    /// The application it is for.
    pub application_id: Uuid,
    /// The request, DER.
    pub der: Vec<u8>,
    /// Its SubjectPublicKeyInfo, DER.
    pub public_key: Vec<u8>,
    /// SHA-256 of the SubjectPublicKeyInfo.
    pub key_digest: [u8; 32],
    /// CKA_ID of the key pair.
    pub key_id: KeyId,
    /// The container on the token.
    pub container: ContainerName,
    /// The token.
    pub token: TokenName,
    /// Where it stands.
    pub state: RequestState,
    /// When it was uploaded.
    pub created_at: OffsetDateTime,
    /// When it was confirmed.
    pub confirmed_at: Option<OffsetDateTime>,
    /// The certificate whose key identified the holder, with a [`Proof`] for this request's key.
    pub vouched_by: Option<Uuid>,
}

/// A certificate.
#[derive(Clone, Debug, PartialEq)]
pub struct Certificate {
    /// Which.
    pub id: Uuid,
    /// The application it was issued for.
    pub application_id: Uuid,
    /// The request it answers.
    pub request_id: Uuid,
    /// Serial number, upper-case hexadecimal.
    pub serial: String,
    /// CKA_ID of the key pair.
    pub key_id: KeyId,
    /// The certificate, DER.
    pub der: Vec<u8>,
    /// Start of validity.
    pub not_before: OffsetDateTime,
    /// End of validity.
    pub not_after: OffsetDateTime,
    /// When it was issued.
    pub issued_at: OffsetDateTime,
    /// When it was put on its token.
    pub installed_at: Option<OffsetDateTime>,
    /// The issuing key: subject key identifier of the issuer's certificate.
    pub issuer: IssuerId,
    /// Which of its issuer's revocation lists speaks of it, as its distribution point says.
    pub shard: String,
    /// When and why it was revoked.
    pub revoked: Option<Revoked>,
}

/// The subject key identifier of an issuing certificate: which of the authority's keys.
pub type IssuerId = [u8; 20];

/// A revocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// Since when.
    pub at: OffsetDateTime,
    /// Why.
    pub reason: Reason,
}

/// A session.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionRecord {
    /// Which.
    pub id: Uuid,
    /// SHA-256 of the token in the cookie.
    pub token_hash: [u8; 32],
    /// Who is signed in.
    pub phone: Phone,
    /// When it began.
    pub created_at: OffsetDateTime,
    /// When it was last used.
    pub last_seen_at: OffsetDateTime,
}

/// What became of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prepared {
    /// Recorded; the application is of this revision now.
    Done(i64),
    /// The key belongs to another request that counts.
    KeyInUse,
    /// The key is on the block list.
    KeyBlocked,
    /// The key is that of a revoked certificate.
    KeyRevoked,
    /// The application's state is not one of those named.
    StateForbids,
    /// One of the two applications is of another revision than when the proof was checked.
    Changed,
    /// The key that identified the holder is on the block list.
    VoucherBlocked,
}

/// A confirmation to be recorded.
#[derive(Clone)]
pub struct ConfirmedRequest {
    /// The password that is used.
    pub password: Uuid,
    /// The request.
    pub request: Uuid,
    /// The holder's data that was confirmed, as JSON; it must equal the application's.
    pub snapshot: String,
    /// The digest that was confirmed.
    pub digest: [u8; 32],
    /// Does it wait for an operator's approval before its turn comes?
    pub held: bool,
    /// Who confirms.
    pub by: Actor,
    /// When.
    pub now: OffsetDateTime,
}

/// What became of a confirmation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfirmOutcome {
    /// Confirmed and queued; the application is of this revision now.
    Done(i64),
    /// The password was used already.
    PasswordUsed,
    /// The request is not prepared any more.
    StateForbids,
    /// The application's data are not the snapshot's.
    DataChanged,
}

/// A leased issuance.
#[derive(Clone, PartialEq)]
pub struct Job {
    /// Who leased it.
    pub owner: Uuid,
    /// The application.
    pub application: Application,
    /// The request.
    pub request: Request,
    /// The frozen holder's data, JSON.
    pub snapshot: String,
    /// The digest that was confirmed.
    pub digest: [u8; 32],
    /// Is its key on the block list by now?
    pub key_blocked: bool,
    /// Is the certificate whose key identified the holder revoked by now, or that key on the block list?
    pub voucher_lost: bool,
    /// What will be signed, once it is committed.
    pub committed: Option<Commitment>,
}

/// What an issuance will sign, and nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commitment {
    /// The key that signs.
    pub issuer: IssuerId,
    /// The revocation list that will speak of the certificate.
    pub shard: String,
    /// Serial number, upper-case hexadecimal.
    pub serial: String,
    /// The TBSCertificate, DER.
    pub to_be_signed: Vec<u8>,
}

/// What one server tells the others that share the database. A hint: who misses it finds out by looking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// An application changed.
    Row(Uuid),
    /// A session ended.
    SessionEnded(Uuid),
    /// A request waits to be issued.
    IssuanceWaits,
    /// A text message waits.
    MessageWaits,
    /// A certificate was revoked.
    RevocationWaits,
}
