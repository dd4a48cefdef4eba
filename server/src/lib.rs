//! The portal's server: applications, one-time passwords, sessions, issuance, the authority, the registry of
//! certificates, the audit.
//!
//! `api` is the only room that knows HTTP, `store` the only one that knows SQL; what is between them is the domain,
//! which is given the clock and randomness.
//!
//! **Architecture invariant:** a certificate is built from the application that the authority holds; of a request, the
//! public key alone is used.

pub mod activation;
pub mod api;
pub mod applications;
pub mod approval;
pub mod audit;
pub mod bell;
pub mod blocked_key;
pub mod ca;
pub mod certificate_request;
pub mod client_address;
pub mod clock;
pub mod command_line;
pub mod config;
pub mod config_check;
pub mod end;
pub mod error;
pub mod events;
pub mod files;
pub mod health;
mod hex;
pub mod issuance;
pub mod listener;
pub mod logging;
pub mod metrics;
pub mod neighbours;
pub mod one_time_password;
pub mod operators;
pub mod portal;
pub mod publication;
pub mod randomness;
pub mod renewal;
pub mod revocation;
pub mod secrets;
pub mod serve;
mod service_manager;
pub mod session;
pub mod sms;
pub mod store;
mod strict_json;
