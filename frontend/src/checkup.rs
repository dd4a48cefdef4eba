//! The check of the workstation: which of its parts are there, and what the first missing one is called.
//! A part can be judged only when those before it work. The first screen shows four; the page of the check has all, and
//! of those behind the host what the host itself says.

use qcert_protocol::{ErrorCode, code::Part, workstation::Tokens};

use crate::words::{self, Words};

/// Answer of the extension to `hello`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The extension's own version.
    pub extension_version: String,
    /// The host's own version.
    pub host_version: String,
    /// The protocol that both speak.
    pub protocol_version: u32,
}

/// What the page knows about the workstation.
#[derive(Clone, Debug, PartialEq, Default)]
pub enum Workplace {
    /// Nothing yet.
    #[default]
    Checking,
    /// A part is missing.
    Missing(ErrorCode),
    /// Extension and host answered; these are the tokens.
    Connected(Hello, Tokens),
}

impl Workplace {
    /// The tokens, or what must be put right before there are any.
    ///
    /// # Errors
    /// The code of the missing part; nothing while it is still being checked.
    pub fn tokens(&self) -> Result<&Tokens, Option<ErrorCode>> {
        match self {
            Self::Checking => Err(None),
            Self::Missing(code) => Err(Some(*code)),
            Self::Connected(_, tokens) => Ok(tokens),
        }
    }
}

/// How one part is.
#[derive(Clone, Debug, PartialEq)]
pub enum Line {
    /// Being looked at.
    Checking,
    /// It works; a name or version to show.
    Good(String),
    /// It does not; the code's words say what to do.
    Missing(ErrorCode),
    /// It does, but not well; a value to show, and the code's words.
    Doubtful(String, ErrorCode),
    /// It cannot be seen until the part before it works.
    Unknown,
}

/// Extension, host, PKCS#11 module, token.
pub fn lines(workplace: &Workplace) -> [Line; 4] {
    match workplace {
        Workplace::Checking => [Line::Checking, Line::Unknown, Line::Unknown, Line::Unknown],
        Workplace::Missing(code) => broken(*code),
        Workplace::Connected(hello, tokens) => {
            let (module, token) = module_and_token(tokens);
            [Line::Good(hello.extension_version.clone()), Line::Good(hello.host_version.clone()), module, token]
        }
    }
}

/// Are all four there?
pub fn ready(workplace: &Workplace) -> bool {
    lines(workplace).iter().all(|line| matches!(line, Line::Good(_)))
}

/// The parts of [`lines`], by their names in PROTOCOL.md §3.
pub const OF_THE_FIRST_SCREEN: [&str; 4] = ["extension", "host", "module", "token"];

/// How a part is, as it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It works.
    Ok,
    /// It works, but not well.
    Warning,
    /// It does not work.
    Missing,
    /// It is being looked at.
    Checking,
    /// It cannot be seen.
    Unknown,
}

/// A line of the check.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Which part, by its name in PROTOCOL.md §3.
    pub part: &'static str,
    /// How it is.
    pub state: State,
    /// Which one it is, or nothing.
    pub subject: String,
    /// What is wrong, and what to do; or nothing, twice.
    pub advice: [String; 2],
    /// What is wrong, for programs, if the page has found it itself.
    pub code: Option<ErrorCode>,
    /// Did the host tell of it?
    pub told: bool,
}

impl Entry {
    /// What the page sees itself.
    pub fn of(words: &'static Words, part: &'static str, line: Line) -> Self {
        let (state, subject, code) = match line {
            Line::Good(subject) => (State::Ok, subject, None),
            Line::Doubtful(subject, code) => (State::Warning, subject, Some(code)),
            Line::Missing(code) => (State::Missing, String::new(), Some(code)),
            Line::Checking => (State::Checking, String::new(), None),
            Line::Unknown => (State::Unknown, String::new(), None),
        };
        let advice = code.map(|code| words::code(words, code).map(str::to_owned)).unwrap_or_default();
        Self { part, state, subject, advice, code, told: false }
    }
}

/// Can one work?
pub fn suffices(entries: &[Entry]) -> bool {
    entries.iter().all(|entry| matches!(entry.state, State::Ok | State::Warning))
}

/// A part's name.
pub fn name(words: &'static Words, part: &str) -> &'static str {
    match part {
        "browser" => words.browser(),
        "extension" => words.extension(),
        "host" => words.host(),
        "module" => words.module(),
        "reader" => words.reader(),
        "token" => words.token(),
        "store" => words.part_store(),
        _ => words.clock(),
    }
}

/// How many seconds the computer's clock may differ from the portal's.
const CLOCK_SECONDS: i64 = 120;

/// By how much the clock is ahead of the portal's (seconds), if that is too much: `+2:05`.
pub fn clock(ahead: i64) -> String {
    if ahead.abs() <= CLOCK_SECONDS {
        return String::new();
    }
    format!("{}{}:{:02}", if ahead < 0 { "−" } else { "+" }, ahead.abs() / 60, ahead.abs() % 60)
}

fn broken(code: ErrorCode) -> [Line; 4] {
    let there = || Line::Good(String::new());
    match code.part() {
        Part::Host | Part::Portal | Part::Person | Part::Store => {
            [there(), Line::Missing(code), Line::Unknown, Line::Unknown]
        }
        Part::Module => [there(), there(), Line::Missing(code), Line::Unknown],
        Part::Token => [there(), there(), there(), Line::Missing(code)],
        Part::Browser | Part::Extension | Part::Page => {
            [Line::Missing(code), Line::Unknown, Line::Unknown, Line::Unknown]
        }
    }
}

fn module_and_token(tokens: &Tokens) -> (Line, Line) {
    let working: Vec<&str> =
        tokens.modules.iter().filter(|module| module.error.is_none()).map(|module| module.name.as_str()).collect();
    if working.is_empty() {
        let code = tokens.modules.iter().find_map(|module| module.error).unwrap_or(ErrorCode::ModuleMissing);
        return (Line::Missing(code), Line::Unknown);
    }
    let module = Line::Good(working.join(", "));
    let present: Vec<_> = tokens.readers.iter().filter_map(|reader| reader.token.as_ref()).collect();
    if present.is_empty() {
        let code = if tokens.readers.is_empty() { ErrorCode::ReaderMissing } else { ErrorCode::TokenMissing };
        return (module, Line::Missing(code));
    }
    let usable: Vec<&str> =
        present.iter().filter(|token| token.unsuitable.is_none()).map(|token| token.name.label.as_str()).collect();
    let token = match present.iter().find_map(|token| token.unsuitable) {
        Some(code) if usable.is_empty() => Line::Missing(code),
        _ => Line::Good(usable.join(", ")),
    };
    (module, token)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn connected(tokens: serde_json::Value) -> [Line; 4] {
        let hello = Hello { extension_version: "1".into(), host_version: "2".into(), protocol_version: 1 };
        lines(&Workplace::Connected(hello, serde_json::from_value(tokens).unwrap()))
    }

    /// Invariant 11 of ARCHITECTURE.md.
    #[test]
    fn the_eight_missing_parts_are_eight_different_states() {
        let missing = |code| lines(&Workplace::Missing(code));
        let states = [
            missing(ErrorCode::ExtensionMissing),
            missing(ErrorCode::ExtensionSiteRefused),
            missing(ErrorCode::HostMissing),
            missing(ErrorCode::HostForbidden),
            missing(ErrorCode::HostOutdated),
            connected(json!({"modules": [], "readers": [], "missing": "module_missing"})),
            connected(json!({"modules": [{"name": "m"}], "readers": [], "missing": "reader_missing"})),
            connected(json!({"modules": [{"name": "m"}], "readers": [{"name": "r", "module": "m"}]})),
        ];
        for (i, one) in states.iter().enumerate() {
            assert!(one.iter().any(|line| matches!(line, Line::Missing(_))));
            assert!(states[..i].iter().all(|other| other != one), "{i}");
        }
    }

    #[test]
    fn a_part_behind_a_missing_one_is_unknown_and_not_blamed() {
        let [extension, host, module, token] = lines(&Workplace::Missing(ErrorCode::HostMissing));
        assert_eq!(extension, Line::Good(String::new()));
        assert_eq!(host, Line::Missing(ErrorCode::HostMissing));
        assert_eq!((module, token), (Line::Unknown, Line::Unknown));
    }

    #[test]
    fn a_module_that_does_not_load_is_not_a_missing_one() {
        let [_, _, module, _] = connected(json!({"modules": [{"name": "m", "error": "module_failed"}], "readers": []}));
        assert_eq!(module, Line::Missing(ErrorCode::ModuleFailed));
    }

    #[test]
    fn a_clock_may_differ_by_two_minutes() {
        for good in [0, 120, -120] {
            assert_eq!(clock(good), "");
        }
        assert_eq!(clock(125), "+2:05");
        assert_eq!(clock(-3600), "−60:00");
    }

    #[test]
    fn one_can_work_with_what_is_doubtful_and_not_without_what_is_missing_or_not_seen() {
        let words = words::Language::Russian.words();
        let suffices = |line| suffices(&[Entry::of(words, "browser", line)]);
        assert!(suffices(Line::Good(String::new())));
        assert!(suffices(Line::Doubtful("Firefox 100".into(), ErrorCode::BrowserUnsupported)));
        assert!(
            !suffices(Line::Missing(ErrorCode::HostMissing)) && !suffices(Line::Checking) && !suffices(Line::Unknown)
        );
    }

    #[test]
    fn what_is_not_well_says_why_and_what_to_do() {
        let words = words::english::fetched();
        let entry = Entry::of(words, "clock", Line::Doubtful("+5:00".into(), ErrorCode::ClockWrong));
        assert!(entry.advice.iter().all(|text| text.ends_with('.')) && entry.subject == "+5:00");
        assert_eq!(Entry::of(words, "host", Line::Good("1".into())).advice, ["", ""]);
    }

    #[test]
    fn one_usable_token_is_enough() {
        let pin = json!({"tries": "full", "toBeChanged": false, "pad": false, "minLength": 4, "maxLength": 32});
        let token = |id: &str| json!({"id": id, "name": {"label": id, "serial": "1", "model": ""}, "pin": pin});
        let mut locked = token("a");
        locked["unsuitable"] = "pin_locked".into();
        let readers = |tokens: &[serde_json::Value]| {
            let readers: Vec<_> =
                tokens.iter().map(|token| json!({"name": "r", "module": "m", "token": token})).collect();
            connected(json!({"modules": [{"name": "m"}], "readers": readers}))
        };
        assert_eq!(readers(std::slice::from_ref(&locked))[3], Line::Missing(ErrorCode::PinLocked));
        assert_eq!(readers(&[locked, token("b")])[3], Line::Good("b".into()));
    }
}
