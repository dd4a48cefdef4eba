//! The one place of this crate that reads the clock: what it measures is this machine's own time.

use std::time::{Duration, Instant};

/// Time since it was started.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts one.
    #[allow(clippy::disallowed_methods)]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// How long ago that was.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    /// Sleeps until `after` has passed since the start; at once if it has.
    pub fn sleep_until(&self, after: Duration) {
        std::thread::sleep(after.saturating_sub(self.elapsed()));
    }
}
