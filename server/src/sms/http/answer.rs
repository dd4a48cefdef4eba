//! What an answer says about a message. What is not said is not guessed: then nobody knows.

use std::time::Duration;

use serde_json::Value;

use crate::{config::HttpAnswer, sms::gateway::Sent};

/// Reads an answer about a message that we call `own`.
pub fn read(settings: &HttpAnswer, status: u16, retry_after: Option<Duration>, body: &[u8], own: &str) -> Sent {
    let unknown = |problem: String| Sent::Unknown(problem, own_reference(settings, own));
    let problem = format!("status_{status}");
    if settings.temporary.contains(status) {
        return Sent::NotNow(problem, retry_after);
    }
    if settings.refused.contains(status) {
        return Sent::Refused(problem);
    }
    if !settings.accepted.contains(status) {
        return unknown(problem);
    }
    if !body.starts_with(settings.accepted_text.as_bytes()) {
        return unknown("answer_unexpected".to_owned());
    }
    if settings.error.is_empty() && settings.reference.is_empty() {
        return Sent::Accepted(vec![own.to_owned()]);
    }
    let Ok(json) = serde_json::from_slice::<Value>(body) else { return unknown("answer_unreadable".to_owned()) };
    if let Some(code) = error(settings, &json) {
        let problem = format!("error_{code}");
        let passes = settings.temporary_errors.contains(&code);
        return if passes { Sent::NotNow(problem, retry_after) } else { Sent::Refused(problem) };
    }
    match settings.reference.as_str() {
        "" => Sent::Accepted(vec![own.to_owned()]),
        pointer => match json.pointer(pointer).and_then(word) {
            Some(reference) => Sent::Accepted(vec![reference]),
            None => unknown("answer_unexpected".to_owned()),
        },
    }
}

/// What we call a message, if the gateway calls it so too: where it gives names of its own, ours may be another's.
pub fn own_reference(settings: &HttpAnswer, own: &str) -> Vec<String> {
    if settings.reference.is_empty() { vec![own.to_owned()] } else { Vec::new() }
}

/// The error's code, unless there is none, or it says that there was no error.
fn error(settings: &HttpAnswer, json: &Value) -> Option<String> {
    if settings.error.is_empty() {
        return None;
    }
    let value = json.pointer(&settings.error)?;
    if matches!(value, Value::Null | Value::Bool(false)) {
        return None;
    }
    let code = word(value).unwrap_or_else(|| "other".to_owned());
    (code != "0").then_some(code)
}

/// A name or code of a gateway: a word without anything that a message might say.
pub fn word(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let fits = (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    fits.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::HttpStatuses;

    /// As SMSC.ru answers.
    fn settings() -> HttpAnswer {
        let statuses = |text| HttpStatuses::parse(text).unwrap();
        HttpAnswer {
            accepted: statuses("200-299"),
            refused: statuses("400-499"),
            temporary: statuses("429 503"),
            accepted_text: String::new(),
            reference: "/id".into(),
            error: "/error_code".into(),
            temporary_errors: vec!["4".into(), "9".into()],
        }
    }

    fn answered(status: u16, body: &str) -> Sent {
        read(&settings(), status, Some(Duration::from_secs(7)), body.as_bytes(), "17")
    }

    #[test]
    fn an_answer_is_a_reference_an_error_or_nothing_that_anybody_knows() {
        assert_eq!(answered(200, r#"{"id": 5, "cnt": 2}"#), Sent::Accepted(vec!["5".into()]));
        assert_eq!(answered(200, r#"{"error": "no money", "error_code": 3}"#), Sent::Refused("error_3".into()));
        let later = Some(Duration::from_secs(7));
        assert_eq!(answered(200, r#"{"error_code": 9}"#), Sent::NotNow("error_9".into(), later));
        assert_eq!(answered(429, ""), Sent::NotNow("status_429".into(), later));
        assert_eq!(answered(403, "{}"), Sent::Refused("status_403".into()));
        assert_eq!(answered(502, ""), Sent::Unknown("status_502".into(), vec![]));
        assert_eq!(answered(200, "<html>"), Sent::Unknown("answer_unreadable".into(), vec![]));
        assert_eq!(answered(200, "{}"), Sent::Unknown("answer_unexpected".into(), vec![]));
        assert_eq!(answered(200, r#"{"id": "Код 123456"}"#), Sent::Unknown("answer_unexpected".into(), vec![]));
    }

    #[test]
    fn words_of_a_gateway_are_no_codes() {
        let said = answered(200, r#"{"error_code": "text 123456 is spam"}"#);
        assert_eq!(said, Sent::Refused("error_other".into()));
    }

    #[test]
    fn an_answer_without_json_begins_as_it_must() {
        let text =
            HttpAnswer { accepted_text: "0:".into(), reference: String::new(), error: String::new(), ..settings() };
        let read = |body: &str| read(&text, 202, None, body.as_bytes(), "17");
        assert_eq!(read("0: Accepted for delivery"), Sent::Accepted(vec!["17".into()]));
        // What it reports of it later is told by our name.
        assert_eq!(read("1: what?"), Sent::Unknown("answer_unexpected".into(), vec!["17".into()]));
    }
}
