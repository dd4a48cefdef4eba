//! A table of applications (RFC 4180): the first line names the columns, an empty cell is a field that is absent. Comma,
//! semicolon or tab between the cells, whichever the first line has most of; UTF-8, or Windows-1251 as spreadsheets
//! still write it.

use csv::{ReaderBuilder, StringRecord};
use encoding_rs::WINDOWS_1251;
use qcert_protocol::operator::{FaultReason, ImportFault};
use serde_json::{Map, Value};

use super::entry::{HOLDER_FIELDS, Place, unreadable};

/// How the text of a file is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charset {
    /// UTF-8 if the bytes are that, else Windows-1251: Russian words in the one are never whole text in the other.
    Detect,
    /// UTF-8, with a byte order mark or without.
    Utf8,
    /// Windows-1251.
    Windows1251,
}

impl Charset {
    /// Reads a name, in any case.
    pub fn parse(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "utf-8" | "utf8" => Some(Self::Utf8),
            "windows-1251" | "cp1251" => Some(Self::Windows1251),
            _ => None,
        }
    }
}

/// The lines as the objects that JSON would have, each with its place. What cannot be read is noted.
pub(super) fn objects(bytes: &[u8], charset: Charset, faults: &mut Vec<ImportFault>) -> Vec<(Place, Value)> {
    let text = match decoded(bytes, charset) {
        Ok(text) => text,
        Err(fault) => {
            faults.push(fault);
            return Vec::new();
        }
    };
    let mut reader = ReaderBuilder::new().delimiter(delimiter(&text)).from_reader(text.as_bytes());
    let columns = match reader.headers() {
        Ok(columns) => columns.iter().map(|name| name.trim().to_owned()).collect::<Vec<_>>(),
        Err(error) => {
            faults.push(unreadable(Place::Line(1), &format!("line 1: {error}")));
            return Vec::new();
        }
    };
    let before = faults.len();
    for (index, column) in columns.iter().enumerate() {
        if columns[..index].contains(column) {
            faults.push(of_column(column, FaultReason::Repeated, "stands in the first line twice"));
        } else if !is_known(column) {
            faults.push(of_column(column, FaultReason::UnknownField, "no such column"));
        }
    }
    if faults.len() > before {
        return Vec::new();
    }
    let mut objects = Vec::new();
    for record in reader.records() {
        match record {
            Ok(record) => {
                let line = record.position().map_or(0, csv::Position::line);
                objects.push((Place::Line(line), object(&columns, &record)));
            }
            Err(error) => {
                let line = error.position().map_or(0, csv::Position::line);
                faults.push(unreadable(Place::Line(line), &format!("line {line}: {}", told(&error))));
            }
        }
    }
    objects
}

fn decoded(bytes: &[u8], charset: Charset) -> Result<String, ImportFault> {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    match (std::str::from_utf8(bytes), charset) {
        (Ok(text), Charset::Detect | Charset::Utf8) => Ok(text.to_owned()),
        (Err(error), Charset::Utf8) => {
            let line = bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
            Err(unreadable(Place::Line(line), &format!("line {line}: is not UTF-8")))
        }
        (_, Charset::Detect | Charset::Windows1251) => {
            Ok(WINDOWS_1251.decode_without_bom_handling(bytes).0.into_owned())
        }
    }
}

fn delimiter(text: &str) -> u8 {
    let first = text.lines().next().unwrap_or_default();
    let count = |delimiter: u8| first.bytes().filter(|byte| *byte == delimiter).count();
    // Of equals the last: a comma.
    [b'\t', b';', b','].into_iter().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b',')
}

fn is_of_holder(column: &str) -> bool {
    HOLDER_FIELDS.iter().any(|(name, ..)| *name == column)
}

fn is_known(column: &str) -> bool {
    ["number", "phone", "certificateType", "identificationKind", "replaces"].contains(&column) || is_of_holder(column)
}

fn of_column(column: &str, reason: FaultReason, why: &str) -> ImportFault {
    let words = format!("line 1: {column}: {why}");
    ImportFault { line: 1, number: None, field: column.to_owned(), reason, words }
}

fn object(columns: &[String], record: &StringRecord) -> Value {
    let (mut object, mut holder) = (Map::new(), Map::new());
    // There is one type so far; a column for it may be left out.
    object.insert("certificateType".to_owned(), "qualified".into());
    for (column, cell) in columns.iter().zip(record) {
        let cell = cell.trim();
        if cell.is_empty() {
            continue;
        }
        if is_of_holder(column) {
            holder.insert(column.clone(), cell.into());
        } else if column == "identificationKind" {
            object.insert(column.clone(), cell.parse::<u64>().map_or_else(|_| cell.into(), Value::from));
        } else {
            object.insert(column.clone(), cell.into());
        }
    }
    object.insert("holder".to_owned(), Value::Object(holder));
    Value::Object(object)
}

/// Without the position, which is told before it.
fn told(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("has {len} cells and not {expected_len}, as the first line")
        }
        _ => error.to_string(),
    }
}
