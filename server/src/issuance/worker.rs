//! The workers: each takes what waits, some at a time, and what a worker that died left behind. There are several, for
//! each waits for the database or the key most of its time.

use std::{pin::pin, sync::Arc};

use qcert_protocol::ApplicationState;
use time::Duration;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::{Outcome, issue};
use crate::{bell::Turn, end::End, portal::Portal, randomness, store::Job};

/// How long a job is one worker's. Issuing takes milliseconds; a crash is over after this.
const LEASE: Duration = Duration::seconds(15);
/// How often the queue is looked at although nobody rang.
const TICK: std::time::Duration = std::time::Duration::from_secs(1);
/// How often rows are looked through that time has overtaken.
const TIDY: Duration = Duration::minutes(5);
/// How long passwords, rates and ended sessions are kept; longer than any of them lives.
const KEPT: Duration = Duration::days(8);
/// How many jobs a worker takes at a time: what each of them waits for, the disk or the database, all wait for once.
const BATCH: usize = 16;
/// How long a worker that takes jobs keeps the others from looking for some. What rings meanwhile is taken together
/// then; but a key that takes its time over a signature does not make others wait.
const TURN: std::time::Duration = std::time::Duration::from_millis(20);
/// How long a job rests after a failure that may pass.
const REST: Duration = Duration::seconds(10);

/// A worker of each name works until it is told to end; what it has begun then comes to its end first, so that nothing
/// is signed and not stored, and no lease is left that others would have to wait for.
pub async fn run(portal: Arc<Portal>, owners: Vec<Uuid>, end: End) {
    let mut workers = JoinSet::new();
    for (number, owner) in owners.into_iter().enumerate() {
        let (portal, end) = (Arc::clone(&portal), end.clone());
        match number {
            0 => workers.spawn(async move { look(&portal, owner, end).await }),
            _ => workers.spawn(async move { help(&portal, owner, end).await }),
        };
    }
    while workers.join_next().await.is_some() {}
}

/// The first worker looks at the queue although nobody rang, and tidies.
async fn look(portal: &Portal, owner: Uuid, mut end: End) {
    let mut tidy_at = portal.clock.now();
    let mut rung = None;
    while !end.is_told() {
        let work = drain(portal, owner, end.clone());
        match rung.take() {
            Some(turn) => within(turn, work).await,
            None => work.await,
        }
        if tidy_at <= portal.clock.now() {
            tidy_at = portal.clock.now() + TIDY;
            tidy(portal).await;
        }
        tokio::select! {
            () = end.told() => {}
            heard = tokio::time::timeout(TICK, portal.issuance_waits.heard()) => rung = heard.ok(),
        }
    }
}

/// The others come when somebody rings.
async fn help(portal: &Portal, owner: Uuid, mut end: End) {
    while !end.is_told() {
        tokio::select! {
            () = end.told() => {}
            turn = portal.issuance_waits.heard() => within(turn, drain(portal, owner, end.clone())).await,
        }
    }
}

/// Works, and lets the others listen when that takes long.
async fn within(turn: Turn<'_>, work: impl Future<Output = ()>) {
    let mut work = pin!(work);
    if tokio::time::timeout(TURN, &mut work).await.is_err() {
        drop(turn);
        work.await;
    }
}

/// Works until nothing waits, something fails, or it is told to end.
async fn drain(portal: &Portal, owner: Uuid, mut end: End) {
    while !end.is_told() {
        match take(portal, owner).await {
            Ok(BATCH) => {}
            // What came since has rung, or will.
            Ok(_) => return,
            Err(error) => {
                tracing::error!(%error, "issuance waits");
                let _ = tokio::time::timeout(TICK, end.told()).await;
                return;
            }
        }
    }
}

/// The names of all workers.
///
/// # Errors
/// When there is no randomness.
pub fn names(portal: &Portal) -> Result<Vec<Uuid>, randomness::RandomnessFailed> {
    (0..portal.settings.issuance_workers).map(|_| name(portal)).collect()
}

/// A worker's name.
///
/// # Errors
/// When there is no randomness.
pub fn name(portal: &Portal) -> Result<Uuid, randomness::RandomnessFailed> {
    randomness::uuid(portal.clock.now(), &*portal.randomness)
}

/// Takes some jobs as far as they go; false if there is none.
///
/// # Errors
/// When one of them has to wait; the others have gone on.
pub async fn step(portal: &Portal, owner: Uuid) -> anyhow::Result<bool> {
    Ok(take(portal, owner).await? > 0)
}

/// The same; answers how many there were.
async fn take(portal: &Portal, owner: Uuid) -> anyhow::Result<usize> {
    let now = portal.clock.now();
    let ripe = now - portal.settings.issuance_wait;
    let claimed = portal.store.claim_issuances(owner, BATCH as u32, ripe, now, now + LEASE).await?;
    let count = claimed.len();
    if count == BATCH {
        // There may be more than one worker takes.
        portal.issuance_waits.ring();
    }
    let (mut jobs, mut failed) = (Vec::with_capacity(count), None);
    for job in claimed {
        match job {
            Ok(job) => jobs.push(job),
            Err(error) => failed = Some(anyhow::Error::from(error)),
        }
    }
    jobs.iter().for_each(|job| portal.announcer.row(&job.application.phone, job.application.id));
    for (job, outcome) in jobs.iter().zip(issue(portal, &jobs).await) {
        note(portal, job, &outcome);
        match outcome {
            Ok(Outcome::LeaseLost) => {
                tracing::warn!(request = %job.request.id, "another worker took the issuance over");
            }
            Ok(outcome) => {
                tracing::info!(request = %job.request.id, ?outcome, "issuance ended");
                portal.announcer.row(&job.application.phone, job.application.id);
            }
            Err(error) => {
                // If it cannot be given back either, its lease runs out.
                let released = portal.store.release_issuance(job, portal.clock.now() + REST).await;
                failed.get_or_insert(released.err().map_or(error, anyhow::Error::from));
            }
        }
    }
    failed.map_or(Ok(count), Err)
}

fn note(portal: &Portal, job: &Job, outcome: &anyhow::Result<Outcome>) {
    portal.metrics.issuance(match outcome {
        Ok(Outcome::Issued) => "issued",
        Ok(Outcome::Refused) => "refused",
        Ok(Outcome::LeaseLost) => "lease_lost",
        Err(_) => "failed",
    });
    if let (Ok(Outcome::Issued), Some(confirmed)) = (outcome, job.request.confirmed_at) {
        let seconds = (portal.clock.now() - confirmed).as_seconds_f64();
        portal.metrics.issuance_duration.observe(seconds.max(0.0));
    }
}

/// Marks the rows whose certificate's time is over, and forgets what nobody will ask for.
pub async fn tidy(portal: &Portal) {
    let now = portal.clock.now();
    let from = [ApplicationState::ReadyToInstall.as_str(), ApplicationState::Installed.as_str()];
    match portal.store.expire(&from, now).await {
        Ok(expired) => expired.iter().for_each(|(id, phone)| portal.announcer.row(phone, *id)),
        Err(error) => tracing::error!(%error, "expired certificates are not marked"),
    }
    if let Err(error) = portal.store.forget(now - KEPT).await {
        tracing::error!(%error, "old rows are kept");
    }
    if let Err(error) = portal.store.forget_messages(now - portal.settings.sms.kept).await {
        tracing::error!(%error, "old text messages are kept");
    }
}
