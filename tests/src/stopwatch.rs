//! How long each step took.

use std::{
    fmt,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// The steps so far.
#[derive(Default)]
pub struct Stopwatch {
    steps: Vec<Step>,
}

struct Step {
    name: &'static str,
    started: OffsetDateTime,
    took: Duration,
}

/// The one place of this program that reads the real clocks.
#[allow(clippy::disallowed_methods)] // a walk is measured, not simulated
fn now() -> (OffsetDateTime, Instant) {
    (OffsetDateTime::now_utc(), Instant::now())
}

/// Measures what is done at once.
pub fn timed<T>(what: impl FnOnce() -> T) -> (T, Duration) {
    let before = now().1;
    let outcome = what();
    (outcome, now().1.duration_since(before))
}

impl Stopwatch {
    /// Measures a step, whatever becomes of it.
    pub async fn time<T>(&mut self, name: &'static str, step: impl Future<Output = T>) -> T {
        let (started, before) = now();
        let outcome = step.await;
        self.steps.push(Step { name, started, took: now().1.duration_since(before) });
        outcome
    }

    /// All steps so far, in milliseconds.
    pub fn in_all(&self) -> u64 {
        millis(self.steps.iter().map(|step| step.took).sum())
    }

    /// For `journey.json`: name, start (RFC 3339) and milliseconds of each step.
    pub fn json(&self) -> Value {
        let step = |step: &Step| {
            let started = step.started.format(&Rfc3339).unwrap_or_default();
            json!({ "name": step.name, "started": started, "milliseconds": millis(step.took) })
        };
        self.steps.iter().map(step).collect()
    }
}

impl fmt::Display for Stopwatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n{:<48} {:>9}", "step", "ms")?;
        for step in &self.steps {
            writeln!(f, "{:<48} {:>9}", step.name, millis(step.took))?;
        }
        writeln!(f, "{:<48} {:>9}", "in all", self.in_all())
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
