//! The embedded database: SQLite in one file, for one server.

mod applications;
mod audit;
mod issuances;
mod messages;
mod passwords;
mod requests;
mod rows;
mod sessions;

use std::{str::FromStr, time::Duration as StdDuration};

use async_trait::async_trait;
use qcert_protocol::holder::Phone;
use sqlx::{
    Sqlite, SqlitePool, Transaction,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::{
    Application, AuditRow, Certificate, ConfirmOutcome, ConfirmedRequest, Import, Job, NewApplication, NewPassword,
    Overview, Password, PasswordOrder, PasswordScope, Prepared, Purpose, QueuedMessage, Request, SessionRecord, Store,
    StoreError, Stored,
};

/// A pool of connections to one file.
#[derive(Clone)]
pub struct SqliteStore {
    pool: SqlitePool,
}

impl SqliteStore {
    /// Opens the file, makes it if it is not there, and brings its tables up to date.
    ///
    /// # Errors
    /// When the address is not `sqlite:…`, or the file cannot be opened or migrated.
    pub async fn open(url: &str) -> Stored<Self> {
        let options = SqliteConnectOptions::from_str(url)?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(StdDuration::from_secs(10))
            // Sealed messages and superseded hashes are overwritten, not only unlinked.
            .pragma("secure_delete", "ON");
        let pool = SqlitePoolOptions::new().max_connections(8).connect_with(options).await?;
        sqlx::migrate!("migrations/sqlite")
            .run(&pool)
            .await
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        Ok(Self { pool })
    }

    /// Begins a transaction that writes. It takes the lock at once, so it never fails half-way for another's.
    async fn write(&self) -> Stored<Transaction<'static, Sqlite>> {
        Ok(self.pool.begin_with("BEGIN IMMEDIATE").await?)
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// Did a statement fail because of a unique index?
fn is_unique_violation(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}

/// Milliseconds since 1970.
fn millis(time: OffsetDateTime) -> i64 {
    // Years up to 9999 fit by far.
    i64::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

#[async_trait]
impl Store for SqliteStore {
    async fn import(&self, entries: &[NewApplication], changeable: &[&str], now: OffsetDateTime) -> Stored<Import> {
        applications::import(self.write().await?, entries, changeable, now).await
    }

    async fn phone_is_known(&self, phone: &Phone) -> Stored<bool> {
        applications::phone_is_known(&self.pool, phone).await
    }

    async fn applications_of(&self, phone: &Phone) -> Stored<Vec<Overview>> {
        applications::of_phone(&self.pool, phone).await
    }

    async fn application_of(&self, phone: &Phone, id: Uuid) -> Stored<Option<Overview>> {
        applications::one(&self.pool, phone, id).await
    }

    async fn applications(&self) -> Stored<Vec<Overview>> {
        applications::all(&self.pool).await
    }

    async fn add_mistake(&self, id: Uuid, application: Uuid, text: &str, now: OffsetDateTime) -> Stored<()> {
        applications::add_mistake(self.write().await?, id, application, text, now).await
    }

    async fn order_password(&self, new: &NewPassword, sealed: &[u8], interval: Duration) -> Stored<PasswordOrder> {
        passwords::order(self.write().await?, new, sealed, interval).await
    }

    async fn passwords(&self, scope: &PasswordScope) -> Stored<Vec<Password>> {
        passwords::of_scope(&self.pool, scope).await
    }

    async fn take_try(
        &self,
        phone: &Phone,
        purpose: Purpose,
        limit: u32,
        window: Duration,
        now: OffsetDateTime,
    ) -> Stored<Option<u32>> {
        passwords::take_try(&self.pool, phone, purpose, limit, window, now).await
    }

    async fn tries(&self, phone: &Phone, purpose: Purpose) -> Stored<Option<(u32, OffsetDateTime)>> {
        passwords::tries(&self.pool, phone, purpose).await
    }

    async fn count(
        &self,
        subject: &str,
        limit: u32,
        window: Duration,
        now: OffsetDateTime,
    ) -> Stored<Option<OffsetDateTime>> {
        passwords::count(&self.pool, subject, limit, window, now).await
    }

    async fn sign_in(&self, password: Uuid, session: &SessionRecord, before: Option<[u8; 32]>) -> Stored<bool> {
        sessions::sign_in(self.write().await?, password, session, before).await
    }

    async fn session(&self, token_hash: &[u8; 32]) -> Stored<Option<SessionRecord>> {
        sessions::find(&self.pool, token_hash).await
    }

    async fn touch_session(&self, id: Uuid, now: OffsetDateTime) -> Stored<()> {
        sessions::touch(&self.pool, id, now).await
    }

    async fn end_session(&self, token_hash: &[u8; 32], now: OffsetDateTime) -> Stored<()> {
        sessions::end(&self.pool, token_hash, now).await
    }

    async fn messages(&self, limit: u32) -> Stored<Vec<QueuedMessage>> {
        messages::oldest(&self.pool, limit).await
    }

    async fn remove_message(&self, id: i64) -> Stored<()> {
        messages::remove(&self.pool, id).await
    }

    async fn prepare_request(&self, new: &Request, from: &[&str]) -> Stored<Prepared> {
        requests::prepare(self.write().await?, new, from).await
    }

    async fn request_of(&self, phone: &Phone, id: Uuid) -> Stored<Option<Overview>> {
        requests::of_phone(&self.pool, phone, id).await
    }

    async fn remove_request(&self, id: Uuid, now: OffsetDateTime) -> Stored<bool> {
        requests::remove(self.write().await?, id, now).await
    }

    async fn confirm_request(&self, confirmed: &ConfirmedRequest) -> Stored<ConfirmOutcome> {
        requests::confirm(self.write().await?, confirmed).await
    }

    async fn withdraw(&self, application: Uuid, now: OffsetDateTime) -> Stored<bool> {
        requests::withdraw(self.write().await?, application, now).await
    }

    async fn claim_issuance(
        &self,
        owner: Uuid,
        ripe: OffsetDateTime,
        now: OffsetDateTime,
        until: OffsetDateTime,
    ) -> Stored<Option<Job>> {
        issuances::claim(self.write().await?, owner, ripe, now, until).await
    }

    async fn commit_to_be_signed(&self, job: &Job, serial: &str, bytes: &[u8], now: OffsetDateTime) -> Stored<bool> {
        issuances::commit(self.write().await?, job, serial, bytes, now).await
    }

    async fn complete_issuance(&self, job: &Job, certificate: &Certificate) -> Stored<bool> {
        issuances::complete(self.write().await?, job, certificate).await
    }

    async fn refuse_issuance(&self, job: &Job, reason: &str, now: OffsetDateTime) -> Stored<bool> {
        issuances::refuse(self.write().await?, job, reason, now).await
    }

    async fn release_issuance(&self, job: &Job, until: OffsetDateTime) -> Stored<()> {
        issuances::release(&self.pool, job, until).await
    }

    async fn certificates(&self) -> Stored<Vec<Certificate>> {
        issuances::certificates(&self.pool).await
    }

    async fn install(&self, certificate: Uuid, in_store: bool, from: &[&str], now: OffsetDateTime) -> Stored<bool> {
        issuances::install(self.write().await?, certificate, in_store, from, now).await
    }

    async fn expire(&self, from: &[&str], now: OffsetDateTime) -> Stored<Vec<(Uuid, Phone)>> {
        issuances::expire(self.write().await?, from, now).await
    }

    async fn forget(&self, before: OffsetDateTime) -> Stored<()> {
        passwords::forget(self.write().await?, before).await
    }

    async fn audit(&self) -> Stored<Vec<AuditRow>> {
        audit::all(&self.pool).await
    }

    async fn ping(&self) -> Stored<()> {
        sqlx::query("SELECT 1").execute(&self.pool).await?;
        Ok(())
    }
}
