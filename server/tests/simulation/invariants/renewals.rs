//! Renewals: one for each application, of the same holder, with nothing that identifies anybody yet.

use super::{Answer, Case, ensure};
use crate::operation::Operation;

pub(super) fn judge(case: &Case<'_>) -> Result<(), String> {
    for (id, renewal) in &case.after.applications {
        let Some(renewed) = renewal.replaces else { continue };
        let number = &renewal.number;
        let old = case.after.applications.get(&renewed).ok_or_else(|| format!("{number} renews nothing"))?;
        let is_same = (&renewal.phone, &renewal.holder) == (&old.phone, &old.holder);
        ensure(is_same, || format!("{number} has another holder than {}", old.number))?;
        ensure(renewal.identification.is_none(), || format!("the holder of {number} was identified by nobody"))?;
        let others =
            case.after.applications.iter().filter(|(other, one)| *other != id && one.replaces == Some(renewed));
        ensure(others.count() == 0, || format!("{} is renewed twice", old.number))?;
        let begun = |row: &&qcert_server::store::AuditRow| row.event == "renewal begun" && row.subject == *id;
        ensure(case.after.audit.iter().filter(begun).count() == 1, || format!("the audit does not tell of {number}"))?;
    }
    answer_is_true(case)
}

/// Who was shown a renewal was shown the one that there is.
fn answer_is_true(case: &Case<'_>) -> Result<(), String> {
    let Some(outcome) = &case.outcome else { return Ok(()) };
    let (Operation::Renew(..), Some(Answer::Reply(_, reply))) = (outcome.begun.step.operation, outcome.answer) else {
        return Ok(());
    };
    if reply.status != 200 {
        return Ok(());
    }
    let row: qcert_protocol::portal::ApplicationRow =
        serde_json::from_slice(&reply.body).map_err(|error| error.to_string())?;
    let there = case.after.applications.get(&row.id).and_then(|renewal| renewal.replaces);
    ensure(there.is_some() && there == row.replaces, || format!("{} was shown, and is no renewal", row.number))
}
