//! What the world outside knows, and what therefore must be: the codes that were sent, the tries that were made, the
//! confirmations that were answered. Small, and without any code of the server's.

use std::collections::{BTreeMap, BTreeSet};

use ring::digest::{SHA256, digest};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    operation::{Browser, Code, Person, Why},
    registry::Registry,
};

/// How often a code can be tried, and after how many wrong ones a phone waits.
pub const TRIES: u32 = 5;
/// How long it waits first, and at most.
const FIRST_WAIT: Duration = Duration::minutes(10);
const LONGEST_WAIT: Duration = Duration::DAY;

/// What a step wants, as far as it is judged.
#[derive(Clone, Debug, PartialEq)]
pub enum Intent {
    SignIn {
        phone: &'static str,
        typed: String,
    },
    Confirm {
        request: Uuid,
        session: Option<Uuid>,
        typed: String,
    },
    Revoke {
        certificate: Uuid,
        session: Option<Uuid>,
        typed: String,
        why: Why,
    },
    /// Enters the application's own activation code.
    Activate {
        application: Uuid,
    },
    Anything,
}

/// A code as it was made.
#[derive(Clone, Debug)]
pub struct Made {
    pub code: String,
    pub at: OffsetDateTime,
    pub phone: String,
    pub purpose: String,
    pub subject: Option<(Uuid, Uuid)>,
    /// Did the person get it?
    pub came: bool,
    /// How many wrong ones were certainly typed in its place, and how many perhaps.
    pub met: u32,
    pub perhaps: u32,
}

/// Wrong codes of a phone, one after the other.
#[derive(Clone, Copy, Debug, Default)]
struct Failures {
    count: u32,
    rests_until: Option<OffsetDateTime>,
    /// An answer was lost: nobody outside can know any more.
    unsure: bool,
}

#[derive(Default)]
pub struct Model {
    pub cookies: BTreeMap<(Person, Browser), String>,
    pub codes: BTreeMap<Uuid, Made>,
    /// Requests whose confirmation was answered with success.
    pub confirmed: BTreeSet<Uuid>,
    /// How far the clock had moved when a revocation was first seen, by serial.
    pub revoked: BTreeMap<String, Duration>,
    /// The activation codes that operators were shown last, by application.
    pub activation_codes: BTreeMap<Uuid, String>,
    /// Applications whose own activation code was sent to a server.
    pub entered: BTreeSet<Uuid>,
    /// Which applications a phone ever had.
    pub had: BTreeSet<(String, Uuid)>,
    failures: BTreeMap<String, Failures>,
}

/// SHA-256 of a cookie's token, by which the database knows the session.
pub fn token_hash(cookie: &str) -> Vec<u8> {
    let token = cookie.split_once('=').map_or("", |(_, token)| token);
    digest(&SHA256, token.as_bytes()).as_ref().to_vec()
}

impl Intent {
    /// What the password is for that is typed.
    pub fn purpose(&self) -> Option<&'static str> {
        match self {
            Self::SignIn { .. } => Some("signIn"),
            Self::Confirm { .. } => Some("confirmation"),
            Self::Revoke { .. } => Some("revocation"),
            Self::Activate { .. } | Self::Anything => None,
        }
    }

    /// What the password belongs to, and in which session.
    fn subject(&self) -> Option<(Uuid, Uuid)> {
        match self {
            Self::Confirm { request, session, .. } => Some((*request, (*session)?)),
            Self::Revoke { certificate, session, .. } => Some((*certificate, (*session)?)),
            Self::SignIn { .. } | Self::Activate { .. } | Self::Anything => None,
        }
    }
}

impl Model {
    /// The session of a browser, ended or not.
    pub fn session(&self, registry: &Registry, person: Person, browser: Browser) -> Option<Uuid> {
        let cookie = self.cookies.get(&(person, browser))?;
        registry.sessions.get(&token_hash(cookie)).map(|session| session.id)
    }

    /// What a person types who was asked for a code of this scope.
    pub fn typed(&self, code: Code, person: Person, purpose: &str, subject: Option<(Uuid, Uuid)>) -> String {
        let is_scope =
            |made: &&Made| made.phone == person.phone() && made.purpose == purpose && made.subject == subject;
        let request = subject.map(|(request, _)| request);
        let found = match code {
            Code::Latest => self.newest(0, is_scope),
            Code::Earlier => self.newest(1, is_scope),
            Code::OfOtherBrowser => self.newest(0, |made| {
                made.phone == person.phone() && made.subject != subject && made.subject.map(|(of, _)| of) == request
            }),
            Code::OfOtherPurpose => {
                self.newest(0, |made| made.phone == person.phone() && made.subject.map(|(of, _)| of) != request)
            }
            Code::OfOtherPerson => self.newest(0, |made| made.phone != person.phone()),
            Code::Wrong => None,
        };
        found.unwrap_or_else(|| self.wrong())
    }

    fn newest(&self, skip: usize, fits: impl Fn(&&Made) -> bool) -> Option<String> {
        let mut fitting: Vec<&Made> = self.codes.values().filter(|made| made.came).filter(fits).collect();
        fitting.sort_by_key(|made| made.at);
        fitting.iter().rev().nth(skip).map(|made| made.code.clone())
    }

    /// A code that nobody was ever sent.
    fn wrong(&self) -> String {
        let is_free = |code: &String| self.codes.values().all(|made| made.code != *code);
        (0..1_000_000).map(|number| format!("{number:06}")).find(is_free).unwrap_or_default()
    }

    /// Does this phone certainly have to wait?
    pub fn exhausted(&self, phone: &str, now: OffsetDateTime) -> bool {
        let failures = self.failures.get(phone).copied().unwrap_or_default();
        !failures.unsure && failures.rests_until.is_some_and(|until| now < until)
    }

    /// A try was answered with this code, or with nothing that tells anything.
    pub fn tried(&mut self, phone: &str, intent: &Intent, at: OffsetDateTime, code: Option<&str>) {
        let (Some(purpose), subject) = (intent.purpose(), intent.subject()) else { return };
        let is_scope = |made: &&mut Made| made.phone == phone && made.purpose == purpose && made.subject == subject;
        let failures = self.failures.entry(phone.to_owned()).or_default();
        let Some(made) = self.codes.values_mut().filter(is_scope).max_by_key(|made| made.at) else { return };
        match code {
            // Nothing was compared.
            Some("rate_limited" | "otp_not_requested" | "session_required") => return,
            Some("request_not_found" | "certificate_not_found" | "phone_invalid") => return,
            Some("otp_tries_exhausted") if !(failures.count + 1).is_multiple_of(TRIES) || made.met >= TRIES => return,
            // The last of the phone's is answered so, and one that came after the last of the code's.
            Some("otp_wrong" | "otp_expired" | "otp_tries_exhausted") if made.met + made.perhaps < TRIES => {}
            _ => {
                made.perhaps += 1;
                failures.unsure = true;
                return;
            }
        }
        made.met += 1;
        failures.count += 1;
        if failures.count.is_multiple_of(TRIES) {
            let doubled = 2i32.pow((failures.count / TRIES - 1).min(8));
            failures.rests_until = Some(at + (FIRST_WAIT * doubled).min(LONGEST_WAIT));
        }
    }

    /// A password was used: the phone has no failures any more.
    pub fn used(&mut self, phone: &str) {
        self.failures.remove(phone);
    }
}
