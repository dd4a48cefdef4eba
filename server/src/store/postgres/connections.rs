//! Connections to PostgreSQL: as many as the settings allow, each lent to one statement or transaction at a time.
//!
//! sqlx's own pool asks a connection whether it lives each time it comes back, which costs as much as a statement. Here
//! nobody asks: a connection that failed is thrown away with all that are as old, and one whose statement was given up
//! in the middle (its caller's client has gone) is drained before it is lent again.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use sqlx::{
    Connection, PgConnection, Postgres,
    postgres::{PgArguments, PgConnectOptions, PgRow},
    query::Query,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::{StoreError, Stored};

/// How long a caller waits for a connection.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a statement may take before its connection counts as lost. The server cuts it off a little earlier.
const LONGEST: Duration = Duration::from_secs(30);
/// How often a transaction is tried that PostgreSQL gave up in favour of another.
const ATTEMPTS: usize = 5;

/// A statement with its arguments.
pub(super) type Statement<'q> = Query<'q, Postgres, PgArguments>;

/// The connections of a server.
#[derive(Clone)]
pub(super) struct Connections(Arc<Shared>);

struct Shared {
    options: PgConnectOptions,
    permits: Arc<Semaphore>,
    limit: usize,
    idle: Mutex<Vec<Idle>>,
    /// Grows when a connection is found broken: the others of its age are too, more likely than not.
    generation: AtomicU64,
}

struct Idle {
    connection: PgConnection,
    generation: u64,
}

impl Connections {
    /// At most `limit` connections; none is opened yet.
    pub(super) fn new(options: PgConnectOptions, limit: usize) -> Self {
        Self(Arc::new(Shared {
            options,
            permits: Arc::new(Semaphore::new(limit)),
            limit,
            idle: Mutex::new(Vec::new()),
            generation: AtomicU64::new(0),
        }))
    }

    /// How many are lent, and how many may be.
    pub(super) fn in_use(&self) -> (usize, usize) {
        (self.0.limit.saturating_sub(self.0.permits.available_permits()), self.0.limit)
    }

    /// A connection that is not one of those that are lent.
    pub(super) async fn own(&self) -> Stored<PgConnection> {
        let opened = timeout(PATIENCE, PgConnection::connect_with(&self.0.options)).await;
        Ok(opened.map_err(|_| unavailable("no connection within 5 seconds"))??)
    }

    /// Lends a connection.
    pub(super) async fn lend(&self) -> Stored<Lent> {
        let lent = timeout(PATIENCE, self.wait_for_one()).await;
        lent.map_err(|_| unavailable("no connection was free for 5 seconds"))?
    }

    async fn wait_for_one(&self) -> Stored<Lent> {
        let permit = Arc::clone(&self.0.permits).acquire_owned().await.map_err(|_| unavailable("closed"))?;
        let idle = self.0.idle().pop();
        let generation = self.0.generation.load(Ordering::Relaxed);
        let idle = match idle.filter(|idle| idle.generation == generation) {
            Some(idle) => idle,
            None => Idle { connection: self.own().await?, generation },
        };
        Ok(Lent { idle: Some(idle), permit: Some(permit), shared: Arc::clone(&self.0) })
    }

    /// Reads a whole table, on a connection of its own and for as long as it takes.
    pub(super) async fn read_all(&self, statement: Statement<'_>) -> Stored<Vec<PgRow>> {
        let mut connection = self.own().await?;
        sqlx::raw_sql("SET statement_timeout = 0; SET enable_seqscan = on").execute(&mut connection).await?;
        let rows = statement.fetch_all(&mut connection).await?;
        connection.close().await?;
        Ok(rows)
    }

    /// All connections are thought broken; new ones are opened when they are needed.
    pub(super) fn renew(&self) {
        self.0.generation.fetch_add(1, Ordering::Relaxed);
        self.0.idle().clear();
    }

    /// Runs one statement that changes something, as a transaction of its own. Not tried again when the connection
    /// breaks, for it may have been done.
    pub(super) async fn write<'q>(&self, statement: impl Fn() -> Statement<'q>) -> Stored<Vec<PgRow>> {
        Ok(self.attempt(statement).await?)
    }

    /// The same for a statement that may meet a unique index; `None` if it did, and changed nothing.
    pub(super) async fn write_unique<'q>(&self, statement: impl Fn() -> Statement<'q>) -> Stored<Option<Vec<PgRow>>> {
        match self.attempt(statement).await {
            Err(Failure::Refused(error)) if is_unique_violation(&error) => Ok(None),
            other => Ok(Some(other?)),
        }
    }

    async fn attempt<'q>(&self, statement: impl Fn() -> Statement<'q>) -> Result<Vec<PgRow>, Failure> {
        let mut attempt = 1;
        loop {
            match self.run(statement()).await {
                Err(Failure::Refused(error)) if is_passing(&error) && attempt < ATTEMPTS => attempt += 1,
                other => return other,
            }
        }
    }

    /// Runs one statement that reads. On a connection that turns out to be broken, once more on a new one.
    pub(super) async fn read<'q>(&self, statement: impl Fn() -> Statement<'q>) -> Stored<Vec<PgRow>> {
        match self.run(statement()).await {
            Err(Failure::Broken(_)) => Ok(self.run(statement()).await?),
            other => Ok(other?),
        }
    }

    async fn run(&self, statement: Statement<'_>) -> Result<Vec<PgRow>, Failure> {
        let mut lent = self.lend().await?;
        // All rows: only then the transaction has been committed.
        let done = timeout(LONGEST, statement.fetch_all(lent.connection())).await;
        lent.settle(done.unwrap_or_else(|_| Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()))))
    }
}

impl Shared {
    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Idle>> {
        // Nobody panics while holding it; and a list is whole after each step.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a statement failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// PostgreSQL refused it; the connection goes on.
    Refused(sqlx::Error),
    /// The connection is broken.
    Broken(StoreError),
    /// There was none.
    NoConnection(StoreError),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::NoConnection(error)
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(error) => error.into(),
            Failure::Broken(error) | Failure::NoConnection(error) => error,
        }
    }
}

/// Two transactions stood in each other's way, and this one gave way: it changed nothing and can be tried again.
pub(super) fn is_passing(error: &sqlx::Error) -> bool {
    // serialization_failure, deadlock_detected
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| code == "40001" || code == "40P01")
}

fn is_unique_violation(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}

fn unavailable(why: &str) -> StoreError {
    StoreError::Unavailable(why.to_owned())
}

/// A connection on loan.
pub(super) struct Lent {
    idle: Option<Idle>,
    permit: Option<OwnedSemaphorePermit>,
    shared: Arc<Shared>,
}

impl Lent {
    /// The connection. Until [`Self::settle`] it counts as being in the middle of something.
    pub(super) fn connection(&mut self) -> &mut PgConnection {
        // It is taken out by `settle` and `drop` alone, and both end the loan.
        #[allow(clippy::expect_used)]
        let idle = self.idle.as_mut().expect("a connection on loan");
        &mut idle.connection
    }

    /// Ends the loan: says what became of the statement, or transaction, and with it of the connection.
    pub(super) fn settle<T>(mut self, done: Result<T, sqlx::Error>) -> Result<T, Failure> {
        let Some(idle) = self.idle.take() else { return done.map_err(Failure::Refused) };
        match done {
            Err(error) if !goes_on_after(&error) => {
                // Others of the same age would fail one by one.
                let (next, order) = (idle.generation + 1, Ordering::Relaxed);
                let _ = self.shared.generation.compare_exchange(idle.generation, next, order, order);
                Err(Failure::Broken(error.into()))
            }
            done => {
                self.shared.idle().push(idle);
                done.map_err(Failure::Refused)
            }
        }
    }
}

/// Is the connection between statements after this error?
fn goes_on_after(error: &sqlx::Error) -> bool {
    match error {
        // Class 57: PostgreSQL is about to end, and says so before it cuts the connection off; 57014 is the end of a
        // statement alone. Class 08 is the connection.
        sqlx::Error::Database(error) => {
            let code = error.code().unwrap_or_default();
            code == "57014" || !(code.starts_with("57") || code.starts_with("08"))
        }
        _ => false,
    }
}

impl Drop for Lent {
    /// The caller was given up in the middle. What is on its way comes to its end, and an open transaction is rolled
    /// back, before the connection is lent again.
    fn drop(&mut self) {
        let (idle, permit, shared) = (self.idle.take(), self.permit.take(), Arc::clone(&self.shared));
        let (Some(mut idle), Ok(runtime)) = (idle, tokio::runtime::Handle::try_current()) else { return };
        runtime.spawn(async move {
            if timeout(LONGEST, idle.connection.ping()).await.is_ok_and(|answer| answer.is_ok()) {
                shared.idle().push(idle);
            }
            drop(permit);
        });
    }
}
