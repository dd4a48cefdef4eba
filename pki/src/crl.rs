//! Revocation lists, version 2 (RFC 5280 §5): to be built, and a parsed view of any.

mod parsed;
mod reason;

pub use parsed::{CertificateList, Number};
pub use reason::Reason;

use der::Encode;
use der::asn1::Uint;
use time::OffsetDateTime;
use x509_cert::certificate::{Rfc5280, Version};
use x509_cert::crl::{RevokedCert, TbsCertList};

use crate::to_be_signed::x509_time;
use crate::{BuildError, Certificate, Serial, SignatureAlgorithm, extensions, oid};

/// One revoked certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Which.
    pub serial: Serial,
    /// Since when.
    pub revoked_at: OffsetDateTime,
    /// Why; [`Reason::Unspecified`] is not written (RFC 5280 §5.3.1).
    pub reason: Reason,
}

/// What a list is about, where it is not about all certificates of its issuer (issuingDistributionPoint, RFC 5280
/// §5.2.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DistributionPoint {
    /// The addresses, as they stand in the distribution point of the certificates that it is about; one at least.
    pub urls: Vec<String>,
    /// Is it about no certificates of authorities?
    pub only_user_certificates: bool,
}

/// A list to be issued.
#[derive(Clone, Debug)]
pub struct RevocationList<'a> {
    /// The authority whose certificates it lists.
    pub issuer: &'a Certificate,
    /// The issuing key's algorithm.
    pub signature_algorithm: SignatureAlgorithm,
    /// Grows with each list of the issuer and distribution point.
    pub number: u64,
    /// When it is issued.
    pub this_update: OffsetDateTime,
    /// When the next one is there at the latest.
    pub next_update: OffsetDateTime,
    /// Which certificates it is about; none for all of its issuer's.
    pub distribution_point: Option<&'a DistributionPoint>,
    /// What is revoked, written in this order.
    pub entries: &'a [Entry],
}

/// The TBSCertList, DER; [`crate::assemble`] makes the list of it.
///
/// # Errors
/// [`BuildError::Validity`] if the next update is not after this one, [`BuildError::Issuer`] if the issuer may sign no
/// list, [`BuildError::Setting`] for a distribution point without an address or with one that is not ASCII,
/// [`BuildError::Encoding`] for a time that DER cannot say.
pub fn to_be_signed(list: &RevocationList<'_>) -> Result<Vec<u8>, BuildError> {
    if list.this_update >= list.next_update {
        return Err(BuildError::Validity);
    }
    if !list.issuer.may_sign_lists() {
        return Err(BuildError::Issuer);
    }
    let entries = list.entries.iter().map(revoked).collect::<Result<Vec<_>, _>>()?;
    let tbs = TbsCertList::<Rfc5280> {
        version: Version::V2,
        signature: list.signature_algorithm.to_identifier(),
        issuer: list.issuer.subject().clone(),
        this_update: x509_time(list.this_update)?,
        next_update: Some(x509_time(list.next_update)?),
        // RFC 5280 §5.1.2.6: absent, not empty, when nothing is revoked.
        revoked_certificates: (!entries.is_empty()).then_some(entries),
        crl_extensions: Some(extensions_of(list)?),
    };
    Ok(tbs.to_der()?)
}

fn extensions_of(list: &RevocationList<'_>) -> Result<Vec<x509_cert::ext::Extension>, BuildError> {
    let number = Uint::new(&list.number.to_be_bytes())?;
    let mut written = vec![
        extensions::authority_key_identifier(&list.issuer.key_identifier())?,
        extensions::extension(oid::CRL_NUMBER, false, &number)?,
    ];
    if let Some(point) = list.distribution_point {
        written.push(extensions::issuing_distribution_point(point)?);
    }
    Ok(written)
}

fn revoked(entry: &Entry) -> Result<RevokedCert<Rfc5280>, BuildError> {
    let given = (entry.reason != Reason::Unspecified).then_some(entry.reason);
    let reason = given.map(|reason| extensions::extension(oid::CRL_REASON, false, &reason.to_x509()));
    Ok(RevokedCert {
        serial_number: entry.serial.to_x509()?,
        revocation_date: x509_time(entry.revoked_at)?,
        crl_entry_extensions: reason.transpose()?.map(|reason| vec![reason]),
    })
}
