//! Distinguished names, one attribute after the other, each in the string type that the order of the FSB no. 795 asks.

use der::asn1::{Any, Ia5StringRef, ObjectIdentifier, PrintableStringRef, Utf8StringRef};
use der::{Tag, Tagged};
use qcert_protocol::{HolderData, HolderKind};
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::name::{Name, RdnSequence, RelativeDistinguishedName};

use crate::{BuildError, oid};

/// A name being written, in the order in which the attributes are added.
#[derive(Default)]
pub(crate) struct NameWriter(Vec<RelativeDistinguishedName>);

impl NameWriter {
    pub(crate) fn utf8(&mut self, attribute: ObjectIdentifier, value: &str) -> der::Result<&mut Self> {
        self.push(attribute, Any::encode_from(&Utf8StringRef::new(value)?)?)
    }

    pub(crate) fn printable(&mut self, attribute: ObjectIdentifier, value: &str) -> der::Result<&mut Self> {
        self.push(attribute, Any::encode_from(&PrintableStringRef::new(value)?)?)
    }

    pub(crate) fn ia5(&mut self, attribute: ObjectIdentifier, value: &str) -> der::Result<&mut Self> {
        self.push(attribute, Any::encode_from(&Ia5StringRef::new(value)?)?)
    }

    /// Digits alone: the parsed types of the protocol hold nothing else.
    pub(crate) fn numeric(&mut self, attribute: ObjectIdentifier, digits: &str) -> der::Result<&mut Self> {
        if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Tag::NumericString.value_error().into());
        }
        self.push(attribute, Any::new(Tag::NumericString, digits.as_bytes())?)
    }

    pub(crate) fn finish(self) -> Name {
        Name::hazmat_from_rdn_sequence(RdnSequence::from(self.0))
    }

    fn push(&mut self, oid: ObjectIdentifier, value: Any) -> der::Result<&mut Self> {
        self.0.push(RelativeDistinguishedName::try_from(vec![AttributeTypeAndValue { oid, value }])?);
        Ok(self)
    }
}

/// The holder's name, attribute by attribute in the order of the table "the certificate by holder".
pub(crate) fn holder(data: &HolderData) -> Result<Name, BuildError> {
    let errors = data.check();
    if !errors.is_empty() {
        let fields: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
        return Err(BuildError::HolderData(fields.join(", ")));
    }
    let legal = data.kind == HolderKind::LegalEntity;
    let mut name = NameWriter::default();
    name.printable(oid::COUNTRY, data.country.as_str())?
        .utf8(oid::STATE, data.region.as_str())?
        .utf8(oid::LOCALITY, data.locality.as_str())?;
    if legal {
        let words = [
            (oid::STREET, data.street.as_ref().map(|street| street.as_str())),
            (oid::ORGANIZATION, data.organization.as_ref().map(|name| name.as_str())),
            (oid::ORGANIZATIONAL_UNIT, data.organizational_unit.as_ref().map(|unit| unit.as_str())),
            (oid::TITLE, data.title.as_ref().map(|title| title.as_str())),
        ];
        for (attribute, value) in words {
            if let Some(value) = value {
                name.utf8(attribute, value)?;
            }
        }
    }
    name.utf8(oid::COMMON_NAME, &data.common_name())?
        .utf8(oid::SURNAME, data.surname.as_str())?
        .utf8(oid::GIVEN_NAME, data.given_name.as_str())?;
    holder_numbers(data, &mut name)?;
    name.ia5(oid::EMAIL_ADDRESS, data.email.as_str())?;
    Ok(name.finish())
}

fn holder_numbers(data: &HolderData, name: &mut NameWriter) -> der::Result<()> {
    if let Some(ogrn) = &data.ogrn {
        name.numeric(oid::OGRN, ogrn.as_str())?;
    }
    if let Some(ogrnip) = &data.ogrnip {
        name.numeric(oid::OGRNIP, ogrnip.as_str())?;
    }
    name.numeric(oid::SNILS, data.snils.as_str())?.numeric(oid::INN_PERSON, data.inn_person.as_str())?;
    if let Some(inn) = &data.inn_legal_entity {
        name.numeric(oid::INN_LEGAL_ENTITY, inn.as_str())?;
    }
    if let Some(number) = &data.fss_number {
        // The order gives this one no string type of its own.
        name.utf8(oid::FSS_NUMBER, number.as_str())?;
    }
    Ok(())
}

/// The same name with another common name, in its place; at the end if there was none.
pub(crate) fn with_common_name(name: &Name, common_name: &str) -> der::Result<Name> {
    let names = |rdn: &RelativeDistinguishedName| rdn.iter().any(|attribute| attribute.oid == oid::COMMON_NAME);
    let mut writer = NameWriter::default();
    for rdn in name.iter_rdn() {
        if names(rdn) {
            writer.utf8(oid::COMMON_NAME, common_name)?;
        } else {
            writer.0.push(rdn.clone());
        }
    }
    if !name.iter_rdn().any(names) {
        writer.utf8(oid::COMMON_NAME, common_name)?;
    }
    Ok(writer.finish())
}

/// A name for a person's eyes: `C=RU, ST=66 …, CN=…`, in the order of the certificate, one line.
pub(crate) fn text(name: &Name) -> String {
    let attributes = name.iter_rdn().flat_map(|rdn| rdn.iter());
    let words: Vec<String> =
        attributes.map(|attribute| format!("{}={}", label(&attribute.oid), value(attribute))).collect();
    words.join(", ")
}

fn value(attribute: &AttributeTypeAndValue) -> String {
    let bytes = attribute.value.value();
    let readable = matches!(
        attribute.value.tag(),
        Tag::Utf8String | Tag::PrintableString | Tag::NumericString | Tag::Ia5String | Tag::VisibleString
    );
    match std::str::from_utf8(bytes) {
        Ok(text) if readable => {
            text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
        }
        _ => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

fn label(attribute: &ObjectIdentifier) -> String {
    let known = [
        (oid::COUNTRY, "C"),
        (oid::STATE, "ST"),
        (oid::LOCALITY, "L"),
        (oid::STREET, "STREET"),
        (oid::ORGANIZATION, "O"),
        (oid::ORGANIZATIONAL_UNIT, "OU"),
        (oid::TITLE, "T"),
        (oid::COMMON_NAME, "CN"),
        (oid::SURNAME, "SN"),
        (oid::GIVEN_NAME, "GN"),
        (oid::OGRN, "OGRN"),
        (oid::OGRNIP, "OGRNIP"),
        (oid::SNILS, "SNILS"),
        (oid::INN_PERSON, "INN"),
        (oid::INN_LEGAL_ENTITY, "INNLE"),
        (oid::FSS_NUMBER, "FSS"),
        (oid::EMAIL_ADDRESS, "E"),
    ];
    let found = known.into_iter().find(|(known, _)| known == attribute);
    found.map_or_else(|| attribute.to_string(), |(_, label)| label.to_owned())
}
