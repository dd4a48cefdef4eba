//! Do text messages leave? As far as real ones have shown: none is sent to find out.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use time::OffsetDateTime;

use super::{FAILURE_COUNTS, Health, STUCK, State};
use crate::{
    config::{GatewaySettings, Sms, Way},
    sms::{
        gateway::{Gateway, Sent},
        outbox::OUTBOX,
    },
    store::Backlog,
};

/// So many failures one after the other are more than a moment's.
const FAILURES: u32 = 3;

/// How often each gateway was not reached since it was the last time, and when last.
#[derive(Default)]
pub(super) struct Reached(Mutex<BTreeMap<String, (u32, Duration)>>);

impl Reached {
    pub(super) fn note(&self, gateway: &str, sent: &Sent, now: Duration) {
        let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if was_reached(sent) {
            failures.remove(gateway);
            return;
        }
        let (count, at) = failures.entry(gateway.to_owned()).or_default();
        (*count, *at) = (count.saturating_add(1), now);
    }

    fn is_away(&self, gateway: &str, now: Duration) -> bool {
        let failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = |at: Duration| now.checked_sub(at).is_some_and(|age| age < FAILURE_COUNTS);
        failures.get(gateway).is_some_and(|(count, at)| *count >= FAILURES && recent(*at))
    }
}

/// Did the gateway say anything? One that wants nothing now, or not this, is there.
fn was_reached(sent: &Sent) -> bool {
    match sent {
        Sent::Accepted(_) | Sent::Refused(_) => true,
        Sent::NotNow(problem, _) | Sent::Unknown(problem, _) => {
            let problem = problem.trim_start_matches("partly_");
            !["connection", "timeout", "tls", OUTBOX].iter().any(|silence| problem.starts_with(silence))
        }
    }
}

pub(super) fn state(
    sms: &Sms,
    health: &Health,
    backlog: Option<&Backlog>,
    now: OffsetDateTime,
    ticking: Duration,
) -> State {
    let has_session = |name: &str| {
        let watched = health.gateways.get()?;
        watched.iter().find(|gateway| gateway.name() == name).and_then(Gateway::has_session)
    };
    let is_away = |name: &str| has_session(name) == Some(false) || health.reached.is_away(name, ticking);
    let name = |gateway: &GatewaySettings| match gateway.way {
        Way::Outbox => OUTBOX,
        Way::Http(_) | Way::Smpp(_) => gateway.name,
    };
    if sms.gateways.iter().all(|gateway| is_away(name(gateway))) {
        return State::Failed("gateway_unreachable");
    }
    match backlog {
        Some(Backlog { message: Some(since), .. }) if now - *since > STUCK => State::Failed("messages_stuck"),
        Some(_) => State::Ok,
        None => State::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_is_away_after_some_failures_until_it_answers_or_they_are_long_ago() {
        let (reached, second) = (Reached::default(), Duration::from_secs(1));
        let fail = || Sent::NotNow("connection".to_owned(), None);
        reached.note("first", &fail(), second);
        reached.note("first", &Sent::Unknown("timeout".to_owned(), Vec::new()), second);
        assert!(!reached.is_away("first", second));
        reached.note("first", &fail(), second);
        assert!(reached.is_away("first", second) && !reached.is_away("second", second));
        assert!(!reached.is_away("first", second * 62));
        reached.note("first", &Sent::NotNow("status_503".to_owned(), None), second);
        assert!(!reached.is_away("first", second));
    }
}
