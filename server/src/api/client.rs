//! Who asks: the session of the cookie.

use axum::{extract::FromRequestParts, http::request::Parts};
use qcert_protocol::ErrorCode;

use super::{App, cookie, problem::Problem};
use crate::session::{self, Session};

/// Somebody is signed in.
pub(super) struct SignedIn(pub Session);

impl FromRequestParts<App> for SignedIn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let token = cookie::read(&parts.headers, &app.portal.origin).ok_or(ErrorCode::SessionRequired)?;
        Ok(Self(session::find(&app.portal, token).await?))
    }
}
