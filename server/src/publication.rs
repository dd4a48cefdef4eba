//! What everybody may know about a certificate: revocation lists (RFC 5280 §5) and answers to questions (OCSP, RFC
//! 6960). Lists are committed to the store, and every server serves them from there; answers are signed when somebody
//! asks.

pub mod lists;
pub mod ocsp;
mod responder;

use tokio::sync::Notify;

/// What one process keeps in memory of what is published. All of it can be made anew from the store.
#[derive(Default)]
pub struct Publication {
    /// Rings when a certificate was revoked, and its list is stale.
    pub waits: Notify,
    lists: lists::Cache,
    answers: ocsp::Cache,
    responders: responder::Responders,
}

impl Publication {
    /// A certificate was revoked: what is remembered may be wrong, and a list is stale.
    pub fn revoked(&self) {
        self.forget();
        self.waits.notify_one();
    }

    /// Forgets what may be asked of the store again.
    fn forget(&self) {
        self.lists.clear();
        self.answers.clear();
    }
}
