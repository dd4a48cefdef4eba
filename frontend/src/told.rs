//! What the host says of the parts behind it (`Diagnosis` of PROTOCOL.md §3), as it is shown. It brings its own words, so
//! the page takes the texts out and judges nothing; a check of a part that the page does not know is passed over.

use js_sys::Array;
use wasm_bindgen::{JsCast, JsValue};

use crate::{
    browser::property,
    checkup::{Entry, State},
    words::Words,
};

/// Of the host's list those that only the host can see, in its order.
const PARTS: [&str; 4] = ["module", "reader", "token", "store"];

/// Where the host is.
pub fn program(diagnosis: &JsValue) -> String {
    text(diagnosis, "program")
}

/// The entries of a diagnosis.
pub fn entries(words: &'static Words, diagnosis: &JsValue) -> Vec<Entry> {
    let checks = property(diagnosis, "checks").and_then(|checks| checks.dyn_into::<Array>().ok()).unwrap_or_default();
    checks.iter().filter_map(|check| entry(words, &check)).collect()
}

fn entry(words: &'static Words, check: &JsValue) -> Option<Entry> {
    let part = text(check, "part");
    let state = match text(check, "state").as_str() {
        "ok" => State::Ok,
        "warning" => State::Warning,
        _ => State::Missing,
    };
    let say = |name| property(check, name).map(|both| text(&both, words.language.tag())).unwrap_or_default();
    let subject = [text(check, "name"), text(check, "subject")].join(" ");
    let subject = subject.trim().trim_matches('-').to_owned();
    Some(Entry {
        part: PARTS.into_iter().find(|known| *known == part)?,
        state,
        subject,
        advice: [say("cause"), say("remedy")],
        code: None,
        told: true,
    })
}

fn text(object: &JsValue, name: &str) -> String {
    property(object, name).and_then(|value| value.as_string()).unwrap_or_default()
}
