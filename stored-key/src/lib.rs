//! The key pair of a token that makes none and only stores it (Rutoken Lite): made here, kept on the token, read when a
//! signature is needed, used and wiped.
//!
//! [`container`] is the format in which a token keeps it that takes no private key objects.

pub mod container;
mod generator;
mod private_key;
mod verification;

pub use generator::{Generator, SYSTEM_OCTETS};
pub use private_key::{PrivateKey, Secrets, Unusable};
pub use verification::{verify, verify_pss};
