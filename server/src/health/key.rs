//! Can the authority issue? The issuing certificate is good and its key is there. A key in an HSM is looked for, not
//! used: every signature belongs into the journal, and none is made to find out.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::time::timeout;

use super::{FAILURE_COUNTS, PATIENCE, State};
use crate::portal::Portal;

/// How long a key that was found counts as there. An HSM has other things to do.
const FOUND_COUNTS: Duration = Duration::from_secs(15);

#[derive(Default)]
pub(super) struct KeyHealth(Mutex<Known>);

#[derive(Clone, Copy, Default)]
struct Known {
    found_at: Option<Duration>,
    failed_at: Option<Duration>,
}

impl KeyHealth {
    pub(super) fn note(&self, is_made: bool, now: Duration) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *known = match is_made {
            true => Known { found_at: Some(now), failed_at: None },
            false => Known { found_at: None, failed_at: Some(now) },
        };
    }

    fn known(&self) -> Known {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) async fn state(portal: &Portal, now: Duration) -> State {
    let issuer = portal.ca.current();
    if portal.ca.check_good(&issuer).is_err() {
        return State::Failed("issuer_not_good");
    }
    let (certificate, time) = (issuer.certificate(), portal.clock.now());
    if time < certificate.not_before() || certificate.not_after() < time {
        return State::Failed("issuer_not_valid");
    }
    let within = |at: Option<Duration>, limit| at.and_then(|at| now.checked_sub(at)).is_some_and(|age| age < limit);
    let known = portal.health.key.known();
    if within(known.failed_at, FAILURE_COUNTS) {
        return State::Failed("key_unusable");
    }
    if within(known.found_at, FOUND_COUNTS) {
        return State::Ok;
    }
    match timeout(PATIENCE, issuer.look_for_key()).await {
        Ok(Ok(())) => {
            portal.health.key.note(true, now);
            State::Ok
        }
        Err(_) => State::Failed("key_slow"),
        Ok(Err(error)) => {
            tracing::error!(%error, "the issuing key is not there");
            State::Failed("key_unusable")
        }
    }
}
