//! Every text that a person reads, in Russian and English, side by side: a text that lacks a language does not
//! compile, and neither does an error code that lacks its words.

pub mod english;
mod errors;
mod lines;
mod table;

use std::sync::OnceLock;

use qcert_protocol::{
    ApplicationState, ErrorCode,
    code::Part,
    portal::RevocationReason,
    workstation::{Carrier, Stage, TriesLeft},
};

pub use table::Words;

use crate::trouble::Trouble;

/// A language of the page. Russian is what a person gets until they choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Language {
    /// Русский.
    #[default]
    Russian,
    /// English.
    English,
}

impl Language {
    /// The tag for `<html lang>` and for remembering (BCP 47).
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Russian => "ru",
            Self::English => "en",
        }
    }

    /// Reads [`Self::tag`]; anything else is Russian.
    pub fn of_tag(tag: Option<&str>) -> Self {
        if tag == Some("en") { Self::English } else { Self::Russian }
    }

    /// The other one.
    pub const fn other(self) -> Self {
        match self {
            Self::Russian => Self::English,
            Self::English => Self::Russian,
        }
    }

    /// Its texts; the Russian ones as long as [`english`] was not given its file.
    pub fn words(self) -> &'static Words {
        static RUSSIAN: OnceLock<Words> = OnceLock::new();
        let english = if self == Self::English { english::words() } else { None };
        english.unwrap_or_else(|| RUSSIAN.get_or_init(|| Words::read(Self::Russian, &mut lines::RUSSIAN.lines())))
    }
}

/// Puts a value where a text has `{}`.
pub fn fill(text: &str, value: &str) -> String {
    let (before, after) = text.split_once('{').unwrap_or((text, ""));
    [before, value, after.trim_start_matches('}')].concat()
}

/// What a person reads about a trouble.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The part that failed; nothing where it is the person's own input.
    pub part: Option<&'static str>,
    /// What happened.
    pub what: String,
    /// What to do next.
    pub next: &'static str,
    /// For the support: the code, and what the workstation told.
    pub detail: String,
}

/// Turns a trouble into words.
pub fn explain(words: &'static Words, trouble: &Trouble) -> Explanation {
    let [what, next] = code(words, trouble.code);
    let mut what = what.to_owned();
    let mut add = |sentence: String| {
        what.push(' ');
        what.push_str(&sentence);
    };
    if let Some(tries) = trouble.tries_left {
        add(fill(words.tries_left(), &tries.to_string()));
    }
    if let Some(tries) = trouble.token_tries {
        add(token_tries(words, tries).to_owned());
    }
    if let Some(seconds) = trouble.retry_after_seconds {
        add(fill(words.try_again_in(), &crate::countdown::minutes(seconds)));
    }
    let detail = match &trouble.detail {
        Some(detail) => format!("{}: {detail}", trouble.code),
        None => trouble.code.to_string(),
    };
    Explanation { part: part(words, trouble.code.part()), what, next, detail }
}

/// What happened and what to do next, without a trouble's particulars.
pub fn code(words: &'static Words, code: ErrorCode) -> [&'static str; 2] {
    words.errors.get(errors::row(code)).copied().unwrap_or_default()
}

fn part(words: &'static Words, part: Part) -> Option<&'static str> {
    match part {
        Part::Person => None,
        Part::Portal => Some(words.part_portal()),
        Part::Page => Some(words.part_page()),
        Part::Browser => Some(words.browser()),
        Part::Extension => Some(words.extension()),
        Part::Host => Some(words.host()),
        Part::Module => Some(words.module()),
        Part::Token => Some(words.token()),
        Part::Store => Some(words.part_store()),
    }
}

/// What a token tells of further PINs.
pub const fn token_tries(words: &'static Words, tries: TriesLeft) -> &'static str {
    match tries {
        TriesLeft::Full => words.pin_full(),
        TriesLeft::Low => words.pin_low(),
        TriesLeft::Final => words.pin_final(),
        TriesLeft::None => words.pin_none(),
    }
}

/// Who makes a key for this kind of token, and what other programs can do with it.
pub const fn carrier(words: &'static Words, carrier: Option<Carrier>) -> &'static str {
    match carrier {
        None => words.carrier_makes(),
        Some(Carrier::Signs) => words.carrier_signs(),
        Some(Carrier::Stores) => words.carrier_stores(),
    }
}

/// A row's state.
pub const fn state(words: &'static Words, state: ApplicationState) -> &'static str {
    match state {
        ApplicationState::Available => words.state_available(),
        ApplicationState::Preparing => words.state_preparing(),
        ApplicationState::Sent => words.state_sent(),
        ApplicationState::Issuing => words.state_issuing(),
        ApplicationState::ReadyToInstall => words.state_ready(),
        ApplicationState::Installed => words.state_installed(),
        ApplicationState::Rejected => words.state_rejected(),
        ApplicationState::Withdrawn => words.state_withdrawn(),
        ApplicationState::Expired => words.state_expired(),
        ApplicationState::Revoked => words.state_revoked(),
    }
}

/// Why a certificate is revoked.
pub const fn revocation(words: &'static Words, reason: RevocationReason) -> &'static str {
    match reason {
        RevocationReason::KeyCompromise => words.revoked_lost(),
        RevocationReason::AffiliationChanged => words.revoked_changed(),
        RevocationReason::Superseded => words.revoked_replaced(),
        RevocationReason::CessationOfOperation => words.revoked_unneeded(),
        // An operator's.
        RevocationReason::CertificateHold => words.revoked_hold(),
        RevocationReason::CaCompromise | RevocationReason::PrivilegeWithdrawn | RevocationReason::Unspecified => {
            words.revoked_by_authority()
        }
    }
}

/// What the workstation is doing.
pub const fn progress(words: &'static Words, stage: Stage) -> &'static str {
    match stage {
        Stage::LoggingIn => words.stage_logging_in(),
        Stage::Seeding => words.stage_seeding(),
        Stage::GeneratingKey => words.stage_generating(),
        Stage::Signing => words.stage_signing(),
        Stage::Writing => words.stage_writing(),
        Stage::ReadingBack => words.stage_reading_back(),
        Stage::Storing => words.stage_storing(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_says_what_happened_and_what_to_do_in_both_languages() {
        for code in ErrorCode::ALL {
            for words in [Language::Russian.words(), english::fetched()] {
                let [what, next] = super::code(words, *code);
                assert!(what.ends_with('.') && next.ends_with(['.', '!']), "{code} {what} {next}");
                let cyrillic = next.chars().any(|c| ('а'..='я').contains(&c));
                assert_eq!(cyrillic, words.language == Language::Russian, "{code}");
            }
        }
    }

    /// Invariant 10 of ARCHITECTURE.md.
    #[test]
    fn a_crash_is_never_shown_as_cancelled() {
        let words = Language::Russian.words();
        let crashed = explain(words, &ErrorCode::HostExited.into());
        let cancelled = explain(words, &ErrorCode::Cancelled.into());
        assert!(cancelled.what.contains("отмен"));
        assert!(!crashed.what.contains("отмен") && crashed.part == Some(words.host()));
    }

    #[test]
    fn a_wrong_code_says_how_many_tries_are_left() {
        let trouble = Trouble { tries_left: Some(3), ..ErrorCode::OtpWrong.into() };
        assert!(explain(Language::Russian.words(), &trouble).what.ends_with("Осталось попыток: 3."));
        assert!(explain(english::fetched(), &trouble).what.ends_with("Tries left: 3."));
    }

    #[test]
    fn russian_is_what_a_person_gets_until_they_choose() {
        assert_eq!(Language::of_tag(None), Language::Russian);
        assert_eq!(Language::of_tag(Some("en-US")), Language::Russian);
        assert_eq!(Language::of_tag(Some(Language::English.tag())), Language::English);
    }

    #[test]
    fn no_two_codes_of_the_workstation_read_the_same() {
        // The portal's may: what is wrong with a key is the support's to tell apart, by the code that is shown.
        let codes: Vec<_> = ErrorCode::ALL.iter().filter(|code| code.http_status() == 0).collect();
        for (i, one) in codes.iter().enumerate() {
            for other in &codes[..i] {
                let [one_text, other_text] = [one, other].map(|known| code(Language::Russian.words(), **known)[0]);
                assert_ne!(one_text, other_text, "{one} {other}");
            }
        }
    }
}
