//! The worker: takes what waits, one at a time, and what a worker before it left behind.

use std::sync::Arc;

use qcert_protocol::ApplicationState;
use time::Duration;
use uuid::Uuid;

use super::{Outcome, issue};
use crate::{portal::Portal, randomness};

/// How long a job is one worker's. Issuing takes milliseconds; a crash is over after this.
const LEASE: Duration = Duration::seconds(15);
/// How often the queue is looked at although nobody rang.
const TICK: std::time::Duration = std::time::Duration::from_secs(1);
/// How often rows are looked through that time has overtaken.
const TIDY: Duration = Duration::minutes(5);
/// How long passwords, rates and ended sessions are kept; longer than any of them lives.
const KEPT: Duration = Duration::days(8);
/// How long a job rests after a failure that may pass.
const REST: Duration = Duration::seconds(10);

/// Works until the task is dropped.
pub async fn run(portal: Arc<Portal>, owner: Uuid) {
    let mut tidy_at = portal.clock.now();
    loop {
        match step(&portal, owner).await {
            Ok(true) => {}
            Ok(false) => {
                if tidy_at <= portal.clock.now() {
                    tidy_at = portal.clock.now() + TIDY;
                    tidy(&portal).await;
                }
                let _ = tokio::time::timeout(TICK, portal.issuance_waits.notified()).await;
            }
            Err(error) => {
                tracing::error!(%error, "issuance waits");
                tokio::time::sleep(TICK).await;
            }
        }
    }
}

/// A worker's name.
///
/// # Errors
/// When there is no randomness.
pub fn name(portal: &Portal) -> Result<Uuid, randomness::RandomnessFailed> {
    randomness::uuid(portal.clock.now(), &*portal.randomness)
}

/// Takes one job as far as it goes; false if there is none.
///
/// # Errors
/// When the job has to wait.
pub async fn step(portal: &Portal, owner: Uuid) -> anyhow::Result<bool> {
    let now = portal.clock.now();
    let ripe = now - portal.settings.issuance_wait;
    let Some(job) = portal.store.claim_issuance(owner, ripe, now, now + LEASE).await? else { return Ok(false) };
    let (phone, application) = (&job.application.phone, job.application.id);
    portal.announcer.row(phone, application);
    match issue(portal, &job).await {
        Ok(Outcome::LeaseLost) => tracing::warn!(request = %job.request.id, "another worker took the issuance over"),
        Ok(outcome) => {
            tracing::info!(request = %job.request.id, ?outcome, "issuance ended");
            portal.announcer.row(phone, application);
        }
        Err(error) => {
            portal.store.release_issuance(&job, portal.clock.now() + REST).await?;
            return Err(error);
        }
    }
    Ok(true)
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
}
