//! The parts that all signed structures share: validity, the bytes to be signed, and the frame around a signature.

use der::asn1::{Any, BitStringRef, GeneralizedTime};
use der::{DateTime, Decode, Encode, Sequence};
use time::OffsetDateTime;
use x509_cert::certificate::Version;
use x509_cert::ext::Extension;
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::AlgorithmIdentifierOwned;
use x509_cert::time::Time;

use crate::{BuildError, PublicKey, Serial, SignatureAlgorithm};

/// `TBSCertificate`, version 3, without the unique identifiers that RFC 5280 forbids.
#[derive(Sequence)]
struct TbsCertificate {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    version: Version,
    serial_number: SerialNumber,
    signature: AlgorithmIdentifierOwned,
    issuer: Name,
    validity: Validity,
    subject: Name,
    subject_public_key_info: Any,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT")]
    extensions: Vec<Extension>,
}

#[derive(Sequence)]
struct Validity {
    not_before: Time,
    not_after: Time,
}

/// `Certificate` and `CertificateList` have the same frame.
#[derive(Sequence)]
struct Signed<'a> {
    to_be_signed: Any,
    algorithm: AlgorithmIdentifierOwned,
    signature: BitStringRef<'a>,
}

/// What every certificate has.
pub(crate) struct Common<'a> {
    pub(crate) serial: &'a Serial,
    pub(crate) signature_algorithm: SignatureAlgorithm,
    pub(crate) issuer: Name,
    pub(crate) not_before: OffsetDateTime,
    pub(crate) not_after: OffsetDateTime,
    pub(crate) subject: Name,
    pub(crate) public_key: &'a PublicKey,
    pub(crate) extensions: Vec<Extension>,
}

impl Common<'_> {
    /// The TBSCertificate, DER.
    pub(crate) fn into_der(self) -> Result<Vec<u8>, BuildError> {
        let tbs = TbsCertificate {
            version: Version::V3,
            serial_number: self.serial.to_x509()?,
            signature: self.signature_algorithm.to_identifier(),
            issuer: self.issuer,
            validity: Validity { not_before: x509_time(self.not_before)?, not_after: x509_time(self.not_after)? },
            subject: self.subject,
            subject_public_key_info: Any::from_der(self.public_key.spki_der())?,
            extensions: self.extensions,
        };
        Ok(tbs.to_der()?)
    }
}

/// UTCTime until 2049, GeneralizedTime from 2050 (RFC 5280 §4.1.2.5); fractions of a second are dropped.
pub(crate) fn x509_time(at: OffsetDateTime) -> Result<Time, BuildError> {
    Ok(Time::from(date_time(at)?))
}

pub(crate) fn generalized_time(at: OffsetDateTime) -> Result<GeneralizedTime, BuildError> {
    Ok(GeneralizedTime::from(date_time(at)?))
}

fn date_time(at: OffsetDateTime) -> Result<DateTime, BuildError> {
    let seconds = u64::try_from(at.unix_timestamp()).map_err(|_| BuildError::Validity)?;
    Ok(DateTime::from_unix_duration(std::time::Duration::from_secs(seconds))?)
}

/// Puts a certificate or a revocation list together, DER: the bytes that were signed, unchanged, the algorithm and the
/// signature.
///
/// # Errors
/// [`BuildError::Encoding`] if `to_be_signed` is not one DER value, or too long.
pub fn assemble(to_be_signed: &[u8], algorithm: SignatureAlgorithm, signature: &[u8]) -> Result<Vec<u8>, BuildError> {
    let signed = Signed {
        to_be_signed: Any::from_der(to_be_signed)?,
        algorithm: algorithm.to_identifier(),
        signature: BitStringRef::from_bytes(signature)?,
    };
    Ok(signed.to_der()?)
}
