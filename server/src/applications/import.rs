//! The operators' file of applications, JSON or CSV: taken whole or not at all, and everything that is wrong with it is
//! said at once. One application that is entered or corrected is a file of one.

mod entry;
mod table;

use qcert_protocol::{
    ApplicationState, ErrorCode,
    operator::{FaultReason, ImportFault, ImportSummary},
};
use serde_json::Value;

use crate::{
    audit::Actor,
    clock::Clock,
    error::Refusal,
    randomness::{self, Randomness},
    store::{Import, ImportConflict, ImportRules, NewApplication, Store},
    strict_json::Strict,
};
use entry::{Entry, Place};
pub use table::Charset;

/// The states in which an application's data can still be corrected. A correction of a rejected one opens the next
/// attempt.
const CHANGEABLE: [&str; 4] = [
    ApplicationState::Available.as_str(),
    ApplicationState::Preparing.as_str(),
    ApplicationState::Withdrawn.as_str(),
    ApplicationState::Rejected.as_str(),
];

/// What was imported.
pub type Summary = ImportSummary;

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// An array of objects.
    Json,
    /// A line of names and a line for each application.
    Csv(Charset),
}

/// A file, who brings it, and what it may change.
#[derive(Clone, Debug)]
pub struct File<'a> {
    /// Its content.
    pub bytes: &'a [u8],
    /// How it is written.
    pub format: Format,
    /// Who, for the audit.
    pub by: Actor,
    /// May an entry give an application that is there another phone? Otherwise two operators do, one after the other.
    pub changes_phones: bool,
}

impl<'a> File<'a> {
    /// A file in JSON, brought by `operator`, that changes no phone.
    pub fn json(text: &'a str) -> Self {
        Self {
            bytes: text.as_bytes(),
            format: Format::Json,
            by: Actor::at_command_line("operator"),
            changes_phones: false,
        }
    }
}

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file is not what it should be: everything that is wrong with it.
    #[error("nothing was imported:\n{}", .0.iter().map(|fault| fault.words.as_str()).collect::<Vec<_>>().join("\n"))]
    Refused(Vec<ImportFault>),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
    /// No ids could be made.
    #[error(transparent)]
    Randomness(#[from] randomness::RandomnessFailed),
}

impl From<ImportError> for Refusal {
    fn from(error: ImportError) -> Self {
        match error {
            ImportError::Refused(_) => ErrorCode::ImportRefused.into(),
            ImportError::Store(error) => error.into(),
            ImportError::Randomness(error) => error.into(),
        }
    }
}

/// Imports a file. The same file twice changes nothing.
///
/// # Errors
/// Every bad field, with its place, and the store's.
pub async fn import(
    store: &dyn Store,
    clock: &dyn Clock,
    randomness: &dyn Randomness,
    file: &File<'_>,
) -> Result<Summary, ImportError> {
    let entries = read(file.bytes, file.format).map_err(ImportError::Refused)?;
    let now = clock.now();
    let mut new = Vec::with_capacity(entries.len());
    for (_, entry) in &entries {
        new.push(NewApplication { id: randomness::uuid(now, randomness)?, ..entry.clone() });
    }
    let rules = ImportRules { changeable: &CHANGEABLE, changes_phones: file.changes_phones, by: &file.by };
    match store.import(&new, &rules, now).await? {
        Import::Done { added, changed, unchanged } => Ok(Summary { added, changed, unchanged }),
        Import::Refused(conflicts) => {
            let fault = |(index, conflict): (usize, ImportConflict)| {
                let (place, entry) = &entries[index];
                told(*place, &entry.number, conflict)
            };
            Err(ImportError::Refused(conflicts.into_iter().map(fault).collect()))
        }
    }
}

fn told(place: Place, number: &str, conflict: ImportConflict) -> ImportFault {
    let (field, reason, why) = match conflict {
        ImportConflict::State(state) => {
            ("", FaultReason::State, format!("is {} and cannot change any more", state.as_str()))
        }
        ImportConflict::ReplacesUnknown => {
            ("replaces", FaultReason::UnknownApplication, "replaces an application that is not there".to_owned())
        }
        ImportConflict::Phone => (
            "phone",
            FaultReason::PhoneChanges,
            "has another phone, which is changed by two operators and not by an import".to_owned(),
        ),
    };
    ImportFault {
        line: place.number(),
        number: Some(number.to_owned()),
        field: field.to_owned(),
        reason,
        words: format!("{place} (number {number}): {why}"),
    }
}

/// Reads a file in JSON.
///
/// # Errors
/// Every bad field, as `entry 2: holder.snils: check digits do not fit`.
pub fn parse(text: &str) -> Result<Vec<NewApplication>, Vec<ImportFault>> {
    let read = read(text.as_bytes(), Format::Json)?;
    Ok(read.into_iter().map(|(_, entry)| entry).collect())
}

type Placed<T> = (Place, T);

fn read(bytes: &[u8], format: Format) -> Result<Vec<Placed<NewApplication>>, Vec<ImportFault>> {
    let mut faults = Vec::new();
    let values = match format {
        Format::Json => array(bytes).map_err(|fault| vec![fault])?,
        Format::Csv(charset) => table::objects(bytes, charset, &mut faults),
    };
    let mut entries = Vec::with_capacity(values.len());
    let mut numbers = std::collections::HashSet::new();
    for (place, value) in &values {
        let mut entry = Entry::new(*place, value, &mut faults);
        if let Some(read) = entry.read() {
            if !numbers.insert(read.number.clone()) {
                entry.refuse("number", FaultReason::Repeated, "stands in the file twice");
            }
            entries.push((*place, read));
        }
    }
    if faults.is_empty() {
        return Ok(entries);
    }
    faults.sort_by_key(|fault| fault.line);
    Err(faults)
}

fn array(bytes: &[u8]) -> Result<Vec<Placed<Value>>, ImportFault> {
    let values: Vec<Strict> = serde_json::from_slice(bytes)
        .map_err(|error| entry::unreadable(Place::File, &format!("the file is not a JSON array: {error}")))?;
    Ok(values.into_iter().enumerate().map(|(index, Strict(value))| (Place::Entry(index as u64 + 1), value)).collect())
}
