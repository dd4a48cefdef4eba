//! What became of a certificate in this computer's store, kept in the tab: the portal is told yes or no, the person
//! is told why.

use qcert_protocol::ErrorCode;
use uuid::Uuid;

use crate::browser::Shelf;

/// Remembers how it went.
pub fn keep(certificate: Uuid, store_error: Option<ErrorCode>) {
    Shelf::Tab.set(&key(certificate), store_error.map_or("", ErrorCode::as_str));
}

/// How it went: nothing if it was not installed in this tab; `Some(None)` if it is in the store.
pub fn store_error(certificate: Uuid) -> Option<Option<ErrorCode>> {
    let name = Shelf::Tab.get(&key(certificate))?;
    Some(ErrorCode::ALL.iter().copied().find(|code| code.as_str() == name))
}

fn key(certificate: Uuid) -> String {
    format!("qcert.store.{certificate}")
}
