//! Names, requests, certificates and revocation lists as DER: build, parse, check.
//!
//! The way of a certificate through this crate: [`CertificationRequest::parse_and_verify`] takes the public key out of
//! a request, [`certificate::qualified_to_be_signed`] builds the bytes to be signed from the application that the
//! authority holds, [`profile_check::check_qualified`] reads them again with other code, a [`Signer`] signs them
//! elsewhere, and [`assemble`] puts the certificate together.
//!
//! **Architecture invariants:** no keys, no files, no network, no clock, no randomness. A certificate is built from the
//! application; a request gives its public key and nothing else. An algorithm is a value, not an assumption.

pub mod authority;
pub mod certificate;
pub mod certification_request;
pub mod crl;
mod error;
mod extensions;
mod name;
pub mod ocsp;
mod oid;
pub mod profile_check;
pub mod public_key;
pub mod serial;
pub mod signature_algorithm;
pub mod signer;
mod strict;
mod to_be_signed;

pub use authority::{AuthorityCertificate, AuthorityName};
pub use certificate::{Certificate, Issuance, IssuerSignTool, Profile, ToolClass};
pub use certification_request::CertificationRequest;
pub use error::{BuildError, ReadError};
pub use profile_check::Finding;
pub use public_key::{Algorithm, PublicKey};
pub use serial::Serial;
pub use signature_algorithm::SignatureAlgorithm;
pub use signer::{SignError, Signer};
pub use to_be_signed::assemble;
