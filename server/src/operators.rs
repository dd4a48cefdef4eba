//! Operators: the authority's people and programs. Each has a name, roles, and a token of which only a keyed hash is
//! kept; the token ends by itself and can be taken away at any time.
//!
//! **Architecture invariant:** what an operator did stands in the audit with the operator's name, and a name is never
//! given twice.

mod decisions;
pub mod desk;
pub mod reading;
pub mod registering;
mod view;

use std::{net::IpAddr, num::NonZeroU32};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use qcert_protocol::{ErrorCode, holder::FieldReason, operator::Role};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    audit::{Actor, Event, Note, Outcome, refusals},
    client_address::rate_subject,
    clock::Clock,
    error::Refusal,
    one_time_password::seconds,
    portal::Portal,
    randomness::{self, Randomness, RandomnessFailed},
    secrets::Secrets,
    store::{NewOperator, OperatorRecord, Rate, RenewedToken, Store, StoreError},
};
pub use decisions::{approve, block_key, reject, revoke};
pub use view::{application_view, certificate_view, operator_view};

/// So that a token that got lost in a file or a log is found by whoever searches for such things.
const PREFIX: &str = "qcert_operator_";
const HOUR: Duration = Duration::HOUR;

/// The longest time for which a token is good.
pub const LONGEST: Duration = Duration::days(366);

/// The longest time for which a token goes on beside the one that replaces it.
pub const LONGEST_OVERLAP: Duration = Duration::days(7);

/// What a token is shown as, once.
pub struct Token(pub String);

/// An operator who has shown a good token.
#[derive(Clone, Debug)]
pub struct Operator {
    /// Which.
    pub id: Uuid,
    /// The name, for the audit.
    pub name: String,
    /// The roles.
    pub roles: Vec<Role>,
    /// When the token ends.
    pub expires_at: OffsetDateTime,
    /// Who acts, for the audit: the name, and the address that the token was shown from.
    pub actor: Actor,
}

/// Something that operators do, as a type: a route names it, and cannot be reached without one of its roles.
pub trait Action {
    /// Who may do it.
    const ROLES: &'static [Role];
}

macro_rules! actions {
    ($($(#[$doc:meta])* $action:ident: $($role:ident)*;)*) => {$(
        $(#[$doc])*
        pub enum $action {}

        impl Action for $action {
            const ROLES: &'static [Role] = &[$(Role::$role),*];
        }
    )*};
}

actions! {
    /// Sees who one is.
    SeeOneself: Registrar Approver Revoker Auditor Administrator;
    /// Searches and reads applications, certificates, reports of wrong data, proposals of new phones.
    Read: Registrar Approver Revoker Auditor;
    /// Enters, corrects and imports applications.
    Register: Registrar;
    /// Makes activation codes.
    MakeActivationCodes: Registrar;
    /// Approves and rejects requests that wait.
    Decide: Approver;
    /// Revokes certificates.
    Revoke: Revoker;
    /// Blocks keys.
    BlockKeys: Revoker;
    /// Answers reports of wrong data.
    AnswerMistakes: Registrar;
    /// Gives phones their tries back.
    UnlockPhones: Registrar;
    /// Proposes a person's new phone.
    ProposePhones: Registrar;
    /// Confirms a person's new phone.
    ConfirmPhones: Approver;
    /// Drops a proposal of a new phone.
    CancelPhones: Registrar Approver;
    /// Reads the audit.
    ReadAudit: Auditor;
    /// Sees who the operators are.
    SeeOperators: Auditor Administrator;
    /// Takes operators' tokens away.
    RemoveOperators: Administrator;
}

/// Why an operator was not recorded.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// The name does not stand in the audit as one word.
    #[error("a name has 1 to 64 letters, digits, dots, dashes and underscores")]
    Name,
    /// The audit means something else by it.
    #[error("the name {0} is not given to operators: the audit means something else by it")]
    Reserved(String),
    /// Nothing could be done with it.
    #[error("at least one role is needed: {}", Role::ALL.map(Role::as_str).join(", "))]
    NoRole,
    /// Too long.
    #[error("a token is good for 1 to {} days", LONGEST.whole_days())]
    Lifetime,
    /// Too long, for a token that was to be replaced.
    #[error("the token before goes on for {} hours at most", LONGEST_OVERLAP.whole_hours())]
    Overlap,
    /// The audit knows it.
    #[error("the name {0} was given before; a name is never given twice, so that the audit means one operator by it")]
    Taken(String),
    /// Nobody, or not any more.
    #[error("there is no operator {0} with a token that was not taken away")]
    NotFound(String),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No token can be made.
    #[error(transparent)]
    Randomness(#[from] RandomnessFailed),
}

/// May this be an operator's name? It stands in the audit between other words.
pub fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_alphanumeric() || ".-_".contains(c);
    (1..=64).contains(&name.chars().count()) && name.chars().all(fits)
}

/// Records an operator and answers the token, which cannot be had again.
///
/// # Errors
/// [`OperatorError`].
pub async fn add(
    (store, clock, randomness, secrets): (&dyn Store, &dyn Clock, &dyn Randomness, &Secrets),
    name: &str,
    roles: &[Role],
    days: NonZeroU32,
    by: &Actor,
) -> Result<(OperatorRecord, Token), OperatorError> {
    if !is_name(name) {
        return Err(OperatorError::Name);
    }
    if Actor::is_reserved(name) {
        return Err(OperatorError::Reserved(name.to_owned()));
    }
    let mut roles = roles.to_vec();
    roles.sort_unstable();
    roles.dedup();
    if roles.is_empty() {
        return Err(OperatorError::NoRole);
    }
    let lifetime = lifetime(days)?;
    let now = clock.now();
    let token = new_token(randomness)?;
    let new = NewOperator {
        id: randomness::uuid(now, randomness)?,
        name: name.to_owned(),
        roles,
        token_hash: secrets.operator_hash(&token.0),
        by: by.clone(),
        created_at: now,
        expires_at: now + lifetime,
    };
    if !store.operator_store().add_operator(&new).await? {
        return Err(OperatorError::Taken(new.name));
    }
    let NewOperator { id, name, roles, created_at, expires_at, .. } = new;
    Ok((OperatorRecord { id, name, roles, created_at, expires_at, removed_at: None }, token))
}

/// Gives an operator another token and answers it; roles and name stay. The one before goes on for `overlap`, so that a
/// program can be given the new one while it works, but never longer than it would have.
///
/// # Errors
/// [`OperatorError`].
pub async fn renew(
    (store, clock, randomness, secrets): (&dyn Store, &dyn Clock, &dyn Randomness, &Secrets),
    name: &str,
    days: NonZeroU32,
    overlap: Duration,
    by: &Actor,
) -> Result<(OperatorRecord, Token), OperatorError> {
    let lifetime = lifetime(days)?;
    if overlap.is_negative() || overlap > LONGEST_OVERLAP {
        return Err(OperatorError::Overlap);
    }
    let now = clock.now();
    let token = new_token(randomness)?;
    let renewed = RenewedToken {
        name: name.to_owned(),
        token_hash: secrets.operator_hash(&token.0),
        by: by.clone(),
        renewed_at: now,
        expires_at: now + lifetime,
        earlier_ends_at: now + overlap,
    };
    let found = store.operator_store().renew_operator(&renewed).await?;
    Ok((found.ok_or(OperatorError::NotFound(renewed.name))?, token))
}

fn lifetime(days: NonZeroU32) -> Result<Duration, OperatorError> {
    let lifetime = Duration::days(days.get().into());
    if lifetime > LONGEST { Err(OperatorError::Lifetime) } else { Ok(lifetime) }
}

fn new_token(randomness: &dyn Randomness) -> Result<Token, RandomnessFailed> {
    Ok(Token(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(randomness::bytes::<32>(randomness)?))))
}

/// Takes an operator's token away, at once and on every server.
///
/// # Errors
/// [`OperatorError::NotFound`], the store's.
pub async fn remove(store: &dyn Store, clock: &dyn Clock, name: &str, by: &Actor) -> Result<(), OperatorError> {
    if store.operator_store().remove_operator(name, by, clock.now()).await? {
        return Ok(());
    }
    Err(OperatorError::NotFound(name.to_owned()))
}

impl From<OperatorError> for Refusal {
    fn from(error: OperatorError) -> Self {
        match error {
            OperatorError::NotFound(_) => ErrorCode::NotFound.into(),
            OperatorError::Store(error) => error.into(),
            OperatorError::Randomness(error) => error.into(),
            OperatorError::Name | OperatorError::Reserved(_) => Self::field("name", FieldReason::Form),
            OperatorError::NoRole | OperatorError::Lifetime | OperatorError::Overlap | OperatorError::Taken(_) => {
                ErrorCode::FieldInvalid.into()
            }
        }
    }
}

/// Who shows this token, and may that operator do this? A token that is not good counts against the address.
///
/// # Errors
/// `operator_token_required`, `operator_role_missing`, `rate_limited`.
pub async fn authorized(
    portal: &Portal,
    token: Option<&str>,
    roles: &[Role],
    address: IpAddr,
) -> Result<Operator, Refusal> {
    let Some(token) = token else { return Err(ErrorCode::OperatorTokenRequired.into()) };
    let now = portal.clock.now();
    let found = portal.store.operator_store().operator(&portal.secrets.operator_hash(token)).await?;
    // Whose a token was that has ended is known.
    let (id, name) = found.as_ref().map_or((Uuid::nil(), Actor::NOBODY), |found| (found.id, &found.name));
    let actor = Actor::operator(name, address);
    let Some(good) = found.filter(|found| found.removed_at.is_none() && found.expires_at > now) else {
        let refusal = wrong(portal, address, now).await?;
        refused(portal, id, actor, refusal.code).await;
        return Err(refusal);
    };
    let OperatorRecord { name, roles: own, expires_at, .. } = good;
    if !own.iter().any(|role| roles.contains(role)) {
        refused(portal, id, actor, ErrorCode::OperatorRoleMissing).await;
        return Err(ErrorCode::OperatorRoleMissing.into());
    }
    Ok(Operator { id, name, roles: own, expires_at, actor })
}

/// Notes that an operator, or somebody who is none, was refused.
async fn refused(portal: &Portal, subject: Uuid, by: Actor, code: ErrorCode) {
    let (event, detail, outcome) = (Event::OperatorRefused, String::new(), Outcome::Refused(code));
    refusals::note(portal, Note { event, subject, detail, by, outcome }).await;
}

async fn wrong(portal: &Portal, address: IpAddr, now: OffsetDateTime) -> Result<Refusal, Refusal> {
    let subject = rate_subject(&portal.secrets, "operator-token-by-address", address);
    let limit = portal.settings.operators.hourly_wrong_tokens_by_address;
    tracing::warn!("an operator's token was refused");
    let rate = Rate { subject, limit, window: HOUR };
    match portal.store.count(&rate, now).await? {
        None => Ok(ErrorCode::OperatorTokenRequired.into()),
        Some(since) => Ok(Refusal::new(ErrorCode::RateLimited).retry_after(seconds(since + HOUR - now).max(1))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_word() {
        for name in ["anna", "Анна.Петрова", "erp-1", "a_b"] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", "a b", "a,b", "a\n", &"я".repeat(65)] {
            assert!(!is_name(name), "{name}");
        }
    }
}
