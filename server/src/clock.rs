//! The one place that reads the real time. Everything else asks the [`Clock`] it was given, so a test moves time by
//! hand.

use std::{
    sync::OnceLock,
    time::{Duration, Instant},
};

use time::OffsetDateTime;

/// Tells the time, UTC.
pub trait Clock: Send + Sync {
    /// Now, to the millisecond, which is what the store keeps.
    fn now(&self) -> OffsetDateTime;

    /// How long something has been going on whose beginning does not matter: for measuring, and never set back. A clock
    /// that is moved by hand measures by its own time.
    fn ticking(&self) -> Duration {
        (self.now() - OffsetDateTime::UNIX_EPOCH).try_into().unwrap_or_default()
    }
}

/// Measures how long something takes.
pub struct Stopwatch<'a> {
    clock: &'a dyn Clock,
    started: Duration,
}

impl<'a> Stopwatch<'a> {
    /// Begins now.
    pub fn start(clock: &'a dyn Clock) -> Self {
        Self { clock, started: clock.ticking() }
    }

    /// Seconds since the start.
    pub fn seconds(&self) -> f64 {
        self.clock.ticking().saturating_sub(self.started).as_secs_f64()
    }
}

/// The machine's clock.
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> OffsetDateTime {
        // The ambient clock is banned everywhere but here, where it enters the program.
        #[allow(clippy::disallowed_methods)]
        let now = OffsetDateTime::now_utc();
        now.replace_millisecond(now.millisecond()).unwrap_or(now)
    }

    fn ticking(&self) -> Duration {
        // An instant is no number; it becomes one by its distance from the first that was asked for.
        static FIRST: OnceLock<Instant> = OnceLock::new();
        #[allow(clippy::disallowed_methods)]
        let now = Instant::now();
        now.saturating_duration_since(*FIRST.get_or_init(|| now))
    }
}
