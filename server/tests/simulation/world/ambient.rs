//! Time and chance, both from outside.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering},
};

use qcert_server::{
    clock::Clock,
    randomness::{Randomness, RandomnessFailed},
};
use ring::digest::{SHA256, digest};
use time::{Duration, OffsetDateTime};

/// A clock that is moved by hand.
pub struct ManualClock(Mutex<Shown>);

/// What the clock shows, the latest that it ever showed, and how far it was moved, to and fro.
struct Shown {
    now: OffsetDateTime,
    latest: OffsetDateTime,
    moved: Duration,
}

impl ManualClock {
    pub(super) fn new(now: OffsetDateTime) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Shown { now, latest: now, moved: Duration::ZERO })))
    }

    pub fn advance(&self, by: Duration) {
        let mut shown = self.0.lock().unwrap();
        shown.now += by;
        shown.latest = shown.latest.max(shown.now);
        shown.moved += by.abs();
    }

    /// How far it was set back.
    pub fn behind(&self) -> Duration {
        let shown = self.0.lock().unwrap();
        shown.latest - shown.now
    }

    /// How far it was moved since the beginning, to and fro.
    pub fn moved(&self) -> Duration {
        self.0.lock().unwrap().moved
    }
}

impl Clock for ManualClock {
    fn now(&self) -> OffsetDateTime {
        self.0.lock().unwrap().now
    }
}

/// Bytes that look random and are the same for the same seed. Remembers what it gave.
pub struct SeededRandomness {
    seed: u64,
    drawn: AtomicU64,
    pub given: Mutex<Vec<Vec<u8>>>,
}

impl SeededRandomness {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, drawn: AtomicU64::new(0), given: Mutex::default() }
    }
}

impl Randomness for SeededRandomness {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomnessFailed> {
        for chunk in bytes.chunks_mut(32) {
            let drawn = self.drawn.fetch_add(1, Ordering::Relaxed);
            let block = digest(&SHA256, &[self.seed.to_be_bytes(), drawn.to_be_bytes()].concat());
            chunk.copy_from_slice(&block.as_ref()[..chunk.len()]);
        }
        if bytes.len() >= 16 {
            self.given.lock().unwrap().push(bytes.to_vec());
        }
        Ok(())
    }
}
