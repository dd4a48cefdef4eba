//! The native messaging host: it owns the token. It lists and watches tokens, makes key pairs and requests,
//! installs certificates, and registers itself with browsers.
//!
//! **Architecture invariant:** it never talks to the network, and opens no key for an origin that the administrator
//! did not allow.

pub mod access;
pub mod carrier;
pub mod clock;
pub mod command_line;
pub mod configuration;
pub mod confinement;
pub mod doctor;
pub mod failure;
pub mod frame;
pub mod functions;
pub mod in_ram;
pub mod link;
pub mod log;
pub mod memory_limit;
pub mod messaging;
pub mod module;
pub mod operation;
pub mod places;
pub mod registration;
pub mod secret_value;
pub mod store;
pub mod stored;
pub mod streams;
pub mod survey;
pub mod token_key;
pub mod worker;
pub mod workers;

/// The extension's id in Chromium and its kin: the first 32 hexadecimal digits of the SHA-256 of the manifest's
/// `key`, written with the letters a to p.
pub const EXTENSION_ID: &str = "janafhkdmnhiphgcpjmeohjibkidkkib";

/// The extension's id in Firefox.
pub const FIREFOX_EXTENSION_ID: &str = "portal@qcert.ru";
