//! What the store keeps, as types.

mod activation;
mod audit;
mod backlog;
mod messages;
mod publication;
mod unshown;

use qcert_pki::crl::Reason;
use qcert_protocol::{
    Activation, ApplicationState, ContainerName, HolderData, KeyId,
    application::{CertificateType, IdentificationKind},
    holder::Phone,
    portal::TokenName,
};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::audit::Actor;
pub use activation::*;
pub use audit::AuditRow;
pub use backlog::*;
pub use messages::*;
pub use publication::*;

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

/// What a one-time password is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Begins a session.
    SignIn,
    /// Confirms one digest of one request in one session.
    Confirmation,
    /// Revokes one certificate for one reason in one session.
    Revocation,
}

impl Purpose {
    /// The name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SignIn => "signIn",
            Self::Confirmation => "confirmation",
            Self::Revocation => "revocation",
        }
    }
}

/// Which passwords stand for each other: a phone's for signing in, or a request's or certificate's in one session.
#[derive(Clone, Debug, PartialEq)]
pub struct PasswordScope {
    /// Whose.
    pub phone: Phone,
    /// What for.
    pub purpose: Purpose,
    /// The request or certificate, and the session; none for signing in.
    pub subject: Option<(Uuid, Uuid)>,
}

/// A one-time password to be recorded.
#[derive(Clone, Debug)]
pub struct NewPassword {
    /// Which.
    pub id: Uuid,
    /// What it is good for.
    pub scope: PasswordScope,
    /// The digest that it confirms.
    pub digest: Option<[u8; 32]>,
    /// Keyed hash of the password.
    pub hash: [u8; 32],
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// When it is too old.
    pub expires_at: OffsetDateTime,
}

/// How often something may happen to a subject.
#[derive(Clone, Debug)]
pub struct Rate {
    /// To whom or what, as a keyed hash says it.
    pub subject: String,
    /// So often in each window.
    pub limit: u32,
    /// How long a window is.
    pub window: Duration,
}

/// How many wrong passwords are put up with. A phone's are counted in a row, whatever they were tried for, until a
/// right one comes or an operator forgives them.
#[derive(Clone, Debug)]
pub struct TryLimits {
    /// So many tries a password is given, and so many a phone before it has to wait.
    pub tries: u32,
    /// How long a phone waits after so many wrong ones, after twice as many, and so on; the last of these ever after.
    pub waits: Vec<Duration>,
    /// With so many a phone is locked.
    pub most: u32,
}

/// The wrong passwords of a phone, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failures {
    /// How many.
    pub count: u32,
    /// No password is tried or ordered before this time.
    pub rests_until: OffsetDateTime,
}

impl TryLimits {
    /// A phone's failures with another one.
    pub(in crate::store) fn another(&self, before: Failures, now: OffsetDateTime) -> Failures {
        let count = before.count + 1;
        if !count.is_multiple_of(self.tries) {
            return Failures { count, ..before };
        }
        let wait = self.waits.get((count / self.tries) as usize - 1).or(self.waits.last());
        Failures { count, rests_until: now + wait.copied().unwrap_or_default() }
    }
}

/// What an order of a password is held to.
#[derive(Clone, Debug)]
pub struct OrderLimits {
    /// How long after the latest of the scope that can still be used.
    pub interval: Duration,
    /// While a phone waits, or is locked, another password would be of no use.
    pub tries: TryLimits,
    /// Counted in this order, up to the first that is reached.
    pub rates: Vec<Rate>,
}

/// What became of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordOrder {
    /// Recorded.
    Ordered,
    /// Not recorded: the phone is locked.
    Locked,
    /// Not recorded: the phone waits until then.
    Exhausted(OffsetDateTime),
    /// Not recorded: another one was made at this time.
    TooEarly(OffsetDateTime),
    /// Not recorded: a rate is reached, in a window that began then.
    Limited(OffsetDateTime),
}

/// A try at the passwords of a scope.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Whose passwords.
    pub scope: PasswordScope,
    /// Counted first.
    pub rate: Rate,
    /// What password and phone are held to.
    pub limits: TryLimits,
}

/// What became of a try before anything was compared.
#[derive(Clone, Debug)]
pub enum Attempted {
    /// A rate is reached, in a window that began then.
    Limited(OffsetDateTime),
    /// The scope has no password; no try was taken.
    NotOrdered,
    /// The phone is locked; no try was taken.
    Locked,
    /// No try is left, and another password cannot be ordered before then.
    Exhausted(OffsetDateTime),
    /// A try was taken.
    Taken {
        /// The phone's failures if this is another one.
        failures: Failures,
        /// The passwords of the scope, newest first, ten at most, and one at least.
        passwords: Vec<Password>,
    },
}

/// Where a one-time password stands; its age is another matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordState {
    /// Can be used.
    Active,
    /// A later one took its place.
    Superseded,
    /// Was used.
    Used,
}

/// A recorded one-time password.
#[derive(Clone, Debug)]
pub struct Password {
    /// Which.
    pub id: Uuid,
    /// The digest that it confirms.
    pub digest: Option<[u8; 32]>,
    /// Keyed hash of the password.
    pub hash: [u8; 32],
    /// Where it stands.
    pub state: PasswordState,
    /// How many tries it was given.
    pub tries: u32,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// When it is too old.
    pub expires_at: OffsetDateTime,
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
