//! What a monitor asks of the store.

use time::OffsetDateTime;

/// How far behind the work is, and what the database says of the time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Since when the oldest text message waits.
    pub message: Option<OffsetDateTime>,
    /// When the oldest request was confirmed that is to be issued.
    pub issuance: Option<OffsetDateTime>,
    /// When the oldest request was confirmed that waits for approval.
    pub approval: Option<OffsetDateTime>,
    /// What time it is by the database's own clock, if it has one.
    pub database_time: Option<OffsetDateTime>,
    /// When the newest row of the audit was written, if the database has no clock: by whom if not by us?
    pub last_event: Option<OffsetDateTime>,
}
