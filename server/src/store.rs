//! What the portal remembers: a trait, so that a database is a value. Each method is one transaction. A method that
//! changes a state compares and swaps it and says whether it did; which change is allowed is the domain's to know.
//!
//! **Architecture invariant:** the store knows no domain rule, the domain no SQL.

mod operators;
pub mod postgres;
mod records;
pub mod sqlite;
pub mod terms;

use async_trait::async_trait;
use qcert_protocol::holder::Phone;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::audit::Actor;
pub use operators::{
    Approved, ImportRules, Mistake, NewOperator, Notice, OperatorRecord, OperatorStore, Page, PhoneChange, RenewedToken,
};
pub use records::*;
pub use terms::TermKind;

/// The database failed.
#[derive(Clone, Debug, thiserror::Error)]
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
    /// Takes all entries or none. An entry with a number that is there already changes that application, as far as the
    /// rules allow it.
    async fn import(&self, entries: &[NewApplication], rules: &ImportRules<'_>, now: OffsetDateTime) -> Stored<Import>;
    /// Does any application belong to this phone?
    async fn phone_is_known(&self, phone: &Phone) -> Stored<bool>;
    /// All applications of a phone, with the latest request that counts and the certificate, by number.
    async fn applications_of(&self, phone: &Phone) -> Stored<Vec<Overview>>;
    /// One application of a phone.
    async fn application_of(&self, phone: &Phone, id: Uuid) -> Stored<Option<Overview>>;
    /// The application with this number, for the operator.
    async fn application_by_number(&self, number: &str) -> Stored<Option<Overview>>;
    /// All applications, for the operator.
    async fn applications(&self) -> Stored<Vec<Overview>>;
    /// Makes an application in place of another, unless one that goes on is there already.
    async fn renew(&self, renewal: &NewRenewal) -> Stored<Renewed>;
    /// Records what a person found wrong.
    async fn add_mistake(&self, id: Uuid, application: Uuid, text: &str, by: &Actor, now: OffsetDateTime)
    -> Stored<()>;
    /// What was found wrong in an application, answered or not, the latest first.
    async fn mistakes_of(&self, application: Uuid, limit: u32) -> Stored<Vec<Mistake>>;

    /// Records a one-time password and its sealed message, if the limits allow it; earlier ones of the same scope are
    /// superseded, and their messages erased that no gateway was handed. What was counted stays counted although a later
    /// limit refuses.
    async fn order_password(&self, new: &NewPassword, sealed: &[u8], limits: &OrderLimits) -> Stored<PasswordOrder>;
    /// The passwords of a scope, newest first, ten at most.
    async fn passwords(&self, scope: &PasswordScope) -> Stored<Vec<Password>>;
    /// Takes one of the tries that a phone and the scope's password have, counting it as a failure until the password
    /// is used, and reads the passwords that it is a try at.
    async fn attempt(&self, attempt: &Attempt, now: OffsetDateTime) -> Stored<Attempted>;
    /// The wrong passwords of a phone since the last right one, if there are any.
    async fn failures(&self, phone: &Phone) -> Stored<Option<Failures>>;
    /// Counts an event; `Some(start of the window)` if there were as many in the window already as there may be.
    async fn count(&self, rate: &Rate, now: OffsetDateTime) -> Stored<Option<OffsetDateTime>>;
    /// Uses a password and begins a session, ending the one before it; false if the password was not usable any more.
    async fn sign_in(
        &self,
        password: Uuid,
        session: &SessionRecord,
        before: Option<[u8; 32]>,
        by: &Actor,
    ) -> Stored<bool>;
    /// The session with this hash of its token, if it has not been ended.
    async fn session(&self, token_hash: &[u8; 32]) -> Stored<Option<SessionRecord>>;
    /// The same, together with what is wanted of its phone's.
    async fn session_with(
        &self,
        token_hash: &[u8; 32],
        wanted: Wanted,
    ) -> Stored<Option<(SessionRecord, Option<Overview>)>>;
    /// Notes that a session was used.
    async fn touch_session(&self, id: Uuid, now: OffsetDateTime) -> Stored<()>;
    /// Ends a session.
    async fn end_session(&self, token_hash: &[u8; 32], by: &Actor, now: OffsetDateTime) -> Stored<()>;
    /// Ends all sessions of a phone; answers which they were.
    async fn end_sessions(&self, phone: &Phone, by: &Actor, now: OffsetDateTime) -> Stored<Vec<Uuid>>;

    /// Tries an application's activation code; the right one activates it, for its phone.
    async fn activate(&self, attempt: &ActivationAttempt) -> Stored<ActivationAttempted>;

    /// Leases the oldest messages that are due: that wait, or whose lease has run out.
    async fn claim_messages(
        &self,
        owner: Uuid,
        limit: u32,
        now: OffsetDateTime,
        until: OffsetDateTime,
    ) -> Stored<Vec<QueuedMessage>>;
    /// Leased messages are about to be handed to a gateway, until when their leases go on; answers those that are still
    /// the owner's. From now on nobody can say whether they were sent but who hands them over.
    async fn begin_messages(&self, owner: Uuid, ids: &[i64], gateway: &str, until: OffsetDateTime) -> Stored<Vec<i64>>;
    /// Records what became of the owner's messages, and erases the text of those that need it no more.
    async fn settle_messages(&self, owner: Uuid, settled: &[SettledMessage], now: OffsetDateTime) -> Stored<()>;
    /// A gateway reports of a message, or a part of one, by the name that it gave it: `Delivered` or `Undelivered`, and
    /// why not.
    async fn report_message(
        &self,
        gateway: &str,
        reference: &str,
        state: MessageState,
        problem: Option<&str>,
        now: OffsetDateTime,
    ) -> Stored<()>;
    /// The latest messages, newest first, to one phone or to all.
    async fn messages(&self, phone: Option<&Phone>, limit: u32) -> Stored<Vec<MessageRecord>>;
    /// Forgets messages that are older and not on their way.
    async fn forget_messages(&self, before: OffsetDateTime) -> Stored<()>;

    /// Records a prepared request in place of an earlier one, if the application's state is one of `from`.
    async fn prepare_request(&self, new: &Request, from: &[&str], by: &Actor) -> Stored<Prepared>;
    /// The same of a request whose holder is identified by a proof, if neither application changed since it was checked.
    async fn prepare_proven_request(&self, new: &Request, proof: &Proof, from: &[&str], by: &Actor)
    -> Stored<Prepared>;
    /// One request of a phone, with its application.
    async fn request_of(&self, phone: &Phone, id: Uuid) -> Stored<Option<Overview>>;
    /// Removes a prepared request; false if it is not prepared any more.
    async fn remove_request(&self, id: Uuid, by: &Actor, now: OffsetDateTime) -> Stored<bool>;
    /// Uses a password and confirms its request, freezing the snapshot and putting it into the issuance queue.
    async fn confirm_request(&self, confirmed: &ConfirmedRequest) -> Stored<ConfirmOutcome>;
    /// Notes an operator's approval of a request that waits; with as many as are needed it goes on.
    async fn approve_issuance(
        &self,
        application: Uuid,
        by: &Actor,
        needed: u32,
        now: OffsetDateTime,
    ) -> Stored<Approved>;
    /// Refuses a request that waits for approval, with the reason that the person reads; false if none waits.
    async fn reject_issuance(&self, application: Uuid, reason: &str, by: &Actor, now: OffsetDateTime) -> Stored<bool>;
    /// Takes back a confirmed request that nobody has begun to issue; false if it is too late.
    async fn withdraw(&self, application: Uuid, by: &Actor, now: OffsetDateTime) -> Stored<bool>;

    /// Leases the oldest issuances that were queued at `ripe` or before, or whose lease has run out. One that cannot be
    /// read is an error inside: it is leased nevertheless, or it would be the oldest for ever and keep others waiting.
    async fn claim_issuances(
        &self,
        owner: Uuid,
        limit: u32,
        ripe: OffsetDateTime,
        now: OffsetDateTime,
        until: OffsetDateTime,
    ) -> Stored<Vec<Stored<Job>>>;
    /// Commits serial and bytes to be signed of each; false where the lease is lost or others were committed. A serial
    /// that was used before is refused.
    async fn commit_to_be_signed(&self, decided: &[(&Job, &Commitment)], now: OffsetDateTime) -> Stored<Vec<bool>>;
    /// Stores each certificate; false where the lease is lost, or the registry has another in its place.
    async fn complete_issuances(&self, issued: &[(&Job, &Certificate)]) -> Stored<Vec<bool>>;
    /// Refuses to issue, with the reason that the person reads; false if the lease is lost.
    async fn refuse_issuance(&self, job: &Job, reason: &str, now: OffsetDateTime) -> Stored<bool>;
    /// Gives the lease back for a later try.
    async fn release_issuance(&self, job: &Job, until: OffsetDateTime) -> Stored<()>;

    /// All certificates, for the operator.
    async fn certificates(&self) -> Stored<Vec<Certificate>>;
    /// The certificate with a serial number, upper-case hexadecimal, and its application.
    async fn certificate(&self, serial: &str) -> Stored<Option<(Application, Certificate)>>;
    /// Revokes a certificate, using a password if one is named; its application is revoked with it.
    async fn revoke(&self, revocation: &NewRevocation) -> Stored<RevokeOutcome>;
    /// What a revocation list says: the revoked certificates that have not expired, by serial.
    async fn revoked(&self, issuer: &IssuerId, shard: &str, now: OffsetDateTime) -> Stored<Vec<RevokedCertificate>>;
    /// Of each serial (upper-case hexadecimal): nothing if this issuer never issued it, else its revocation if there
    /// is one. The authority's own certificates count.
    async fn statuses(&self, issuer: &IssuerId, serials: &[String]) -> Stored<Vec<Option<Option<Revoked>>>>;
    /// Every list that a certificate names which has not expired, or that was ever published and is not over.
    async fn shards(&self, now: OffsetDateTime) -> Stored<Vec<ShardState>>;
    /// The latest list.
    async fn revocation_list(&self, issuer: &IssuerId, shard: &str) -> Stored<Option<RevocationList>>;
    /// Publishes a list in place of the one with the number before (0: of none); false if another is there by now. What
    /// was revoked after `revoked` was asked at `this_update` leaves it stale.
    async fn publish_revocation_list(&self, list: &RevocationList, before: i64) -> Stored<bool>;
    /// Commits a certificate of the authority's own before it is signed. A serial that was used before is refused.
    async fn commit_authority_certificate(&self, record: &AuthorityRecord) -> Stored<bool>;
    /// Stores what was signed of it.
    async fn complete_authority_certificate(&self, serial: &str, der: &[u8], now: OffsetDateTime) -> Stored<bool>;
    /// Puts a key (SHA-256 of its SubjectPublicKeyInfo) on the block list; false if it is there.
    async fn block_key(&self, key_digest: &[u8; 32], by: &Actor, now: OffsetDateTime) -> Stored<bool>;
    /// Notes that a certificate is on its token; false if the application's state is not one of `from`.
    async fn install(
        &self,
        certificate: Uuid,
        in_store: bool,
        from: &[&str],
        by: &Actor,
        now: OffsetDateTime,
    ) -> Stored<bool>;
    /// Marks applications whose certificate's time is over; answers their ids and phones.
    async fn expire(&self, from: &[&str], now: OffsetDateTime) -> Stored<Vec<(Uuid, Phone)>>;
    /// Forgets passwords, rates and ended sessions that are older. A phone's failures stay.
    async fn forget(&self, before: OffsetDateTime) -> Stored<()>;
    /// The audit, oldest first.
    async fn audit(&self) -> Stored<Vec<AuditRow>>;
    /// Whose application it is.
    async fn phone_of(&self, application: Uuid) -> Stored<Option<Phone>>;
    /// Operators, and what only they ask for.
    fn operator_store(&self) -> &dyn OperatorStore;
    /// Does the database answer?
    async fn ping(&self) -> Stored<()>;
    /// How far behind the work is, and what the database says of the time.
    async fn backlog(&self) -> Stored<Backlog>;
    /// How many connections to a database server are lent, and how many may be.
    fn connections_in_use(&self) -> Option<(usize, usize)>;

    /// Tells the other servers on this database. Does not wait.
    fn announce(&self, change: Change);
    /// Hears what the other servers tell, from now on.
    fn changes(&self) -> tokio::sync::broadcast::Receiver<Change>;
}
