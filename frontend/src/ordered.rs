//! Which one-time passwords are on their way, and until when another cannot be ordered: kept in the tab, so that a
//! reload changes nothing.

use qcert_protocol::holder::Phone;
use uuid::Uuid;

use crate::browser::{Shelf, now};

const PHONE: &str = "qcert.phone";
const SIGN_IN: &str = "qcert.resend";
const TYPED: &str = "qcert.typed";

/// A password was sent to this phone; another can be ordered in so many seconds.
pub fn keep_sign_in(phone: &Phone, seconds: u32) -> f64 {
    Shelf::Tab.set(PHONE, phone.as_str());
    Shelf::Tab.set(TYPED, &phone.pretty());
    keep(SIGN_IN, seconds)
}

/// The phone to which a password was sent, and from when another can be ordered (milliseconds since 1970).
pub fn sign_in() -> Option<(Phone, f64)> {
    let phone = Phone::parse(&Shelf::Tab.get(PHONE)?).ok()?;
    Some((phone, deadline(SIGN_IN)))
}

/// The password was used, or the number is being changed.
pub fn forget_sign_in() {
    Shelf::Tab.remove(PHONE);
}

/// The number as it was typed last in this tab.
pub fn typed() -> String {
    Shelf::Tab.get(TYPED).unwrap_or_default()
}

/// A password for this request was sent; another can be ordered in so many seconds.
pub fn keep_confirmation(request: Uuid, seconds: u32) -> f64 {
    keep(&format!("qcert.resend.{request}"), seconds)
}

/// From when another password for this request can be ordered.
pub fn confirmation(request: Uuid) -> f64 {
    deadline(&format!("qcert.resend.{request}"))
}

fn keep(key: &str, seconds: u32) -> f64 {
    let deadline = now() + f64::from(seconds) * 1000.0;
    Shelf::Tab.set(key, &(deadline as u64).to_string());
    deadline
}

fn deadline(key: &str) -> f64 {
    Shelf::Tab.get(key).and_then(|text| text.parse::<u64>().ok()).unwrap_or_default() as f64
}
