//! How a check is put into words.

use qcert_protocol::{
    ErrorCode,
    workstation::{Check, CheckState, CheckedPart, Words},
};

/// What is wrong, and what to do: a cause and a remedy, each in Russian and English.
pub struct Advice {
    cause: Words,
    remedy: Words,
}

/// Advice: the cause in both languages, then the remedy.
pub fn advice(cause: [impl Into<String>; 2], remedy: [impl Into<String>; 2]) -> Advice {
    Advice { cause: words(cause), remedy: words(remedy) }
}

fn words([ru, en]: [impl Into<String>; 2]) -> Words {
    Words { ru: ru.into(), en: en.into() }
}

/// A part that works.
pub fn ok(part: CheckedPart, subject: impl Into<String>) -> Check {
    Check { part, subject: subject.into(), name: None, state: CheckState::Ok, code: None, cause: None, remedy: None }
}

/// A part that works, with something to know of it.
pub fn remark(part: CheckedPart, subject: impl Into<String>, advice: Advice) -> Check {
    let Advice { cause, remedy } = advice;
    Check { cause: Some(cause), remedy: Some(remedy), ..ok(part, subject) }
}

/// A part that one can work without, or still with.
pub fn warning(part: CheckedPart, subject: impl Into<String>, code: ErrorCode, advice: Advice) -> Check {
    bad(part, subject, CheckState::Warning, code, advice)
}

/// A part without which nobody can work.
pub fn missing(part: CheckedPart, subject: impl Into<String>, code: ErrorCode, advice: Advice) -> Check {
    bad(part, subject, CheckState::Missing, code, advice)
}

/// A part that is not as it should be.
pub fn bad(part: CheckedPart, subject: impl Into<String>, state: CheckState, code: ErrorCode, advice: Advice) -> Check {
    Check { state, code: Some(code), ..remark(part, subject, advice) }
}
