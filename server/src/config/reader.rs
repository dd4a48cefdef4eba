//! Takes settings out of a table one by one, and knows at the end what nobody took.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
    path::PathBuf,
};

use qcert_protocol::holder::FieldReason;

use super::SettingsError;

const PREFIX: &str = "QCERT__";

/// Settings of earlier versions, and what became of them.
const GONE: [(&str, &str); 1] =
    [("server.client_address_header", "was replaced by server.trusted_proxies and server.proxy_header")];

pub(super) struct Reader<'a> {
    /// `section.key` (or `key` alone, or with more sections) and its value, as text.
    file: BTreeMap<String, String>,
    environment: &'a BTreeMap<String, String>,
    known: BTreeSet<String>,
    errors: Vec<String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(file: &str, environment: &'a BTreeMap<String, String>) -> Result<Self, SettingsError> {
        let table: toml::Table = file.parse().map_err(|error| SettingsError(vec![place(file, &error)]))?;
        let mut reader = Self { file: BTreeMap::new(), environment, known: BTreeSet::new(), errors: Vec::new() };
        for (name, value) in table {
            reader.insert(name, &value);
        }
        Ok(reader)
    }

    fn insert(&mut self, name: String, value: &toml::Value) {
        match value {
            toml::Value::String(text) => drop(self.file.insert(name, text.clone())),
            toml::Value::Integer(number) => drop(self.file.insert(name, number.to_string())),
            toml::Value::Table(keys) => {
                for (key, value) in keys {
                    self.insert(format!("{name}.{key}"), value);
                }
            }
            other => {
                let what = match other {
                    toml::Value::Array(_) => "a list; several values are one text, with commas or spaces between them",
                    toml::Value::Boolean(_) => "true or false",
                    toml::Value::Float(_) => "a number with a fraction",
                    _ => "a date or a time",
                };
                self.errors.push(format!("{name}: must be a text in quotation marks or a whole number, and is {what}"));
                // It was told; that nobody knows it besides would mislead.
                self.known.insert(name);
            }
        }
    }

    /// The setting's text: from the environment, else from the file.
    fn given(&mut self, name: &str) -> Option<String> {
        let variable = variable(name);
        let given = self.environment.get(&variable).or_else(|| self.file.get(name)).cloned();
        self.known.insert(variable);
        self.known.insert(name.to_owned());
        given
    }

    /// Reads a setting. A value that is refused is reported, and the default's value goes on to the next check.
    ///
    /// # Panics
    /// When the default is refused by its own check, which the test of the defaults would show.
    pub(super) fn parsed<T>(
        &mut self,
        name: &str,
        default: &str,
        parse: impl Fn(&str) -> Result<T, &'static str>,
    ) -> T {
        if let Some(given) = self.given(name) {
            match parse(given.trim()) {
                Ok(value) => return value,
                Err(problem) => self.refuse(name, problem),
            }
        }
        // The defaults are written beside their checks, and a test reads them all.
        parse(default).unwrap_or_else(|problem| panic!("the default of {name} {problem}"))
    }

    /// Notes that a setting cannot be used.
    pub(super) fn refuse(&mut self, name: &str, problem: &str) {
        self.errors.push(format!("{name}: {problem}"));
    }

    pub(super) fn text(&mut self, name: &str, default: &str) -> String {
        self.parsed(name, default, |text| Ok(text.to_owned()))
    }

    pub(super) fn path(&mut self, name: &str, default: &str) -> PathBuf {
        self.parsed(name, default, |text| Ok(PathBuf::from(text)))
    }

    pub(super) fn tool(&mut self, name: &str, default: &str, longest: usize) -> String {
        self.parsed(name, default, |text| match text.chars().count() {
            0 => Err("must not be empty"),
            length if length > longest => Err("is longer than the certificate's field may be"),
            _ => Ok(text.to_owned()),
        })
    }

    pub(super) fn field<T>(&mut self, name: &str, default: &str, parse: impl Fn(&str) -> Result<T, FieldReason>) -> T {
        self.parsed(name, default, |text| {
            parse(text).map_err(|reason| match reason {
                FieldReason::Empty | FieldReason::Missing => "must not be empty",
                FieldReason::TooLong => "is longer than the certificate's field may be",
                FieldReason::CheckDigits => "has check digits that do not fit",
                FieldReason::Character => "has a character that is not allowed",
                FieldReason::Form | FieldReason::Superfluous => "is not of the expected form",
            })
        })
    }

    pub(super) fn integer(&mut self, name: &str, default: i64, range: RangeInclusive<i64>) -> i64 {
        let Some(given) = self.given(name) else { return default };
        match given.trim().parse() {
            Ok(number) if range.contains(&number) => number,
            _ => {
                let (least, most) = (range.start(), range.end());
                self.errors.push(format!("{name}: must be a whole number from {least} to {most}"));
                default
            }
        }
    }

    /// The settings that were taken so far.
    #[cfg(test)]
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.known.iter().map(String::as_str).filter(|name| !name.starts_with(PREFIX))
    }

    /// Ends the reading: anything that was wrong, or that nobody asked for, is an error.
    pub(super) fn finish(mut self) -> Vec<String> {
        let unknown_keys = self.file.keys().filter(|name| !self.known.contains(*name));
        let unknown_variables =
            self.environment.keys().filter(|name| name.starts_with(PREFIX) && !self.known.contains(*name));
        let unknown: Vec<String> =
            unknown_keys.chain(unknown_variables).map(|name| format!("{name}: {}", gone(name))).collect();
        self.errors.extend(unknown);
        self.errors
    }
}

/// Where a text is no TOML, and why. What stands there is not repeated: it may be a password.
fn place(file: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| file.get(..span.start)).unwrap_or_default();
    let (line, column) =
        (before.matches('\n').count() + 1, before.rsplit('\n').next().map_or(0, |l| l.chars().count()) + 1);
    format!("line {line}, column {column}: {}", error.message().lines().next().unwrap_or_default())
}

/// The environment variable of a setting.
fn variable(name: &str) -> String {
    format!("{PREFIX}{}", name.replace('.', "__").to_uppercase())
}

/// Why nobody knows a setting, by its key or its variable.
fn gone(given: &str) -> &'static str {
    let found = GONE.iter().find(|(name, _)| given == *name || given == variable(name));
    found.map_or("no such setting", |(_, became)| became)
}
