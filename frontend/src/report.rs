//! The support bundle (PROTOCOL.md §3): what the page has found, and what the host says of itself.
//!
//! **Invariant:** it has no name of a person, a token or a file in a home, unless the person allowed it; the host
//! leaves them out, and the page's own lines about tokens say their state and code alone.

use js_sys::{Array, JSON};
use qcert_protocol::{ErrorCode, PROTOCOL_MINOR, PROTOCOL_VERSION};
use wasm_bindgen::JsValue;

use crate::{
    browser,
    checkup::{Entry, State},
    workstation, writing,
};

/// The text of a bundle, for a person to read.
pub async fn bundle(entries: &[Entry], personal: bool) -> String {
    let host = workstation::diagnose(personal, personal).await.unwrap_or(JsValue::NULL);
    let made = js_sys::Date::new_0().to_iso_string();
    let protocol = format!("{PROTOCOL_VERSION}.{PROTOCOL_MINOR}");
    let checks: Array = entries.iter().filter(|entry| !entry.told).map(check).collect();
    let bundle = writing::object(&[
        ("bundle", 1.into()),
        ("made", made.into()),
        ("page", writing::object(&[("protocol", protocol.into())])),
        ("browser", browser::user_agent().into()),
        ("extension", workstation::extension().into()),
        ("checks", checks.into()),
        ("host", host),
    ]);
    let text = JSON::stringify_with_replacer_and_space(&bundle, &JsValue::NULL, &2.into());
    // A tree of plain values has a text.
    text.map(String::from).unwrap_or_default()
}

/// What the page saw itself; what the host told is in its own share.
fn check(entry: &Entry) -> JsValue {
    let state = match entry.state {
        State::Ok => "ok",
        State::Warning => "warning",
        State::Missing => "missing",
        State::Checking | State::Unknown => "unknown",
    };
    // Of a token that is its label.
    let subject = if entry.part == "token" { "" } else { &entry.subject };
    let code = entry.code.map_or("", ErrorCode::as_str);
    let members = [("part", entry.part), ("state", state), ("subject", subject), ("code", code)];
    writing::object(&members.map(|(name, text)| (name, text.into())))
}
