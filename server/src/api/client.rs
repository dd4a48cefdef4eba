//! Who asks: the session of the cookie, the address of the connection.

use std::{convert::Infallible, net::SocketAddr};

use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::request::Parts,
};
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

/// The client's address, for the rates: the connection's, or the last one in the header that the proxy in front of
/// the server writes.
pub(super) struct ClientAddress(pub String);

impl FromRequestParts<App> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let header = app.portal.settings.server.client_address_header.as_deref();
        let written = header.and_then(|name| parts.headers.get_all(name).iter().next_back()?.to_str().ok());
        let written = written.and_then(|list| list.rsplit(',').next()).map(|address| address.trim().to_owned());
        let connected = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_string());
        Ok(Self(written.or(connected).unwrap_or_default()))
    }
}
