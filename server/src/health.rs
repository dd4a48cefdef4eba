//! Is this server ready? Four parts, each with a state and a code, and none with a word that helps a stranger. What was
//! found is remembered for some seconds: whoever asks often loads neither the database nor the key.

mod gateways;
mod key;

use std::{
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use time::OffsetDateTime;
use tokio::time::timeout;

use crate::{
    portal::Portal,
    sms::gateway::{Gateways, Sent},
    store::Backlog,
};
use gateways::Reached;
use key::KeyHealth;

/// How long an answer is given again.
const REMEMBERED: Duration = Duration::from_secs(3);
/// How long the database may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// How far clocks may differ: leases last seconds.
const CLOCKS: time::Duration = time::Duration::seconds(2);
/// How long a failure counts that nothing has confirmed since. For ever would keep a server away that nobody asks.
const FAILURE_COUNTS: Duration = Duration::from_secs(60);
/// How long a text message may wait before the queue counts as stuck.
const STUCK: time::Duration = time::Duration::seconds(60);

/// How a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Good.
    Ok,
    /// Not; the code says how.
    Failed(&'static str),
    /// Nobody can tell while something else is failed.
    Unknown,
}

impl State {
    /// Is it good?
    pub fn is_ok(self) -> bool {
        self == Self::Ok
    }

    /// `ok`, `failed` or `unknown`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed(_) => "failed",
            Self::Unknown => "unknown",
        }
    }

    /// The code of what is wrong; `ok` if nothing is.
    pub fn code(self) -> &'static str {
        match self {
            Self::Failed(code) => code,
            other => other.name(),
        }
    }
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Readiness {
    database: State,
    ca_key: State,
    gateway: State,
    clock: State,
    is_closing: bool,
    /// What the database said, if it answered.
    pub backlog: Option<Backlog>,
}

impl Readiness {
    /// Is everything good?
    pub fn is_ready(&self) -> bool {
        !self.is_closing && self.checks().iter().all(|(_, state)| state.is_ok())
    }

    /// Is the server about to end?
    pub fn is_closing(&self) -> bool {
        self.is_closing
    }

    /// Each part by its name.
    pub fn checks(&self) -> [(&'static str, State); 4] {
        [("database", self.database), ("caKey", self.ca_key), ("gateway", self.gateway), ("clock", self.clock)]
    }
}

/// What is remembered to answer with.
#[derive(Default)]
pub struct Health {
    is_closing: AtomicBool,
    found: tokio::sync::Mutex<Option<(Duration, Readiness)>>,
    key: KeyHealth,
    reached: Reached,
    gateways: OnceLock<Gateways>,
    /// The latest time that the clock ever showed.
    latest: Mutex<Option<OffsetDateTime>>,
}

impl Health {
    /// The server is about to end: nobody shall be sent to it any more.
    pub fn close(&self) {
        self.is_closing.store(true, Ordering::Relaxed);
    }

    /// These gateways are asked whether they have a connection.
    pub fn watch(&self, gateways: &Gateways) {
        let _ = self.gateways.set(gateways.clone());
    }

    /// A gateway answered, or did not.
    pub fn sent(&self, gateway: &str, sent: &Sent, now: Duration) {
        self.reached.note(gateway, sent, now);
    }

    /// An issuing key signed, or did not.
    pub fn signed(&self, is_made: bool, now: Duration) {
        self.key.note(is_made, now);
    }

    /// Has the clock not gone back?
    fn goes_on(&self, now: OffsetDateTime) -> bool {
        // One time is as good as another to whoever panicked.
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let before = *latest.get_or_insert(now);
        *latest = Some(before.max(now));
        now + CLOCKS >= before
    }
}

/// Is this server ready?
pub async fn readiness(portal: &Portal) -> Readiness {
    let health = &portal.health;
    // One looks, and whoever comes meanwhile gets what was found.
    let mut found = health.found.lock().await;
    let now = portal.clock.ticking();
    let is_closing = health.is_closing.load(Ordering::Relaxed);
    if let Some((at, readiness)) = &*found
        && now.checked_sub(*at).is_some_and(|age| age < REMEMBERED)
    {
        return Readiness { is_closing, ..readiness.clone() };
    }
    let (database, backlog) = match timeout(PATIENCE, portal.store.backlog()).await {
        Ok(Ok(backlog)) => (State::Ok, Some(backlog)),
        Ok(Err(error)) => {
            tracing::error!(%error, "the database does not answer");
            (State::Failed("database_unavailable"), None)
        }
        Err(_) => (State::Failed("database_slow"), None),
    };
    let readiness = Readiness {
        ca_key: key::state(portal, now).await,
        gateway: gateways::state(&portal.settings.sms, health, backlog.as_ref(), portal.clock.now(), now),
        clock: clock(portal, backlog.as_ref()),
        database,
        is_closing,
        backlog,
    };
    for (check, state) in readiness.checks().iter().filter(|(_, state)| !state.is_ok()) {
        tracing::warn!(check, code = state.code(), "not ready");
    }
    *found = Some((now, readiness.clone()));
    readiness
}

/// Is the clock right, as far as the database knows?
fn clock(portal: &Portal, backlog: Option<&Backlog>) -> State {
    let now = portal.clock.now();
    if !portal.health.goes_on(now) {
        return State::Failed("clock_went_back");
    }
    match backlog {
        Some(Backlog { database_time: Some(theirs), .. }) if (*theirs - now).abs() > CLOCKS => {
            State::Failed("clock_differs")
        }
        // Whoever wrote that row had a later time.
        Some(Backlog { last_event: Some(last), .. }) if *last > now + CLOCKS => State::Failed("clock_behind"),
        Some(_) => State::Ok,
        None => State::Unknown,
    }
}
