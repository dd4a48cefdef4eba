//! One-time passwords, and how often they may be ordered and tried, as the store keeps them.

use qcert_protocol::holder::Phone;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// What a one-time password is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Begins a session.
    SignIn,
    /// Confirms one digest of one request in one session.
    Confirmation,
    /// Revokes one certificate for one reason in one session.
    Revocation,
}

impl Purpose {
    /// The name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SignIn => "signIn",
            Self::Confirmation => "confirmation",
            Self::Revocation => "revocation",
        }
    }
}

/// Which passwords stand for each other: a phone's for signing in, or a request's or certificate's in one session.
#[derive(Clone, Debug, PartialEq)]
pub struct PasswordScope {
    /// Whose.
    pub phone: Phone,
    /// What for.
    pub purpose: Purpose,
    /// The request or certificate, and the session; none for signing in.
    pub subject: Option<(Uuid, Uuid)>,
}

/// A one-time password to be recorded.
#[derive(Clone, Debug)]
pub struct NewPassword {
    /// Which.
    pub id: Uuid,
    /// What it is good for.
    pub scope: PasswordScope,
    /// The digest that it confirms.
    pub digest: Option<[u8; 32]>,
    /// Keyed hash of the password.
    pub hash: [u8; 32],
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// When it is too old.
    pub expires_at: OffsetDateTime,
}

/// How often something may happen to a subject.
#[derive(Clone, Debug)]
pub struct Rate {
    /// To whom or what, as a keyed hash says it.
    pub subject: String,
    /// So often in each window.
    pub limit: u32,
    /// How long a window is.
    pub window: Duration,
}

/// How many wrong passwords are put up with. A phone's are counted in a row, whatever they were tried for, until a
/// right one comes or an operator forgives them.
#[derive(Clone, Debug)]
pub struct TryLimits {
    /// So many tries a password is given, and so many a phone before it has to wait.
    pub tries: u32,
    /// How long a phone waits after so many wrong ones, after twice as many, and so on; the last of these ever after.
    pub waits: Vec<Duration>,
    /// With so many a phone is locked.
    pub most: u32,
}

/// The wrong passwords of a phone, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failures {
    /// How many.
    pub count: u32,
    /// No password is tried or ordered before this time.
    pub rests_until: OffsetDateTime,
}

impl TryLimits {
    /// A phone's failures with another one.
    pub(in crate::store) fn another(&self, before: Failures, now: OffsetDateTime) -> Failures {
        let count = before.count + 1;
        if !count.is_multiple_of(self.tries) {
            return Failures { count, ..before };
        }
        let wait = self.waits.get((count / self.tries) as usize - 1).or(self.waits.last());
        Failures { count, rests_until: now + wait.copied().unwrap_or_default() }
    }
}

/// What an order of a password is held to.
#[derive(Clone, Debug)]
pub struct OrderLimits {
    /// How long after the latest of the scope that can still be used.
    pub interval: Duration,
    /// While a phone waits, or is locked, another password would be of no use.
    pub tries: TryLimits,
    /// Counted in this order, up to the first that is reached.
    pub rates: Vec<Rate>,
}

/// What became of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordOrder {
    /// Recorded.
    Ordered,
    /// Not recorded: the phone is locked.
    Locked,
    /// Not recorded: the phone waits until then.
    Exhausted(OffsetDateTime),
    /// Not recorded: another one was made at this time.
    TooEarly(OffsetDateTime),
    /// Not recorded: a rate is reached, in a window that began then.
    Limited(OffsetDateTime),
}

/// A try at the passwords of a scope.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Whose passwords.
    pub scope: PasswordScope,
    /// Counted first.
    pub rate: Rate,
    /// What password and phone are held to.
    pub limits: TryLimits,
}

/// What became of a try before anything was compared.
#[derive(Clone, Debug)]
pub enum Attempted {
    /// A rate is reached, in a window that began then.
    Limited(OffsetDateTime),
    /// The scope has no password; no try was taken.
    NotOrdered,
    /// The phone is locked; no try was taken.
    Locked,
    /// No try is left, and another password cannot be ordered before then.
    Exhausted(OffsetDateTime),
    /// A try was taken.
    Taken {
        /// The phone's failures if this is another one.
        failures: Failures,
        /// The passwords of the scope, newest first, ten at most, and one at least.
        passwords: Vec<Password>,
    },
}

/// Where a one-time password stands; its age is another matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordState {
    /// Can be used.
    Active,
    /// A later one took its place.
    Superseded,
    /// Was used.
    Used,
}

/// A recorded one-time password.
#[derive(Clone, Debug)]
pub struct Password {
    /// Which.
    pub id: Uuid,
    /// The digest that it confirms.
    pub digest: Option<[u8; 32]>,
    /// Keyed hash of the password.
    pub hash: [u8; 32],
    /// Where it stands.
    pub state: PasswordState,
    /// How many tries it was given.
    pub tries: u32,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// When it is too old.
    pub expires_at: OffsetDateTime,
}
