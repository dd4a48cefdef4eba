//! Tells open pages which rows changed. A copy that misses an announcement catches up: the row's state is in the
//! store, and every new connection begins with all rows.

use qcert_protocol::holder::Phone;
use tokio::sync::broadcast;
use uuid::Uuid;

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
pub struct Announcer(broadcast::Sender<Announcement>);

impl Default for Announcer {
    fn default() -> Self {
        Self(broadcast::channel(CAPACITY).0)
    }
}

impl Announcer {
    /// Announces; nobody need be listening.
    pub fn announce(&self, announcement: Announcement) {
        let _ = self.0.send(announcement);
    }

    /// Announces a changed row.
    pub fn row(&self, phone: &Phone, application: Uuid) {
        self.announce(Announcement::Row { phone: phone.clone(), application });
    }

    /// Listens from now on.
    pub fn listen(&self) -> broadcast::Receiver<Announcement> {
        self.0.subscribe()
    }
}
