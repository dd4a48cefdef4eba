//! The audit: who did what, on whom, from where, and what came of it. Events are only appended, in the transaction of
//! what they tell about, and are closed into a chain ([`chain`]) under a key that is outside the database. What the
//! chain cannot show by itself, that its end was cut off, a head outside the database shows ([`head`]).
//!
//! **Architecture invariant:** no event has a one-time password, a PIN, a token or a whole phone in it.

pub mod chain;
pub mod event;
pub mod export;
pub mod head;
pub mod refusals;
pub mod verify;

use std::{fmt, net::IpAddr, path::PathBuf};

use qcert_protocol::ErrorCode;

pub use chain::Key;
pub use event::Event;

/// Who does something, and from where.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Actor {
    /// An operator's name, or one of those that no operator has.
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
    /// Whoever shows a token that is nobody's.
    pub const NOBODY: &str = "nobody";
    /// Whom a command names if nobody is named.
    pub const OPERATOR: &str = "operator";

    /// Names that no operator has, for the audit means something else by them.
    pub fn is_reserved(name: &str) -> bool {
        let name = name.to_lowercase();
        [Self::HOLDER, Self::SERVER, Self::COMMAND_LINE, Self::NOBODY, Self::OPERATOR].contains(&name.as_str())
    }

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

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was refused, and this is what whoever wanted it was told.
    Refused(ErrorCode),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("done"),
            Self::Refused(code) => write!(f, "refused {code}"),
        }
    }
}

/// An event that tells of nothing that the store changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// What.
    pub event: Event,
    /// On whom: an id of whatever it is about, nil if that has none.
    pub subject: uuid::Uuid,
    /// Particulars.
    pub detail: String,
    /// Who, and from where.
    pub by: Actor,
    /// What came of it.
    pub outcome: Outcome,
}

/// What a server keeps the audit with.
#[derive(Clone)]
pub struct Keeper {
    /// The server's name in the audit: one word.
    pub node: String,
    /// What the chain is under.
    pub key: Key,
    /// Where the chain's head is written down; nowhere if there is none.
    pub head: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_says_what_was_told() {
        assert_eq!(Outcome::Done.to_string(), "done");
        assert_eq!(Outcome::Refused(ErrorCode::OtpWrong).to_string(), "refused otp_wrong");
    }
}
