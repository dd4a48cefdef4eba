//! Approval by an operator: with `issuance.approval = "operator"` a confirmed request waits until somebody has looked
//! at it. Its holder may take it back meanwhile.

use qcert_protocol::{ApplicationState, ErrorCode};

use crate::{
    audit::{Actor, Event, Note, Outcome},
    clock::Clock,
    store::{Application, Approved, Change, Overview, Store, StoreError},
};

/// The longest reason that a person reads, in characters.
const LONGEST_REASON: usize = 500;

/// Why an operator's decision was not taken.
#[derive(Debug, thiserror::Error)]
pub enum ApprovalError {
    /// There is no such application.
    #[error("there is no application with the number {0}")]
    NotFound(String),
    /// Nothing of it waits for a decision.
    #[error("the application {number} does not wait for approval: it is {}", .state.as_str())]
    NotWaiting {
        /// Its number.
        number: String,
        /// Where it stands.
        state: ApplicationState,
    },
    /// The same operator approved it before, and another's word is needed.
    #[error("the application {number} was approved by {by} before: it needs the word of another operator")]
    Repeated {
        /// Its number.
        number: String,
        /// Who.
        by: String,
    },
    /// The person must be told why.
    #[error("the reason must have 1 to {LONGEST_REASON} characters: the person reads it")]
    Reason,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Approves a request that waits. With the word of as many operators as are needed it goes on.
///
/// # Errors
/// [`ApprovalError`].
pub async fn approve(
    store: &dyn Store,
    clock: &dyn Clock,
    number: &str,
    by: &Actor,
    needed: u32,
) -> Result<Overview, ApprovalError> {
    let found = find(store, number).await?;
    match store.approve_issuance(found.application.id, by, needed, clock.now()).await? {
        Approved::NotWaiting => {
            refused(store, clock, &found, by, ErrorCode::ApplicationStateForbids).await?;
            return Err(not_waiting(found));
        }
        Approved::Repeated => {
            refused(store, clock, &found, by, ErrorCode::SecondOperatorRequired).await?;
            return Err(ApprovalError::Repeated { number: number.to_owned(), by: by.who.clone() });
        }
        Approved::Waits => {}
        Approved::Done => {
            store.announce(Change::Row(found.application.id));
            store.announce(Change::IssuanceWaits);
        }
    }
    find(store, number).await
}

/// Refuses a request that waits, with the reason that the person reads.
///
/// # Errors
/// [`ApprovalError`].
pub async fn reject(
    store: &dyn Store,
    clock: &dyn Clock,
    number: &str,
    reason: &str,
    by: &Actor,
) -> Result<Overview, ApprovalError> {
    // As long as it was sent: the API's description counts what is cut off, too.
    let is_long = reason.chars().count() > LONGEST_REASON;
    let reason = reason.trim();
    if reason.is_empty() || is_long || reason.chars().any(char::is_control) {
        return Err(ApprovalError::Reason);
    }
    let found = find(store, number).await?;
    if !store.reject_issuance(found.application.id, reason, by, clock.now()).await? {
        return Err(not_waiting(found));
    }
    store.announce(Change::Row(found.application.id));
    if let Some(renewed) = found.application.replaces {
        // Whether that can be renewed is another matter now.
        store.announce(Change::Row(renewed));
    }
    find(store, number).await
}

async fn refused(
    store: &dyn Store,
    clock: &dyn Clock,
    found: &Overview,
    by: &Actor,
    code: ErrorCode,
) -> Result<(), StoreError> {
    let Application { id: subject, number, .. } = &found.application;
    let (detail, outcome) = (number.clone(), Outcome::Refused(code));
    let note = Note { event: Event::ApprovalRefused, subject: *subject, detail, by: by.clone(), outcome };
    store.operator_store().note(&note, clock.now()).await
}

fn not_waiting(found: Overview) -> ApprovalError {
    ApprovalError::NotWaiting { number: found.application.number, state: found.application.state }
}

async fn find(store: &dyn Store, number: &str) -> Result<Overview, ApprovalError> {
    store.application_by_number(number).await?.ok_or_else(|| ApprovalError::NotFound(number.to_owned()))
}
