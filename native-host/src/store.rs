//! The person's certificate store, in which browsers and other programs find the certificate. Trust is never given.
//!
//! Every system's store answers: `add_certificate`, `register_module` and `state` (may other programs use the token's
//! key through the store?), and `parts`, what the store consists of and whether that is there.

#[cfg(not(windows))]
mod nss;
#[cfg(windows)]
mod windows;

#[cfg(not(windows))]
pub use nss::{add_certificate, parts, register_module, state};
#[cfg(windows)]
pub use windows::{add_certificate, parts, register_module, state};
