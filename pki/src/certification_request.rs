//! Certification requests, PKCS#10 (RFC 2986). A request proves the possession of a key; the authority believes
//! nothing else in it, so name and attributes have no accessors here.

use der::Encode;
use qcert_protocol::{ErrorCode, portal::MAX_REQUEST_DER};
use x509_cert::request::CertReq;

use crate::{PublicKey, SignatureAlgorithm, strict};

/// A request whose signature was made with its own key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificationRequest {
    public_key: PublicKey,
    signature_algorithm: SignatureAlgorithm,
}

impl CertificationRequest {
    /// Reads a request in strict DER, with nothing after it and no attribute twice, and checks its signature.
    ///
    /// # Errors
    /// `request_too_large`, `request_not_der`, `request_trailing_bytes`, `request_attribute_repeated` or
    /// `request_malformed`; those of [`PublicKey::from_spki_der`]; `signature_algorithm_unsupported` or
    /// `proof_of_possession_failed`.
    pub fn parse_and_verify(der: &[u8]) -> Result<Self, ErrorCode> {
        if der.len() > MAX_REQUEST_DER {
            return Err(ErrorCode::RequestTooLarge);
        }
        let request: CertReq = strict::decode(der)?;
        check_attributes(&request)?;
        let spki = request.info.public_key.to_der().map_err(|_| ErrorCode::RequestMalformed)?;
        let public_key = PublicKey::from_spki_der(&spki)?;
        let signature_algorithm = SignatureAlgorithm::from_identifier(&request.algorithm)?;
        let info = request.info.to_der().map_err(|_| ErrorCode::RequestMalformed)?;
        let signature = request.signature.as_bytes().ok_or(ErrorCode::RequestMalformed)?;
        public_key.verify(signature_algorithm, &info, signature)?;
        Ok(Self { public_key, signature_algorithm })
    }

    /// The key that the request was signed with.
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// The algorithm of the request's own signature.
    pub fn signature_algorithm(&self) -> SignatureAlgorithm {
        self.signature_algorithm
    }
}

/// Every attribute once, and none without a value (RFC 2986 §4.1: `SET SIZE(1..MAX)`).
fn check_attributes(request: &CertReq) -> Result<(), ErrorCode> {
    let attributes = &request.info.attributes;
    if !strict::all_differ(attributes.iter().map(|attribute| attribute.oid)) {
        return Err(ErrorCode::RequestAttributeRepeated);
    }
    if attributes.iter().any(|attribute| attribute.values.is_empty()) {
        return Err(ErrorCode::RequestMalformed);
    }
    Ok(())
}
