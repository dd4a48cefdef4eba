//! A revocation list that somebody made: read strictly, believed after [`CertificateList::verify`].

use der::asn1::{ObjectIdentifier, Uint};
use der::pem::PemLabel;
use der::{Decode, DecodePem, Encode};
use time::OffsetDateTime;
use x509_cert::certificate::{Rfc5280, Version};
use x509_cert::crl::{CertificateList as Written, RevokedCert};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::crl::dp::IssuingDistributionPoint;
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName};
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, CrlReason};

use super::{DistributionPoint, Entry, Reason};
use crate::certificate::offset_date_time;
use crate::{Certificate, ReadError, Serial, SignatureAlgorithm, name, oid};

/// Extensions of a list or of an entry are few; more of them only cost time.
const MAX_EXTENSIONS: usize = 16;

/// A list's number: at most 20 octets (RFC 5280 §5.2.3), ordered as numbers are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Number(Vec<u8>);

impl From<u64> for Number {
    fn from(number: u64) -> Self {
        Self(number.to_be_bytes().into_iter().skip_while(|octet| *octet == 0).collect())
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.cmp(&other.0))
    }
}

/// Hexadecimal.
impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("0x")?;
        if self.0.is_empty() {
            return f.write_str("0");
        }
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A complete list that was read: strict DER, version 2, no extension twice, nothing critical that is not understood
/// here. Nothing is said about who signed it until [`CertificateList::verify`] says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateList {
    der: Vec<u8>,
    tbs: Vec<u8>,
    parsed: Written<Rfc5280>,
    signature_algorithm: SignatureAlgorithm,
    this_update: OffsetDateTime,
    next_update: OffsetDateTime,
    number: Number,
    entries: Vec<Entry>,
    authority_key_identifier: Option<Vec<u8>>,
    distribution_point: Option<DistributionPoint>,
}

impl CertificateList {
    /// Reads one list, with nothing after it.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn parse(der: &[u8]) -> Result<Self, ReadError> {
        let parsed = Written::<Rfc5280>::from_der(der)?;
        // One value has one encoding in DER: what differs after writing it again was not DER.
        if parsed.to_der().ok().as_deref() != Some(der) {
            return Err(ReadError::Malformed("it is not DER"));
        }
        let list = &parsed.tbs_cert_list;
        if list.version != Version::V2 || list.signature != parsed.signature_algorithm {
            return Err(ReadError::Malformed("it is not of version 2, or names two algorithms"));
        }
        let extensions = list.crl_extensions.as_deref().unwrap_or_default();
        check(extensions, &[oid::AUTHORITY_KEY_IDENTIFIER, oid::CRL_NUMBER, oid::ISSUING_DISTRIBUTION_POINT])?;
        let next_update = list.next_update.as_ref().ok_or(ReadError::Malformed("it has no next update"))?;
        let entries = match list.revoked_certificates.as_deref() {
            Some([]) => return Err(ReadError::Malformed("it has an empty list of entries")),
            entries => entries.unwrap_or_default().iter().map(entry).collect::<Result<_, _>>()?,
        };
        let key = value::<AuthorityKeyIdentifier>(extensions, oid::AUTHORITY_KEY_IDENTIFIER)?;
        let point = value::<IssuingDistributionPoint>(extensions, oid::ISSUING_DISTRIBUTION_POINT)?;
        Ok(Self {
            der: der.to_vec(),
            tbs: list.to_der()?,
            signature_algorithm: SignatureAlgorithm::from_identifier(&list.signature)
                .map_err(|_| ReadError::Unsupported("its signature's algorithm"))?,
            this_update: offset_date_time(&list.this_update).ok_or(ReadError::Malformed("a time is out of range"))?,
            next_update: offset_date_time(next_update).ok_or(ReadError::Malformed("a time is out of range"))?,
            number: number(extensions)?,
            entries,
            authority_key_identifier: key.and_then(|key| Some(key.key_identifier?.as_bytes().to_vec())),
            distribution_point: point.map(distribution_point).transpose()?,
            parsed,
        })
    }

    /// Reads a list from a file's content: DER, or one PEM block with any text before it.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn parse_file(content: &[u8]) -> Result<Self, ReadError> {
        let (begin, end) = ("-----BEGIN X509 CRL-----", "-----END X509 CRL-----");
        debug_assert!(begin.contains(Written::<Rfc5280>::PEM_LABEL));
        let text = std::str::from_utf8(content).unwrap_or_default();
        let Some((start, length)) = text.find(begin).and_then(|at| Some((at, text[at..].find(end)? + end.len())))
        else {
            return Self::parse(content);
        };
        let block = text[start..start + length].replace("\r\n", "\n");
        let written = Written::<Rfc5280>::from_pem(block.as_bytes())?;
        Self::parse(&written.to_der()?)
    }

    /// Was it signed by `issuer`, an authority of the name that it gives and with the right to sign lists? Times are
    /// not asked.
    ///
    /// # Errors
    /// [`ReadError::Issuer`].
    pub fn verify(&self, issuer: &Certificate) -> Result<(), ReadError> {
        let key = self.authority_key_identifier.as_ref();
        let named = self.parsed.tbs_cert_list.issuer == *issuer.subject();
        if !named || !issuer.may_sign_lists() || key.is_some_and(|key| *key != issuer.key_identifier()) {
            return Err(ReadError::Issuer);
        }
        let signature = self.parsed.signature.as_bytes().ok_or(ReadError::Issuer)?;
        let verified = issuer.public_key().verify(self.signature_algorithm, &self.tbs, signature);
        verified.map_err(|_| ReadError::Issuer)
    }

    /// The list, DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The TBSCertList, DER: the bytes that were signed.
    pub fn tbs_der(&self) -> &[u8] {
        &self.tbs
    }

    /// The issuer's name in one line.
    pub fn issuer_text(&self) -> String {
        name::text(&self.parsed.tbs_cert_list.issuer)
    }

    /// The algorithm of its signature.
    pub fn signature_algorithm(&self) -> SignatureAlgorithm {
        self.signature_algorithm
    }

    /// When it was issued.
    pub fn this_update(&self) -> OffsetDateTime {
        self.this_update
    }

    /// When the next one is there at the latest.
    pub fn next_update(&self) -> OffsetDateTime {
        self.next_update
    }

    /// Its number.
    pub fn number(&self) -> &Number {
        &self.number
    }

    /// What is revoked, in the list's order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry about a certificate of the issuer.
    pub fn entry(&self, serial: &Serial) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.serial == *serial)
    }

    /// The identifier of the key that signed it, if it says that.
    pub fn authority_key_identifier(&self) -> Option<&[u8]> {
        self.authority_key_identifier.as_deref()
    }

    /// Which certificates it is about; none for all of its issuer's.
    pub fn distribution_point(&self) -> Option<&DistributionPoint> {
        self.distribution_point.as_ref()
    }
}

/// No extension twice, and no critical one that is not among `known`.
fn check(extensions: &[Extension], known: &[ObjectIdentifier]) -> Result<(), ReadError> {
    let repeated = |i: usize| extensions[..i].iter().any(|other| other.extn_id == extensions[i].extn_id);
    if extensions.len() > MAX_EXTENSIONS || (0..extensions.len()).any(repeated) {
        return Err(ReadError::Malformed("it has an extension twice, or too many"));
    }
    if extensions.iter().any(|extension| extension.critical && !known.contains(&extension.extn_id)) {
        return Err(ReadError::Unsupported("a critical extension"));
    }
    Ok(())
}

fn value<T: for<'a> Decode<'a, Error = der::Error> + Encode>(
    extensions: &[Extension],
    wanted: ObjectIdentifier,
) -> Result<Option<T>, ReadError> {
    let Some(extension) = extensions.iter().find(|extension| extension.extn_id == wanted) else {
        return Ok(None);
    };
    let bytes = extension.extn_value.as_bytes();
    let value = T::from_der(bytes)?;
    let strict = value.to_der().ok().as_deref() == Some(bytes);
    if strict { Ok(Some(value)) } else { Err(ReadError::Malformed("an extension is not DER")) }
}

fn number(extensions: &[Extension]) -> Result<Number, ReadError> {
    let number = value::<Uint>(extensions, oid::CRL_NUMBER)?.ok_or(ReadError::Malformed("it has no number"))?;
    let octets: Vec<u8> = number.as_bytes().iter().copied().skip_while(|octet| *octet == 0).collect();
    if octets.len() > 20 { Err(ReadError::Malformed("its number is too long")) } else { Ok(Number(octets)) }
}

fn entry(written: &RevokedCert<Rfc5280>) -> Result<Entry, ReadError> {
    let extensions = written.crl_entry_extensions.as_deref().unwrap_or_default();
    check(extensions, &[oid::CRL_REASON])?;
    let reason = value::<CrlReason>(extensions, oid::CRL_REASON)?.unwrap_or(CrlReason::Unspecified);
    Ok(Entry {
        serial: Serial::from_bytes(written.serial_number.as_bytes()).ok_or(ReadError::Malformed("a serial number"))?,
        revoked_at: offset_date_time(&written.revocation_date).ok_or(ReadError::Malformed("a time is out of range"))?,
        reason: Reason::from_x509(reason).ok_or(ReadError::Unsupported("a reason of revocation"))?,
    })
}

/// Only whole lists by addresses: indirect lists, and those of some reasons or of authorities, are not taken for one.
fn distribution_point(point: IssuingDistributionPoint) -> Result<DistributionPoint, ReadError> {
    let unsupported = ReadError::Unsupported("the kind of its distribution point");
    if point.indirect_crl
        || point.only_some_reasons.is_some()
        || point.only_contains_attribute_certs
        || point.only_contains_ca_certs
    {
        return Err(unsupported);
    }
    let names = match point.distribution_point {
        Some(DistributionPointName::FullName(names)) => names,
        Some(DistributionPointName::NameRelativeToCRLIssuer(_)) => return Err(unsupported),
        None => Vec::new(),
    };
    let urls = names.into_iter().map(|name| match name {
        GeneralName::UniformResourceIdentifier(url) => Ok(url.to_string()),
        _ => Err(ReadError::Unsupported("the kind of its distribution point")),
    });
    Ok(DistributionPoint {
        urls: urls.collect::<Result<_, _>>()?,
        only_user_certificates: point.only_contains_user_certs,
    })
}
