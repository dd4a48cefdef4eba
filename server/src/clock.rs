//! The one place that reads the real time. Everything else asks the [`Clock`] it was given, so a test moves time by
//! hand.

use time::OffsetDateTime;

/// Tells the time, UTC.
pub trait Clock: Send + Sync {
    /// Now, to the millisecond, which is what the store keeps.
    fn now(&self) -> OffsetDateTime;
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
}
