//! Refusals as `application/problem+json` (RFC 9457).

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use qcert_protocol::{ErrorCode, portal};

use crate::error::Refusal;

/// Answer of a handler.
pub(super) type Answer<T> = Result<T, Problem>;

/// A refusal on its way out.
#[derive(Debug)]
pub(super) struct Problem(Box<Refusal>);

impl Problem {
    /// What went wrong.
    pub(super) fn code(&self) -> ErrorCode {
        self.0.code
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self(Box::new(refusal))
    }
}

impl From<ErrorCode> for Problem {
    fn from(code: ErrorCode) -> Self {
        Refusal::new(code).into()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Refusal { code, fields, retry_after_seconds, tries_left } = *self.0;
        let status = StatusCode::from_u16(code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let problem = portal::Problem {
            kind: format!("urn:qcert:problem:{code}"),
            title: code.as_str().replace('_', " "),
            status: status.as_u16(),
            code,
            fields,
            retry_after_seconds,
            tries_left,
        };
        // A struct of texts and numbers has no value that JSON cannot say.
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let mut response = (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response();
        if let Some(seconds) = retry_after_seconds {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
