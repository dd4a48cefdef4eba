//! The certificate of a key that signs answers for an issuer: RFC 6960 §4.2.2.2.

use der::asn1::Null;
use qcert_protocol::holder::Text;
use time::OffsetDateTime;
use x509_cert::ext::pkix::KeyUsages;

use crate::to_be_signed::Common;
use crate::{BuildError, Certificate, PublicKey, Serial, SignatureAlgorithm, extensions, name, oid};

/// A responder's certificate: signed by the very key whose certificates it answers for, short-lived, and marked as one
/// that nobody looks up (id-pkix-ocsp-nocheck, RFC 6960 §4.2.2.2.1).
#[derive(Clone, Debug)]
pub struct ResponderCertificate<'a> {
    /// Whose certificates it answers for.
    pub issuer: &'a Certificate,
    /// The issuing key's algorithm.
    pub signature_algorithm: SignatureAlgorithm,
    /// Its own common name; the rest of its name is the issuer's.
    pub common_name: &'a Text<64>,
    /// The key that will sign answers.
    pub public_key: &'a PublicKey,
    /// Its number.
    pub serial: &'a Serial,
    /// First second of its validity.
    pub not_before: OffsetDateTime,
    /// Last second of its validity; a few days later, for it cannot be revoked.
    pub not_after: OffsetDateTime,
}

impl ResponderCertificate<'_> {
    /// The TBSCertificate, DER; [`crate::assemble`] makes the certificate of it.
    ///
    /// # Errors
    /// [`BuildError::Issuer`] if the issuer is no authority, [`BuildError::Validity`] if the validity is empty or
    /// reaches beyond the issuer's, and [`BuildError::Encoding`].
    pub fn to_be_signed(&self) -> Result<Vec<u8>, BuildError> {
        if !self.issuer.is_authority() {
            return Err(BuildError::Issuer);
        }
        if self.not_before >= self.not_after {
            return Err(BuildError::Validity);
        }
        self.issuer.check_covers(self.not_before, self.not_after)?;
        Common {
            serial: self.serial,
            signature_algorithm: self.signature_algorithm,
            issuer: self.issuer.subject().clone(),
            not_before: self.not_before,
            not_after: self.not_after,
            subject: name::with_common_name(self.issuer.subject(), self.common_name.as_str())?,
            public_key: self.public_key,
            extensions: vec![
                extensions::key_usage(KeyUsages::DigitalSignature)?,
                extensions::extended_key_usage(&[oid::OCSP_SIGNING])?,
                extensions::subject_key_identifier(self.public_key)?,
                extensions::authority_key_identifier(&self.issuer.key_identifier())?,
                extensions::extension(oid::OCSP_NO_CHECK, false, &Null)?,
            ],
        }
        .into_der()
    }
}
