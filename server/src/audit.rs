//! The audit: what was done to applications, requests and certificates, as a chain of hashes. A row that is changed
//! or taken out breaks every hash after it. The store appends a row in the transaction of what it tells about.

use ring::digest::{Context, SHA256, SHA256_OUTPUT_LEN};
use uuid::Uuid;

use crate::store::AuditRow;

/// The hash of a row: SHA-256 of the hash before it (32 zero bytes for the first), the time in milliseconds, the
/// event, the subject and the detail, each text with its length.
pub fn chained(previous: &[u8], millis: i64, event: &str, subject: Uuid, detail: &str) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(previous);
    context.update(&millis.to_be_bytes());
    for part in [event.as_bytes(), subject.as_bytes(), detail.as_bytes()] {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

/// Is every hash what it should be?
pub fn is_whole(rows: &[AuditRow]) -> bool {
    let mut previous = [0; SHA256_OUTPUT_LEN];
    rows.iter().all(|row| {
        let millis = i64::try_from(row.at.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX);
        previous = chained(&previous, millis, &row.event, row.subject, &row.detail);
        previous == row.hash
    })
}
