//! Errors of the server. [`Refusal`] is what the domain answers: a code that a caller can act on, rendered by `api`
//! as a problem. [`StoreError`] is the database's; `anyhow` is used by the command line
//! alone, where an error is only reported.

use qcert_protocol::{ErrorCode, application::FieldError, holder::FieldReason};

use crate::{randomness::RandomnessFailed, store::StoreError};

/// Why a request was refused, with what a person or program needs to go on.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{code}")]
pub struct Refusal {
    /// What went wrong.
    pub code: ErrorCode,
    /// Which fields, and why.
    pub fields: Vec<FieldError>,
    /// When to try again, in seconds.
    pub retry_after_seconds: Option<u32>,
    /// Tries left for the one-time password.
    pub tries_left: Option<u32>,
}

impl Refusal {
    /// A refusal whose code says everything.
    pub fn new(code: ErrorCode) -> Self {
        Self { code, fields: Vec::new(), retry_after_seconds: None, tries_left: None }
    }

    /// One field has a value that its check refuses.
    pub fn field(field: &str, reason: FieldReason) -> Self {
        let fields = vec![FieldError { field: field.to_owned(), reason }];
        Self { fields, ..Self::new(ErrorCode::FieldInvalid) }
    }

    /// With the time after which another try is welcome.
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    /// With the tries that are left.
    pub fn tries_left(mut self, tries: u32) -> Self {
        self.tries_left = Some(tries);
        self
    }
}

impl From<ErrorCode> for Refusal {
    fn from(code: ErrorCode) -> Self {
        Self::new(code)
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the store failed");
        Self::new(match error {
            StoreError::Unavailable(_) => ErrorCode::PortalUnavailable,
            StoreError::Corrupt(_) => ErrorCode::Internal,
        })
    }
}

impl From<RandomnessFailed> for Refusal {
    fn from(error: RandomnessFailed) -> Self {
        tracing::error!(%error, "no randomness");
        Self::new(ErrorCode::Internal)
    }
}
