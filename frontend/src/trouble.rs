//! The page's one error: whatever the portal or the workstation answers instead of a result ends up here, and
//! [`crate::words::explain`] is the one place that turns it into words.

use qcert_protocol::{
    ErrorCode,
    application::FieldError,
    portal::Problem,
    workstation::{Failure, TriesLeft},
};

/// Something that did not work, from either of the page's two ways out.
#[derive(Clone, Debug, PartialEq)]
pub struct Trouble {
    /// What went wrong.
    pub code: ErrorCode,
    /// Fields that the portal refused.
    pub fields: Vec<FieldError>,
    /// When to try again, in seconds.
    pub retry_after_seconds: Option<u32>,
    /// Tries left for the one-time password.
    pub tries_left: Option<u32>,
    /// What the token tells of further PINs.
    pub token_tries: Option<TriesLeft>,
    /// For the support: names of modules and PKCS#11 return values.
    pub detail: Option<String>,
}

impl From<ErrorCode> for Trouble {
    fn from(code: ErrorCode) -> Self {
        Self { code, fields: Vec::new(), retry_after_seconds: None, tries_left: None, token_tries: None, detail: None }
    }
}

impl From<Problem> for Trouble {
    fn from(problem: Problem) -> Self {
        Self {
            fields: problem.fields,
            retry_after_seconds: problem.retry_after_seconds,
            tries_left: problem.tries_left,
            ..problem.code.into()
        }
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self { token_tries: failure.tries_left, detail: failure.detail, ..failure.code.into() }
    }
}
