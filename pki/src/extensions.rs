//! Extensions of certificates: RFC 5280 §4.2, and those of the order of the FSB no. 795.

use der::asn1::{Ia5String, ObjectIdentifier, OctetString, Utf8StringRef};
use der::flagset::FlagSet;
use der::{Encode, Sequence};
use qcert_protocol::application::IdentificationKind;
use qcert_protocol::holder::Email;
use time::OffsetDateTime;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::certpolicy::PolicyInformation;
use x509_cert::ext::pkix::crl::dp::{DistributionPoint, IssuingDistributionPoint};
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName};
use x509_cert::ext::pkix::{
    AccessDescription, AuthorityInfoAccessSyntax, AuthorityKeyIdentifier, BasicConstraints, CertificatePolicies,
    CrlDistributionPoints, ExtendedKeyUsage, KeyUsage, KeyUsages, PrivateKeyUsagePeriod, SubjectAltName,
    SubjectKeyIdentifier,
};

use crate::to_be_signed::generalized_time;
use crate::{BuildError, IssuerSignTool, PublicKey, ToolClass, oid};

/// An extension around any value.
pub(crate) fn extension(oid: ObjectIdentifier, critical: bool, value: &impl Encode) -> der::Result<Extension> {
    Ok(Extension { extn_id: oid, critical, extn_value: OctetString::new(value.to_der()?)? })
}

pub(crate) fn basic_constraints(path_length: Option<u8>) -> der::Result<Extension> {
    let value = BasicConstraints { ca: true, path_len_constraint: path_length };
    extension(oid::BASIC_CONSTRAINTS, true, &value)
}

pub(crate) fn key_usage(usages: impl Into<FlagSet<KeyUsages>>) -> der::Result<Extension> {
    extension(oid::KEY_USAGE, true, &KeyUsage(usages.into()))
}

pub(crate) fn extended_key_usage(usages: &[ObjectIdentifier]) -> der::Result<Extension> {
    extension(oid::EXTENDED_KEY_USAGE, false, &ExtendedKeyUsage(usages.to_vec()))
}

/// The address of electronic mail a second time, where RFC 5280 §4.1.2.6 wants it and mail programs look.
pub(crate) fn subject_alternative_name(email: &Email) -> der::Result<Extension> {
    let name = GeneralName::Rfc822Name(Ia5String::new(email.as_str())?);
    extension(oid::SUBJECT_ALTERNATIVE_NAME, false, &SubjectAltName(vec![name]))
}

pub(crate) fn subject_key_identifier(key: &PublicKey) -> der::Result<Extension> {
    let identifier = OctetString::new(key.subject_key_identifier())?;
    extension(oid::SUBJECT_KEY_IDENTIFIER, false, &SubjectKeyIdentifier(identifier))
}

/// Names the issuer's key as the issuer's own certificate does.
pub(crate) fn authority_key_identifier(identifier: &[u8]) -> der::Result<Extension> {
    let value = AuthorityKeyIdentifier {
        key_identifier: Some(OctetString::new(identifier)?),
        authority_cert_issuer: None,
        authority_cert_serial_number: None,
    };
    extension(oid::AUTHORITY_KEY_IDENTIFIER, false, &value)
}

/// One distribution point with all addresses of the same list (RFC 5280 §4.2.1.13).
pub(crate) fn crl_distribution_points(urls: &[String]) -> Result<Extension, BuildError> {
    let names = urls.iter().map(|url| uri("crl_urls", url)).collect::<Result<_, _>>()?;
    let point = DistributionPoint {
        distribution_point: Some(DistributionPointName::FullName(names)),
        reasons: None,
        crl_issuer: None,
    };
    Ok(extension(oid::CRL_DISTRIBUTION_POINTS, false, &CrlDistributionPoints(vec![point]))?)
}

/// Which certificates a list is about (RFC 5280 §5.2.5); critical.
pub(crate) fn issuing_distribution_point(point: &crate::crl::DistributionPoint) -> Result<Extension, BuildError> {
    if point.urls.is_empty() {
        return Err(BuildError::Setting("crl_urls"));
    }
    let names = point.urls.iter().map(|url| uri("crl_urls", url)).collect::<Result<_, _>>()?;
    let value = IssuingDistributionPoint {
        distribution_point: Some(DistributionPointName::FullName(names)),
        only_contains_user_certs: point.only_user_certificates,
        only_contains_ca_certs: false,
        only_some_reasons: None,
        indirect_crl: false,
        only_contains_attribute_certs: false,
    };
    Ok(extension(oid::ISSUING_DISTRIBUTION_POINT, true, &value)?)
}

pub(crate) fn authority_information_access(ca_issuers: &[String], ocsp: &[String]) -> Result<Extension, BuildError> {
    let issuers = ca_issuers.iter().map(|url| (oid::ACCESS_CA_ISSUERS, "ca_issuers_urls", url));
    let responders = ocsp.iter().map(|url| (oid::ACCESS_OCSP, "ocsp_urls", url));
    let descriptions = issuers.chain(responders).map(|(access_method, setting, url)| {
        Ok(AccessDescription { access_method, access_location: uri(setting, url)? })
    });
    let value = AuthorityInfoAccessSyntax(descriptions.collect::<Result<_, BuildError>>()?);
    Ok(extension(oid::AUTHORITY_INFORMATION_ACCESS, false, &value)?)
}

/// The classes are cumulative: a tool of KC3 is one of KC1 and KC2 too.
pub(crate) fn tool_class_policies(class: ToolClass) -> der::Result<Extension> {
    let policies = (1..=class.number()).map(|class| {
        let policy_identifier = oid::TOOL_CLASS.push_arc(class.into())?;
        Ok(PolicyInformation { policy_identifier, policy_qualifiers: None })
    });
    let policies = policies.collect::<der::Result<Vec<_>>>()?;
    extension(oid::CERTIFICATE_POLICIES, false, &CertificatePolicies(policies))
}

pub(crate) fn private_key_usage_period(from: OffsetDateTime, until: OffsetDateTime) -> Result<Extension, BuildError> {
    let value =
        PrivateKeyUsagePeriod { not_before: Some(generalized_time(from)?), not_after: Some(generalized_time(until)?) };
    Ok(extension(oid::PRIVATE_KEY_USAGE_PERIOD, false, &value)?)
}

pub(crate) fn subject_sign_tool(tool: &str) -> der::Result<Extension> {
    extension(oid::SUBJECT_SIGN_TOOL, false, &Utf8StringRef::new(tool)?)
}

pub(crate) fn issuer_sign_tool(tool: &IssuerSignTool) -> der::Result<Extension> {
    /// Order of the FSB no. 795, item 31.
    #[derive(Sequence)]
    struct Value<'a> {
        sign_tool: Utf8StringRef<'a>,
        ca_tool: Utf8StringRef<'a>,
        sign_tool_certificate: Utf8StringRef<'a>,
        ca_tool_certificate: Utf8StringRef<'a>,
    }
    let value = Value {
        sign_tool: Utf8StringRef::new(&tool.sign_tool)?,
        ca_tool: Utf8StringRef::new(&tool.ca_tool)?,
        sign_tool_certificate: Utf8StringRef::new(&tool.sign_tool_certificate)?,
        ca_tool_certificate: Utf8StringRef::new(&tool.ca_tool_certificate)?,
    };
    extension(oid::ISSUER_SIGN_TOOL, false, &value)
}

pub(crate) fn identification_kind(kind: IdentificationKind) -> der::Result<Extension> {
    extension(oid::IDENTIFICATION_KIND, false, &u8::from(kind))
}

fn uri(setting: &'static str, url: &str) -> Result<GeneralName, BuildError> {
    let name = Ia5String::new(url).map_err(|_| BuildError::Setting(setting))?;
    Ok(GeneralName::UniformResourceIdentifier(name))
}
