//! Activation codes: made for applications, and tried.

use qcert_protocol::holder::Phone;
use time::OffsetDateTime;
use uuid::Uuid;

use super::Rate;
use crate::audit::Actor;

/// Activation codes to be recorded.
#[derive(Clone, Debug)]
pub struct NewActivationCodes<'a> {
    /// For which applications, with the keyed hash of each code.
    pub codes: &'a [(Uuid, [u8; 32])],
    /// How many wrong codes each application may be given.
    pub tries: u32,
    /// Also in place of one that was not entered yet?
    pub replaces: bool,
    /// The states in which an application takes one.
    pub from: &'a [&'a str],
    /// Who makes them, for the audit.
    pub by: &'a Actor,
    /// When.
    pub now: OffsetDateTime,
}

/// A try at an application's activation code.
#[derive(Clone, Debug)]
pub struct ActivationAttempt {
    /// Which application.
    pub application: Uuid,
    /// Whose it is; it is activated for this phone alone.
    pub phone: Phone,
    /// Keyed hash of what was typed.
    pub hash: [u8; 32],
    /// Counted first.
    pub rate: Rate,
    /// Who tries it, for the audit.
    pub by: Actor,
    /// When.
    pub now: OffsetDateTime,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActivationAttempted {
    /// A rate is reached, in a window that began then; nothing was compared.
    Limited(OffsetDateTime),
    /// There is no code for the application and its phone.
    NoCode,
    /// Its tries were taken before.
    Exhausted,
    /// It is not the code, and so many tries are left.
    Wrong(u32),
    /// The application is activated, by this or before.
    Done,
}
