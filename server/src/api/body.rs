//! Bodies: JSON of the documented shape, or the code that says what they are instead.

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::{HeaderMap, StatusCode, header},
    response::IntoResponse,
};
use qcert_protocol::ErrorCode;
use serde::de::DeserializeOwned;

use super::{App, problem::Problem};

/// A body that was read.
pub(super) struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<App> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(ErrorCode::MediaTypeUnsupported.into());
        }
        let bytes = bytes(request, app).await?;
        serde_json::from_slice(&bytes).map(Self).map_err(|_| ErrorCode::BodyMalformed.into())
    }
}

/// The whole body.
pub(super) async fn bytes(request: Request, app: &App) -> Result<Bytes, Problem> {
    Bytes::from_request(request, app).await.map_err(|rejection| {
        let too_large = rejection.into_response().status() == StatusCode::PAYLOAD_TOO_LARGE;
        Problem::from(if too_large { ErrorCode::BodyTooLarge } else { ErrorCode::BodyMalformed })
    })
}

/// Does the request say that its body is JSON?
pub(super) fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}
