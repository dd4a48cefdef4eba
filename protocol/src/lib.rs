//! Every type that crosses a boundary of Qcert: bodies of the portal's API, messages to the workstation, error
//! codes, and a holder's data, validated once and carried as itself.
//!
//! **Architecture invariant:** no I/O, no async, no clock. The page, the host and the server all compile it.

pub mod activation;
pub mod application;
pub mod bytes;
pub mod code;
pub mod container;
pub mod holder;
pub mod key;
pub mod operator;
pub mod pin;
pub mod portal;
mod whole_number;
pub mod workstation;

pub use activation::{Activation, ActivationCode};
pub use application::{ApplicationState, HolderData, HolderKind};
pub use bytes::Base64;
pub use code::ErrorCode;
pub use container::ContainerName;
pub use key::{KeyAlgorithm, KeyCode, KeyId};
pub use pin::Pin;

/// Major version of the workstation protocol. Page, extension and host speak to each other when it is equal.
pub const PROTOCOL_VERSION: u32 = 1;

/// Minor version: it grows when a command is added, or a member of an answer. Who has a larger one does without what
/// the other does not know.
pub const PROTOCOL_MINOR: u32 = 2;
