//! Events of the audit.

use time::OffsetDateTime;
use uuid::Uuid;

use crate::audit::{Actor, head::Head};

/// An event in the audit. One of the time before the chain had a key has no actor, no outcome and no server.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditRow {
    /// Its place in the chain, from 1.
    pub place: i64,
    /// When.
    pub at: OffsetDateTime,
    /// The server that tells it.
    pub node: String,
    /// Its number among that server's events, from 1.
    pub sequence: i64,
    /// What.
    pub event: String,
    /// On whom: an application, a request, a certificate, a session, an operator; nil if it has no id.
    pub subject: Uuid,
    /// Who, and from where.
    pub by: Actor,
    /// What came of it: `done`, or `refused` and the code.
    pub outcome: String,
    /// Particulars; no personal data.
    pub detail: String,
    /// Covers all of it, and the code before it.
    pub mac: [u8; 32],
}

impl AuditRow {
    /// Was it written before the chain had a key?
    pub fn is_of_before(&self) -> bool {
        self.node.is_empty()
    }

    /// Its time as the chain covers it: milliseconds since 1970.
    pub fn millis(&self) -> i64 {
        i64::try_from(self.at.unix_timestamp_nanos().div_euclid(1_000_000)).unwrap_or(i64::MAX)
    }
}

impl From<AuditRow> for Head {
    fn from(row: AuditRow) -> Self {
        Self { place: row.place, node: row.node, sequence: row.sequence, mac: row.mac }
    }
}
