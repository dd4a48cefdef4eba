//! The one place of this program that reads the clock.

use std::fmt;
use std::time::{Duration, Instant};

/// Time since it was started.
pub struct Stopwatch(Instant);

impl Stopwatch {
    // The time a build takes is a property of this machine: there is nothing to drive by hand.
    #[allow(clippy::disallowed_methods)]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// `4.2 s`, or `3 min 07 s` where minutes matter.
impl fmt::Display for Stopwatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let elapsed = self.elapsed();
        match elapsed.as_secs() {
            0..60 => write!(f, "{:.1} s", elapsed.as_secs_f64()),
            seconds => write!(f, "{} min {:02} s", seconds / 60, seconds % 60),
        }
    }
}
