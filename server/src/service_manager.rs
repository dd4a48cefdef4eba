//! What systemd is told of the server (sd_notify): that it is ready, that it goes on, that it ends. Without systemd nobody
//! is there to be told.

use sd_notify::{NotifyState, notify, watchdog_enabled};

/// The port is open and the database up to date.
pub(crate) fn ready() {
    tell(NotifyState::Ready);
}

/// What is being answered is brought to its end.
pub(crate) fn ending() {
    tell(NotifyState::Stopping);
}

/// Goes on saying that the server goes on, twice as often as systemd wants to hear it (`WatchdogSec=`). It says that tasks
/// get their turn and no more: a database or an HSM that is away is waited for, and a restart would not bring it back.
pub(crate) async fn pulse() {
    let Some(patience) = watchdog_enabled() else { return };
    let mut beat = tokio::time::interval(patience / 2);
    loop {
        beat.tick().await;
        tell(NotifyState::Watchdog);
    }
}

fn tell(state: NotifyState<'_>) {
    if let Err(error) = notify(&[state]) {
        tracing::warn!(%error, "systemd could not be told");
    }
}
