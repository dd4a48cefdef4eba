//! Hears what the other servers on the same database tell, and passes it on inside this one.

use std::sync::Arc;

use tokio::sync::broadcast::error::RecvError;

use crate::{events::Announcement, portal::Portal, store::Change};

/// Passes on until the store ends.
pub async fn listen(portal: Arc<Portal>) {
    let mut changes = portal.store.changes();
    loop {
        match changes.recv().await {
            Ok(change) => pass_on(&portal, change).await,
            // They were hints: whoever needs what was missed looks for itself every few seconds.
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

async fn pass_on(portal: &Portal, change: Change) {
    match change {
        Change::Row(application) => {
            if !portal.announcer.is_heard() {
                return;
            }
            match portal.store.phone_of(application).await {
                Ok(Some(phone)) => portal.announcer.pass_on(Announcement::Row { phone, application }),
                Ok(None) => {}
                Err(error) => tracing::warn!(%error, "a change on another server is shown a little later"),
            }
        }
        Change::SessionEnded(id) => portal.announcer.pass_on(Announcement::SessionEnded(id)),
        Change::IssuanceWaits => portal.issuance_waits.ring(),
        Change::MessageWaits => portal.message_waits.ring(),
        Change::RevocationWaits => portal.publication.revoked(),
    }
}
