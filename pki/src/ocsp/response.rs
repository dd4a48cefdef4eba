//! Answers: OCSPResponse, RFC 6960 §4.2.

use der::asn1::{Any, BitStringRef, GeneralizedTime, Null, ObjectIdentifier, OctetString};
use der::{Choice, Decode, Encode, Enumerated, Sequence};
use time::OffsetDateTime;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::CrlReason;
use x509_cert::spki::AlgorithmIdentifierOwned;

use super::cert_id::{self, CertId};
use super::request::nonce_extension;
use crate::crl::Reason;
use crate::to_be_signed::generalized_time;
use crate::{BuildError, PublicKey, SignatureAlgorithm, oid};

/// An answer that says nothing about certificates; it is not signed (RFC 6960 §4.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    /// The question is not as the standard describes.
    #[error("malformedRequest")]
    MalformedRequest,
    /// The responder failed.
    #[error("internalError")]
    InternalError,
    /// The responder cannot answer at this moment.
    #[error("tryLater")]
    TryLater,
    /// The responder does not answer for this issuer (RFC 5019 §2.2.3).
    #[error("unauthorized")]
    Unauthorized,
}

impl Refusal {
    /// The whole answer, DER.
    pub const fn to_der(self) -> [u8; 5] {
        let status = match self {
            Self::MalformedRequest => 1,
            Self::InternalError => 2,
            Self::TryLater => 3,
            Self::Unauthorized => 6,
        };
        // SEQUENCE { ENUMERATED }
        [0x30, 0x03, 0x0a, 0x01, status]
    }
}

/// A certificate's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Issued, and not revoked.
    Good,
    /// Revoked.
    Revoked {
        /// Since when.
        at: OffsetDateTime,
        /// Why; [`Reason::Unspecified`] is not written.
        reason: Reason,
    },
    /// The issuer, or the number, is not known.
    Unknown,
}

/// What is said of one certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SingleResponse {
    /// Which, as it was asked.
    pub certificate: CertId,
    /// Its state.
    pub status: Status,
    /// Since when that is known to be right.
    pub this_update: OffsetDateTime,
    /// When newer knowledge is there at the latest.
    pub next_update: OffsetDateTime,
}

/// What the responder signs.
#[derive(Clone, Debug)]
pub struct ResponseData<'a> {
    /// The responder's key; the answer names it by its hash.
    pub responder: &'a PublicKey,
    /// When it was signed.
    pub produced_at: OffsetDateTime,
    /// One for each certificate of the question, in its order.
    pub responses: &'a [SingleResponse],
    /// The question's nonce, if it had one.
    pub nonce: Option<&'a [u8]>,
}

impl ResponseData<'_> {
    /// The ResponseData, DER; [`successful`] makes the answer of it.
    ///
    /// # Errors
    /// [`BuildError::Validity`] if a next update is not after its this update, [`BuildError::Encoding`] for a time that
    /// DER cannot say.
    pub fn to_be_signed(&self) -> Result<Vec<u8>, BuildError> {
        let data = WrittenData {
            responder_id: ResponderId::ByKey(OctetString::new(self.responder.subject_key_identifier())?),
            produced_at: generalized_time(self.produced_at)?,
            responses: self.responses.iter().map(single).collect::<Result<_, _>>()?,
            response_extensions: self.nonce.map(nonce_extension).transpose()?.map(|nonce| vec![nonce]),
        };
        Ok(data.to_der()?)
    }
}

/// The whole answer, DER: what the responder signed, unchanged, and its certificate, so that whoever asked needs no
/// other source.
///
/// # Errors
/// [`BuildError::Encoding`] if `response_data` or `responder_certificate` is not one DER value.
pub fn successful(
    response_data: &[u8],
    algorithm: SignatureAlgorithm,
    signature: &[u8],
    responder_certificate: &[u8],
) -> Result<Vec<u8>, BuildError> {
    let basic = BasicOcspResponse {
        tbs_response_data: Any::from_der(response_data)?,
        signature_algorithm: algorithm.to_identifier(),
        signature: BitStringRef::from_bytes(signature)?,
        certs: vec![Any::from_der(responder_certificate)?],
    };
    let response_bytes = ResponseBytes { response_type: oid::OCSP_BASIC, response: OctetString::new(basic.to_der()?)? };
    Ok(OcspResponse { response_status: ResponseStatus::Successful, response_bytes }.to_der()?)
}

#[derive(Sequence)]
struct OcspResponse {
    response_status: ResponseStatus,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    response_bytes: ResponseBytes,
}

/// The others are in [`Refusal`], without `responseBytes`.
#[derive(Clone, Copy, Enumerated)]
#[repr(u8)]
enum ResponseStatus {
    Successful = 0,
}

#[derive(Sequence)]
struct ResponseBytes {
    response_type: ObjectIdentifier,
    response: OctetString,
}

#[derive(Sequence)]
struct BasicOcspResponse<'a> {
    tbs_response_data: Any,
    signature_algorithm: AlgorithmIdentifierOwned,
    signature: BitStringRef<'a>,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    certs: Vec<Any>,
}

/// `ResponseData`, version 1, which DER leaves out.
#[derive(Sequence)]
struct WrittenData {
    responder_id: ResponderId,
    produced_at: GeneralizedTime,
    responses: Vec<WrittenSingle>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    response_extensions: Option<Vec<Extension>>,
}

#[derive(Choice)]
enum ResponderId {
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT", constructed = "true")]
    ByKey(OctetString),
}

#[derive(Sequence)]
struct WrittenSingle {
    cert_id: cert_id::Written,
    cert_status: CertStatus,
    this_update: GeneralizedTime,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    next_update: GeneralizedTime,
}

#[derive(Choice)]
enum CertStatus {
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT")]
    Good(Null),
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", constructed = "true")]
    Revoked(RevokedInfo),
    #[asn1(context_specific = "2", tag_mode = "IMPLICIT")]
    Unknown(Null),
}

#[derive(Sequence)]
struct RevokedInfo {
    revocation_time: GeneralizedTime,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    revocation_reason: Option<CrlReason>,
}

fn single(response: &SingleResponse) -> Result<WrittenSingle, BuildError> {
    if response.this_update >= response.next_update {
        return Err(BuildError::Validity);
    }
    Ok(WrittenSingle {
        cert_id: response.certificate.written().clone(),
        cert_status: match response.status {
            Status::Good => CertStatus::Good(Null),
            Status::Unknown => CertStatus::Unknown(Null),
            Status::Revoked { at, reason } => CertStatus::Revoked(RevokedInfo {
                revocation_time: generalized_time(at)?,
                revocation_reason: (reason != Reason::Unspecified).then(|| reason.to_x509()),
            }),
        },
        this_update: generalized_time(response.this_update)?,
        next_update: generalized_time(response.next_update)?,
    })
}
