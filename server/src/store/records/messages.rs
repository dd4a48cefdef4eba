//! Text messages, as the store keeps them.

use time::OffsetDateTime;

/// A sealed text message whose turn has come.
#[derive(Clone, Debug)]
pub struct QueuedMessage {
    /// Which.
    pub id: i64,
    /// The message.
    pub sealed: Vec<u8>,
    /// When its password is too old.
    pub expires_at: OffsetDateTime,
    /// How often it was taken, this time included.
    pub attempts: u32,
    /// The gateway that it was handed to by somebody who never said what came of it.
    pub handed_to: Option<String>,
}

/// What is known of a text message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageState {
    /// It waits for its turn.
    Waiting,
    /// It is being handed to a gateway.
    Sending,
    /// A gateway took it.
    Accepted,
    /// A gateway says that the phone has it.
    Delivered,
    /// A gateway says that the phone will not get it.
    Undelivered,
    /// No gateway wanted it.
    Refused,
    /// Its password became too old before any gateway took it.
    Expired,
    /// It was handed to a gateway, and nobody knows whether it was taken. It is not sent again.
    Unknown,
    /// A later password took its password's place before any gateway was handed it.
    Superseded,
}

impl MessageState {
    const ALL: [(Self, &'static str); 9] = [
        (Self::Waiting, "waiting"),
        (Self::Sending, "sending"),
        (Self::Accepted, "accepted"),
        (Self::Delivered, "delivered"),
        (Self::Undelivered, "undelivered"),
        (Self::Refused, "refused"),
        (Self::Expired, "expired"),
        (Self::Unknown, "unknown"),
        (Self::Superseded, "superseded"),
    ];

    /// The name in the database, and for the operator.
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(state, _)| *state == self).map_or("", |(_, name)| name)
    }

    /// Reads [`Self::as_str`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, name)| *name == text).map(|(state, _)| *state)
    }
}

/// What became of a leased message.
#[derive(Clone, Debug, PartialEq)]
pub struct SettledMessage {
    /// Which.
    pub id: i64,
    /// What became of it.
    pub settlement: Settlement,
    /// The gateway that had it last.
    pub gateway: Option<String>,
    /// What went wrong, as a code; never words of a gateway, which may repeat the message.
    pub problem: Option<String>,
    /// The names that the gateway gave to it, or to its parts.
    pub references: Vec<String>,
}

/// How a lease of a message ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// Nobody was to get it; it is forgotten.
    Discarded,
    /// Not sent, for certain; it is tried again then.
    Postponed(OffsetDateTime),
    /// Nothing more is done about it, and its text is erased.
    Ended(MessageState),
}

impl Settlement {
    /// The state in the database, and when the message is due again.
    pub(in crate::store) fn columns(self) -> (&'static str, Option<OffsetDateTime>) {
        match self {
            Self::Discarded => ("discarded", None),
            Self::Postponed(until) => (MessageState::Waiting.as_str(), Some(until)),
            Self::Ended(state) => (state.as_str(), None),
        }
    }
}

/// A text message, for the operator: everything but its text.
#[derive(Clone, Debug, PartialEq)]
pub struct MessageRecord {
    /// Which.
    pub id: i64,
    /// To whom; unknown of one from before phones were kept.
    pub phone: Option<String>,
    /// What its password is for, as [`super::Purpose`] says it.
    pub purpose: Option<String>,
    /// What is known of it.
    pub state: MessageState,
    /// When it was ordered.
    pub created_at: OffsetDateTime,
    /// When its password is too old.
    pub expires_at: OffsetDateTime,
    /// How often it was tried.
    pub attempts: u32,
    /// The gateway that had it last.
    pub gateway: Option<String>,
    /// What went wrong, as a code.
    pub problem: Option<String>,
    /// Since when its state is as it is, if it is not on its way.
    pub settled_at: Option<OffsetDateTime>,
}
