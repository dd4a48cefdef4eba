//! The check before a certificate is signed: the TBSCertificate, read again.
//!
//! Written from RFC 5280 and the order of the FSB no. 795, with a reader of its own. It shares no code with the builder
//! but the types of the input, so that one mistake is not made twice.

mod extensions;
mod plain;
mod responder;
mod subject;
mod times;

pub use responder::check_responder;

use extensions::Extension;
use plain::{Element, INTEGER, SEQUENCE};
use time::OffsetDateTime;

use crate::{Certificate, Issuance, PublicKey, Serial, SignatureAlgorithm};

/// Something in a TBSCertificate that must not be signed. It names the place, never the value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place} {problem}")]
pub struct Finding {
    /// Field, attribute or extension, in the words of the standard.
    pub place: &'static str,
    /// What is wrong there.
    pub problem: &'static str,
}

#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, place: &'static str, problem: &'static str) {
        self.0.push(Finding { place, problem });
    }

    fn require(&mut self, fits: bool, place: &'static str, problem: &'static str) {
        if !fits {
            self.add(place, problem);
        }
    }
}

/// The fields of a TBSCertificate of version 3.
struct Fields<'a> {
    version: Element<'a>,
    serial: Element<'a>,
    algorithm: Element<'a>,
    issuer: Element<'a>,
    validity: Element<'a>,
    subject: Element<'a>,
    spki: Element<'a>,
    extensions: Element<'a>,
}

impl<'a> Fields<'a> {
    fn read(tbs: &'a [u8]) -> Option<Self> {
        const TAGS: [u8; 8] = [0xa0, INTEGER, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE, 0xa3];
        let [version, serial, algorithm, issuer, validity, subject, spki, extensions] =
            Element::only_of(SEQUENCE, tbs)?.children_of(TAGS)?;
        Some(Self { version, serial, algorithm, issuer, validity, subject, spki, extensions })
    }
}

/// What is the same for every kind of certificate.
struct Expected<'a> {
    issuer: &'a Certificate,
    signature_algorithm: SignatureAlgorithm,
    public_key: &'a PublicKey,
    serial: &'a Serial,
    not_before: OffsetDateTime,
    not_after: OffsetDateTime,
}

/// Is this TBSCertificate (DER) the qualified certificate that `expected` describes, and nothing more?
///
/// # Errors
/// Everything that was found.
pub fn check_qualified(tbs: &[u8], expected: &Issuance<'_>) -> Result<(), Vec<Finding>> {
    let common = Expected {
        issuer: expected.issuer,
        signature_algorithm: expected.signature_algorithm,
        public_key: expected.public_key,
        serial: expected.serial,
        not_before: expected.not_before,
        not_after: expected.not_after,
    };
    check_tbs(tbs, &common, |fields, _, list, issuer_key, findings| {
        subject::check(fields.subject, expected.holder, findings);
        let context = extensions::Context { issuance: expected, spki: fields.spki, issuer_key };
        extensions::check(list, &context, findings);
    })
}

/// Checks what all certificates share, and lets `of_kind` look at name and extensions: it gets the fields, the issuer's,
/// the extensions and the issuer's key identifier.
fn check_tbs<'a>(
    tbs: &'a [u8],
    expected: &Expected<'a>,
    of_kind: impl FnOnce(&Fields<'a>, &Fields<'a>, &[Extension<'a>], Option<&'a [u8]>, &mut Findings),
) -> Result<(), Vec<Finding>> {
    let mut findings = Findings::default();
    let issuer_tbs = Element::only_of(SEQUENCE, expected.issuer.der()).and_then(|certificate| certificate.children());
    let issuer = issuer_tbs.as_ref().and_then(|parts| Fields::read(parts.first()?.whole));
    match (Fields::read(tbs), issuer) {
        (Some(fields), Some(issuer)) => {
            check_fields(&fields, &issuer, expected, &mut findings);
            let issuers = extensions::read(issuer.extensions).unwrap_or_default();
            let identifier = issuers.iter().find(|extension| extension.oid == "2.5.29.14");
            let issuer_key = identifier.map(|extension| extension.value.content);
            match extensions::read(fields.extensions) {
                Some(list) => of_kind(&fields, &issuer, &list, issuer_key, &mut findings),
                None => findings.add("extensions", "is not a list of extensions"),
            }
        }
        (None, _) => findings.add("TBSCertificate", "is not of the shape of version 3"),
        (_, None) => findings.add("issuer's certificate", "is not of the shape of version 3"),
    }
    if findings.0.is_empty() { Ok(()) } else { Err(findings.0) }
}

fn check_fields(fields: &Fields<'_>, issuer: &Fields<'_>, expected: &Expected<'_>, findings: &mut Findings) {
    findings.require(fields.version.content == [INTEGER, 1, 2], "version", "is not 3");
    check_serial(fields.serial, expected, findings);
    let algorithm = algorithm_identifier(expected.signature_algorithm);
    findings.require(fields.algorithm.whole == algorithm, "signature", "is not the issuing key's algorithm");
    findings.require(fields.issuer.whole == issuer.subject.whole, "issuer", "is not the issuer's name");
    check_validity(fields.validity, issuer.validity, expected, findings);
    let key = expected.public_key.spki_der();
    findings.require(fields.spki.whole == key, "subjectPublicKeyInfo", "is not the request's key");
}

/// Positive, at most 20 octets (RFC 5280 §4.1.2.2), long enough for 128 random bits, and the one that was reserved.
fn check_serial(serial: Element<'_>, expected: &Expected<'_>, findings: &mut Findings) {
    let positive = serial.content.first().is_some_and(|first| *first < 0x80);
    findings.require(positive, "serialNumber", "is not positive");
    findings.require((17..=20).contains(&serial.content.len()), "serialNumber", "is too short or too long");
    let number = match serial.content {
        [0, second, ..] if *second >= 0x80 => &serial.content[1..],
        all => all,
    };
    findings.require(number == expected.serial.as_bytes(), "serialNumber", "is not the one that was reserved");
}

fn check_validity(validity: Element<'_>, issuers: Element<'_>, expected: &Expected<'_>, findings: &mut Findings) {
    let both = |validity: Element<'_>| -> Option<(String, String)> {
        let [from, until] = validity.children()?.try_into().ok()?;
        Some((times::read(from)?, times::read(until)?))
    };
    let (Some((from, until)), Some((issuer_from, issuer_until))) = (both(validity), both(issuers)) else {
        return findings.add("validity", "is not two times");
    };
    findings.require(from < until, "validity", "is empty");
    findings.require(issuer_from <= from && until <= issuer_until, "validity", "reaches beyond the issuer's");
    let written = validity.children().unwrap_or_default();
    let expected = [expected.not_before, expected.not_after];
    let same = written.iter().zip(expected).all(|(element, at)| times::is(*element, at));
    findings.require(same, "validity", "is not the one that was decided");
}

/// The AlgorithmIdentifiers of RFC 5758, RFC 4055 and RFC 8410, octet by octet.
fn algorithm_identifier(algorithm: SignatureAlgorithm) -> &'static [u8] {
    use SignatureAlgorithm as S;
    match algorithm {
        S::EcdsaSha256 => &[0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02],
        S::EcdsaSha384 => &[0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03],
        S::EcdsaSha512 => &[0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04],
        S::RsaSha256 => &[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b, 0x05, 0x00],
        S::RsaSha384 => &[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0c, 0x05, 0x00],
        S::RsaSha512 => &[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0d, 0x05, 0x00],
        S::Ed25519 => &[0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70],
    }
}
