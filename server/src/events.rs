//! Tells open pages which rows changed. A copy that misses an announcement catches up: the row's state is in the
//! store, and every new connection begins with all rows.

use std::sync::Arc;

use qcert_protocol::holder::Phone;
use tokio::sync::broadcast;
use uuid::Uuid;

use crate::store::{Change, Store};

/// How many announcements a slow page may fall behind before it is sent all rows anew.
const CAPACITY: usize = 256;

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Announcement {
    /// A row changed.
    Row {
        /// Whose.
        phone: Phone,
        /// Which application.
        application: Uuid,
    },
    /// A session ended.
    SessionEnded(Uuid),
    /// The server is about to end.
    Closing,
}

/// Where announcements are made and heard.
#[derive(Clone)]
pub struct Announcer {
    local: broadcast::Sender<Announcement>,
    /// Tells the other servers on the database.
    store: Option<Arc<dyn Store>>,
}

impl Default for Announcer {
    /// Announces within this process.
    fn default() -> Self {
        Self { local: broadcast::channel(CAPACITY).0, store: None }
    }
}

impl Announcer {
    /// Announces to the other servers on the database as well.
    pub fn telling(store: Arc<dyn Store>) -> Self {
        Self { store: Some(store), ..Self::default() }
    }

    /// Announces; nobody need be listening.
    pub fn announce(&self, announcement: Announcement) {
        if let Some(store) = &self.store {
            match &announcement {
                Announcement::Row { application, .. } => store.announce(Change::Row(*application)),
                Announcement::SessionEnded(id) => store.announce(Change::SessionEnded(*id)),
                Announcement::Closing => {}
            }
        }
        self.pass_on(announcement);
    }

    /// Announces a changed row.
    pub fn row(&self, phone: &Phone, application: Uuid) {
        self.announce(Announcement::Row { phone: phone.clone(), application });
    }

    /// Announces within this process what another one told.
    pub fn pass_on(&self, announcement: Announcement) {
        let _ = self.local.send(announcement);
    }

    /// Is anybody listening?
    pub fn is_heard(&self) -> bool {
        self.local.receiver_count() > 0
    }

    /// Listens from now on.
    pub fn listen(&self) -> broadcast::Receiver<Announcement> {
        self.local.subscribe()
    }
}
