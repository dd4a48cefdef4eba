//! How those who work as long as the server does are told that it ends.

use tokio::sync::watch;

/// Tells it; dropped, it tells it too.
pub struct Teller(watch::Sender<bool>);

/// Whoever has it is told.
#[derive(Clone)]
pub struct End(watch::Receiver<bool>);

/// Somebody who tells, and whoever is told.
pub fn end() -> (Teller, End) {
    let (teller, end) = watch::channel(false);
    (Teller(teller), End(end))
}

impl Teller {
    /// Tells everybody, also those who ask later.
    pub fn tell(&self) {
        self.0.send_replace(true);
    }
}

impl End {
    /// Was it told?
    pub fn is_told(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }

    /// Waits until it is told.
    pub async fn told(&mut self) {
        // An error says that nobody is there any more who could tell.
        let _ = self.0.wait_for(|told| *told).await;
    }
}
