//! The session's cookie. Outside localhost it is `Secure` and named `__Host-…`, so no other host can set it.

use axum::http::{HeaderMap, HeaderValue, header};

use crate::config::is_local;

/// What it is called.
pub(super) fn name(origin: &str) -> &'static str {
    if is_local(origin) { "qcert" } else { "__Host-qcert" }
}

/// The token in the request's cookie.
pub(super) fn read<'a>(headers: &'a HeaderMap, origin: &str) -> Option<&'a str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(found, _)| *found == name(origin)).map(|(_, token)| token)
}

/// Sets the cookie; it goes with the browser's session.
pub(super) fn set(token: &str, origin: &str) -> HeaderValue {
    write(token, "", origin)
}

/// Takes the cookie away.
pub(super) fn clear(origin: &str) -> HeaderValue {
    write("", "; Max-Age=0", origin)
}

fn write(token: &str, age: &str, origin: &str) -> HeaderValue {
    let secure = if is_local(origin) { "" } else { "; Secure" };
    let cookie = format!("{}={token}; Path=/; HttpOnly; SameSite=Strict{secure}{age}", name(origin));
    // The token is base64url, and the rest is ours.
    HeaderValue::from_str(&cookie).unwrap_or(HeaderValue::from_static(""))
}
