//! The embedded database: SQLite in one file, for one server.
//!
//! One thread writes, many jobs at a time (`writer`); whoever asks reads (`readers`).

mod activations;
mod applications;
mod audit;
mod authority;
mod backlog;
pub mod backup;
mod certificates;
mod connection;
mod issuances;
mod keys;
mod messages;
mod migrations;
mod operators;
mod passwords;
mod people;
mod readers;
mod renewals;
mod requests;
mod revocation_lists;
mod rows;
mod sessions;
mod writer;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use futures_util::future::try_join_all;
use qcert_protocol::holder::Phone;
use rusqlite::Connection;
use time::OffsetDateTime;
use tokio::sync::broadcast;
use uuid::Uuid;

use crate::{
    audit::{Actor, Keeper, head::Follower},
    hex::hex,
};

use super::{
    ActivationAttempt, ActivationAttempted, Application, Approved, Attempt, Attempted, AuditRow, AuthorityRecord,
    Backlog, Certificate, Change, Commitment, ConfirmOutcome, ConfirmedRequest, Failures, Import, ImportRules,
    IssuerId, Job, MessageRecord, MessageState, Mistake, NewApplication, NewPassword, NewRenewal, NewRevocation,
    OperatorStore, OrderLimits, Overview, Password, PasswordOrder, PasswordScope, Prepared, Proof, Purpose,
    QueuedMessage, Rate, Renewed, Request, RevocationList, RevokeOutcome, Revoked, RevokedCertificate, SessionRecord,
    SettledMessage, ShardState, Store, StoreError, Stored, Wanted,
};
use issuances::Lease;
use readers::Readers;
use writer::{Effect, Writer};

/// One file.
#[derive(Clone)]
pub struct SqliteStore {
    writer: Arc<Writer>,
    readers: Readers,
    /// Where the audit's head is written down.
    head: Option<PathBuf>,
    /// Nobody shares the file, so nobody tells.
    changes: broadcast::Sender<Change>,
}

impl SqliteStore {
    /// Opens the file, makes it if it is not there, and brings its tables up to date.
    ///
    /// # Errors
    /// When the address is not `sqlite:PATH`, or the file cannot be opened, used or brought up to date.
    pub async fn open(url: &str, keeper: Keeper) -> Stored<Self> {
        let file = file_of(url)
            .ok_or_else(|| StoreError::Unavailable("its address is not sqlite: and the path of a file".to_owned()))?;
        let opened = tokio::task::spawn_blocking(move || {
            let connection = connection::writing(&file)?;
            audit::prepare(&connection, &keeper)?;
            migrations::run(&connection)?;
            let follower = keeper.head.clone().map(Follower::new);
            Ok(Self {
                writer: Arc::new(Writer::start(connection, follower)?),
                head: keeper.head,
                readers: Readers::new(file),
                changes: broadcast::channel(1).0,
            })
        });
        opened.await.unwrap_or_else(|error| Err(StoreError::Unavailable(error.to_string())))
    }

    async fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> Stored<Effect<T>> + Send + 'static,
    ) -> Stored<T> {
        self.writer.write(job).await
    }

    /// Moves the audit's head on to what is committed by now.
    async fn follow_audit(&self) -> Stored<()> {
        let Some(mut follower) = self.head.clone().map(Follower::new) else { return Ok(()) };
        let failed = |error: anyhow::Error| StoreError::Unavailable(format!("the audit's head: {error:#}"));
        self.readers.read_long(move |connection| audit::follow(connection, &mut follower).map_err(failed)).await
    }
}

/// Looks at a file that is there: can it be read, and brought up to date? Changes nothing.
///
/// # Errors
/// When it cannot be, or is of a newer server.
pub fn look(file: &Path) -> Stored<()> {
    let connection = connection::looking(file)?;
    migrations::version(&connection).map(drop)
}

/// The file that an address of the form `sqlite:PATH` names, if it names one.
pub fn file_of(url: &str) -> Option<PathBuf> {
    let path = url.strip_prefix("sqlite:")?;
    let path = path.strip_prefix("//").unwrap_or(path);
    let path = path.split('?').next().unwrap_or_default();
    (!path.is_empty() && path != ":memory:").then(|| PathBuf::from(path))
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::Error;
        match error {
            Error::FromSqlConversionFailure(..) | Error::InvalidColumnType(..) | Error::IntegralValueOutOfRange(..) => {
                Self::Corrupt("a column of another type")
            }
            other => Self::Unavailable(other.to_string()),
        }
    }
}

/// Owned copies of states, for a job outlives its caller.
fn owned(states: &[&str]) -> Vec<String> {
    states.iter().map(|state| (*state).to_owned()).collect()
}

fn borrowed(states: &[String]) -> Vec<&str> {
    states.iter().map(String::as_str).collect()
}

#[async_trait]
impl Store for SqliteStore {
    async fn import(&self, entries: &[NewApplication], rules: &ImportRules<'_>, now: OffsetDateTime) -> Stored<Import> {
        let (entries, changeable, by) = (entries.to_vec(), owned(rules.changeable), rules.by.clone());
        let changes_phones = rules.changes_phones;
        self.write(move |connection| {
            let rules = ImportRules { changeable: &borrowed(&changeable), changes_phones, by: &by };
            applications::import(connection, &entries, &rules, now)
        })
        .await
    }

    async fn phone_is_known(&self, phone: &Phone) -> Stored<bool> {
        self.readers.read(|connection| applications::phone_is_known(connection, phone))
    }

    async fn applications_of(&self, phone: &Phone) -> Stored<Vec<Overview>> {
        self.readers.read(|connection| applications::of_phone(connection, phone))
    }

    async fn application_of(&self, phone: &Phone, id: Uuid) -> Stored<Option<Overview>> {
        self.readers.read(|connection| applications::one(connection, phone, id))
    }

    async fn application_by_number(&self, number: &str) -> Stored<Option<Overview>> {
        self.readers.read(|connection| applications::overview_by_number(connection, number))
    }

    async fn applications(&self) -> Stored<Vec<Overview>> {
        self.readers.read_long(applications::all).await
    }

    async fn renew(&self, renewal: &NewRenewal) -> Stored<Renewed> {
        let renewal = renewal.clone();
        self.write(move |connection| renewals::renew(connection, &renewal)).await
    }

    async fn add_mistake(
        &self,
        id: Uuid,
        application: Uuid,
        text: &str,
        by: &Actor,
        now: OffsetDateTime,
    ) -> Stored<()> {
        let (text, by) = (text.to_owned(), by.clone());
        self.write(move |connection| applications::add_mistake(connection, id, application, &text, &by, now)).await
    }

    async fn mistakes_of(&self, application: Uuid, limit: u32) -> Stored<Vec<Mistake>> {
        self.readers.read(|connection| people::mistakes_of(connection, application, limit))
    }

    async fn order_password(&self, new: &NewPassword, sealed: &[u8], limits: &OrderLimits) -> Stored<PasswordOrder> {
        let (new, sealed, limits) = (new.clone(), sealed.to_vec(), limits.clone());
        self.write(move |connection| passwords::order(connection, &new, &sealed, &limits)).await
    }

    async fn passwords(&self, scope: &PasswordScope) -> Stored<Vec<Password>> {
        self.readers.read(|connection| passwords::of_scope(connection, scope))
    }

    async fn attempt(&self, attempt: &Attempt, now: OffsetDateTime) -> Stored<Attempted> {
        let attempt = attempt.clone();
        self.write(move |connection| passwords::attempt(connection, &attempt, now)).await
    }

    async fn failures(&self, phone: &Phone) -> Stored<Option<Failures>> {
        self.readers.read(|connection| passwords::failures(connection, phone))
    }

    async fn count(&self, rate: &Rate, now: OffsetDateTime) -> Stored<Option<OffsetDateTime>> {
        let rate = rate.clone();
        self.write(move |connection| Ok(Effect::Kept(passwords::count(connection, &rate, now)?))).await
    }

    async fn sign_in(
        &self,
        password: Uuid,
        session: &SessionRecord,
        before: Option<[u8; 32]>,
        by: &Actor,
    ) -> Stored<bool> {
        let (session, by) = (session.clone(), by.clone());
        self.write(move |connection| sessions::sign_in(connection, password, &session, before, &by)).await
    }

    async fn session(&self, token_hash: &[u8; 32]) -> Stored<Option<SessionRecord>> {
        self.readers.read(|connection| sessions::find(connection, token_hash))
    }

    async fn session_with(
        &self,
        token_hash: &[u8; 32],
        wanted: Wanted,
    ) -> Stored<Option<(SessionRecord, Option<Overview>)>> {
        self.readers.read_together(|connection| {
            let Some(session) = sessions::find(connection, token_hash)? else { return Ok(None) };
            let found = match wanted {
                Wanted::Application(id) => applications::one(connection, &session.phone, id),
                Wanted::Request(id) => requests::of_phone(connection, &session.phone, id),
                Wanted::Certificate(id) => applications::of_certificate(connection, &session.phone, id),
            };
            Ok(Some((session, found?)))
        })
    }

    async fn touch_session(&self, id: Uuid, now: OffsetDateTime) -> Stored<()> {
        self.write(move |connection| sessions::touch(connection, id, now)).await
    }

    async fn end_session(&self, token_hash: &[u8; 32], by: &Actor, now: OffsetDateTime) -> Stored<()> {
        let (token_hash, by) = (*token_hash, by.clone());
        self.write(move |connection| sessions::sign_out(connection, &token_hash, &by, now)).await
    }

    async fn end_sessions(&self, phone: &Phone, by: &Actor, now: OffsetDateTime) -> Stored<Vec<Uuid>> {
        let (phone, by) = (phone.clone(), by.clone());
        self.write(move |connection| sessions::end_all(connection, &phone, &by, now)).await
    }

    async fn activate(&self, attempt: &ActivationAttempt) -> Stored<ActivationAttempted> {
        let attempt = attempt.clone();
        self.write(move |connection| activations::activate(connection, &attempt)).await
    }

    async fn claim_messages(
        &self,
        owner: Uuid,
        limit: u32,
        now: OffsetDateTime,
        until: OffsetDateTime,
    ) -> Stored<Vec<QueuedMessage>> {
        self.write(move |connection| messages::claim(connection, owner, limit, now, until)).await
    }

    async fn begin_messages(&self, owner: Uuid, ids: &[i64], gateway: &str, until: OffsetDateTime) -> Stored<Vec<i64>> {
        let (ids, gateway) = (ids.to_vec(), gateway.to_owned());
        self.write(move |connection| messages::begin(connection, owner, &ids, &gateway, until)).await
    }

    async fn settle_messages(&self, owner: Uuid, settled: &[SettledMessage], now: OffsetDateTime) -> Stored<()> {
        let settled = settled.to_vec();
        self.write(move |connection| messages::settle(connection, owner, &settled, now)).await
    }

    async fn report_message(
        &self,
        gateway: &str,
        reference: &str,
        state: MessageState,
        problem: Option<&str>,
        now: OffsetDateTime,
    ) -> Stored<()> {
        let (gateway, reference, problem) = (gateway.to_owned(), reference.to_owned(), problem.map(str::to_owned));
        self.write(move |connection| messages::report(connection, &gateway, &reference, state, problem.as_deref(), now))
            .await
    }

    async fn messages(&self, phone: Option<&Phone>, limit: u32) -> Stored<Vec<MessageRecord>> {
        let phone = phone.cloned();
        self.readers.read_long(move |connection| messages::latest(connection, phone.as_ref(), limit)).await
    }

    async fn forget_messages(&self, before: OffsetDateTime) -> Stored<()> {
        self.write(move |connection| messages::forget(connection, before)).await
    }

    async fn prepare_request(&self, new: &Request, from: &[&str], by: &Actor) -> Stored<Prepared> {
        let (new, from, by) = (new.clone(), owned(from), by.clone());
        self.write(move |connection| requests::prepare(connection, &new, &borrowed(&from), &by)).await
    }

    async fn prepare_proven_request(
        &self,
        new: &Request,
        proof: &Proof,
        from: &[&str],
        by: &Actor,
    ) -> Stored<Prepared> {
        let (new, proof, from, by) = (new.clone(), proof.clone(), owned(from), by.clone());
        self.write(move |connection| renewals::prepare(connection, &new, &proof, &borrowed(&from), &by)).await
    }

    async fn request_of(&self, phone: &Phone, id: Uuid) -> Stored<Option<Overview>> {
        self.readers.read(|connection| requests::of_phone(connection, phone, id))
    }

    async fn remove_request(&self, id: Uuid, by: &Actor, now: OffsetDateTime) -> Stored<bool> {
        let by = by.clone();
        self.write(move |connection| requests::remove(connection, id, &by, now)).await
    }

    async fn confirm_request(&self, confirmed: &ConfirmedRequest) -> Stored<ConfirmOutcome> {
        let confirmed = confirmed.clone();
        self.write(move |connection| requests::confirm(connection, &confirmed)).await
    }

    async fn approve_issuance(
        &self,
        application: Uuid,
        by: &Actor,
        needed: u32,
        now: OffsetDateTime,
    ) -> Stored<Approved> {
        let by = by.clone();
        self.write(move |connection| requests::approve(connection, application, &by, needed, now)).await
    }

    async fn reject_issuance(&self, application: Uuid, reason: &str, by: &Actor, now: OffsetDateTime) -> Stored<bool> {
        let (reason, by) = (reason.to_owned(), by.clone());
        self.write(move |connection| requests::reject(connection, application, &reason, &by, now)).await
    }

    async fn withdraw(&self, application: Uuid, by: &Actor, now: OffsetDateTime) -> Stored<bool> {
        let by = by.clone();
        self.write(move |connection| requests::withdraw(connection, application, &by, now)).await
    }

    async fn claim_issuances(
        &self,
        owner: Uuid,
        limit: u32,
        ripe: OffsetDateTime,
        now: OffsetDateTime,
        until: OffsetDateTime,
    ) -> Stored<Vec<Stored<Job>>> {
        self.write(move |connection| issuances::claim(connection, owner, limit, ripe, now, until)).await
    }

    async fn commit_to_be_signed(&self, decided: &[(&Job, &Commitment)], now: OffsetDateTime) -> Stored<Vec<bool>> {
        // Each is a job of the writer's, which takes back what a refused one wrote, and nothing else.
        let commits = decided.iter().map(|(job, commitment)| {
            let (lease, commitment) = (Lease::of(job), (*commitment).clone());
            self.write(move |connection| issuances::commit(connection, lease, &commitment, now))
        });
        try_join_all(commits).await
    }

    async fn complete_issuances(&self, issued: &[(&Job, &Certificate)]) -> Stored<Vec<bool>> {
        let completions = issued.iter().map(|(job, certificate)| {
            let (lease, certificate) = (Lease::of(job), (*certificate).clone());
            self.write(move |connection| issuances::complete(connection, lease, &certificate))
        });
        try_join_all(completions).await
    }

    async fn refuse_issuance(&self, job: &Job, reason: &str, now: OffsetDateTime) -> Stored<bool> {
        let (lease, reason) = (Lease::of(job), reason.to_owned());
        self.write(move |connection| issuances::refuse(connection, lease, &reason, now)).await
    }

    async fn release_issuance(&self, job: &Job, until: OffsetDateTime) -> Stored<()> {
        let lease = Lease::of(job);
        self.write(move |connection| issuances::release(connection, lease, until)).await
    }

    async fn certificates(&self) -> Stored<Vec<Certificate>> {
        self.readers.read_long(certificates::all).await
    }

    async fn certificate(&self, serial: &str) -> Stored<Option<(Application, Certificate)>> {
        self.readers.read(|connection| certificates::by_serial(connection, serial))
    }

    async fn revoke(&self, revocation: &NewRevocation) -> Stored<RevokeOutcome> {
        let revocation = revocation.clone();
        self.write(move |connection| certificates::revoke(connection, &revocation)).await
    }

    async fn revoked(&self, issuer: &IssuerId, shard: &str, now: OffsetDateTime) -> Stored<Vec<RevokedCertificate>> {
        let (asked, read) = ((*issuer, shard.to_owned()), (*issuer, shard.to_owned()));
        self.write(move |connection| revocation_lists::asked(connection, &asked.0, &asked.1, now)).await?;
        self.readers.read_long(move |connection| certificates::revoked(connection, &read.0, &read.1, now)).await
    }

    async fn statuses(&self, issuer: &IssuerId, serials: &[String]) -> Stored<Vec<Option<Option<Revoked>>>> {
        self.readers.read(|connection| certificates::statuses(connection, issuer, serials))
    }

    async fn shards(&self, now: OffsetDateTime) -> Stored<Vec<ShardState>> {
        self.readers.read(|connection| revocation_lists::shards(connection, now))
    }

    async fn revocation_list(&self, issuer: &IssuerId, shard: &str) -> Stored<Option<RevocationList>> {
        self.readers.read(|connection| revocation_lists::latest(connection, issuer, shard))
    }

    async fn publish_revocation_list(&self, list: &RevocationList, before: i64) -> Stored<bool> {
        let list = list.clone();
        self.write(move |connection| revocation_lists::publish(connection, &list, before)).await
    }

    async fn commit_authority_certificate(&self, record: &AuthorityRecord) -> Stored<bool> {
        let record = record.clone();
        self.write(move |connection| authority::commit(connection, &record)).await
    }

    async fn complete_authority_certificate(&self, serial: &str, der: &[u8], now: OffsetDateTime) -> Stored<bool> {
        let (serial, der) = (serial.to_owned(), der.to_vec());
        self.write(move |connection| authority::complete(connection, &serial, &der, now)).await
    }

    async fn block_key(&self, key_digest: &[u8; 32], by: &Actor, now: OffsetDateTime) -> Stored<bool> {
        let (key_digest, by) = (*key_digest, by.clone());
        self.write(move |connection| keys::block_by_operator(connection, &key_digest, &by, now)).await
    }

    async fn install(
        &self,
        certificate: Uuid,
        in_store: bool,
        from: &[&str],
        by: &Actor,
        now: OffsetDateTime,
    ) -> Stored<bool> {
        let (from, by) = (owned(from), by.clone());
        self.write(move |connection| {
            certificates::install(connection, certificate, in_store, &borrowed(&from), &by, now)
        })
        .await
    }

    async fn expire(&self, from: &[&str], now: OffsetDateTime) -> Stored<Vec<(Uuid, Phone)>> {
        let from = owned(from);
        self.write(move |connection| certificates::expire(connection, &borrowed(&from), now)).await
    }

    async fn forget(&self, before: OffsetDateTime) -> Stored<()> {
        self.write(move |connection| passwords::forget(connection, before)).await
    }

    async fn audit(&self) -> Stored<Vec<AuditRow>> {
        self.readers.read_long(audit::all).await
    }

    async fn phone_of(&self, application: Uuid) -> Stored<Option<Phone>> {
        self.readers.read(|connection| applications::phone_of(connection, application))
    }

    fn operator_store(&self) -> &dyn OperatorStore {
        self
    }

    async fn ping(&self) -> Stored<()> {
        self.readers.read(|connection| Ok(connection.execute_batch("SELECT 1")?))
    }

    async fn backlog(&self) -> Stored<Backlog> {
        self.readers.read_long(backlog::read).await
    }

    fn connections_in_use(&self) -> Option<(usize, usize)> {
        None
    }

    fn announce(&self, _: Change) {}

    fn changes(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }
}
