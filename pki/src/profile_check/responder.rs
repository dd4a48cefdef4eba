//! The certificate of a responder, read again: RFC 6960 §4.2.2.2. It must be good for answers and for nothing else,
//! for nobody looks at it before it is signed.

use super::extensions::{self, Extension};
use super::plain::{BIT_STRING, Element, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, SET, UTF8_STRING};
use super::{Expected, Finding, Findings, check_tbs};
use crate::ocsp::ResponderCertificate;

/// What it has, by identifier: name, criticality.
const PROFILE: [(&str, &str, bool); 5] = [
    ("2.5.29.15", "keyUsage", true),
    ("2.5.29.37", "extKeyUsage", false),
    ("2.5.29.14", "subjectKeyIdentifier", false),
    ("2.5.29.35", "authorityKeyIdentifier", false),
    ("1.3.6.1.5.5.7.48.1.5", "id-pkix-ocsp-nocheck", false),
];

const NULL: u8 = 0x05;

/// Is this TBSCertificate (DER) the responder's certificate that `expected` describes, and nothing more?
///
/// # Errors
/// Everything that was found.
pub fn check_responder(tbs: &[u8], expected: &ResponderCertificate<'_>) -> Result<(), Vec<Finding>> {
    let common = Expected {
        issuer: expected.issuer,
        signature_algorithm: expected.signature_algorithm,
        public_key: expected.public_key,
        serial: expected.serial,
        not_before: expected.not_before,
        not_after: expected.not_after,
    };
    check_tbs(tbs, &common, |fields, issuer, list, issuer_key, findings| {
        let named = subject_fits(fields.subject, issuer.subject, expected.common_name.as_str());
        findings.require(named == Some(true), "subject", "is not the issuer's with the responder's common name");
        check_extensions(list, fields.spki, issuer_key, findings);
    })
}

fn subject_fits(subject: Element<'_>, issuer: Element<'_>, common_name: &str) -> Option<bool> {
    let (mut names, mut others) = (Vec::new(), Vec::new());
    for rdn in subject.children()? {
        match common_name_of(rdn)? {
            Some(value) => names.push(value),
            None => others.push(rdn.whole),
        }
    }
    let issuers = issuer.children()?.into_iter();
    let kept = issuers.filter(|rdn| common_name_of(*rdn) == Some(None)).map(|rdn| rdn.whole);
    Some(names == [(UTF8_STRING, common_name)] && kept.eq(others))
}

/// Type and text of the common name, if that is the attribute of this RelativeDistinguishedName.
fn common_name_of(rdn: Element<'_>) -> Option<Option<(u8, &str)>> {
    let [attribute] = Element::only_of(SET, rdn.whole)?.children_of([SEQUENCE])?;
    let [oid, value]: [Element<'_>; 2] = attribute.children()?.try_into().ok()?;
    if oid.oid()? == "2.5.4.3" { Some(Some((value.tag, value.text()?))) } else { Some(None) }
}

fn check_extensions(list: &[Extension<'_>], spki: Element<'_>, issuer_key: Option<&[u8]>, findings: &mut Findings) {
    let known = |oid: &str| PROFILE.iter().any(|(known, ..)| *known == oid);
    let only = list.iter().all(|found| known(&found.oid));
    findings.require(only, "extensions", "has one that the profile does not have");
    for (oid, place, critical) in PROFILE {
        let mut found = list.iter().filter(|extension| extension.oid == oid);
        let (Some(extension), None) = (found.next(), found.next()) else {
            findings.add(place, "is missing, or stands there twice");
            continue;
        };
        findings.require(extension.critical == critical, place, "has the wrong criticality");
        let fits = value_fits(place, extension.value, spki, issuer_key);
        findings.require(fits == Some(true), place, "has another value than it must");
    }
}

fn value_fits(place: &str, value: Element<'_>, spki: Element<'_>, issuer_key: Option<&[u8]>) -> Option<bool> {
    Some(match place {
        // Bit 0, seven unused: digitalSignature.
        "keyUsage" => value.tag == BIT_STRING && value.content == [0x07, 0x80],
        "extKeyUsage" => {
            let [usage] = Element::only_of(SEQUENCE, value.whole)?.children_of([OBJECT_IDENTIFIER])?;
            usage.oid()? == "1.3.6.1.5.5.7.3.9"
        }
        "subjectKeyIdentifier" => value.tag == OCTET_STRING && value.content == extensions::key_identifier(spki)?,
        "authorityKeyIdentifier" => {
            let [identifier] = Element::only_of(SEQUENCE, value.whole)?.children_of([0x80])?;
            identifier.content == issuer_key?
        }
        "id-pkix-ocsp-nocheck" => value.tag == NULL && value.content.is_empty(),
        _ => false,
    })
}
