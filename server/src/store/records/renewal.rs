//! Renewals: another application for the holder of one that ends, and how the old key identifies its holder.

use qcert_protocol::{HolderData, holder::Phone};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::audit::Actor;

/// An application in place of another.
#[derive(Clone)]
pub struct NewRenewal {
    /// The id it gets.
    pub id: Uuid,
    /// The numbers it may get; it gets the first that nobody has.
    pub numbers: Vec<String>,
    /// The application that it renews, and that gives it everything else.
    pub of: Uuid,
    /// Its revision when it was found fit to be renewed.
    pub revision: i64,
    /// Whose it was then.
    pub phone: Phone,
    /// Its data then.
    pub holder: HolderData,
    /// The states of an application that does not go on: whatever it renewed can be renewed again.
    pub over: &'static [&'static str],
    /// Who renews.
    pub by: Actor,
    /// When.
    pub now: OffsetDateTime,
}

/// What became of a renewal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewed {
    /// The new application is there.
    Done,
    /// Another one that goes on renews the same.
    There,
    /// The old one is of another revision by now.
    Changed,
    /// Others have all of the numbers.
    NumbersTaken,
}

/// A signature by the key of the certificate that is renewed, which identifies the holder of a request.
#[derive(Clone, Debug)]
pub struct Proof {
    /// The certificate.
    pub certificate: Uuid,
    /// Its serial number, for the audit.
    pub serial: String,
    /// What was signed, beside what is known: the nonce.
    pub nonce: [u8; 32],
    /// The signature.
    pub signature: Vec<u8>,
    /// The application of that certificate, and its revision when the proof was checked.
    pub renewed: (Uuid, i64),
    /// The revision of the request's application then.
    pub revision: i64,
}
