//! The chain: each event's code covers all of the event and the code of the event before it, under a key that is not in
//! the database. Whoever can write there alone can neither change nor add an event.

use ring::{
    digest::{Context, SHA256},
    hmac,
};
use uuid::Uuid;

use crate::store::AuditRow;

/// Before the first event.
pub const BEGINNING: [u8; 32] = [0; 32];
/// What is authenticated begins so, and is nothing else under the same key.
const DOMAIN: &[u8] = b"qcert-audit-v1";

/// What the codes are made with.
#[derive(Clone)]
pub struct Key(hmac::Key);

impl Key {
    /// A key of 32 bytes.
    pub fn new(bytes: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// The code of an event after another: HMAC-SHA-256 of `qcert-audit-v1`, the code before (32 zero bytes for the
    /// first), then place, time in milliseconds and sequence as 64 bits each, then node, event, subject (16 bytes), who,
    /// from where, outcome and detail, each with its length in 64 bits. Numbers have their first byte first.
    pub fn mac(&self, previous: &[u8; 32], row: &AuditRow) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(DOMAIN);
        context.update(previous);
        for number in [row.place, row.millis(), row.sequence] {
            context.update(&number.to_be_bytes());
        }
        let AuditRow { node, event, subject, by, outcome, detail, .. } = row;
        for part in [node.as_bytes(), event.as_bytes(), subject.as_bytes()] {
            sized(&mut context, part);
        }
        for part in [&by.who, &by.from, outcome, detail] {
            sized(&mut context, part.as_bytes());
        }
        let mut mac = [0; 32];
        mac.copy_from_slice(context.sign().as_ref());
        mac
    }

    /// Does an event stand after one with this code? What was written before there was a key has a hash.
    pub fn fits(&self, previous: &[u8; 32], row: &AuditRow) -> bool {
        let expected = if row.is_of_before() { before(previous, row) } else { self.mac(previous, row) };
        expected == row.mac
    }
}

fn sized(context: &mut hmac::Context, part: &[u8]) {
    context.update(&(part.len() as u64).to_be_bytes());
    context.update(part);
}

/// How events were chained before there was a key.
fn before(previous: &[u8; 32], row: &AuditRow) -> [u8; 32] {
    hashed(previous, row.millis(), &row.event, row.subject, &row.detail)
}

/// The hash of an event before there was a key: SHA-256 of the hash before it, the time in milliseconds, the event, the
/// subject and the detail, each text with its length.
pub fn hashed(previous: &[u8], millis: i64, event: &str, subject: Uuid, detail: &str) -> [u8; 32] {
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
