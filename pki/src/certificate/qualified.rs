//! The qualified certificate: what configuration, application and request each give, and the bytes to be signed.

use qcert_protocol::HolderData;
use qcert_protocol::application::IdentificationKind;
use time::OffsetDateTime;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::KeyUsages;

use crate::to_be_signed::Common;
use crate::{BuildError, Certificate, PublicKey, Serial, SignatureAlgorithm, extensions, name, oid};

/// Class of a tool for electronic signatures: 1 (KC1), 2 (KC2), 3 (KC3), 4 (KB1), 5 (KB2), 6 (KA).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ToolClass(u8);

impl ToolClass {
    /// 1 to 6.
    pub const fn new(number: u8) -> Option<Self> {
        match number {
            1..=6 => Some(Self(number)),
            _ => None,
        }
    }

    /// 1 to 6.
    pub const fn number(self) -> u8 {
        self.0
    }
}

/// The authority's tools (issuerSignTool).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerSignTool {
    /// The tool that signs, 1 to 200 characters.
    pub sign_tool: String,
    /// The tool of the authority, 1 to 200 characters.
    pub ca_tool: String,
    /// Number of the first one's certificate of conformity, 1 to 100 characters.
    pub sign_tool_certificate: String,
    /// Number of the second one's, 1 to 100 characters.
    pub ca_tool_certificate: String,
}

/// What the authority's configuration gives to every certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The holder's tool (subjectSignTool), 1 to 200 characters.
    pub subject_sign_tool: String,
    /// The authority's tools.
    pub issuer_sign_tool: IssuerSignTool,
    /// The holder's tool's class; the policies are 1 up to it.
    pub class: ToolClass,
    /// Where the revocation list is: one at least, http or https.
    pub crl_urls: Vec<String>,
    /// Where the issuer's certificate is: one at least, http or https.
    pub ca_issuers_urls: Vec<String>,
    /// Where certificates' states are answered, if anywhere.
    pub ocsp_urls: Vec<String>,
}

impl Profile {
    /// Checks lengths and addresses; worth calling when a program starts.
    ///
    /// # Errors
    /// [`BuildError::Setting`] with the name of the field.
    pub fn check(&self) -> Result<(), BuildError> {
        let tool = &self.issuer_sign_tool;
        let texts = [
            ("subject_sign_tool", &self.subject_sign_tool, 200),
            ("issuer_sign_tool.sign_tool", &tool.sign_tool, 200),
            ("issuer_sign_tool.ca_tool", &tool.ca_tool, 200),
            ("issuer_sign_tool.sign_tool_certificate", &tool.sign_tool_certificate, 100),
            ("issuer_sign_tool.ca_tool_certificate", &tool.ca_tool_certificate, 100),
        ];
        let lists = [
            ("crl_urls", &self.crl_urls, true),
            ("ca_issuers_urls", &self.ca_issuers_urls, true),
            ("ocsp_urls", &self.ocsp_urls, false),
        ];
        let text_fits =
            |text: &str, max| (1..=max).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        let wrong_text = texts.into_iter().find(|(_, text, max)| !text_fits(text, *max)).map(|(setting, ..)| setting);
        let list_fits =
            |urls: &[String], needed: bool| !(needed && urls.is_empty()) && urls.iter().all(|url| is_url(url));
        let wrong_list =
            lists.into_iter().find(|(_, urls, needed)| !list_fits(urls, *needed)).map(|(setting, ..)| setting);
        wrong_text.or(wrong_list).map_or(Ok(()), |setting| Err(BuildError::Setting(setting)))
    }
}

fn is_url(url: &str) -> bool {
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    rest.is_some_and(|rest| !rest.is_empty()) && url.bytes().all(|byte| byte.is_ascii_graphic())
}

/// One certificate to be issued, and where each part of it comes from.
#[derive(Clone, Debug)]
pub struct Issuance<'a> {
    /// Configuration.
    pub profile: &'a Profile,
    /// The issuing certificate.
    pub issuer: &'a Certificate,
    /// The issuing key's algorithm.
    pub signature_algorithm: SignatureAlgorithm,
    /// The application's frozen snapshot.
    pub holder: &'a HolderData,
    /// What the operator recorded.
    pub identification: IdentificationKind,
    /// The request's key: all that a request gives.
    pub public_key: &'a PublicKey,
    /// Its number.
    pub serial: &'a Serial,
    /// First second of its validity.
    pub not_before: OffsetDateTime,
    /// Last second of its validity; never beyond the issuer's.
    pub not_after: OffsetDateTime,
}

/// The TBSCertificate, DER. Everything but the public key comes from the authority's own records.
///
/// # Errors
/// [`BuildError`]: the holder's data are not complete, a setting does not fit, the issuer is no authority, or the
/// validity is empty or reaches beyond the issuer's.
pub fn qualified_to_be_signed(issuance: &Issuance<'_>) -> Result<Vec<u8>, BuildError> {
    issuance.profile.check()?;
    if !issuance.issuer.is_authority() {
        return Err(BuildError::Issuer);
    }
    if issuance.not_before >= issuance.not_after {
        return Err(BuildError::Validity);
    }
    issuance.issuer.check_covers(issuance.not_before, issuance.not_after)?;
    Common {
        serial: issuance.serial,
        signature_algorithm: issuance.signature_algorithm,
        issuer: issuance.issuer.subject().clone(),
        not_before: issuance.not_before,
        not_after: issuance.not_after,
        subject: name::holder(issuance.holder)?,
        public_key: issuance.public_key,
        extensions: extensions_of(issuance)?,
    }
    .into_der()
}

fn extensions_of(issuance: &Issuance<'_>) -> Result<Vec<Extension>, BuildError> {
    let profile = issuance.profile;
    Ok(vec![
        extensions::key_usage(KeyUsages::DigitalSignature | KeyUsages::NonRepudiation)?,
        extensions::extended_key_usage(&[oid::CLIENT_AUTHENTICATION, oid::EMAIL_PROTECTION])?,
        extensions::subject_alternative_name(&issuance.holder.email)?,
        extensions::subject_key_identifier(issuance.public_key)?,
        extensions::authority_key_identifier(&issuance.issuer.key_identifier())?,
        extensions::tool_class_policies(profile.class)?,
        extensions::subject_sign_tool(&profile.subject_sign_tool)?,
        extensions::issuer_sign_tool(&profile.issuer_sign_tool)?,
        extensions::identification_kind(issuance.identification)?,
        extensions::crl_distribution_points(&profile.crl_urls)?,
        extensions::authority_information_access(&profile.ca_issuers_urls, &profile.ocsp_urls)?,
        extensions::private_key_usage_period(issuance.not_before, issuance.not_after)?,
    ])
}
