//! What must hold after every step, whatever failed in it.

mod activations;
mod certificates;
mod passwords;
mod renewals;
mod revocation;
pub mod states;

use std::collections::BTreeSet;

use qcert_server::{audit::Event, secrets::Secrets, store::IssuerId};
use uuid::Uuid;

pub use self::revocation::{list_address, named_list};
use crate::{
    model::{Intent, Model},
    operation::{Operation, Person},
    registry::{Application, Registry, Session},
    simulation::{Answer, OnItsWay},
    world::{SECRET, World},
};

/// What was found good already, so that each signature is checked once.
#[derive(Default)]
pub struct Judged {
    certificates: BTreeSet<Uuid>,
    serials: BTreeSet<String>,
    signatures: usize,
    /// The numbers of the lists that were read.
    lists: BTreeSet<(IssuerId, String, i64)>,
}

/// A step that ended, waits or was cut off.
pub struct Outcome<'a> {
    pub begun: &'a OnItsWay,
    pub answer: Option<&'a Answer>,
    /// Did a fault hit it?
    pub disturbed: bool,
}

/// The database before and after a step, and what the world outside knows.
pub struct Case<'a> {
    pub before: &'a Registry,
    pub after: &'a Registry,
    pub model: &'a mut Model,
    pub judged: &'a mut Judged,
    pub world: &'a World,
    pub outcome: Option<Outcome<'a>>,
    /// The codes whose messages came.
    pub came: Vec<Uuid>,
}

/// Holds everything against everything.
///
/// # Errors
/// The first thing that is wrong.
pub fn judge(case: &mut Case<'_>) -> Result<(), String> {
    transitions(case)?;
    states_agree(case.after)?;
    certificates::judge(case)?;
    passwords::judge(case)?;
    activations::judge(case)?;
    renewals::judge(case)?;
    revocation::judge(case)?;
    states::judge(case)?;
    audit_is_whole(case)?;
    nothing_confirmed_is_lost(case)?;
    answers(case)
}

fn ensure(fits: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if fits { Ok(()) } else { Err(what()) }
}

/// Every change of a state that there is.
const TRANSITIONS: &[(&str, &str, &[&str])] = &[
    ("application", "available", &["preparing"]),
    ("application", "preparing", &["available", "sent"]),
    ("application", "sent", &["issuing", "withdrawn", "rejected"]),
    ("application", "issuing", &["readyToInstall", "rejected"]),
    ("application", "readyToInstall", &["installed", "expired", "revoked"]),
    ("application", "installed", &["expired", "revoked"]),
    // What was decided in time stands, although it is written down after the end; see `revocation`.
    ("application", "expired", &["revoked"]),
    ("application", "withdrawn", &["preparing"]),
    ("application", "rejected", &["available"]),
    ("request", "prepared", &["confirmed", "removed", "replaced"]),
    ("request", "confirmed", &["issued", "rejected", "withdrawn"]),
    ("issuance", "held", &["queued", "refused", "withdrawn"]),
    ("issuance", "queued", &["working", "withdrawn"]),
    ("issuance", "working", &["done", "refused"]),
    ("password", "active", &["used", "superseded"]),
];

fn transitions(case: &Case<'_>) -> Result<(), String> {
    for change in &case.after.changes {
        let allowed = TRANSITIONS.iter().any(|(kind, before, after)| {
            *kind == change.kind && *before == change.before && after.contains(&change.after.as_str())
        });
        ensure(allowed, || format!("{} {} became {}", change.kind, change.before, change.after))?;
    }
    Ok(())
}

/// Application, request, issuance and certificate tell the same story.
fn states_agree(after: &Registry) -> Result<(), String> {
    for (id, application) in &after.applications {
        let requests = |state: &str| {
            after.requests.values().filter(|request| request.application == *id && request.state == state).count()
        };
        let issuances = |states: &[&str]| {
            let of = after.issuances.values().filter(|issuance| issuance.application == *id);
            of.filter(|issuance| states.contains(&issuance.state.as_str())).count()
        };
        let certificates = after.certificates.values().filter(|one| one.application == *id).count();
        let told = (
            requests("prepared"),
            requests("confirmed"),
            requests("issued"),
            issuances(&["queued", "held"]),
            issuances(&["working"]),
            issuances(&["done"]),
            certificates,
        );
        let expected = match application.state.as_str() {
            "available" | "withdrawn" | "rejected" => (0, 0, 0, 0, 0, 0, 0),
            "preparing" => (1, 0, 0, 0, 0, 0, 0),
            "sent" => (0, 1, 0, 1, 0, 0, 0),
            "issuing" => (0, 1, 0, 0, 1, 0, 0),
            "readyToInstall" | "installed" | "expired" | "revoked" => (0, 0, 1, 0, 0, 1, 1),
            other => return Err(format!("an application is {other}")),
        };
        ensure(told == expected, || {
            let Application { number, state, .. } = application;
            format!("application {number} is {state}, and its requests, issuances and certificates are {told:?}")
        })?;
    }
    Ok(())
}

/// The chain is unbroken, grows only, and tells of each certificate that it was committed before it was issued.
fn audit_is_whole(case: &Case<'_>) -> Result<(), String> {
    let (before, after) = (&case.before.audit, &case.after.audit);
    let mut previous = before.last().map_or([0; 32], |row| row.mac);
    let key = Secrets::new(&SECRET).audit_key();
    ensure(after.len() >= before.len(), || "audit rows are gone".to_owned())?;
    let (old, new) = after.split_at(before.len());
    let kept = old.iter().zip(before).all(|(now, then)| now == then);
    ensure(kept, || "an audit row changed".to_owned())?;
    for row in new {
        ensure(row.mac == key.mac(&previous, row), || format!("the audit's chain breaks at {}", row.event))?;
        previous = row.mac;
    }
    for (place, row) in (1..).zip(after) {
        ensure((row.place, row.sequence) == (place, place), || format!("{} is out of its place", row.event))?;
        let is_known = Event::ALL.iter().any(|event| event.as_str() == row.event);
        ensure(is_known, || format!("the audit tells of {}, which is no event", row.event))?;
    }
    let place = |event: &str, subject: Uuid, detail: &str| {
        after.iter().position(|row| row.event == event && row.subject == subject && row.detail == detail)
    };
    for (id, certificate) in &case.after.certificates {
        let committed = place("certificate committed", certificate.request, &certificate.serial);
        let issued = place("certificate issued", *id, &certificate.serial);
        let confirmed =
            after.iter().position(|row| row.event == "request confirmed" && row.subject == certificate.request);
        ensure(confirmed.is_some() && confirmed < committed && committed < issued, || {
            format!("the audit has {confirmed:?}, {committed:?}, {issued:?} for a certificate")
        })?;
    }
    let count = |event: &str| after.iter().filter(|row| row.event == event).count();
    ensure(count("certificate issued") == case.after.certificates.len(), || {
        "the audit has another number of certificates".to_owned()
    })?;
    let committed = case.after.issuances.values().filter(|issuance| issuance.serial.is_some()).count();
    ensure(count("certificate committed") == committed, || "the audit has another number of commitments".to_owned())
}

/// What was answered with success is on its way, or at an end that somebody chose.
fn nothing_confirmed_is_lost(case: &mut Case<'_>) -> Result<(), String> {
    let confirms = case.outcome.as_ref().and_then(|outcome| outcome.begun.delivery.as_ref());
    if let (Some(Intent::Confirm { request, .. }), Some(Answer::Reply(_, reply))) =
        (confirms.map(|delivery| &delivery.intent), case.outcome.as_ref().and_then(|outcome| outcome.answer))
        && reply.status == 200
    {
        case.model.confirmed.insert(*request);
    }
    for request in &case.model.confirmed {
        let state = case.after.requests.get(request).map_or("gone", |request| request.state.as_str());
        let kept = matches!(state, "confirmed" | "issued" | "rejected" | "withdrawn");
        ensure(kept && case.after.issuances.contains_key(request), || {
            format!("a request was confirmed, and is {state}")
        })?;
    }
    Ok(())
}

/// Nothing but a fault is an error of the server's, and nobody reads what is another's.
fn answers(case: &mut Case<'_>) -> Result<(), String> {
    for (id, application) in &case.after.applications {
        case.model.had.insert((application.phone.clone(), *id));
    }
    let Some(Outcome { answer: Some(Answer::Reply(delivery, reply)), disturbed, .. }) = &case.outcome else {
        return Ok(());
    };
    ensure(reply.status < 500 || *disturbed, || format!("the server answered {} {}", reply.status, reply.code()))?;
    let text = String::from_utf8_lossy(&reply.body);
    for (id, application) in &case.after.applications {
        let never_had = !case.model.had.contains(&(delivery.person.phone().to_owned(), *id));
        let told = text.contains(&application.number) || text.contains(&id.to_string());
        ensure(!(never_had && told), || {
            format!("{:?} was told of application {}", delivery.person, application.number)
        })?;
    }
    if let Some(outcome) = &case.outcome
        && let Operation::SignOutEverywhere(person, _) = outcome.begun.step.operation
        && (reply.status, outcome.disturbed) == (204, false)
    {
        let theirs = |session: &&Session| session.phone == person.phone();
        let goes_on = case.after.sessions.values().filter(theirs).any(|session| !session.has_ended);
        ensure(!goes_on, || format!("{person:?} signed out everywhere, and a session goes on"))?;
    }
    ensure(delivery.person != Person::Nobody || reply.cookie.is_none(), || "a stranger has a session".to_owned())
}

/// Nothing that was confirmed is still on its way.
///
/// # Errors
/// When something is.
pub fn ended(registry: &Registry, model: &Model) -> Result<(), String> {
    for (request, issuance) in &registry.issuances {
        ensure(!issuance.waits(), || format!("the faults are over, and an issuance is still {}", issuance.state))?;
        let state = registry.requests[request].state.as_str();
        ensure(matches!(state, "issued" | "rejected" | "withdrawn"), || {
            format!("the faults are over, and a confirmed request is still {state}")
        })?;
    }
    let lost = model.confirmed.iter().find(|request| !registry.issuances.contains_key(*request));
    ensure(lost.is_none(), || "a confirmed request is lost".to_owned())
}
