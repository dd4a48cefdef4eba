//! The audit: what was done to applications, requests and certificates, as a chain of hashes. A row that is changed
//! or taken out breaks every hash after it. The store appends a row in the transaction of what it tells about.

use std::net::IpAddr;

use ring::digest::{Context, SHA256, SHA256_OUTPUT_LEN};
use uuid::Uuid;

use crate::store::AuditRow;

/// Who does something, and from where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// An operator's name, [`Self::HOLDER`] or [`Self::SERVER`].
    pub who: String,
    /// The client's address, [`Self::COMMAND_LINE`], or nothing if the server does it by itself.
    pub from: String,
}

impl Actor {
    /// Whoever is signed in with a phone, or wants to be.
    pub const HOLDER: &str = "holder";
    /// The server, which was asked by nobody.
    pub const SERVER: &str = "server";
    /// Where commands come from.
    pub const COMMAND_LINE: &str = "command line";

    /// Somebody at the portal, by the address that the request came from.
    pub fn holder(address: IpAddr) -> Self {
        Self::operator(Self::HOLDER, address)
    }

    /// An operator who shows a token.
    pub fn operator(name: &str, address: IpAddr) -> Self {
        Self { who: name.to_owned(), from: address.to_string() }
    }

    /// Whoever types a command, by the name that was typed with it.
    pub fn at_command_line(name: &str) -> Self {
        Self { who: name.to_owned(), from: Self::COMMAND_LINE.to_owned() }
    }

    /// The server by itself.
    pub fn server() -> Self {
        Self { who: Self::SERVER.to_owned(), from: String::new() }
    }
}

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
