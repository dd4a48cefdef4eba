//! Revocation lists, version 2 (RFC 5280 §5).

use der::Encode;
use der::asn1::Uint;
use time::OffsetDateTime;
use x509_cert::certificate::{Rfc5280, Version};
use x509_cert::crl::{RevokedCert, TbsCertList};
use x509_cert::ext::pkix::CrlReason;

use crate::to_be_signed::x509_time;
use crate::{BuildError, Certificate, Serial, SignatureAlgorithm, extensions, oid};

/// Why a certificate was revoked (RFC 5280 §5.3.1), as far as an authority of holders needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The holder's key is known to somebody else.
    KeyCompromise,
    /// The authority's key is.
    CaCompromise,
    /// The holder left the organisation, or its name changed.
    AffiliationChanged,
    /// Another certificate took its place.
    Superseded,
    /// It is not needed any more.
    CessationOfOperation,
    /// Suspended for a time.
    CertificateHold,
    /// The right that it certifies was withdrawn.
    PrivilegeWithdrawn,
}

/// One revoked certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Which.
    pub serial: Serial,
    /// Since when.
    pub revoked_at: OffsetDateTime,
    /// Why, if a reason was given.
    pub reason: Option<Reason>,
}

/// A list to be issued.
#[derive(Clone, Debug)]
pub struct RevocationList<'a> {
    /// The authority whose certificates it lists.
    pub issuer: &'a Certificate,
    /// The issuing key's algorithm.
    pub signature_algorithm: SignatureAlgorithm,
    /// Grows with each list.
    pub number: u64,
    /// When it is issued.
    pub this_update: OffsetDateTime,
    /// When the next one is there at the latest.
    pub next_update: OffsetDateTime,
    /// What is revoked.
    pub entries: &'a [Entry],
}

/// The TBSCertList, DER; [`crate::assemble`] makes the list of it.
///
/// # Errors
/// [`BuildError::Validity`] if the next update is not after this one, [`BuildError::Issuer`] if the issuer is no
/// authority, [`BuildError::Encoding`] for a time that DER cannot say.
pub fn to_be_signed(list: &RevocationList<'_>) -> Result<Vec<u8>, BuildError> {
    if list.this_update >= list.next_update {
        return Err(BuildError::Validity);
    }
    if !list.issuer.is_authority() {
        return Err(BuildError::Issuer);
    }
    let entries = list.entries.iter().map(revoked).collect::<Result<Vec<_>, _>>()?;
    let number = Uint::new(&list.number.to_be_bytes())?;
    let tbs = TbsCertList::<Rfc5280> {
        version: Version::V2,
        signature: list.signature_algorithm.to_identifier(),
        issuer: list.issuer.subject().clone(),
        this_update: x509_time(list.this_update)?,
        next_update: Some(x509_time(list.next_update)?),
        // RFC 5280 §5.1.2.6: absent, not empty, when nothing is revoked.
        revoked_certificates: (!entries.is_empty()).then_some(entries),
        crl_extensions: Some(vec![
            extensions::authority_key_identifier(&list.issuer.key_identifier())?,
            extensions::extension(oid::CRL_NUMBER, false, &number)?,
        ]),
    };
    Ok(tbs.to_der()?)
}

fn revoked(entry: &Entry) -> Result<RevokedCert<Rfc5280>, BuildError> {
    let reason = entry.reason.map(|reason| extensions::extension(oid::CRL_REASON, false, &to_x509(reason)));
    Ok(RevokedCert {
        serial_number: entry.serial.to_x509()?,
        revocation_date: x509_time(entry.revoked_at)?,
        crl_entry_extensions: reason.transpose()?.map(|reason| vec![reason]),
    })
}

fn to_x509(reason: Reason) -> CrlReason {
    match reason {
        Reason::KeyCompromise => CrlReason::KeyCompromise,
        Reason::CaCompromise => CrlReason::CaCompromise,
        Reason::AffiliationChanged => CrlReason::AffiliationChanged,
        Reason::Superseded => CrlReason::Superseded,
        Reason::CessationOfOperation => CrlReason::CessationOfOperation,
        Reason::CertificateHold => CrlReason::CertificateHold,
        Reason::PrivilegeWithdrawn => CrlReason::PrivilegeWithdrawn,
    }
}
