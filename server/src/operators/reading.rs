//! What operators look at. Looking changes nothing and stands in the audit all the same, without what was looked for.

use qcert_protocol::{
    ErrorCode,
    operator::{
        ApplicationRecord, AuditEvent, AuditPage, CertificateRecord, Found, MistakeView, OperatorView, PhoneChangeView,
        Search, SearchBy,
    },
};
use uuid::Uuid;

use super::{
    Operator, application_view, certificate_view,
    desk::{self, Desk},
    operator_view,
};
use crate::{
    applications,
    audit::{Event, Note, Outcome},
    error::Refusal,
    portal::Portal,
    store::AuditRow,
};

/// Events on a page of the audit.
const EVENTS: u32 = 200;

/// Searches applications.
///
/// # Errors
/// Those of [`applications::search::search`].
pub async fn search(portal: &Portal, operator: &Operator, asked: &Search) -> Result<Found, Refusal> {
    let found = applications::search::search(&*portal.store, asked).await?;
    let detail = format!("by {}, {} found", criterion(asked.by), found.applications.len());
    note(portal, operator, Event::ApplicationsSearched, operator.id, &detail).await?;
    Ok(found)
}

fn criterion(by: SearchBy) -> &'static str {
    match by {
        SearchBy::All => "nothing",
        SearchBy::Waiting => "what waits",
        SearchBy::Number => "number",
        SearchBy::Serial => "serial number",
        SearchBy::Phone => "phone",
        SearchBy::Inn => "INN",
        SearchBy::Snils => "SNILS",
        SearchBy::Organization => "organisation",
        SearchBy::Name => "name",
    }
}

/// Reads one application.
///
/// # Errors
/// `application_not_found`.
pub async fn application(portal: &Portal, operator: &Operator, number: &str) -> Result<ApplicationRecord, Refusal> {
    let found = portal.store.application_by_number(number).await?.ok_or(ErrorCode::ApplicationNotFound)?;
    note(portal, operator, Event::ApplicationRead, found.application.id, "").await?;
    Ok(application_view(&*portal.store, found).await?)
}

/// Reads one certificate.
///
/// # Errors
/// `certificate_not_found`.
pub async fn certificate(portal: &Portal, operator: &Operator, serial: &str) -> Result<CertificateRecord, Refusal> {
    let serial = serial.to_ascii_uppercase();
    let (_, certificate) = portal.store.certificate(&serial).await?.ok_or(ErrorCode::CertificateNotFound)?;
    note(portal, operator, Event::CertificateRead, certificate.id, "").await?;
    Ok(certificate_view(&certificate))
}

/// Reads what people found wrong.
///
/// # Errors
/// The store's.
pub async fn mistakes(portal: &Portal, operator: &Operator, after: Uuid) -> Result<Vec<MistakeView>, Refusal> {
    let found = desk::mistakes(&Desk::of(portal, operator), after).await?;
    note(portal, operator, Event::MistakesRead, operator.id, "").await?;
    Ok(found)
}

/// Reads which new phones are proposed.
///
/// # Errors
/// The store's.
pub async fn phone_changes(portal: &Portal, operator: &Operator, after: Uuid) -> Result<Vec<PhoneChangeView>, Refusal> {
    let found = desk::phone_changes(&Desk::of(portal, operator), after).await?;
    note(portal, operator, Event::PhoneChangesRead, operator.id, "").await?;
    Ok(found)
}

/// All operators there ever were.
///
/// # Errors
/// The store's.
pub async fn operators(portal: &Portal) -> Result<Vec<OperatorView>, Refusal> {
    let all = portal.store.operator_store().operators().await?;
    Ok(all.into_iter().map(operator_view).collect())
}

/// A page of the audit.
///
/// # Errors
/// The store's.
pub async fn audit(portal: &Portal, operator: &Operator, after: i64) -> Result<AuditPage, Refusal> {
    let rows = portal.store.operator_store().audit_after(after.max(0), EVENTS).await?;
    let next = rows.last().filter(|_| rows.len() == EVENTS as usize).map(|row| row.place);
    // Whoever asks again and again whether there is something new does not make it.
    if let (Some(first), Some(last)) = (rows.first(), rows.last())
        && rows.iter().any(|row| row.event != Event::AuditRead.as_str())
    {
        let detail = format!("events {} to {}", first.place, last.place);
        note(portal, operator, Event::AuditRead, operator.id, &detail).await?;
    }
    let event = |row: AuditRow| AuditEvent {
        place: row.place,
        at: row.at,
        node: row.node,
        sequence: row.sequence,
        event: row.event,
        subject: row.subject,
        who: row.by.who,
        from: row.by.from,
        outcome: row.outcome,
        detail: row.detail,
    };
    Ok(AuditPage { events: rows.into_iter().map(event).collect(), next })
}

async fn note(portal: &Portal, operator: &Operator, event: Event, subject: Uuid, detail: &str) -> Result<(), Refusal> {
    let (by, outcome) = (operator.actor.clone(), Outcome::Done);
    let note = Note { event, subject, detail: detail.to_owned(), by, outcome };
    Ok(portal.store.operator_store().note(&note, portal.clock.now()).await?)
}
