//! Signing in and out.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use qcert_protocol::{
    ErrorCode::*,
    portal::{PasswordOrder, PasswordOrdered, Session, SignIn},
};

use super::{App, body::Body, client::SignedIn, client_address::ClientAddress, cookie, problem::Answer};
use crate::session;

/// Orders the first one-time password; the answer is the same for every phone.
#[utoipa::path(
    post, path = "/sign-in/password", request_body = PasswordOrder,
    responses((status = 202, body = PasswordOrdered)),
    extensions(("x-problem-codes" = json!([
        PhoneInvalid, OtpResendTooEarly, OtpTriesExhausted, PhoneLocked, RateLimited,
    ]))),
)]
pub(super) async fn order_password(
    State(app): State<App>,
    ClientAddress(address): ClientAddress,
    Body(order): Body<PasswordOrder>,
) -> Answer<(StatusCode, Json<PasswordOrdered>)> {
    let ordered = session::order_password(&app.portal, &order.phone, address).await?;
    Ok((StatusCode::ACCEPTED, Json(ordered)))
}

/// Begins a session with the password from the text message; sets the cookie.
#[utoipa::path(
    post, path = "/sign-in", request_body = SignIn,
    responses((status = 200, body = Session)),
    extensions(("x-problem-codes" = json!([
        PhoneInvalid, OtpWrong, OtpExpired, OtpUsed, OtpTriesExhausted, PhoneLocked, OtpNotRequested, RateLimited,
    ]))),
)]
pub(super) async fn sign_in(
    State(app): State<App>,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
    Body(body): Body<SignIn>,
) -> Answer<Response> {
    let origin = &app.portal.origin;
    let before = cookie::read(&headers, origin);
    let (session, token) = session::sign_in(&app.portal, &body, before, address).await?;
    Ok(([(header::SET_COOKIE, cookie::set(&token.0, origin))], Json(session.view())).into_response())
}

/// Who is signed in.
#[utoipa::path(
    get, path = "/session",
    responses((status = 200, body = Session)),
    security(("session" = [])),
)]
pub(super) async fn session(SignedIn(session): SignedIn) -> Json<Session> {
    Json(session.view())
}

/// Ends the session, if there is one.
#[utoipa::path(delete, path = "/session", responses((status = 204)), security((), ("session" = [])))]
pub(super) async fn sign_out(State(app): State<App>, session: Answer<SignedIn>) -> Answer<Response> {
    match session {
        Ok(SignedIn(session)) => session::end(&app.portal, &session).await?,
        Err(problem) if problem.code() == SessionRequired => {}
        Err(problem) => return Err(problem),
    }
    let cookie = cookie::clear(&app.portal.origin);
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response())
}

/// Ends all sessions of the person who is signed in, on whichever device.
#[utoipa::path(delete, path = "/sessions", responses((status = 204)), security(("session" = [])))]
pub(super) async fn sign_out_everywhere(
    State(app): State<App>,
    SignedIn(session): SignedIn,
) -> Answer<impl IntoResponse> {
    session::end_everywhere(&app.portal, &session).await?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie::clear(&app.portal.origin))]))
}
