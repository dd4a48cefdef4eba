//! What everybody may know about a certificate: the revocation lists.

use tokio::sync::Notify;

/// What one process keeps in memory of what is published. All of it can be made anew from the store.
#[derive(Default)]
pub struct Publication {
    /// Rings when a certificate was revoked, and its list is stale.
    pub waits: Notify,
}
