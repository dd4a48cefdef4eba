//! Questions about certificates' states and their answers: OCSP, RFC 6960, with the nonce of RFC 9654.
//!
//! The way of a question: [`Request::parse`] reads it; who answers finds the issuer of each [`CertId`] by
//! [`CertId::is_issued_by`] and the state in the registry, writes [`ResponseData::to_be_signed`], lets the responder's
//! key sign it, and puts the answer together with [`successful`]. A question that has no such answer gets a
//! [`Refusal`]. The responder's own certificate is [`ResponderCertificate`].

mod cert_id;
mod request;
mod responder;
mod response;

pub use cert_id::{CertId, HashAlgorithm, IssuerHashes};
pub use request::{MAX_CERTIFICATES, MAX_NONCE, Request};
pub use responder::ResponderCertificate;
pub use response::{Refusal, ResponseData, SingleResponse, Status, successful};
