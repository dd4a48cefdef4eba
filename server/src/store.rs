//! What the portal remembers: a trait, so that a database is a value. Each method is one transaction. A method that
//! changes a state compares and swaps it and says whether it did; which change is allowed is the domain's to know.
//!
//! **Architecture invariant:** the store knows no domain rule, the domain no SQL.

mod records;
pub mod sqlite;

use async_trait::async_trait;
use qcert_protocol::holder::Phone;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

pub use records::*;

/// The database failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It does not answer, is full, or refuses.
    #[error("the database failed: {0}")]
    Unavailable(String),
    /// A row has a value that no version of the server writes.
    #[error("the database holds a value that cannot be read: {0}")]
    Corrupt(&'static str),
}

/// Answer of the store.
pub type Stored<T> = Result<T, StoreError>;

/// Where the portal's state lives.
#[async_trait]
pub trait Store: Send + Sync {
    /// Takes all entries or none. An entry with a number that is there already changes that application while its
    /// state is one of `changeable`.
    async fn import(&self, entries: &[NewApplication], changeable: &[&str], now: OffsetDateTime) -> Stored<Import>;
    /// Does any application belong to this phone?
    async fn phone_is_known(&self, phone: &Phone) -> Stored<bool>;
    /// All applications of a phone, with the latest request that counts and the certificate, by number.
    async fn applications_of(&self, phone: &Phone) -> Stored<Vec<Overview>>;
    /// One application of a phone.
    async fn application_of(&self, phone: &Phone, id: Uuid) -> Stored<Option<Overview>>;
    /// All applications, for the operator.
    async fn applications(&self) -> Stored<Vec<Overview>>;
    /// Records what a person found wrong.
    async fn add_mistake(&self, id: Uuid, application: Uuid, text: &str, now: OffsetDateTime) -> Stored<()>;

    /// Records a one-time password and its sealed message; earlier ones of the same scope are superseded. Refuses if
    /// the latest of the scope is not used and not older than `interval`, and says when it was made.
    async fn order_password(&self, new: &NewPassword, sealed: &[u8], interval: Duration) -> Stored<PasswordOrder>;
    /// The passwords of a scope, newest first, ten at most.
    async fn passwords(&self, scope: &PasswordScope) -> Stored<Vec<Password>>;
    /// Takes one of `limit` tries that a phone has in each `window`; answers how many were taken, this one included,
    /// or `None` if there was none left.
    async fn take_try(
        &self,
        phone: &Phone,
        purpose: Purpose,
        limit: u32,
        window: Duration,
        now: OffsetDateTime,
    ) -> Stored<Option<u32>>;
    /// How many tries were taken, and since when.
    async fn tries(&self, phone: &Phone, purpose: Purpose) -> Stored<Option<(u32, OffsetDateTime)>>;
    /// Counts an event; `Some(start of the window)` if there were `limit` in the window already.
    async fn count(
        &self,
        subject: &str,
        limit: u32,
        window: Duration,
        now: OffsetDateTime,
    ) -> Stored<Option<OffsetDateTime>>;
    /// Uses a password and begins a session, ending the one before it; false if the password was not usable any more.
    async fn sign_in(&self, password: Uuid, session: &SessionRecord, before: Option<[u8; 32]>) -> Stored<bool>;
    /// The session with this hash of its token, if it has not been ended.
    async fn session(&self, token_hash: &[u8; 32]) -> Stored<Option<SessionRecord>>;
    /// Notes that a session was used.
    async fn touch_session(&self, id: Uuid, now: OffsetDateTime) -> Stored<()>;
    /// Ends a session.
    async fn end_session(&self, token_hash: &[u8; 32], now: OffsetDateTime) -> Stored<()>;

    /// The oldest messages that wait.
    async fn messages(&self, limit: u32) -> Stored<Vec<QueuedMessage>>;
    /// A message has gone.
    async fn remove_message(&self, id: i64) -> Stored<()>;

    /// Records a prepared request in place of an earlier one, if the application's state is one of `from`.
    async fn prepare_request(&self, new: &Request, from: &[&str]) -> Stored<Prepared>;
    /// One request of a phone, with its application.
    async fn request_of(&self, phone: &Phone, id: Uuid) -> Stored<Option<Overview>>;
    /// Removes a prepared request; false if it is not prepared any more.
    async fn remove_request(&self, id: Uuid, now: OffsetDateTime) -> Stored<bool>;
    /// Uses a password and confirms its request, freezing the snapshot and putting it into the issuance queue.
    async fn confirm_request(&self, confirmed: &ConfirmedRequest) -> Stored<ConfirmOutcome>;
    /// Takes back a confirmed request that nobody has begun to issue; false if it is too late.
    async fn withdraw(&self, application: Uuid, now: OffsetDateTime) -> Stored<bool>;

    /// Leases the oldest issuance that was queued at `ripe` or before, or whose lease has run out.
    async fn claim_issuance(
        &self,
        owner: Uuid,
        ripe: OffsetDateTime,
        now: OffsetDateTime,
        until: OffsetDateTime,
    ) -> Stored<Option<Job>>;
    /// Commits serial and bytes to be signed; false if the lease is lost or others were committed. A serial that was
    /// used before is refused.
    async fn commit_to_be_signed(&self, job: &Job, serial: &str, bytes: &[u8], now: OffsetDateTime) -> Stored<bool>;
    /// Stores the certificate; false if the lease is lost.
    async fn complete_issuance(&self, job: &Job, certificate: &Certificate) -> Stored<bool>;
    /// Refuses to issue, with the reason that the person reads; false if the lease is lost.
    async fn refuse_issuance(&self, job: &Job, reason: &str, now: OffsetDateTime) -> Stored<bool>;
    /// Gives the lease back for a later try.
    async fn release_issuance(&self, job: &Job, until: OffsetDateTime) -> Stored<()>;

    /// All certificates, for the operator.
    async fn certificates(&self) -> Stored<Vec<Certificate>>;
    /// Notes that a certificate is on its token; false if the application's state is not one of `from`.
    async fn install(&self, certificate: Uuid, in_store: bool, from: &[&str], now: OffsetDateTime) -> Stored<bool>;
    /// Marks applications whose certificate's time is over; answers their ids and phones.
    async fn expire(&self, from: &[&str], now: OffsetDateTime) -> Stored<Vec<(Uuid, Phone)>>;
    /// Forgets passwords, tries, rates and ended sessions that are older.
    async fn forget(&self, before: OffsetDateTime) -> Stored<()>;
    /// The audit, oldest first.
    async fn audit(&self) -> Stored<Vec<AuditRow>>;
    /// Does the database answer?
    async fn ping(&self) -> Stored<()>;
}
