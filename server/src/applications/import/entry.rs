//! One application of a file, field by field, so that all that are wrong are named.

use std::fmt;

use qcert_protocol::{
    HolderData,
    application::{CertificateType, IdentificationKind},
    holder::{FieldReason, Phone, Text},
    operator::{FaultReason, ImportFault},
};
use serde_json::{Map, Value};

use crate::store::NewApplication;

/// Where in a file something stands.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// It is the file.
    File,
    /// Which object of the array, from 1.
    Entry(u64),
    /// In which line of the text, from 1.
    Line(u64),
}

impl Place {
    /// The number alone.
    pub(super) fn number(self) -> u64 {
        match self {
            Self::File => 0,
            Self::Entry(number) | Self::Line(number) => number,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File => f.write_str("the file"),
            Self::Entry(number) => write!(f, "entry {number}"),
            Self::Line(number) => write!(f, "line {number}"),
        }
    }
}

/// A line, or the whole file, that cannot be read.
pub(super) fn unreadable(place: Place, words: &str) -> ImportFault {
    ImportFault {
        line: place.number(),
        number: None,
        field: String::new(),
        reason: FaultReason::Unreadable,
        words: words.to_owned(),
    }
}

/// An object on its way to an application.
pub(super) struct Entry<'a> {
    place: Place,
    value: &'a Value,
    faults: &'a mut Vec<ImportFault>,
}

impl<'a> Entry<'a> {
    pub(super) fn new(place: Place, value: &'a Value, faults: &'a mut Vec<ImportFault>) -> Self {
        Self { place, value, faults }
    }

    /// Notes what is wrong. In a table the holder's fields are columns as the others are.
    pub(super) fn refuse(&mut self, field: &str, reason: FaultReason, why: impl fmt::Display) {
        let field = match self.place {
            Place::Line(_) => field.strip_prefix("holder.").unwrap_or(field),
            Place::File | Place::Entry(_) => field,
        };
        self.faults.push(ImportFault {
            line: self.place.number(),
            number: self.value.get("number").and_then(Value::as_str).map(|text| text.chars().take(20).collect()),
            field: field.to_owned(),
            reason,
            words: format!("{}: {field}: {why}", self.place),
        });
    }

    fn refuse_field(&mut self, field: &str, reason: FieldReason) {
        self.refuse(field, reason.into(), reason);
    }

    /// The application, if nothing is wrong with it.
    pub(super) fn read(&mut self) -> Option<NewApplication> {
        const FIELDS: [&str; 6] = ["number", "phone", "holder", "certificateType", "identificationKind", "replaces"];
        let Value::Object(object) = self.value else {
            self.refuse("it", FaultReason::Form, "is not an object");
            return None;
        };
        for field in object.keys().filter(|field| !FIELDS.contains(&field.as_str())) {
            self.refuse(field, FaultReason::UnknownField, "no such field");
        }
        let number = self.field(object, "number", number);
        let phone = self.field(object, "phone", Phone::parse);
        let certificate_type = self.field(object, "certificateType", |text| match text {
            "qualified" => Ok(CertificateType::Qualified),
            _ => Err(FieldReason::Form),
        });
        let identification = self.identification(object);
        let replaces = match object.get("replaces") {
            None | Some(Value::Null) => Some(None),
            Some(_) => self.field(object, "replaces", self::number).map(Some),
        };
        let holder = self.holder(object.get("holder"));
        Some(NewApplication {
            id: uuid::Uuid::nil(),
            number: number?,
            phone: phone?,
            holder: holder?,
            certificate_type: certificate_type?,
            identification: identification?,
            replaces: replaces?,
        })
    }

    fn field<T>(
        &mut self,
        object: &Map<String, Value>,
        field: &str,
        parse: impl Fn(&str) -> Result<T, FieldReason>,
    ) -> Option<T> {
        let parsed = match object.get(field) {
            None | Some(Value::Null) => Err(FieldReason::Missing),
            Some(Value::String(text)) => parse(text),
            Some(_) => Err(FieldReason::Form),
        };
        parsed.map_err(|reason| self.refuse_field(field, reason)).ok()
    }

    fn identification(&mut self, object: &Map<String, Value>) -> Option<Option<IdentificationKind>> {
        let value = match object.get("identificationKind") {
            None | Some(Value::Null) => return Some(None),
            Some(value) => value.as_u64().and_then(|number| u8::try_from(number).ok()),
        };
        let kind = value.ok_or(FieldReason::Form).and_then(IdentificationKind::try_from);
        kind.map(Some).map_err(|reason| self.refuse_field("identificationKind", reason)).ok()
    }

    fn holder(&mut self, value: Option<&Value>) -> Option<HolderData> {
        let Some(Value::Object(object)) = value else {
            self.refuse_field("holder", FieldReason::Missing);
            return None;
        };
        let before = self.faults.len();
        for field in object.keys() {
            if !HOLDER_FIELDS.iter().any(|(name, ..)| name == field) {
                self.refuse(&format!("holder.{field}"), FaultReason::UnknownField, "no such field");
            }
        }
        for (name, is_needed, check) in HOLDER_FIELDS {
            let checked = match object.get(*name) {
                Some(Value::String(text)) => check(text),
                None | Some(Value::Null) if *is_needed => Err(FieldReason::Missing),
                None | Some(Value::Null) => Ok(()),
                Some(_) => Err(FieldReason::Form),
            };
            if let Err(reason) = checked {
                self.refuse_field(&format!("holder.{name}"), reason);
            }
        }
        if self.faults.len() > before {
            return None;
        }
        let holder: HolderData = match serde_json::from_value(Value::Object(object.clone())) {
            Ok(holder) => holder,
            Err(error) => {
                self.refuse("holder", FaultReason::Form, error);
                return None;
            }
        };
        for error in holder.check() {
            self.refuse_field(&error.field, error.reason);
        }
        (self.faults.len() == before).then_some(holder)
    }
}

/// An application's number: 1 to 20 letters and digits, for it begins the container's name.
fn number(text: &str) -> Result<String, FieldReason> {
    match text.trim() {
        "" => Err(FieldReason::Empty),
        text if text.len() > 20 => Err(FieldReason::TooLong),
        text if text.bytes().all(|b| b.is_ascii_alphanumeric()) => Ok(text.to_owned()),
        _ => Err(FieldReason::Character),
    }
}

fn kind(text: &str) -> Result<(), FieldReason> {
    let known = ["legalEntity", "soleProprietor", "person"].contains(&text);
    if known { Ok(()) } else { Err(FieldReason::Form) }
}

type Check = fn(&str) -> Result<(), FieldReason>;

macro_rules! checks {
    ($($name:literal $is_needed:literal => $parse:expr),* $(,)?) => {
        &[$(($name, $is_needed, |text| $parse(text).map(drop))),*]
    };
}

/// The holder's fields: name, whether every kind of holder needs it, and its check.
pub(super) const HOLDER_FIELDS: &[(&str, bool, Check)] = {
    use qcert_protocol::holder::{
        Country, Email, FssNumber, InnLegalEntity, InnPerson, Kpp, Ogrn, Ogrnip, Region, Snils,
    };
    checks! {
        "kind" true => kind,
        "surname" true => Text::<40>::parse,
        "givenName" true => Text::<64>::parse,
        "country" true => Country::parse,
        "region" true => Region::parse,
        "locality" true => Text::<128>::parse,
        "street" false => Text::<128>::parse,
        "email" true => Email::parse,
        "snils" true => Snils::parse,
        "innPerson" true => InnPerson::parse,
        "innLegalEntity" false => InnLegalEntity::parse,
        "kpp" false => Kpp::parse,
        "ogrn" false => Ogrn::parse,
        "ogrnip" false => Ogrnip::parse,
        "fssNumber" false => FssNumber::parse,
        "organization" false => Text::<64>::parse,
        "organizationalUnit" false => Text::<64>::parse,
        "title" false => Text::<64>::parse,
    }
};
