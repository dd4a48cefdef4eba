//! Refusals as `application/problem+json` (RFC 9457).

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use qcert_protocol::{
    ErrorCode,
    operator::{ImportFault, ImportProblem},
    portal,
};

use crate::error::Refusal;

/// RFC 9457 §3.
pub(super) const MEDIA_TYPE: &str = "application/problem+json";

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

impl Problem {
    /// With all that is wrong with a file.
    pub(super) fn with_faults(self, faults: Vec<ImportFault>) -> Response {
        let (status, problem) = self.parts();
        // A struct of texts and numbers has no value that JSON cannot say.
        respond(status, serde_json::to_vec(&ImportProblem { problem, faults }).unwrap_or_default())
    }

    fn parts(self) -> (StatusCode, portal::Problem) {
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
        (status, problem)
    }
}

fn respond(status: StatusCode, body: Vec<u8>) -> Response {
    (status, [(header::CONTENT_TYPE, MEDIA_TYPE)], body).into_response()
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
        let (status, problem) = self.parts();
        // A struct of texts and numbers has no value that JSON cannot say.
        let mut response = respond(status, serde_json::to_vec(&problem).unwrap_or_default());
        if let Some(seconds) = problem.retry_after_seconds {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if problem.code == ErrorCode::OperatorTokenRequired {
            // RFC 9110 §15.5.2.
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// May a problem with this code say when to try again?
pub(super) fn says_when(code: ErrorCode) -> bool {
    use ErrorCode::*;
    matches!(code, RateLimited | OtpResendTooEarly | OtpTriesExhausted | PhoneChangeTooEarly)
}
