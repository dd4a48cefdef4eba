//! Which one-time passwords are on their way, and until when another cannot be ordered: kept in the tab, so that a
//! reload changes nothing.

use qcert_protocol::{holder::Phone, portal::RevocationReason};
use uuid::Uuid;

use crate::browser::{Shelf, now};

const PHONE: &str = "qcert.phone";
/// The key under which it is kept when another password for signing in can be ordered.
pub const SIGN_IN: &str = "qcert.resend";
const TYPED: &str = "qcert.typed";

/// A password was sent to this phone; another can be ordered in so many seconds.
pub fn keep_sign_in(phone: &Phone, seconds: u32) {
    Shelf::Tab.set(PHONE, phone.as_str());
    Shelf::Tab.set(TYPED, &phone.pretty());
    keep(SIGN_IN, seconds);
}

/// The phone to which a password was sent.
pub fn sign_in() -> Option<Phone> {
    Phone::parse(&Shelf::Tab.get(PHONE)?).ok()
}

/// The password was used, or the number is being changed.
pub fn forget_sign_in() {
    Shelf::Tab.remove(PHONE);
}

/// The number as it was typed last in this tab.
pub fn typed() -> String {
    Shelf::Tab.get(TYPED).unwrap_or_default()
}

/// Under which key it is kept when another password for this request or certificate can be ordered.
pub fn key(subject: Uuid) -> String {
    format!("{SIGN_IN}.{subject}")
}

/// A password to revoke this certificate was sent for this reason.
pub fn keep_revocation(certificate: Uuid, reason: RevocationReason) {
    Shelf::Tab.set(&revocation_key(certificate), reason.as_str());
}

/// For which reason a password to revoke this certificate was sent last.
pub fn revocation(certificate: Uuid) -> Option<RevocationReason> {
    RevocationReason::parse(&Shelf::Tab.get(&revocation_key(certificate))?)
}

fn revocation_key(certificate: Uuid) -> String {
    format!("qcert.revocation.{certificate}")
}

/// A password was sent; another can be ordered in so many seconds.
pub fn keep(key: &str, seconds: u32) -> f64 {
    let deadline = now() + f64::from(seconds) * 1000.0;
    Shelf::Tab.set(key, &(deadline as u64).to_string());
    deadline
}

/// From when another password can be ordered (milliseconds since 1970).
pub fn deadline(key: &str) -> f64 {
    Shelf::Tab.get(key).and_then(|text| text.parse::<u64>().ok()).unwrap_or_default() as f64
}
