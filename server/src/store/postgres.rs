//! The shared database: PostgreSQL, for as many servers as there are.
//!
//! What takes several steps is a function in the database (`migrations/postgres`), so that a method is one round trip and
//! one transaction. PostgreSQL groups the commits of connections that wait at the same time.

mod activations;
mod applications;
mod audit;
mod backlog;
mod certificates;
mod changes;
mod connections;
mod issuances;
mod messages;
mod opening;
mod operators;
mod passwords;
mod people;
mod renewals;
mod requests;
mod revocation_lists;
mod rows;
mod sessions;
mod transport;

use std::str::FromStr;

use async_trait::async_trait;
use qcert_protocol::holder::Phone;
use sqlx::postgres::{PgConnectOptions, PgRow};
use time::OffsetDateTime;
use tokio::{sync::broadcast, task::AbortHandle};
use uuid::Uuid;

use super::{
    ActivationAttempt, ActivationAttempted, Application, Approved, Attempt, Attempted, AuditRow, AuthorityRecord,
    Backlog, Certificate, Change, Commitment, ConfirmOutcome, ConfirmedRequest, Failures, Import, ImportRules,
    IssuerId, Job, MessageRecord, MessageState, Mistake, NewApplication, NewPassword, NewRenewal, NewRevocation,
    OperatorStore, OrderLimits, Overview, Password, PasswordOrder, PasswordScope, Prepared, Proof, QueuedMessage, Rate,
    Renewed, Request, RevocationList, RevokeOutcome, Revoked, RevokedCertificate, SessionRecord, SettledMessage,
    ShardState, Store, StoreError, Stored, Wanted,
};
use crate::audit::{Actor, Keeper, head::Follower};
use changes::Changes;
use connections::Connections;
use rows::Columns;

/// A database on a PostgreSQL server.
pub struct PostgresStore {
    connections: Connections,
    changes: Changes,
    keeper: Keeper,
    chainer: AbortHandle,
}

/// How often the audit's chain is closed although nobody asks.
const CHAIN: std::time::Duration = std::time::Duration::from_secs(1);

impl PostgresStore {
    /// Opens the database, with so many connections at most (and one to listen), and brings its tables up to date. Any
    /// number of servers may do so at once.
    ///
    /// # Errors
    /// When the URL cannot be read, PostgreSQL does not answer, does not keep what it commits, or is too old, or when a
    /// later version of the server has changed the database. The password is in no error.
    pub async fn open(url: &str, connections: usize, keeper: Keeper) -> Stored<Self> {
        let options = opening::open(options(url)?, &keeper.node).await?;
        let connections = Connections::new(options, connections);
        // Names this process among those on the database; nothing secret.
        let changes = Changes::start(&connections, url.to_owned(), opening::name(&connections).await?);
        let chainer = tokio::spawn(chain(connections.clone(), keeper.clone())).abort_handle();
        Ok(Self { connections, changes, keeper, chainer })
    }
}

/// Looks at a database, and changes nothing.
///
/// # Errors
/// Those of [`PostgresStore::open`].
pub async fn look(url: &str) -> Stored<()> {
    opening::look(options(url)?).await
}

fn options(url: &str) -> Stored<PgConnectOptions> {
    let options = PgConnectOptions::from_str(url)
        .map_err(|_| StoreError::Unavailable("the URL of the database cannot be read".to_owned()))?;
    transport::check(url, &options)?;
    Ok(options)
}

impl Drop for PostgresStore {
    fn drop(&mut self) {
        self.chainer.abort();
    }
}

async fn chain(connections: Connections, keeper: Keeper) {
    let mut follower = keeper.head.clone().map(Follower::new);
    loop {
        match audit::close(&connections, &keeper).await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "the audit's chain is not closed yet"),
        }
        if let Some(follower) = &mut follower
            && let Err(error) = audit::follow(&connections, follower).await
        {
            tracing::warn!(error = format!("{error:#}"), "the audit's head is not written down");
        }
        tokio::time::sleep(CHAIN).await;
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::Unavailable(transport::trouble(&error).unwrap_or_else(|| error.to_string()))
    }
}

/// The one value of a function's answer.
fn word(rows: &[PgRow]) -> Stored<&str> {
    rows.first().map_or(Ok(""), |row| Columns::of(row).next())
}

/// The same, if it is yes or no.
fn flag(rows: &[PgRow]) -> Stored<bool> {
    rows.first().map_or(Ok(false), |row| Columns::of(row).next())
}

#[async_trait]
impl Store for PostgresStore {
    async fn import(&self, entries: &[NewApplication], rules: &ImportRules<'_>, now: OffsetDateTime) -> Stored<Import> {
        applications::import(&self.connections, entries, rules, now).await
    }

    async fn phone_is_known(&self, phone: &Phone) -> Stored<bool> {
        applications::phone_is_known(&self.connections, phone).await
    }

    async fn applications_of(&self, phone: &Phone) -> Stored<Vec<Overview>> {
        applications::of_phone(&self.connections, phone).await
    }

    async fn application_of(&self, phone: &Phone, id: Uuid) -> Stored<Option<Overview>> {
        applications::one(&self.connections, phone, id).await
    }

    async fn application_by_number(&self, number: &str) -> Stored<Option<Overview>> {
        applications::overview_by_number(&self.connections, number).await
    }

    async fn applications(&self) -> Stored<Vec<Overview>> {
        applications::all(&self.connections).await
    }

    async fn renew(&self, renewal: &NewRenewal) -> Stored<Renewed> {
        renewals::renew(&self.connections, renewal).await
    }

    async fn add_mistake(
        &self,
        id: Uuid,
        application: Uuid,
        text: &str,
        by: &Actor,
        now: OffsetDateTime,
    ) -> Stored<()> {
        applications::add_mistake(&self.connections, id, application, text, by, now).await
    }

    async fn mistakes_of(&self, application: Uuid, limit: u32) -> Stored<Vec<Mistake>> {
        people::mistakes_of(&self.connections, application, limit).await
    }

    async fn order_password(&self, new: &NewPassword, sealed: &[u8], limits: &OrderLimits) -> Stored<PasswordOrder> {
        passwords::order(&self.connections, new, sealed, limits).await
    }

    async fn passwords(&self, scope: &PasswordScope) -> Stored<Vec<Password>> {
        passwords::of_scope(&self.connections, scope).await
    }

    async fn attempt(&self, attempt: &Attempt, now: OffsetDateTime) -> Stored<Attempted> {
        passwords::attempt(&self.connections, attempt, now).await
    }

    async fn failures(&self, phone: &Phone) -> Stored<Option<Failures>> {
        passwords::failures(&self.connections, phone).await
    }

    async fn count(&self, rate: &Rate, now: OffsetDateTime) -> Stored<Option<OffsetDateTime>> {
        passwords::count(&self.connections, rate, now).await
    }

    async fn sign_in(
        &self,
        password: Uuid,
        session: &SessionRecord,
        before: Option<[u8; 32]>,
        by: &Actor,
    ) -> Stored<bool> {
        sessions::sign_in(&self.connections, password, session, before, by).await
    }

    async fn session(&self, token_hash: &[u8; 32]) -> Stored<Option<SessionRecord>> {
        sessions::find(&self.connections, token_hash).await
    }

    async fn session_with(
        &self,
        token_hash: &[u8; 32],
        wanted: Wanted,
    ) -> Stored<Option<(SessionRecord, Option<Overview>)>> {
        sessions::find_with(&self.connections, token_hash, wanted).await
    }

    async fn touch_session(&self, id: Uuid, now: OffsetDateTime) -> Stored<()> {
        sessions::touch(&self.connections, id, now).await
    }

    async fn end_session(&self, token_hash: &[u8; 32], by: &Actor, now: OffsetDateTime) -> Stored<()> {
        sessions::end(&self.connections, token_hash, by, now).await
    }

    async fn end_sessions(&self, phone: &Phone, by: &Actor, now: OffsetDateTime) -> Stored<Vec<Uuid>> {
        sessions::end_all(&self.connections, phone, by, now).await
    }

    async fn activate(&self, attempt: &ActivationAttempt) -> Stored<ActivationAttempted> {
        activations::activate(&self.connections, attempt).await
    }

    async fn claim_messages(
        &self,
        owner: Uuid,
        limit: u32,
        now: OffsetDateTime,
        until: OffsetDateTime,
    ) -> Stored<Vec<QueuedMessage>> {
        messages::claim(&self.connections, owner, limit, now, until).await
    }

    async fn begin_messages(&self, owner: Uuid, ids: &[i64], gateway: &str, until: OffsetDateTime) -> Stored<Vec<i64>> {
        messages::begin(&self.connections, owner, ids, gateway, until).await
    }

    async fn settle_messages(&self, owner: Uuid, settled: &[SettledMessage], now: OffsetDateTime) -> Stored<()> {
        messages::settle(&self.connections, owner, settled, now).await
    }

    async fn report_message(
        &self,
        gateway: &str,
        reference: &str,
        state: MessageState,
        problem: Option<&str>,
        now: OffsetDateTime,
    ) -> Stored<()> {
        messages::report(&self.connections, gateway, reference, state, problem, now).await
    }

    async fn messages(&self, phone: Option<&Phone>, limit: u32) -> Stored<Vec<MessageRecord>> {
        messages::latest(&self.connections, phone, limit).await
    }

    async fn forget_messages(&self, before: OffsetDateTime) -> Stored<()> {
        messages::forget(&self.connections, before).await
    }

    async fn prepare_request(&self, new: &Request, from: &[&str], by: &Actor) -> Stored<Prepared> {
        requests::prepare(&self.connections, new, from, by).await
    }

    async fn prepare_proven_request(
        &self,
        new: &Request,
        proof: &Proof,
        from: &[&str],
        by: &Actor,
    ) -> Stored<Prepared> {
        renewals::prepare(&self.connections, new, proof, from, by).await
    }

    async fn request_of(&self, phone: &Phone, id: Uuid) -> Stored<Option<Overview>> {
        requests::of_phone(&self.connections, phone, id).await
    }

    async fn remove_request(&self, id: Uuid, by: &Actor, now: OffsetDateTime) -> Stored<bool> {
        requests::remove(&self.connections, id, by, now).await
    }

    async fn confirm_request(&self, confirmed: &ConfirmedRequest) -> Stored<ConfirmOutcome> {
        requests::confirm(&self.connections, confirmed).await
    }

    async fn approve_issuance(
        &self,
        application: Uuid,
        by: &Actor,
        needed: u32,
        now: OffsetDateTime,
    ) -> Stored<Approved> {
        requests::approve(&self.connections, application, by, needed, now).await
    }

    async fn reject_issuance(&self, application: Uuid, reason: &str, by: &Actor, now: OffsetDateTime) -> Stored<bool> {
        requests::reject(&self.connections, application, reason, by, now).await
    }

    async fn withdraw(&self, application: Uuid, by: &Actor, now: OffsetDateTime) -> Stored<bool> {
        requests::withdraw(&self.connections, application, by, now).await
    }

    async fn claim_issuances(
        &self,
        owner: Uuid,
        limit: u32,
        ripe: OffsetDateTime,
        now: OffsetDateTime,
        until: OffsetDateTime,
    ) -> Stored<Vec<Stored<Job>>> {
        issuances::claim(&self.connections, owner, limit, ripe, now, until).await
    }

    async fn commit_to_be_signed(&self, decided: &[(&Job, &Commitment)], now: OffsetDateTime) -> Stored<Vec<bool>> {
        issuances::commit(&self.connections, decided, now).await
    }

    async fn complete_issuances(&self, issued: &[(&Job, &Certificate)]) -> Stored<Vec<bool>> {
        issuances::complete(&self.connections, issued).await
    }

    async fn refuse_issuance(&self, job: &Job, reason: &str, now: OffsetDateTime) -> Stored<bool> {
        issuances::refuse(&self.connections, job, reason, now).await
    }

    async fn release_issuance(&self, job: &Job, until: OffsetDateTime) -> Stored<()> {
        issuances::release(&self.connections, job, until).await
    }

    async fn certificates(&self) -> Stored<Vec<Certificate>> {
        certificates::all(&self.connections).await
    }

    async fn certificate(&self, serial: &str) -> Stored<Option<(Application, Certificate)>> {
        certificates::by_serial(&self.connections, serial).await
    }

    async fn revoke(&self, revocation: &NewRevocation) -> Stored<RevokeOutcome> {
        certificates::revoke(&self.connections, revocation).await
    }

    async fn revoked(&self, issuer: &IssuerId, shard: &str, now: OffsetDateTime) -> Stored<Vec<RevokedCertificate>> {
        revocation_lists::revoked(&self.connections, issuer, shard, now).await
    }

    async fn statuses(&self, issuer: &IssuerId, serials: &[String]) -> Stored<Vec<Option<Option<Revoked>>>> {
        certificates::statuses(&self.connections, issuer, serials).await
    }

    async fn shards(&self, now: OffsetDateTime) -> Stored<Vec<ShardState>> {
        revocation_lists::shards(&self.connections, now).await
    }

    async fn revocation_list(&self, issuer: &IssuerId, shard: &str) -> Stored<Option<RevocationList>> {
        revocation_lists::latest(&self.connections, issuer, shard).await
    }

    async fn publish_revocation_list(&self, list: &RevocationList, before: i64) -> Stored<bool> {
        revocation_lists::publish(&self.connections, list, before).await
    }

    async fn commit_authority_certificate(&self, record: &AuthorityRecord) -> Stored<bool> {
        certificates::commit_own(&self.connections, record).await
    }

    async fn complete_authority_certificate(&self, serial: &str, der: &[u8], now: OffsetDateTime) -> Stored<bool> {
        certificates::complete_own(&self.connections, serial, der, now).await
    }

    async fn block_key(&self, key_digest: &[u8; 32], by: &Actor, now: OffsetDateTime) -> Stored<bool> {
        certificates::block_key(&self.connections, key_digest, by, now).await
    }

    async fn install(
        &self,
        certificate: Uuid,
        in_store: bool,
        from: &[&str],
        by: &Actor,
        now: OffsetDateTime,
    ) -> Stored<bool> {
        certificates::install(&self.connections, certificate, in_store, from, by, now).await
    }

    async fn expire(&self, from: &[&str], now: OffsetDateTime) -> Stored<Vec<(Uuid, Phone)>> {
        certificates::expire(&self.connections, from, now).await
    }

    async fn forget(&self, before: OffsetDateTime) -> Stored<()> {
        passwords::forget(&self.connections, before).await
    }

    async fn audit(&self) -> Stored<Vec<AuditRow>> {
        audit::all(&self.connections, &self.keeper).await
    }

    async fn phone_of(&self, application: Uuid) -> Stored<Option<Phone>> {
        applications::phone_of(&self.connections, application).await
    }

    fn operator_store(&self) -> &dyn OperatorStore {
        self
    }

    async fn ping(&self) -> Stored<()> {
        self.connections.read(|| sqlx::query("SELECT 1")).await.map(drop)
    }

    async fn backlog(&self) -> Stored<Backlog> {
        backlog::read(&self.connections).await
    }

    fn connections_in_use(&self) -> Option<(usize, usize)> {
        Some(self.connections.in_use())
    }

    fn announce(&self, change: Change) {
        self.changes.announce(change);
    }

    fn changes(&self) -> broadcast::Receiver<Change> {
        self.changes.listen()
    }
}
