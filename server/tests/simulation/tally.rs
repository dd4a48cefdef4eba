//! What the lists reached: a simulation that never gets anywhere finds nothing.

use std::collections::BTreeMap;

use crate::{operation::Operation, registry::Registry};

/// How often what happened.
#[derive(Clone, Debug, Default)]
pub struct Tally(pub BTreeMap<String, u64>);

impl Tally {
    pub fn count(&mut self, what: &str) {
        *self.0.entry(what.to_owned()).or_default() += 1;
    }

    pub fn step(&mut self, operation: Operation, said: &str) {
        let name = format!("{operation:?}");
        let name = name.split('(').next().unwrap_or_default();
        let said = said.split([':', '\n']).next().unwrap_or_default();
        self.count(&format!("{name}: {}", said.trim()));
    }

    pub fn registry(&mut self, after: &Registry) {
        for change in &after.changes {
            self.count(&format!("{} {} to {}", change.kind, change.before, change.after));
        }
    }

    pub fn add(&mut self, other: Self) {
        for (what, count) in other.0 {
            *self.0.entry(what).or_default() += count;
        }
    }
}
