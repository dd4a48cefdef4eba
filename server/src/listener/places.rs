//! Places for connections, a fixed number. Whoever asks nothing makes place when there is none.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::Notify;

/// All places.
pub(super) struct Places {
    limit: usize,
    state: Mutex<State>,
    /// Rings when a place is free, or somebody who has one asks nothing any more.
    changed: Notify,
}

#[derive(Default)]
struct State {
    taken: usize,
    /// Who asks nothing, since longest first.
    idle: BTreeMap<u64, Arc<Notify>>,
    turn: u64,
}

impl Places {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, state: Mutex::default(), changed: Notify::new() }
    }

    /// Takes a place as soon as there is one; the one who has it asks nothing yet.
    pub(super) async fn take(self: &Arc<Self>) -> Place {
        let mut is_made = false;
        loop {
            {
                let mut state = self.state();
                if state.taken < self.limit {
                    state.taken += 1;
                    let lost = Arc::default();
                    let turn = Mutex::new(Some(state.sit(&lost)));
                    return Place { places: Arc::clone(self), lost, turn, is_answered: AtomicBool::new(false) };
                }
                // One is enough, however long its connection takes to end.
                is_made = is_made || state.make_one();
            }
            self.changed.notified().await;
        }
    }

    /// Whoever asks nothing since longest loses its place.
    pub(super) fn make_one(&self) {
        let _ = self.state().make_one();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // What is done under the lock cannot panic half way.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn sit(&mut self, lost: &Arc<Notify>) -> u64 {
        self.turn += 1;
        self.idle.insert(self.turn, Arc::clone(lost));
        self.turn
    }

    fn make_one(&mut self) -> bool {
        let first = self.idle.pop_first();
        first.is_some_and(|(_, lost)| {
            lost.notify_one();
            true
        })
    }
}

/// A connection's place; free again when it is dropped.
pub(super) struct Place {
    places: Arc<Places>,
    lost: Arc<Notify>,
    /// Its turn to lose its place, while it asks nothing.
    turn: Mutex<Option<u64>>,
    is_answered: AtomicBool,
}

impl Place {
    /// Waits until the place is somebody else's.
    pub(super) async fn lost(&self) {
        self.lost.notified().await;
    }

    /// It has asked something: until that is answered it keeps its place. False if it is lost already.
    pub(super) fn asks(&self) -> bool {
        let mut state = self.places.state();
        match self.turn().take() {
            Some(turn) => state.idle.remove(&turn).is_some(),
            None => true,
        }
    }

    /// It was answered, but the answer may not have left yet.
    pub(super) fn is_answered(&self) {
        self.is_answered.store(true, Ordering::Relaxed);
    }

    /// Everything that was written has left: if the answer was whole, it asks nothing now.
    pub(super) fn has_left(&self) {
        if !self.is_answered.swap(false, Ordering::Relaxed) {
            return;
        }
        let mut state = self.places.state();
        let mut turn = self.turn();
        if turn.is_none() {
            *turn = Some(state.sit(&self.lost));
            drop((state, turn));
            self.places.changed.notify_one();
        }
    }

    fn turn(&self) -> MutexGuard<'_, Option<u64>> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.places.state();
        state.taken -= 1;
        if let Some(turn) = self.turn().take() {
            state.idle.remove(&turn);
        }
        drop(state);
        self.places.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    async fn is_lost(place: &Place) -> bool {
        tokio::time::timeout(Duration::from_millis(20), place.lost()).await.is_ok()
    }

    #[tokio::test]
    async fn who_asks_nothing_for_longest_makes_place() {
        let places = Arc::new(Places::new(2));
        let (first, second) = (places.take().await, places.take().await);
        // Having asked, it begins to ask nothing later than the other.
        assert!(first.asks());
        first.is_answered();
        first.has_left();
        let third = tokio::spawn({
            let places = Arc::clone(&places);
            async move { places.take().await }
        });
        second.lost().await;
        assert!(!second.asks(), "what it asks now is not answered");
        assert!(!is_lost(&first).await && !third.is_finished());
        drop(second);
        third.await.unwrap();
    }

    #[tokio::test]
    async fn who_is_being_answered_keeps_its_place_and_others_wait() {
        let places = Arc::new(Places::new(1));
        let first = places.take().await;
        assert!(first.asks());
        let second = tokio::spawn({
            let places = Arc::clone(&places);
            async move { places.take().await }
        });
        first.has_left();
        assert!(!is_lost(&first).await && !second.is_finished());
        first.is_answered();
        assert!(!is_lost(&first).await && !second.is_finished(), "the answer is still on its way");
        first.has_left();
        first.lost().await;
        drop(first);
        second.await.unwrap();
    }
}
