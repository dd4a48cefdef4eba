//! Questions: OCSPRequest, RFC 6960 §4.1.

use der::asn1::{Any, OctetString};
use der::{Decode, Encode, Sequence};
use x509_cert::ext::Extension;

use super::cert_id::{self, CertId};
use super::response::Refusal;
use crate::{BuildError, extensions, oid};

/// How many certificates one question may be about.
pub const MAX_CERTIFICATES: usize = 50;

/// Length of the longest nonce: RFC 9654 §2.1.
pub const MAX_NONCE: usize = 128;

/// Extensions of a question are few; more of them only cost time.
const MAX_EXTENSIONS: usize = 16;

/// `OCSPRequest`. A signature is not asked for, so one that is there is not looked at (RFC 6960 §4.1.2 leaves that to
/// the responder's policy).
#[derive(Sequence)]
struct OcspRequest {
    tbs_request: TbsRequest,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    optional_signature: Option<Any>,
}

#[derive(Sequence)]
struct TbsRequest {
    /// v1 is the only one, and the default; DER leaves it out.
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    version: Option<u8>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    requestor_name: Option<Any>,
    request_list: Vec<SingleRequest>,
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT", optional = "true")]
    request_extensions: Option<Vec<Extension>>,
}

/// `Request`.
#[derive(Sequence)]
struct SingleRequest {
    req_cert: cert_id::Written,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    single_request_extensions: Option<Vec<Extension>>,
}

/// A question that was read: strict DER, one certificate at least, nothing critical that is not understood here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    certificates: Vec<CertId>,
    nonce: Option<Vec<u8>>,
}

impl Request {
    /// Reads a question with nothing after it. The caller limits its length (a few kilobytes suffice for
    /// [`MAX_CERTIFICATES`]).
    ///
    /// # Errors
    /// [`Refusal::MalformedRequest`]; for a nonce that is empty or longer than [`MAX_NONCE`], too (RFC 9654 §2.1).
    pub fn parse(der: &[u8]) -> Result<Self, Refusal> {
        let malformed = Refusal::MalformedRequest;
        let request = OcspRequest::from_der(der).map_err(|_| malformed)?;
        // One value has one encoding in DER: what differs after writing it again was not DER.
        if request.to_der().ok().as_deref() != Some(der) || request.tbs_request.version.is_some() {
            return Err(malformed);
        }
        let list = request.tbs_request.request_list;
        if !(1..=MAX_CERTIFICATES).contains(&list.len()) {
            return Err(malformed);
        }
        let of_singles = list.iter().map(|single| single.single_request_extensions.as_deref());
        if !of_singles.into_iter().all(|extensions| nothing_new_is_critical(extensions, false)) {
            return Err(malformed);
        }
        let extensions = request.tbs_request.request_extensions;
        if !nothing_new_is_critical(extensions.as_deref(), true) {
            return Err(malformed);
        }
        Ok(Self {
            certificates: list.into_iter().map(|single| CertId::from(single.req_cert)).collect(),
            nonce: nonce(extensions.as_deref().unwrap_or_default())?,
        })
    }

    /// The certificates that it is about, in its order.
    pub fn certificates(&self) -> &[CertId] {
        &self.certificates
    }

    /// What the answer must repeat: 1 to [`MAX_NONCE`] octets.
    pub fn nonce(&self) -> Option<&[u8]> {
        self.nonce.as_deref()
    }

    /// Writes a question, DER: for those who ask.
    ///
    /// # Errors
    /// [`BuildError::Encoding`] for one that is too long.
    pub fn to_der(certificates: &[CertId], nonce: Option<&[u8]>) -> Result<Vec<u8>, BuildError> {
        let single = |id: &CertId| SingleRequest { req_cert: id.written().clone(), single_request_extensions: None };
        let nonce = nonce.map(nonce_extension).transpose()?;
        let tbs_request = TbsRequest {
            version: None,
            requestor_name: None,
            request_list: certificates.iter().map(single).collect(),
            request_extensions: nonce.map(|nonce| vec![nonce]),
        };
        Ok(OcspRequest { tbs_request, optional_signature: None }.to_der()?)
    }
}

/// The extension that carries a nonce, in questions and answers.
pub(super) fn nonce_extension(nonce: &[u8]) -> Result<Extension, BuildError> {
    Ok(extensions::extension(oid::OCSP_NONCE, false, &OctetString::new(nonce)?)?)
}

/// Extensions are at least one if they are there at all, no more than a few, and critical ones are understood.
fn nothing_new_is_critical(extensions: Option<&[Extension]>, of_request: bool) -> bool {
    let understood = |extension: &Extension| !extension.critical || of_request && extension.extn_id == oid::OCSP_NONCE;
    extensions
        .is_none_or(|extensions| (1..=MAX_EXTENSIONS).contains(&extensions.len()) && extensions.iter().all(understood))
}

fn nonce(extensions: &[Extension]) -> Result<Option<Vec<u8>>, Refusal> {
    let mut found = extensions.iter().filter(|extension| extension.extn_id == oid::OCSP_NONCE);
    let Some(extension) = found.next() else { return Ok(None) };
    let value = OctetString::from_der(extension.extn_value.as_bytes()).map_err(|_| Refusal::MalformedRequest)?;
    let fits = (1..=MAX_NONCE).contains(&value.as_bytes().len());
    if fits && found.next().is_none() { Ok(Some(value.into_bytes().into())) } else { Err(Refusal::MalformedRequest) }
}
