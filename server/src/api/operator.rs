//! The operators' API, for programs: a token in each request and no cookie, so no other site can borrow anything, and
//! the check of origins has nothing to do here.

mod applications;
mod certificates;
mod people;
mod staff;

use std::{marker::PhantomData, str::FromStr};

use axum::{
    extract::{DefaultBodyLimit, FromRequestParts},
    http::{header, request::Parts},
};
use qcert_protocol::holder::FieldReason;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{App, client_address::ClientAddress, observation::Asker, problem::Problem};
use crate::{
    error::Refusal,
    operators::{self, Action, Operator},
};

/// The largest file of applications, in bytes: some twenty thousand of them.
const MAX_FILE: usize = 32 * 1024 * 1024;

pub(super) fn routes() -> OpenApiRouter<App> {
    let import = OpenApiRouter::new().routes(routes!(applications::import));
    OpenApiRouter::new()
        .routes(routes!(staff::session))
        .routes(routes!(staff::operators))
        .routes(routes!(staff::remove))
        .routes(routes!(staff::audit))
        .routes(routes!(applications::search))
        .routes(routes!(applications::details, applications::put))
        .routes(routes!(applications::approve))
        .routes(routes!(applications::reject))
        .routes(routes!(applications::make_activation_code))
        .routes(routes!(people::propose))
        .routes(routes!(people::changes))
        .routes(routes!(people::confirm))
        .routes(routes!(people::cancel))
        .routes(routes!(people::unlock))
        .routes(routes!(people::mistakes))
        .routes(routes!(people::answer))
        .routes(routes!(certificates::details))
        .routes(routes!(certificates::revoke))
        .routes(routes!(certificates::block_key))
        .merge(import.layer(DefaultBodyLimit::max(MAX_FILE)))
}

/// An operator whose token is good for an action. It is looked at before anything of the body is read.
pub(super) struct Allowed<A>(pub Operator, PhantomData<A>);

impl<A: Action> FromRequestParts<App> for Allowed<A> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let ClientAddress(address) = ClientAddress::from_request_parts(parts, app).await?;
        let operator = operators::authorized(&app.portal, bearer(parts), A::ROLES, address).await?;
        if let Some(asker) = parts.extensions.get::<Asker>() {
            asker.is(&operator.name);
        }
        Ok(Self(operator, PhantomData))
    }
}

/// The token (RFC 6750 §2.1). A header that stands there twice is none.
fn bearer(parts: &Parts) -> Option<&str> {
    let mut values = parts.headers.get_all(header::AUTHORIZATION).iter();
    let (value, None) = (values.next()?, values.next()) else { return None };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// `after` in the query, if it is there.
pub(super) struct After<T>(pub Option<T>);

impl<T: FromStr> FromRequestParts<App> for After<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        let Some(after) = query.split('&').find_map(|pair| pair.strip_prefix("after=")) else {
            return Ok(Self(None));
        };
        let refused = |_| Problem::from(Refusal::field("after", FieldReason::Form));
        after.parse().map(|after| Self(Some(after))).map_err(refused)
    }
}
