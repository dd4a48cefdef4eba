//! The extensions, read again: exactly these, each once, critical or not as the profile says.

use ring::digest;
use time::OffsetDateTime;

use super::plain::{BIT_STRING, BOOLEAN, Element, INTEGER, OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, UTF8_STRING};
use super::{Findings, times};
use crate::{Issuance, Profile};

/// One extension: identifier, criticality, and the value inside the OCTET STRING.
pub(super) struct Extension<'a> {
    pub(super) oid: String,
    pub(super) critical: bool,
    pub(super) value: Element<'a>,
}

/// What the profile has, by identifier.
const PROFILE: [(&str, &str); 12] = [
    ("2.5.29.15", "keyUsage"),
    ("2.5.29.37", "extKeyUsage"),
    ("2.5.29.17", "subjectAltName"),
    ("2.5.29.14", "subjectKeyIdentifier"),
    ("2.5.29.35", "authorityKeyIdentifier"),
    ("2.5.29.32", "certificatePolicies"),
    ("1.2.643.100.111", "subjectSignTool"),
    ("1.2.643.100.112", "issuerSignTool"),
    ("1.2.643.100.114", "identificationKind"),
    ("2.5.29.31", "cRLDistributionPoints"),
    ("1.3.6.1.5.5.7.1.1", "authorityInfoAccess"),
    ("2.5.29.16", "privateKeyUsagePeriod"),
];

/// Where an address of electronic mail stands in a GeneralName: `rfc822Name [1] IA5String`.
const RFC822_NAME: u8 = 0x81;

/// Where an address stands in a GeneralName: `uniformResourceIdentifier [6] IA5String`.
const URI: u8 = 0x86;

/// What is checked against: the issuance, and what was read elsewhere in the certificates.
pub(super) struct Context<'a> {
    pub(super) issuance: &'a Issuance<'a>,
    /// The SubjectPublicKeyInfo in the TBSCertificate.
    pub(super) spki: Element<'a>,
    /// subjectKeyIdentifier of the issuer's certificate.
    pub(super) issuer_key: Option<&'a [u8]>,
}

pub(super) fn check(list: &[Extension<'_>], context: &Context<'_>, findings: &mut Findings) {
    let known = |oid: &str| PROFILE.iter().any(|(known, _)| *known == oid);
    findings.require(
        list.iter().all(|found| known(&found.oid)),
        "extensions",
        "has one that the profile does not have",
    );
    for (oid, place) in PROFILE {
        let mut found = list.iter().filter(|extension| extension.oid == oid);
        let (Some(extension), None) = (found.next(), found.next()) else {
            findings.add(place, "is missing, or stands there twice");
            continue;
        };
        findings.require(extension.critical == (place == "keyUsage"), place, "has the wrong criticality");
        let fits = value_fits(place, extension.value, context);
        findings.require(fits == Some(true), place, "has another value than it must");
    }
}

fn value_fits(place: &str, value: Element<'_>, context: &Context<'_>) -> Option<bool> {
    let profile = context.issuance.profile;
    Some(match place {
        // Bits 0 and 1, six unused: digitalSignature, nonRepudiation.
        "keyUsage" => value.tag == BIT_STRING && value.content == [0x06, 0xc0],
        "extKeyUsage" => identifiers(value)? == ["1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.4"],
        "subjectAltName" => {
            let [address] = sequence(value)?.children_of([RFC822_NAME])?;
            address.text()? == context.issuance.holder.email.as_str()
        }
        "subjectKeyIdentifier" => value.tag == OCTET_STRING && value.content == key_identifier(context.spki)?,
        "authorityKeyIdentifier" => {
            let [identifier] = sequence(value)?.children_of([0x80])?;
            identifier.content == context.issuer_key?
        }
        "certificatePolicies" => policies_fit(value, profile.class.number())?,
        "subjectSignTool" => {
            value.tag == UTF8_STRING && value.text()? == profile.subject_sign_tool && length_fits(value, 200)?
        }
        "issuerSignTool" => issuer_sign_tool_fits(value, profile)?,
        "identificationKind" => value.tag == INTEGER && value.content == [u8::from(context.issuance.identification)],
        "cRLDistributionPoints" => distribution_points(value)? == texts(&profile.crl_urls),
        "authorityInfoAccess" => access_fits(value, profile)?,
        "privateKeyUsagePeriod" => period_fits(value, context.issuance.not_before, context.issuance.not_after)?,
        _ => false,
    })
}

fn sequence(value: Element<'_>) -> Option<Element<'_>> {
    (value.tag == SEQUENCE).then_some(value)
}

fn identifiers(value: Element<'_>) -> Option<Vec<String>> {
    sequence(value)?.children()?.into_iter().map(Element::oid).collect()
}

/// RFC 5280 §4.2.1.2, method 1: of the BIT STRING's content without the count of unused bits.
pub(super) fn key_identifier(spki: Element<'_>) -> Option<Vec<u8>> {
    let [_, key] = spki.children_of([SEQUENCE, BIT_STRING])?;
    let (unused, bits) = key.content.split_first()?;
    (*unused == 0).then(|| digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, bits).as_ref().to_vec())
}

fn policies_fit(value: Element<'_>, class: u8) -> Option<bool> {
    let policies = sequence(value)?.children()?;
    let read: Option<Vec<String>> =
        policies.into_iter().map(|policy| sequence(policy)?.children_of([OBJECT_IDENTIFIER])?[0].oid()).collect();
    let wanted: Vec<String> = (1..=class).map(|class| format!("1.2.643.100.113.{class}")).collect();
    Some(read? == wanted)
}

fn issuer_sign_tool_fits(value: Element<'_>, profile: &Profile) -> Option<bool> {
    let tool = &profile.issuer_sign_tool;
    let wanted = [
        (&tool.sign_tool, 200),
        (&tool.ca_tool, 200),
        (&tool.sign_tool_certificate, 100),
        (&tool.ca_tool_certificate, 100),
    ];
    let read = sequence(value)?.children_of([UTF8_STRING; 4])?;
    let fits = |(element, (text, limit)): (Element<'_>, (&String, usize))| {
        Some(element.text()? == text && length_fits(element, limit)?)
    };
    read.into_iter().zip(wanted).map(fits).try_fold(true, |all, fits| Some(all && fits?))
}

fn length_fits(value: Element<'_>, limit: usize) -> Option<bool> {
    Some((1..=limit).contains(&value.text()?.chars().count()))
}

/// The addresses of the one distribution point: `distributionPoint [0] { fullName [0] { uri … } }`.
fn distribution_points(value: Element<'_>) -> Option<Vec<&str>> {
    let [point] = sequence(value)?.children_of([SEQUENCE])?;
    let [name] = point.children_of([0xa0])?;
    let [full_name] = name.children_of([0xa0])?;
    let addresses = full_name.children()?;
    addresses.into_iter().map(|address| if address.tag == URI { address.text() } else { None }).collect()
}

fn access_fits(value: Element<'_>, profile: &Profile) -> Option<bool> {
    let descriptions = sequence(value)?.children()?;
    let read: Option<Vec<(String, &str)>> = descriptions
        .into_iter()
        .map(|description| {
            let [method, address] = sequence(description)?.children_of([OBJECT_IDENTIFIER, URI])?;
            Some((method.oid()?, address.text()?))
        })
        .collect();
    let issuers = profile.ca_issuers_urls.iter().map(|url| ("1.3.6.1.5.5.7.48.2".to_owned(), url.as_str()));
    let responders = profile.ocsp_urls.iter().map(|url| ("1.3.6.1.5.5.7.48.1".to_owned(), url.as_str()));
    Some(read? == issuers.chain(responders).collect::<Vec<_>>())
}

fn period_fits(value: Element<'_>, from: OffsetDateTime, until: OffsetDateTime) -> Option<bool> {
    let [not_before, not_after] = sequence(value)?.children_of([0x80, 0x81])?;
    let same = |element: Element<'_>, at| element.content == times::generalized(at).as_bytes();
    Some(same(not_before, from) && same(not_after, until))
}

fn texts(list: &[String]) -> Vec<&str> {
    list.iter().map(String::as_str).collect()
}

/// Reads `[3] EXPLICIT Extensions`.
pub(super) fn read(tagged: Element<'_>) -> Option<Vec<Extension<'_>>> {
    let list = Element::only_of(SEQUENCE, tagged.content)?;
    list.children()?.into_iter().map(read_one).collect()
}

fn read_one(extension: Element<'_>) -> Option<Extension<'_>> {
    let parts = sequence(extension)?.children()?;
    let (oid, critical, value) = match parts[..] {
        [oid, value] => (oid, false, value),
        // DEFAULT FALSE is never written in DER (X.690 §11.5).
        [oid, critical, value] if critical.tag == BOOLEAN && critical.content == [0xff] => (oid, true, value),
        _ => return None,
    };
    let value = if value.tag == OCTET_STRING { Element::only(value.content)? } else { return None };
    Some(Extension { oid: oid.oid()?, critical, value })
}
