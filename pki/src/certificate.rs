//! Certificates: the qualified one to be built, and a parsed view of any.

mod qualified;

pub use qualified::{Issuance, IssuerSignTool, Profile, ToolClass, qualified_to_be_signed};

use der::asn1::ObjectIdentifier;
use der::pem::LineEnding;
use der::{Decode, DecodePem, Encode, EncodePem};
use qcert_protocol::ErrorCode;
use time::OffsetDateTime;
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, BasicConstraints, KeyUsage, SubjectKeyIdentifier};
use x509_cert::name::Name;
use x509_cert::time::Time;

use crate::{BuildError, PublicKey, Serial, SignatureAlgorithm, name, oid, strict};

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// A certificate that was read: strict DER, a known key and signature algorithm, no extension twice. Nothing is said
/// about who signed it until [`Certificate::verify_issued_by`] says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    parsed: x509_cert::Certificate,
    tbs: Vec<u8>,
    public_key: PublicKey,
    signature_algorithm: SignatureAlgorithm,
    serial: Serial,
    not_before: OffsetDateTime,
    not_after: OffsetDateTime,
}

impl Certificate {
    /// Reads one certificate, with nothing after it.
    ///
    /// # Errors
    /// `certificate_invalid`, or what is wrong with its key: the codes `key_…` of [`PublicKey::from_spki_der`].
    pub fn parse(der: &[u8]) -> Result<Self, ErrorCode> {
        let invalid = ErrorCode::CertificateInvalid;
        let parsed = x509_cert::Certificate::from_der(der).map_err(|_| invalid)?;
        // One value has one encoding in DER: what differs after writing it again was not DER.
        if parsed.to_der().ok().as_deref() != Some(der) {
            return Err(invalid);
        }
        let tbs = parsed.tbs_certificate();
        let extensions = tbs.extensions().map_or(&[][..], Vec::as_slice);
        let once = strict::all_differ(extensions.iter().map(|extension| extension.extn_id));
        if tbs.signature() != parsed.signature_algorithm() || !once {
            return Err(invalid);
        }
        let spki = tbs.subject_public_key_info().to_der().map_err(|_| invalid)?;
        Ok(Self {
            der: der.to_vec(),
            tbs: tbs.to_der().map_err(|_| invalid)?,
            public_key: PublicKey::from_spki_der(&spki).map_err(of_certificate)?,
            signature_algorithm: SignatureAlgorithm::from_identifier(tbs.signature()).map_err(|_| invalid)?,
            serial: Serial::from_bytes(tbs.serial_number().as_bytes()).ok_or(invalid)?,
            not_before: offset_date_time(&tbs.validity().not_before).ok_or(invalid)?,
            not_after: offset_date_time(&tbs.validity().not_after).ok_or(invalid)?,
            parsed,
        })
    }

    /// Reads every certificate of a PEM text, in order; text around the blocks is passed over.
    ///
    /// # Errors
    /// `certificate_invalid` if there is none or one cannot be read, and those of [`Certificate::parse`].
    pub fn parse_pem(text: &str) -> Result<Vec<Self>, ErrorCode> {
        let invalid = ErrorCode::CertificateInvalid;
        let mut certificates = Vec::new();
        let mut rest = text;
        while let Some(start) = rest.find(BEGIN) {
            let end = rest[start..].find(END).ok_or(invalid)? + start + END.len();
            let block = rest[start..end].replace("\r\n", "\n");
            let parsed = x509_cert::Certificate::from_pem(block.as_bytes()).map_err(|_| invalid)?;
            certificates.push(Self::parse(&parsed.to_der().map_err(|_| invalid)?)?);
            rest = &rest[end..];
        }
        if certificates.is_empty() { Err(invalid) } else { Ok(certificates) }
    }

    /// The certificate, DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The certificate as a PEM block that ends with a line feed.
    pub fn to_pem(&self) -> String {
        // It was read from DER, and PEM has no limits of its own.
        #[allow(clippy::expect_used)]
        self.parsed.to_pem(LineEnding::LF).expect("a certificate that was read can be written")
    }

    /// The TBSCertificate, DER: the bytes that the issuer signed.
    pub fn tbs_der(&self) -> &[u8] {
        &self.tbs
    }

    /// The holder's key.
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// The holder's SubjectPublicKeyInfo, DER.
    pub fn spki_der(&self) -> &[u8] {
        self.public_key.spki_der()
    }

    /// Its number.
    pub fn serial(&self) -> &Serial {
        &self.serial
    }

    /// The algorithm of the issuer's signature.
    pub fn signature_algorithm(&self) -> SignatureAlgorithm {
        self.signature_algorithm
    }

    /// First second of its validity.
    pub fn not_before(&self) -> OffsetDateTime {
        self.not_before
    }

    /// Last second of its validity.
    pub fn not_after(&self) -> OffsetDateTime {
        self.not_after
    }

    /// The holder's name in one line: `C=RU, ST=…, CN=…`. Personal data: not for a log.
    pub fn subject_text(&self) -> String {
        name::text(self.subject())
    }

    /// The issuer's name in one line.
    pub fn issuer_text(&self) -> String {
        name::text(self.parsed.tbs_certificate().issuer())
    }

    /// The holder's name, DER.
    pub fn subject_der(&self) -> Vec<u8> {
        self.subject().to_der().unwrap_or_default()
    }

    /// May it sign certificates? basicConstraints says CA, and keyUsage keyCertSign (RFC 5280 §4.2.1.9).
    pub fn is_authority(&self) -> bool {
        let usage = self.extension::<KeyUsage>(oid::KEY_USAGE);
        self.constraints().is_some_and(|constraints| constraints.ca) && usage.is_some_and(|usage| usage.key_cert_sign())
    }

    /// May it sign revocation lists? keyUsage says cRLSign (RFC 5280 §4.2.1.3).
    pub fn may_sign_lists(&self) -> bool {
        self.is_authority() && self.extension::<KeyUsage>(oid::KEY_USAGE).is_some_and(|usage| usage.crl_sign())
    }

    /// How many authorities may stand between it and a holder, if that is limited.
    pub fn path_length(&self) -> Option<u8> {
        self.constraints().and_then(|constraints| constraints.path_len_constraint)
    }

    /// The key that signed it, as it names it itself (AuthorityKeyIdentifier, RFC 5280 §4.2.1.1).
    pub fn authority_key_identifier(&self) -> Option<Vec<u8>> {
        let written = self.extension::<AuthorityKeyIdentifier>(oid::AUTHORITY_KEY_IDENTIFIER)?;
        written.key_identifier.map(|identifier| identifier.as_bytes().to_vec())
    }

    /// subjectKeyIdentifier as it stands in the certificate, else as RFC 5280 §4.2.1.2 computes it.
    pub fn key_identifier(&self) -> Vec<u8> {
        let written = self.extension::<SubjectKeyIdentifier>(oid::SUBJECT_KEY_IDENTIFIER);
        written.map_or_else(|| self.public_key.subject_key_identifier().to_vec(), |id| id.0.as_bytes().to_vec())
    }

    /// Was it signed by `issuer`, an authority of the name that it gives? Neither validity nor revocation is asked.
    ///
    /// # Errors
    /// `certificate_invalid`.
    pub fn verify_issued_by(&self, issuer: &Self) -> Result<(), ErrorCode> {
        let named = self.parsed.tbs_certificate().issuer() == issuer.subject();
        let signature = self.parsed.signature().as_bytes().ok_or(ErrorCode::CertificateInvalid)?;
        if !named || !issuer.is_authority() {
            return Err(ErrorCode::CertificateInvalid);
        }
        let verified = issuer.public_key.verify(self.signature_algorithm, &self.tbs, signature);
        verified.map_err(|_| ErrorCode::CertificateInvalid)
    }

    pub(crate) fn subject(&self) -> &Name {
        self.parsed.tbs_certificate().subject()
    }

    /// Is this span inside the certificate's own validity?
    pub(crate) fn check_covers(&self, from: OffsetDateTime, until: OffsetDateTime) -> Result<(), BuildError> {
        if self.not_before <= from && until <= self.not_after { Ok(()) } else { Err(BuildError::Validity) }
    }

    /// Is every critical extension among these?
    pub(crate) fn understands_critical(&self, known: &[ObjectIdentifier]) -> bool {
        let mut extensions = self.parsed.tbs_certificate().extensions().into_iter().flatten();
        extensions.all(|extension| !extension.critical || known.contains(&extension.extn_id))
    }

    fn constraints(&self) -> Option<BasicConstraints> {
        self.extension(oid::BASIC_CONSTRAINTS)
    }

    fn extension<T: for<'a> Decode<'a>>(&self, wanted: ObjectIdentifier) -> Option<T> {
        let extensions = self.parsed.tbs_certificate().extensions()?;
        let found = extensions.iter().find(|extension| extension.extn_id == wanted)?;
        T::from_der(found.extn_value.as_bytes()).ok()
    }
}

/// A key that cannot be read is the certificate's fault here, and no request's.
fn of_certificate(code: ErrorCode) -> ErrorCode {
    match code {
        ErrorCode::RequestMalformed | ErrorCode::RequestNotDer | ErrorCode::RequestTrailingBytes => {
            ErrorCode::CertificateInvalid
        }
        of_key => of_key,
    }
}

pub(crate) fn offset_date_time(time: &Time) -> Option<OffsetDateTime> {
    let seconds = i64::try_from(time.to_unix_duration().as_secs()).ok()?;
    OffsetDateTime::from_unix_timestamp(seconds).ok()
}
