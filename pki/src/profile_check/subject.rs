//! The holder's name, read again: which attributes, in which order, in which string type, how long, and whose.

use qcert_protocol::{HolderData, HolderKind};

use super::Findings;
use super::plain::{
    Element, IA5_STRING, NUMERIC_STRING, OBJECT_IDENTIFIER, PRINTABLE_STRING, SEQUENCE, SET, UTF8_STRING,
};

/// An attribute that must stand in the name, and what it must hold.
struct Expected<'a> {
    place: &'static str,
    oid: &'static str,
    tag: u8,
    /// Length in characters: RFC 5280 appendix A, and the numbers of the order.
    length: std::ops::RangeInclusive<usize>,
    value: &'a str,
}

pub(super) fn check(name: Element<'_>, holder: &HolderData, findings: &mut Findings) {
    let common_name = match holder.kind {
        HolderKind::LegalEntity => {
            holder.organization.as_ref().map(|name| name.as_str().to_owned()).unwrap_or_default()
        }
        _ => format!("{} {}", holder.surname.as_str(), holder.given_name.as_str()),
    };
    let expected = expected(holder, &common_name);
    let Some(attributes) = attributes(name) else {
        return findings.add("subject", "is not a sequence of single attributes");
    };
    let read: Vec<&str> = attributes.iter().map(|(oid, _)| oid.as_str()).collect();
    let wanted: Vec<&str> = expected.iter().map(|attribute| attribute.oid).collect();
    if read != wanted {
        return findings.add("subject", "has other attributes than this kind of holder, or in another order");
    }
    for (expected, (_, value)) in expected.iter().zip(attributes) {
        let text = value.text().unwrap_or_default();
        findings.require(value.tag == expected.tag, expected.place, "is of another string type");
        findings.require(characters_fit(value.tag, text), expected.place, "has a character that its type forbids");
        findings.require(expected.length.contains(&text.chars().count()), expected.place, "has a wrong length");
        findings.require(text == expected.value, expected.place, "is not the application's");
    }
}

fn expected<'a>(holder: &'a HolderData, common_name: &'a str) -> Vec<Expected<'a>> {
    let legal = holder.kind == HolderKind::LegalEntity;
    let proprietor = holder.kind == HolderKind::SoleProprietor;
    let mut list = Vec::new();
    let mut add = |place, oid, tag, length, value: Option<&'a str>| {
        list.extend(value.map(|value| Expected { place, oid, tag, length, value }));
    };
    add("C", "2.5.4.6", PRINTABLE_STRING, 2..=2, Some(holder.country.as_str()));
    add("ST", "2.5.4.8", UTF8_STRING, 1..=128, Some(holder.region.as_str()));
    add("L", "2.5.4.7", UTF8_STRING, 1..=128, Some(holder.locality.as_str()));
    if legal {
        add("STREET", "2.5.4.9", UTF8_STRING, 1..=128, Some(holder.street.as_ref().map_or("", |text| text.as_str())));
        add("O", "2.5.4.10", UTF8_STRING, 1..=64, Some(holder.organization.as_ref().map_or("", |text| text.as_str())));
        add("OU", "2.5.4.11", UTF8_STRING, 1..=64, holder.organizational_unit.as_ref().map(|text| text.as_str()));
        add("title", "2.5.4.12", UTF8_STRING, 1..=64, Some(holder.title.as_ref().map_or("", |text| text.as_str())));
    }
    add("CN", "2.5.4.3", UTF8_STRING, 1..=64, Some(common_name));
    add("SN", "2.5.4.4", UTF8_STRING, 1..=40, Some(holder.surname.as_str()));
    add("GN", "2.5.4.42", UTF8_STRING, 1..=64, Some(holder.given_name.as_str()));
    if legal {
        add("OGRN", "1.2.643.100.1", NUMERIC_STRING, 13..=13, Some(holder.ogrn.as_ref().map_or("", |n| n.as_str())));
    }
    if proprietor {
        let ogrnip = holder.ogrnip.as_ref().map_or("", |number| number.as_str());
        add("OGRNIP", "1.2.643.100.5", NUMERIC_STRING, 15..=15, Some(ogrnip));
    }
    add("SNILS", "1.2.643.100.3", NUMERIC_STRING, 11..=11, Some(holder.snils.as_str()));
    add("INN", "1.2.643.3.131.1.1", NUMERIC_STRING, 12..=12, Some(holder.inn_person.as_str()));
    if legal {
        let inn = holder.inn_legal_entity.as_ref().map_or("", |number| number.as_str());
        add("INNLE", "1.2.643.100.4", NUMERIC_STRING, 10..=10, Some(inn));
    }
    if legal || proprietor {
        add("FSS", "1.2.643.3.141.1.1", UTF8_STRING, 10..=10, holder.fss_number.as_ref().map(|n| n.as_str()));
    }
    add("emailAddress", "1.2.840.113549.1.9.1", IA5_STRING, 3..=128, Some(holder.email.as_str()));
    list
}

/// Identifier and value of each attribute; none if one shares its RDN with another, or something is not of this shape.
fn attributes(name: Element<'_>) -> Option<Vec<(String, Element<'_>)>> {
    name.children()?.into_iter().map(single_attribute).collect()
}

fn single_attribute(rdn: Element<'_>) -> Option<(String, Element<'_>)> {
    if rdn.tag != SET {
        return None;
    }
    let attribute = Element::only_of(SEQUENCE, rdn.content)?;
    let [oid, value] = attribute.children()?.try_into().ok()?;
    (oid.tag == OBJECT_IDENTIFIER).then_some((oid.oid()?, value))
}

fn characters_fit(tag: u8, text: &str) -> bool {
    match tag {
        UTF8_STRING => !text.chars().any(char::is_control),
        NUMERIC_STRING => text.bytes().all(|byte| byte.is_ascii_digit()),
        PRINTABLE_STRING => text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&byte)),
        IA5_STRING => text.bytes().all(|byte| byte.is_ascii_graphic()),
        _ => false,
    }
}
