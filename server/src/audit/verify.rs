//! Is the audit what the servers wrote? One event after the other is held against the code before it, the numbers of
//! its server's events, and the heads that servers have written down. Nothing is kept of an event that was looked at but
//! a few codes, so the chain may be of any length.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
};

use serde::Serialize;

use super::{Key, chain::BEGINNING, head::Head};
use crate::store::AuditRow;

/// So many findings are told one by one; the others are counted.
const TOLD: usize = 100;
/// So far from where it was written a code is still recognised as that of a neighbour.
const NEIGHBOURS: usize = 16;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// An event is not what its server wrote, or no server wrote it.
    Changed,
    /// Events were taken out.
    Missing,
    /// An event stands where another belongs.
    Reordered,
    /// An event without a code stands after events that have one.
    Inserted,
    /// The chain does not have an event that a server has seen in it.
    Truncated,
}

/// Something that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// What.
    pub kind: Kind,
    /// At which place, or from which on.
    pub place: i64,
    /// Up to which place.
    pub to: i64,
    /// Which server's event says so, or is at that place; empty if it is of the time before there was a key.
    pub node: String,
    /// Its number among that server's events.
    pub sequence: i64,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, place, to, node, sequence } = self;
        match kind {
            Kind::Changed => {
                write!(f, "changed: event {place} (of {node}, number {sequence}) is not what was written")?
            }
            Kind::Missing => write!(f, "missing: events {place} to {to}; the next is of {node}, number {sequence}")?,
            Kind::Reordered => write!(f, "reordered: event {place} (of {node}, number {sequence}) belongs elsewhere")?,
            Kind::Inserted => write!(f, "inserted: event {place} has no code, and stands after events that have one")?,
            Kind::Truncated => write!(
                f,
                "truncated: event {place} (of {node}, number {sequence}) was there, and the chain, which ends at {to}, \
                 does not have it"
            )?,
        }
        Ok(())
    }
}

/// What came of it.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// How many events were looked at.
    pub events: u64,
    /// The last place.
    pub last: i64,
    /// How many of them are of the time before there was a key, and are held by hashes and the first code alone.
    pub before_the_key: u64,
    /// How many heads were held against them.
    pub heads: usize,
    /// The first that is wrong, and what follows.
    pub findings: Vec<Finding>,
    /// How many findings there are beyond those.
    pub more: u64,
}

impl Report {
    /// Is nothing wrong?
    pub fn is_whole(&self) -> bool {
        self.findings.is_empty()
    }
}

/// Looks at one event after the other.
pub struct Verifier<'a> {
    key: &'a Key,
    heads: Vec<Head>,
    /// The code before the next event, and a few before that.
    codes: VecDeque<[u8; 32]>,
    sequences: BTreeMap<String, i64>,
    /// How many events are missing whose servers are not known yet.
    missing: i64,
    is_from_the_beginning: bool,
    has_key: bool,
    report: Report,
}

impl<'a> Verifier<'a> {
    /// For a chain from its beginning; it must have the events that the heads name.
    pub fn new(key: &'a Key, heads: Vec<Head>) -> Self {
        let report = Report { heads: heads.len(), ..Report::default() };
        Self {
            key,
            heads,
            codes: VecDeque::from([BEGINNING]),
            sequences: BTreeMap::new(),
            missing: 0,
            is_from_the_beginning: true,
            has_key: false,
            report,
        }
    }

    /// For a part of a chain, after an event with this code.
    pub fn after(key: &'a Key, place: i64, code: [u8; 32]) -> Self {
        let mut verifier = Self::new(key, Vec::new());
        verifier.is_from_the_beginning = place == 0;
        verifier.report.last = place;
        verifier.codes = VecDeque::from([code]);
        verifier
    }

    /// Looks at the next event.
    pub fn next(&mut self, row: &AuditRow) {
        // Whoever writes into the database may write any number.
        self.missing = self.missing.saturating_add(row.place.saturating_sub(self.report.last).saturating_sub(1).max(0));
        let skipped = row.sequence.saturating_sub(self.expected(&row.node)).max(0);
        if let Some((kind, from)) = self.judge(row) {
            let (place, to) = if kind == Kind::Missing { (from, row.place - 1) } else { (row.place, row.place) };
            self.find(Finding { kind, place, to, node: row.node.clone(), sequence: row.sequence });
        }
        self.missing -= skipped.min(self.missing);
        self.report.events += 1;
        self.report.last = row.place;
        if row.is_of_before() {
            self.report.before_the_key += 1;
        } else {
            self.has_key = true;
            let last = self.sequences.entry(row.node.clone()).or_default();
            *last = row.sequence.max(*last);
        }
        self.heads.retain(|head| head.place != row.place || head.mac != row.mac);
        if self.codes.len() == NEIGHBOURS {
            self.codes.pop_back();
        }
        self.codes.push_front(row.mac);
    }

    /// What is wrong with the next event, and from which place on.
    fn judge(&self, row: &AuditRow) -> Option<(Kind, i64)> {
        let expected = self.report.last.saturating_add(1);
        if row.place > expected {
            return Some((Kind::Missing, expected));
        }
        if row.place < expected {
            return Some((Kind::Reordered, row.place));
        }
        if row.is_of_before() && self.has_key {
            return Some((Kind::Inserted, row.place));
        }
        let follows = self.follows(row);
        if self.codes.front().is_some_and(|previous| self.key.fits(previous, row)) {
            return (!follows).then_some((Kind::Reordered, row.place));
        }
        // What stood before it was changed or moved; it was not.
        if self.codes.iter().skip(1).any(|previous| self.key.fits(previous, row)) {
            return None;
        }
        Some((if follows { Kind::Changed } else { Kind::Reordered }, row.place))
    }

    /// Is it the next of its server's, but for those that are missing?
    fn follows(&self, row: &AuditRow) -> bool {
        let skipped = row.sequence.saturating_sub(self.expected(&row.node));
        row.is_of_before() || (0..=self.missing).contains(&skipped) || self.is_unknown(&row.node)
    }

    /// The number that the next event of a server has.
    fn expected(&self, node: &str) -> i64 {
        self.sequences.get(node).copied().unwrap_or_default().saturating_add(1)
    }

    /// May its first event that is seen have any number?
    fn is_unknown(&self, node: &str) -> bool {
        !self.is_from_the_beginning && !self.sequences.contains_key(node)
    }

    fn find(&mut self, finding: Finding) {
        if self.report.findings.len() < TOLD {
            self.report.findings.push(finding);
        } else {
            self.report.more += 1;
        }
    }

    /// What came of it.
    pub fn finish(mut self) -> Report {
        for Head { place, node, sequence, .. } in std::mem::take(&mut self.heads) {
            let to = self.report.last;
            self.find(Finding { kind: Kind::Truncated, place, to, node, sequence });
        }
        self.report
    }
}

/// Is every event what was written, from the beginning on?
pub fn is_whole(key: &Key, rows: &[AuditRow]) -> bool {
    let mut verifier = Verifier::new(key, Vec::new());
    rows.iter().for_each(|row| verifier.next(row));
    verifier.finish().is_whole()
}

#[cfg(test)]
mod tests;
