//! The operator's file of applications: an array of objects, taken whole or not at all.

use qcert_protocol::{
    ApplicationState, HolderData,
    application::{CertificateType, IdentificationKind},
    holder::{FieldReason, Phone, Text},
};
use serde_json::{Map, Value};

use crate::{
    clock::Clock,
    randomness::{self, Randomness},
    store::{Import, ImportConflict, NewApplication, Store},
};

/// The states in which an application's data can still be corrected. A correction of a rejected one opens the next
/// attempt.
const CHANGEABLE: [&str; 4] = [
    ApplicationState::Available.as_str(),
    ApplicationState::Preparing.as_str(),
    ApplicationState::Withdrawn.as_str(),
    ApplicationState::Rejected.as_str(),
];

/// What was imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// New applications.
    pub added: usize,
    /// Applications whose data changed.
    pub changed: usize,
    /// Applications that were there already, as they are.
    pub unchanged: usize,
}

/// Why nothing was imported: a line for each thing that is wrong.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file is not what it should be.
    #[error("nothing was imported:\n{}", .0.join("\n"))]
    Refused(Vec<String>),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
    /// No ids could be made.
    #[error(transparent)]
    Randomness(#[from] randomness::RandomnessFailed),
}

/// Imports the text of a file. The same file twice changes nothing.
///
/// # Errors
/// Every bad field, with the entry's number, and the store's.
pub async fn import(
    store: &dyn Store,
    clock: &dyn Clock,
    randomness: &dyn Randomness,
    text: &str,
) -> Result<Summary, ImportError> {
    let entries = parse(text).map_err(ImportError::Refused)?;
    let now = clock.now();
    let mut new = Vec::with_capacity(entries.len());
    for entry in &entries {
        new.push(NewApplication { id: randomness::uuid(now, randomness)?, ..entry.clone() });
    }
    match store.import(&new, &CHANGEABLE, now).await? {
        Import::Done { added, changed, unchanged } => Ok(Summary { added, changed, unchanged }),
        Import::Refused(conflicts) => Err(ImportError::Refused(
            conflicts.into_iter().map(|(index, conflict)| place(index, &entries[index].number, conflict)).collect(),
        )),
    }
}

fn place(index: usize, number: &str, conflict: ImportConflict) -> String {
    let why = match conflict {
        ImportConflict::State(state) => format!("is {} and cannot change any more", state.as_str()),
        ImportConflict::ReplacesUnknown => "replaces an application that is not there".to_owned(),
    };
    format!("entry {} (number {number}): {why}", index + 1)
}

/// Reads a file.
///
/// # Errors
/// Every bad field, as `entry 2: holder.snils: check digits do not fit`.
pub fn parse(text: &str) -> Result<Vec<NewApplication>, Vec<String>> {
    let values: Vec<Value> =
        serde_json::from_str(text).map_err(|error| vec![format!("the file is not a JSON array: {error}")])?;
    let mut errors = Vec::new();
    let mut entries: Vec<NewApplication> = Vec::new();
    for (index, value) in values.iter().enumerate() {
        let mut entry = Entry { place: format!("entry {}", index + 1), errors: &mut errors };
        if let Some(read) = entry.read(value) {
            if entries.iter().any(|other| other.number == read.number) {
                entry.refuse("number", "stands in the file twice");
            }
            entries.push(read);
        }
    }
    if errors.is_empty() { Ok(entries) } else { Err(errors) }
}

struct Entry<'a> {
    place: String,
    errors: &'a mut Vec<String>,
}

impl Entry<'_> {
    fn refuse(&mut self, field: &str, why: impl std::fmt::Display) {
        self.errors.push(format!("{}: {field}: {why}", self.place));
    }

    fn read(&mut self, value: &Value) -> Option<NewApplication> {
        const FIELDS: [&str; 6] = ["number", "phone", "holder", "certificateType", "identificationKind", "replaces"];
        let Value::Object(object) = value else {
            self.refuse("it", "is not an object");
            return None;
        };
        for field in object.keys().filter(|field| !FIELDS.contains(&field.as_str())) {
            self.refuse(field, "no such field");
        }
        let number = self.field(object, "number", number);
        let phone = self.field(object, "phone", Phone::parse);
        let certificate_type = self.certificate_type(object);
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
        parsed.map_err(|reason| self.refuse(field, reason)).ok()
    }

    fn certificate_type(&mut self, object: &Map<String, Value>) -> Option<CertificateType> {
        self.field(object, "certificateType", |text| match text {
            "qualified" => Ok(CertificateType::Qualified),
            _ => Err(FieldReason::Form),
        })
    }

    fn identification(&mut self, object: &Map<String, Value>) -> Option<Option<IdentificationKind>> {
        let value = match object.get("identificationKind") {
            None | Some(Value::Null) => return Some(None),
            Some(value) => value.as_u64().and_then(|number| u8::try_from(number).ok()),
        };
        let kind = value.ok_or(FieldReason::Form).and_then(IdentificationKind::try_from);
        kind.map(Some).map_err(|reason| self.refuse("identificationKind", reason)).ok()
    }

    /// Reads the fields one by one, so that all that are wrong are named, and then the whole.
    fn holder(&mut self, value: Option<&Value>) -> Option<HolderData> {
        let Some(Value::Object(object)) = value else {
            self.refuse("holder", FieldReason::Missing);
            return None;
        };
        let before = self.errors.len();
        for (name, check) in HOLDER_FIELDS {
            match object.get(*name) {
                Some(Value::String(text)) => {
                    if let Err(reason) = check(text) {
                        self.refuse(&format!("holder.{name}"), reason);
                    }
                }
                None | Some(Value::Null) => {}
                Some(_) => self.refuse(&format!("holder.{name}"), FieldReason::Form),
            }
        }
        if self.errors.len() > before {
            return None;
        }
        let holder: HolderData = match serde_json::from_value(Value::Object(object.clone())) {
            Ok(holder) => holder,
            Err(error) => {
                self.refuse("holder", error);
                return None;
            }
        };
        for error in holder.check() {
            self.refuse(&error.field, error.reason);
        }
        (self.errors.len() == before).then_some(holder)
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

type Check = fn(&str) -> Result<(), FieldReason>;

macro_rules! checks {
    ($($name:literal => $parse:expr),* $(,)?) => { &[$(($name, |text| $parse(text).map(drop))),*] };
}

const HOLDER_FIELDS: &[(&str, Check)] = {
    use qcert_protocol::holder::{
        Country, Email, FssNumber, InnLegalEntity, InnPerson, Kpp, Ogrn, Ogrnip, Region, Snils,
    };
    checks! {
        "surname" => Text::<40>::parse,
        "givenName" => Text::<64>::parse,
        "country" => Country::parse,
        "region" => Region::parse,
        "locality" => Text::<128>::parse,
        "street" => Text::<128>::parse,
        "email" => Email::parse,
        "snils" => Snils::parse,
        "innPerson" => InnPerson::parse,
        "innLegalEntity" => InnLegalEntity::parse,
        "kpp" => Kpp::parse,
        "ogrn" => Ogrn::parse,
        "ogrnip" => Ogrnip::parse,
        "fssNumber" => FssNumber::parse,
        "organization" => Text::<64>::parse,
        "organizationalUnit" => Text::<64>::parse,
        "title" => Text::<64>::parse,
    }
};
