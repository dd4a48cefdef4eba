//! Who asks: the session of the cookie, from the address that asks.

use axum::{extract::FromRequestParts, http::request::Parts};
use qcert_protocol::ErrorCode;

use super::{App, client_address::ClientAddress, cookie, problem::Problem};
use crate::session::{self, Session};

/// Somebody is signed in.
pub(super) struct SignedIn(pub Session);

impl FromRequestParts<App> for SignedIn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let token = cookie::read(&parts.headers, &app.portal.origin).ok_or(ErrorCode::SessionRequired)?.to_owned();
        let ClientAddress(address) = ClientAddress::from_request_parts(parts, app).await?;
        Ok(Self(session::find(&app.portal, &token, address).await?))
    }
}
