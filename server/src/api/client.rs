//! Who asks: the session of the cookie, from the address that asks; and for what of theirs.

use std::marker::PhantomData;

use axum::{
    extract::{FromRequest, FromRequestParts, Request},
    http::request::Parts,
};
use qcert_protocol::ErrorCode;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::{App, InPath, body::Body, client_address::ClientAddress, cookie, problem::Problem};
use crate::{
    session::{self, Session},
    store::{Overview, Wanted},
};

/// Somebody is signed in.
pub(super) struct SignedIn(pub Session);

impl FromRequestParts<App> for SignedIn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let token = token(parts, app)?;
        let ClientAddress(address) = ClientAddress::from_request_parts(parts, app).await?;
        Ok(Self(session::find(&app.portal, &token, address).await?))
    }
}

/// Somebody is signed in and asks about something of theirs, by its id in the path. It is read together with the
/// session, when the body has arrived: one question to the database, and nobody who sends slowly is judged by what was.
pub(super) struct Owner<W, B = Nothing> {
    /// Who.
    pub session: Session,
    /// The application that it is, or belongs to.
    pub found: Overview,
    /// What was sent.
    pub body: B,
    named: PhantomData<W>,
}

/// What an id in a path names.
pub(super) trait Named: Send {
    /// What is said when it is not there, or somebody else's.
    const MISSING: ErrorCode;

    /// How the store is asked for it.
    fn wanted(id: Uuid) -> Wanted;
}

macro_rules! named {
    ($($name:ident $wanted:ident $missing:ident;)*) => {
        $(
            #[doc = concat!("By its id: `", stringify!($wanted), "`.")]
            pub(super) enum $name {}

            impl Named for $name {
                const MISSING: ErrorCode = ErrorCode::$missing;

                fn wanted(id: Uuid) -> Wanted {
                    Wanted::$wanted(id)
                }
            }
        )*
    };
}

named! {
    AnApplication Application ApplicationNotFound;
    ARequest Request RequestNotFound;
    ACertificate Certificate CertificateNotFound;
}

/// What is sent with a request.
pub(super) trait Sent: Send + Sized {
    /// Reads it.
    fn read(request: Request, app: &App) -> impl Future<Output = Result<Self, Problem>> + Send;
}

/// Nothing is read.
pub(super) struct Nothing;

impl Sent for Nothing {
    async fn read(_: Request, _: &App) -> Result<Self, Problem> {
        Ok(Self)
    }
}

impl<T: DeserializeOwned + Send> Sent for T {
    async fn read(request: Request, app: &App) -> Result<Self, Problem> {
        Body::from_request(request, app).await.map(|Body(sent)| sent)
    }
}

impl<W: Named, B: Sent> FromRequest<App> for Owner<W, B> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let token = token(&parts, app)?;
        let ClientAddress(address) = ClientAddress::from_request_parts(&mut parts, app).await?;
        let id = match InPath::from_request_parts(&mut parts, app).await {
            Ok(InPath(id)) => id,
            Err(nothing) => {
                session::find(&app.portal, &token, address).await?;
                return Err(nothing);
            }
        };
        // Who is not signed in is told that, whatever was sent.
        let body = B::read(Request::from_parts(parts, body), app).await;
        let (session, found) = session::find_with(&app.portal, &token, address, W::wanted(id)).await?;
        let body = body?;
        Ok(Self { session, found: found.ok_or(W::MISSING)?, body, named: PhantomData })
    }
}

/// The token of the cookie, if there is one.
fn token(parts: &Parts, app: &App) -> Result<String, Problem> {
    let token = cookie::read(&parts.headers, &app.portal.origin).ok_or(ErrorCode::SessionRequired)?;
    Ok(token.to_owned())
}
