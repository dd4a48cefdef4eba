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

/// How long a password lives, and how long wrong tries count.
const LIFETIME: Duration = Duration::minutes(10);
const TRIES: u32 = 5;

/// What a step wants, as far as it is judged.
#[derive(Clone, Debug, PartialEq)]
pub enum Intent {
    SignIn { phone: &'static str, typed: String },
    Confirm { request: Uuid, session: Option<Uuid>, typed: String },
    Revoke { certificate: Uuid, session: Option<Uuid>, typed: String, why: Why },
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
}

/// Wrong tries of a phone for one purpose, as far as they are certain.
#[derive(Clone, Copy, Debug, Default)]
struct Tries {
    window: Option<(OffsetDateTime, u32)>,
    /// Until then nobody outside can know: an answer was lost.
    unsure: Option<OffsetDateTime>,
}

#[derive(Default)]
pub struct Model {
    pub cookies: BTreeMap<(Person, Browser), String>,
    pub codes: BTreeMap<Uuid, Made>,
    /// Requests whose confirmation was answered with success.
    pub confirmed: BTreeSet<Uuid>,
    /// How far the clock had moved when a revocation was first seen, by serial.
    pub revoked: BTreeMap<String, Duration>,
    /// Which applications a phone ever had.
    pub had: BTreeSet<(String, Uuid)>,
    tries: BTreeMap<(String, &'static str), Tries>,
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
            Self::Anything => None,
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

    /// Has this phone certainly no tries left?
    pub fn exhausted(&self, phone: &str, purpose: &'static str, now: OffsetDateTime) -> bool {
        let tries = self.tries.get(&(phone.to_owned(), purpose)).copied().unwrap_or_default();
        let sure = tries.unsure.is_none_or(|until| until <= now);
        sure && tries.window.is_some_and(|(since, count)| count >= TRIES && now < since + LIFETIME)
    }

    /// A try was answered with this code, or with nothing that tells anything.
    pub fn tried(&mut self, phone: &str, purpose: &'static str, at: OffsetDateTime, code: Option<&str>) {
        let tries = self.tries.entry((phone.to_owned(), purpose)).or_default();
        match code {
            // Nothing was compared.
            Some("rate_limited" | "otp_not_requested" | "session_required") => {}
            Some("request_not_found" | "certificate_not_found" | "phone_invalid") => {}
            // The last of them is answered so, or one that came after it.
            Some("otp_tries_exhausted") => {
                if let Some((_, count)) = &mut tries.window {
                    *count = TRIES;
                }
            }
            Some("otp_wrong" | "otp_expired") if tries.unsure.is_none_or(|until| until <= at) => {
                tries.unsure = None;
                tries.window = match tries.window {
                    Some((since, count)) if at < since + LIFETIME => Some((since, count + 1)),
                    _ => Some((at, 1)),
                };
            }
            _ => {
                tries.window = None;
                tries.unsure = Some(tries.unsure.map_or(at + LIFETIME, |until| until.max(at + LIFETIME)));
            }
        }
    }

    /// A password was used: the phone's tries begin anew.
    pub fn used(&mut self, phone: &str, purpose: &'static str) {
        self.tries.remove(&(phone.to_owned(), purpose));
    }
}
