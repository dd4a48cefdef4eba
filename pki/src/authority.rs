//! The authority's own certificates: a root, and the issuing one below it; and the request for the
//! latter, where the root is somebody else's.

mod request;

pub use request::{Unfit, check_chain, request_to_be_signed, request_to_pem};

use qcert_protocol::holder::{Country, InnLegalEntity, Ogrn, Region, Text};
use time::OffsetDateTime;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::KeyUsages;
use x509_cert::name::Name;

use crate::name::NameWriter;
use crate::to_be_signed::Common;
use crate::{BuildError, Certificate, PublicKey, Serial, SignatureAlgorithm, ToolClass, extensions, oid};

/// The authority's name, in the order in which it is written.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthorityName {
    /// Country (C).
    pub country: Country,
    /// Region with its code (ST).
    pub region: Region,
    /// City or settlement (L).
    pub locality: Text<128>,
    /// Street and house (STREET).
    pub street: Text<128>,
    /// Organisation (O).
    pub organization: Text<64>,
    /// Common name (CN); it tells the root from the issuing certificate.
    pub common_name: Text<64>,
    /// Main registration number.
    pub ogrn: Ogrn,
    /// INN of the legal entity.
    pub inn: InnLegalEntity,
}

/// All of it: unlike a holder's, this name is nobody's secret.
impl std::fmt::Debug for AuthorityName {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { country, region, locality, street, organization, common_name, ogrn, inn } = self;
        let place = [country.as_str(), region.as_str(), locality.as_str(), street.as_str()];
        let whose = [organization.as_str(), common_name.as_str(), ogrn.as_str(), inn.as_str()];
        formatter.debug_tuple("AuthorityName").field(&place).field(&whose).finish()
    }
}

impl AuthorityName {
    fn to_name(&self) -> der::Result<Name> {
        let mut name = NameWriter::default();
        name.printable(oid::COUNTRY, self.country.as_str())?
            .utf8(oid::STATE, self.region.as_str())?
            .utf8(oid::LOCALITY, self.locality.as_str())?
            .utf8(oid::STREET, self.street.as_str())?
            .utf8(oid::ORGANIZATION, self.organization.as_str())?
            .utf8(oid::COMMON_NAME, self.common_name.as_str())?
            .numeric(oid::OGRN, self.ogrn.as_str())?
            .numeric(oid::INN_LEGAL_ENTITY, self.inn.as_str())?;
        Ok(name.finish())
    }
}

/// What an authority's certificate says.
#[derive(Clone, Debug)]
pub struct AuthorityCertificate<'a> {
    /// Whose it is.
    pub name: &'a AuthorityName,
    /// The key that it certifies.
    pub public_key: &'a PublicKey,
    /// The signer's algorithm: the root's, for both certificates.
    pub signature_algorithm: SignatureAlgorithm,
    /// Its number.
    pub serial: &'a Serial,
    /// First second of its validity.
    pub not_before: OffsetDateTime,
    /// Last second of its validity.
    pub not_after: OffsetDateTime,
    /// How many authorities may stand between it and a holder: 0 for the issuing one.
    pub path_length: Option<u8>,
    /// Class of the authority's tool: the policies under which it issues. A root usually names none.
    pub class: Option<ToolClass>,
    /// Where the list is that may revoke it. A root has none.
    pub crl_urls: &'a [String],
    /// Where the issuer's certificate is. A root has none.
    pub ca_issuers_urls: &'a [String],
}

/// The TBSCertificate of a root, DER: its own issuer.
///
/// # Errors
/// [`BuildError`] if the validity is empty or a value cannot be encoded.
pub fn root_to_be_signed(root: &AuthorityCertificate<'_>) -> Result<Vec<u8>, BuildError> {
    check_validity(root)?;
    let identifier = root.public_key.subject_key_identifier();
    to_be_signed(root, root.name.to_name()?, &identifier)
}

/// The TBSCertificate of an authority below `issuer`, DER.
///
/// # Errors
/// [`BuildError::Issuer`] if `issuer` may have no authority below it (with this path length), [`BuildError::Validity`]
/// if the validity is empty or reaches beyond the issuer's, and the others if a value cannot be encoded.
pub fn issuing_to_be_signed(issuer: &Certificate, issuing: &AuthorityCertificate<'_>) -> Result<Vec<u8>, BuildError> {
    check_validity(issuing)?;
    issuer.check_covers(issuing.not_before, issuing.not_after)?;
    let deeper = match issuer.path_length() {
        None => true,
        Some(limit) => issuing.path_length.is_some_and(|length| length < limit),
    };
    if !issuer.is_authority() || !deeper {
        return Err(BuildError::Issuer);
    }
    to_be_signed(issuing, issuer.subject().clone(), &issuer.key_identifier())
}

fn check_validity(certificate: &AuthorityCertificate<'_>) -> Result<(), BuildError> {
    if certificate.not_before < certificate.not_after { Ok(()) } else { Err(BuildError::Validity) }
}

fn to_be_signed(
    certificate: &AuthorityCertificate<'_>,
    issuer: Name,
    issuer_key: &[u8],
) -> Result<Vec<u8>, BuildError> {
    Common {
        serial: certificate.serial,
        signature_algorithm: certificate.signature_algorithm,
        issuer,
        not_before: certificate.not_before,
        not_after: certificate.not_after,
        subject: certificate.name.to_name()?,
        public_key: certificate.public_key,
        extensions: extensions_of(certificate, issuer_key)?,
    }
    .into_der()
}

fn extensions_of(certificate: &AuthorityCertificate<'_>, issuer_key: &[u8]) -> Result<Vec<Extension>, BuildError> {
    let mut list = vec![
        extensions::basic_constraints(certificate.path_length)?,
        extensions::key_usage(KeyUsages::KeyCertSign | KeyUsages::CRLSign)?,
        extensions::subject_key_identifier(certificate.public_key)?,
        extensions::authority_key_identifier(issuer_key)?,
    ];
    if let Some(class) = certificate.class {
        list.push(extensions::tool_class_policies(class)?);
    }
    if !certificate.crl_urls.is_empty() {
        list.push(extensions::crl_distribution_points(certificate.crl_urls)?);
    }
    if !certificate.ca_issuers_urls.is_empty() {
        list.push(extensions::authority_information_access(certificate.ca_issuers_urls, &[])?);
    }
    Ok(list)
}
