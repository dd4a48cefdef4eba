//! Wakes whoever does what waits. What costs the same for one as for many, a lease, a commit, is worth a moment's wait:
//! whoever hears the bell gives others the time to ring, and then does the work of all of them at once.

use std::{pin::pin, time::Duration};

use tokio::{
    sync::{Mutex, MutexGuard, Notify},
    time::sleep,
};

/// How long others may still ring. Nobody who waits for a text message or a certificate notices it.
const MOMENT: Duration = Duration::from_millis(5);

/// A bell that several listen to, one after the other.
#[derive(Default)]
pub struct Bell {
    rings: Notify,
    turn: Mutex<()>,
}

/// While somebody keeps it, nobody else hears the bell; what rings meanwhile is heard after it.
pub struct Turn<'a>(#[allow(dead_code, reason = "held, never looked at")] MutexGuard<'a, ()>);

impl Bell {
    /// Rings, whether anybody listens now or later.
    pub fn ring(&self) {
        self.rings.notify_one();
    }

    /// Waits until it rings, and the moment after that.
    pub async fn heard(&self) -> Turn<'_> {
        let turn = self.turn.lock().await;
        self.rings.notified().await;
        sleep(MOMENT).await;
        // What rang meanwhile is served with the first.
        pin!(self.rings.notified()).as_mut().enable();
        Turn(turn)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_rings_within_a_moment_wakes_one_and_what_rings_after_it_the_next() {
        let bell = Arc::new(Bell::default());
        let listeners: Vec<_> = (0..2)
            .map(|_| {
                let bell = Arc::clone(&bell);
                tokio::spawn(async move { drop(bell.heard().await) })
            })
            .collect();
        let woken = || listeners.iter().filter(|listener| listener.is_finished()).count();
        sleep(MOMENT).await;
        assert_eq!(woken(), 0);
        bell.ring();
        bell.ring();
        sleep(MOMENT * 10).await;
        assert_eq!(woken(), 1, "the second ring was heard with the first");
        bell.ring();
        sleep(MOMENT * 10).await;
        assert_eq!(woken(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_ring_during_somebodys_turn_is_heard_when_it_ends() {
        let bell = Bell::default();
        bell.ring();
        let turn = bell.heard().await;
        bell.ring();
        let next = bell.heard();
        tokio::pin!(next);
        assert!(tokio::time::timeout(MOMENT * 10, &mut next).await.is_err());
        drop(turn);
        next.await;
    }
}
