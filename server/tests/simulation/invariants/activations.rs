//! What text messages alone do not suffice for: with activation on, a request is confirmed only after its application's
//! code was entered.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::{Case, ensure};
use crate::registry::Registry;

/// How many wrong codes an application may be given.
const TRIES: usize = 5;

pub(super) fn judge(case: &Case<'_>) -> Result<(), String> {
    for (application, phone) in &case.after.activated {
        let known = case.before.activated.get(application) == Some(phone);
        ensure(known || case.model.entered.contains(application), || {
            "an application is activated whose code nobody entered".to_owned()
        })?;
    }
    let confirmed = case.after.changes.iter().filter(|change| change.kind == "request" && change.after == "confirmed");
    for change in confirmed.filter(|_| case.world.setup.activation) {
        let application = case.after.requests.get(&change.row).ok_or("a confirmed request is gone")?.application;
        let phone = case.after.applications.get(&application).map(|application| &application.phone);
        ensure(phone.is_some() && case.after.activated.get(&application) == phone, || {
            "a request was confirmed for an application that was not activated for its phone".to_owned()
        })?;
    }
    tries_end(case.after)
}

/// After so many wrong codes nothing is compared until an operator has made another.
fn tries_end(after: &Registry) -> Result<(), String> {
    let mut wrong: BTreeMap<Uuid, usize> = BTreeMap::new();
    for row in &after.audit {
        match row.event.as_str() {
            "activation code made" => drop(wrong.insert(row.subject, 0)),
            "activation code wrong" => *wrong.entry(row.subject).or_default() += 1,
            _ => {}
        }
    }
    ensure(wrong.values().all(|count| *count <= TRIES), || "an activation code was tried too often".to_owned())
}
