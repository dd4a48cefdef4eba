//! Events as a file, JSON or CSV, a line each: everything that the chain covers, its code and the code before it. Who
//! has the key can verify the file anywhere.

use std::io::{BufRead, Write};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

use super::{
    Actor, Key,
    verify::{Report, Verifier},
};
use crate::{hex, store::AuditRow};

/// How the file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// An object a line.
    Jsonl,
    /// A line of names, and a line for each event.
    Csv,
}

/// An event in a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    place: i64,
    node: String,
    sequence: i64,
    at: String,
    event: String,
    subject: Uuid,
    who: String,
    from: String,
    outcome: String,
    detail: String,
    #[serde(with = "hex::array")]
    previous: [u8; 32],
    #[serde(with = "hex::array")]
    mac: [u8; 32],
}

impl Line {
    fn of(previous: [u8; 32], row: &AuditRow) -> anyhow::Result<Self> {
        let row = row.clone();
        Ok(Self {
            place: row.place,
            node: row.node,
            sequence: row.sequence,
            at: row.at.format(&Rfc3339)?,
            event: row.event,
            subject: row.subject,
            who: row.by.who,
            from: row.by.from,
            outcome: row.outcome,
            detail: row.detail,
            previous,
            mac: row.mac,
        })
    }

    fn row(self) -> anyhow::Result<AuditRow> {
        Ok(AuditRow {
            place: self.place,
            at: OffsetDateTime::parse(&self.at, &Rfc3339).context("its time cannot be read")?,
            event: self.event,
            subject: self.subject,
            detail: self.detail,
            by: Actor { who: self.who, from: self.from },
            outcome: self.outcome,
            node: self.node,
            sequence: self.sequence,
            mac: self.mac,
        })
    }
}

/// Writes events.
pub struct Exporter<W: Write> {
    to: Writer<W>,
    previous: [u8; 32],
}

enum Writer<W: Write> {
    Jsonl(W),
    Csv(Box<csv::Writer<W>>),
}

impl<W: Write> Exporter<W> {
    /// Writes those after an event with this code.
    pub fn new(to: W, format: Format, previous: [u8; 32]) -> Self {
        let to = match format {
            Format::Jsonl => Writer::Jsonl(to),
            Format::Csv => Writer::Csv(Box::new(csv::Writer::from_writer(to))),
        };
        Self { to, previous }
    }

    /// Writes the next.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&mut self, row: &AuditRow) -> anyhow::Result<()> {
        let line = Line::of(self.previous, row)?;
        self.previous = row.mac;
        match &mut self.to {
            Writer::Jsonl(to) => {
                serde_json::to_writer(&mut *to, &line)?;
                to.write_all(b"\n")?;
            }
            Writer::Csv(to) => to.serialize(line)?,
        }
        Ok(())
    }

    /// Writes what is not written yet.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(self) -> anyhow::Result<()> {
        match self.to {
            Writer::Jsonl(mut to) => to.flush()?,
            Writer::Csv(mut to) => to.flush()?,
        }
        Ok(())
    }
}

/// Verifies a file: JSON if it begins as an object, else CSV.
///
/// # Errors
/// When it cannot be read.
pub fn verify(key: &Key, mut file: impl BufRead) -> anyhow::Result<Report> {
    let is_json = file.fill_buf()?.first().is_none_or(|first| *first == b'{');
    if is_json {
        let lines = file.lines().map(|line| Ok(serde_json::from_str(&line?)?));
        return verified(key, lines);
    }
    verified(key, csv::Reader::from_reader(file).into_deserialize().map(|line| Ok(line?)))
}

fn verified(key: &Key, lines: impl Iterator<Item = anyhow::Result<Line>>) -> anyhow::Result<Report> {
    let mut verifier: Option<Verifier<'_>> = None;
    for (number, line) in lines.enumerate() {
        let line = line.with_context(|| format!("event {} of the file cannot be read", number + 1))?;
        let verifier =
            verifier.get_or_insert_with(|| Verifier::after(key, line.place.saturating_sub(1), line.previous));
        verifier.next(&line.row()?);
    }
    match verifier {
        Some(verifier) => Ok(verifier.finish()),
        None => bail!("there is no event in the file"),
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::audit::{chain::BEGINNING, verify::Kind};

    fn key() -> Key {
        Key::new(&[7; 32])
    }

    fn rows() -> Vec<AuditRow> {
        let mut rows: Vec<AuditRow> = Vec::new();
        for place in 1..=9 {
            let mut row = AuditRow {
                place,
                at: datetime!(2026-03-02 09:00:00.123 UTC),
                node: "one".to_owned(),
                sequence: place,
                event: "issuance rejected".to_owned(),
                subject: Uuid::nil(),
                by: Actor::operator("Анна", [192, 0, 2, 1].into()),
                outcome: "done".to_owned(),
                detail: "a \"detail\", with\nlines; =1+1".to_owned(),
                mac: BEGINNING,
            };
            row.mac = key().mac(&rows.last().map_or(BEGINNING, |row: &AuditRow| row.mac), &row);
            rows.push(row);
        }
        rows
    }

    fn written(rows: &[AuditRow], previous: [u8; 32], format: Format) -> String {
        let mut file = Vec::new();
        let mut exporter = Exporter::new(&mut file, format, previous);
        rows.iter().for_each(|row| exporter.write(row).unwrap());
        exporter.finish().unwrap();
        String::from_utf8(file).unwrap()
    }

    #[test]
    fn a_file_is_verified_by_whoever_has_the_key() {
        let rows = rows();
        for format in [Format::Jsonl, Format::Csv] {
            let all = written(&rows, BEGINNING, format);
            let report = verify(&key(), all.as_bytes()).unwrap();
            assert!(report.is_whole() && report.events == 9, "{report:?}");
            let part = written(&rows[4..], rows[3].mac, format);
            let report = verify(&key(), part.as_bytes()).unwrap();
            assert!(report.is_whole() && (report.events, report.last) == (5, 9), "{report:?}");
            assert!(!verify(&Key::new(&[8; 32]), all.as_bytes()).unwrap().is_whole());
        }
    }

    #[test]
    fn a_file_that_was_changed_or_shortened_in_the_middle_is_found_out() {
        let rows = rows();
        for format in [Format::Jsonl, Format::Csv] {
            let changed = written(&rows, BEGINNING, format).replacen("192.0.2.1", "192.0.2.2", 1);
            let report = verify(&key(), changed.as_bytes()).unwrap();
            assert_eq!(
                report.findings.iter().map(|found| (found.kind, found.place)).collect::<Vec<_>>(),
                [(Kind::Changed, 1)]
            );
            let shortened = written(&[&rows[..3], &rows[5..]].concat(), BEGINNING, format);
            let report = verify(&key(), shortened.as_bytes()).unwrap();
            assert_eq!(
                report.findings.iter().map(|found| (found.kind, found.place, found.to)).collect::<Vec<_>>(),
                [(Kind::Missing, 4, 5)]
            );
        }
    }

    #[test]
    fn what_is_no_export_is_not_verified() {
        for text in ["", "{}", "place,node\n1,a\n", "{\"place\":1"] {
            assert!(verify(&key(), text.as_bytes()).is_err(), "{text}");
        }
    }
}
