//! The request of an issuing authority to a root that is somebody else's (PKCS#10, RFC 2986), and the check of what
//! comes back.

use der::asn1::{Any, ObjectIdentifier, SetOfVec};
use der::pem::LineEnding;
use der::{Decode, Encode, EncodePem};
use time::OffsetDateTime;
use x509_cert::attr::Attribute;
use x509_cert::ext::pkix::KeyUsages;
use x509_cert::request::{CertReq, CertReqInfo, Version};
use x509_cert::spki::SubjectPublicKeyInfoOwned;

use super::AuthorityName;
use crate::{BuildError, Certificate, PublicKey, extensions, oid};

/// Extensions of an authority's certificate that are understood here, should they be critical. Constraints of names or
/// policies are not: the holders' certificates would have to be checked against them.
const UNDERSTOOD: [ObjectIdentifier; 6] = [
    oid::BASIC_CONSTRAINTS,
    oid::KEY_USAGE,
    oid::CERTIFICATE_POLICIES,
    oid::SUBJECT_KEY_IDENTIFIER,
    oid::AUTHORITY_KEY_IDENTIFIER,
    oid::CRL_DISTRIBUTION_POINTS,
];

/// The CertificationRequestInfo of an issuing authority, DER; signed by its own key, [`crate::assemble`] makes the
/// request of it. It asks for what an issuing certificate must say: an authority with none below it, for certificates
/// and lists.
///
/// # Errors
/// [`BuildError::Encoding`] if a value cannot be encoded.
pub fn request_to_be_signed(name: &AuthorityName, public_key: &PublicKey) -> Result<Vec<u8>, BuildError> {
    let wanted = vec![
        extensions::basic_constraints(Some(0))?,
        extensions::key_usage(KeyUsages::KeyCertSign | KeyUsages::CRLSign)?,
        extensions::subject_key_identifier(public_key)?,
    ];
    let mut values = SetOfVec::new();
    values.insert(Any::encode_from(&wanted)?)?;
    let mut attributes = SetOfVec::new();
    attributes.insert(Attribute { oid: oid::EXTENSION_REQUEST, values })?;
    let info = CertReqInfo {
        version: Version::V1,
        subject: name.to_name()?,
        public_key: SubjectPublicKeyInfoOwned::from_der(public_key.spki_der())?,
        attributes,
    };
    Ok(info.to_der()?)
}

/// A request as a PEM block (`CERTIFICATE REQUEST`) that ends with a line feed.
///
/// # Errors
/// [`BuildError::Encoding`] if it is no request.
pub fn request_to_pem(request: &[u8]) -> Result<String, BuildError> {
    Ok(CertReq::from_der(request)?.to_pem(LineEnding::LF)?)
}

/// Why a certificate is not one to issue with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Unfit {
    /// There is no certificate.
    #[error("there is no certificate")]
    Empty,
    /// It certifies another key than the one that asked.
    #[error("it certifies another key")]
    Key,
    /// basicConstraints, keyUsage or a path length does not allow what it is for.
    #[error(
        "certificate {0} of the chain, counted from the issuing one, may not issue: basicConstraints, keyUsage or its path length"
    )]
    NotAuthority(usize),
    /// It may not sign revocation lists.
    #[error("it may not sign revocation lists: keyUsage has no cRLSign")]
    Lists,
    /// It is not valid yet, or not any more.
    #[error("certificate {0} of the chain, counted from the issuing one, is not valid at this time")]
    Validity(usize),
    /// It has a critical extension that holders' certificates would have to be checked against.
    #[error(
        "certificate {0} of the chain, counted from the issuing one, has a critical extension that is not supported"
    )]
    Extension(usize),
    /// The next certificate did not sign it; the last one, a root, signs itself.
    #[error("certificate {0} of the chain, counted from the issuing one, was not signed by the next one")]
    Signature(usize),
}

/// Does this chain, the issuing certificate first and a root last, answer the request of `public_key`, and may it issue
/// to holders at `now`? Revocation is not asked.
///
/// # Errors
/// [`Unfit`], the first that is found.
pub fn check_chain(chain: &[Certificate], public_key: &PublicKey, now: OffsetDateTime) -> Result<(), Unfit> {
    let (issuing, root) = chain.first().zip(chain.last()).ok_or(Unfit::Empty)?;
    if issuing.public_key() != public_key {
        return Err(Unfit::Key);
    }
    for (below, certificate) in chain.iter().enumerate() {
        // RFC 5280 §4.2.1.9: so many authorities may follow on the way to a holder, which is not counted.
        let room = certificate.path_length().is_none_or(|limit| below <= limit.into());
        if !certificate.is_authority() || !room {
            return Err(Unfit::NotAuthority(below));
        }
        if !(certificate.not_before()..=certificate.not_after()).contains(&now) {
            return Err(Unfit::Validity(below));
        }
        if !certificate.understands_critical(&UNDERSTOOD) {
            return Err(Unfit::Extension(below));
        }
        let issuer = chain.get(below + 1).unwrap_or(root);
        certificate.verify_issued_by(issuer).map_err(|_| Unfit::Signature(below))?;
    }
    if issuing.may_sign_lists() { Ok(()) } else { Err(Unfit::Lists) }
}
