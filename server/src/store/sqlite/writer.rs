//! The one connection that writes, on a thread of its own. It carries out as many waiting jobs as there are in one
//! transaction and answers all of them after its commit, so that many share one wait for the disk.
//!
//! **Architecture invariant:** a job is answered after the commit that it is in. A job that fails takes back what it
//! wrote and nothing else; a commit that fails is the failure of every job in it.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread::JoinHandle,
    time::Duration,
};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::{StoreError, Stored, audit};
use crate::audit::head::Follower;

/// So many jobs are one transaction at most, so that the first does not wait long for the last.
const BATCH: usize = 256;
/// The audit's head is moved on after so many commits, or when nothing was written for so long.
const COMMITS: u64 = 256;
const QUIET: Duration = Duration::from_secs(1);

/// What becomes of what a job wrote, and its answer.
pub(super) enum Effect<T> {
    /// It stays.
    Kept(T),
    /// It is taken back, for the job found out that it must not be.
    Undone(T),
}

/// What tells whoever waits for a job, once it is known whether the commit succeeded.
type Answer = Box<dyn FnOnce(Result<(), &StoreError>) + Send>;
/// A job: it writes, if there is a transaction to write in, and says whether that stays.
type Job = Box<dyn FnOnce(Result<&Connection, &StoreError>) -> (bool, Answer) + Send>;

/// The way to the thread.
pub(super) struct Writer {
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Takes the connection to a thread of its own.
    pub(super) fn start(connection: Connection, follower: Option<Follower>) -> Stored<Self> {
        let (jobs, waiting) = channel();
        let thread = std::thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || work(&connection, &waiting, follower))
            .map_err(|error| StoreError::Unavailable(format!("there is no thread for it: {error}")))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Carries out a job and answers when its commit is on the disk. It is carried out to its end although nobody
    /// waits for it any more.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> Stored<Effect<T>> + Send + 'static,
    ) -> Stored<T> {
        let (tell, told) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let (keep, result) = match connection.map_err(Clone::clone).and_then(job) {
                Ok(Effect::Kept(value)) => (true, Ok(value)),
                Ok(Effect::Undone(value)) => (false, Ok(value)),
                Err(error) => (false, Err(error)),
            };
            let answer: Answer = Box::new(move |committed| {
                let _ = tell.send(match committed {
                    Ok(()) => result,
                    Err(error) => Err(error.clone()),
                });
            });
            (keep, answer)
        });
        let sent = self.jobs.as_ref().is_some_and(|jobs| jobs.send(job).is_ok());
        let gone = || StoreError::Unavailable("the thread that writes gave no answer".to_owned());
        if sent { told.await.unwrap_or_else(|_| Err(gone())) } else { Err(gone()) }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        // What waits is still done, and the file is closed whole.
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn work(connection: &Connection, waiting: &Receiver<Job>, mut follower: Option<Follower>) {
    let mut commits = 0;
    while let Some(first) = next(connection, waiting, follower.as_mut()) {
        let jobs = std::iter::once(first).chain(waiting.try_iter()).take(BATCH);
        together(connection, jobs);
        commits += 1;
        if commits % COMMITS == 0 {
            follow(connection, follower.as_mut());
        }
    }
    follow(connection, follower.as_mut());
}

/// The next job. While none comes, the audit's head is moved on.
fn next(connection: &Connection, waiting: &Receiver<Job>, follower: Option<&mut Follower>) -> Option<Job> {
    match waiting.recv_timeout(QUIET) {
        Err(RecvTimeoutError::Timeout) => {
            follow(connection, follower);
            waiting.recv().ok()
        }
        job => job.ok(),
    }
}

fn follow(connection: &Connection, follower: Option<&mut Follower>) {
    if let Some(Err(error)) = follower.map(|follower| audit::follow(connection, follower)) {
        tracing::warn!(error = format!("{error:#}"), "the audit's head is not written down");
    }
}

/// Carries out jobs in one transaction.
fn together(connection: &Connection, jobs: impl Iterator<Item = Job>) {
    let mut transaction = run(connection, "BEGIN IMMEDIATE");
    let mut answers = Vec::new();
    for job in jobs {
        match &transaction {
            Ok(()) => transaction = apart(connection, job, &mut answers),
            Err(error) => answers.push(job(Err(error)).1),
        }
    }
    let committed = transaction.and_then(|()| run(connection, "COMMIT"));
    if committed.is_err() && !connection.is_autocommit() {
        let _ = run(connection, "ROLLBACK");
    }
    answers.into_iter().for_each(|answer| answer(committed.as_ref().copied()));
}

/// Carries out one job inside a savepoint of its own. An error is the whole transaction's: some failures, as a full
/// disk, make SQLite roll all of it back.
fn apart(connection: &Connection, job: Job, answers: &mut Vec<Answer>) -> Stored<()> {
    run(connection, "SAVEPOINT job")?;
    // A job that panics is a defect for which its neighbours are not to suffer. It shares nothing with them but the
    // connection, and what it wrote there is taken back.
    let keep = match catch_unwind(AssertUnwindSafe(|| job(Ok(connection)))) {
        Ok((keep, answer)) => {
            answers.push(answer);
            keep
        }
        Err(_) => false,
    };
    if connection.is_autocommit() {
        return Err(StoreError::Unavailable("the transaction was rolled back".to_owned()));
    }
    if !keep {
        run(connection, "ROLLBACK TO job")?;
    }
    run(connection, "RELEASE job")
}

fn run(connection: &Connection, sql: &str) -> Stored<()> {
    connection.prepare_cached(sql)?.execute([])?;
    Ok(())
}

#[cfg(test)]
mod tests;
