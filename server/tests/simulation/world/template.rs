//! What every list begins with.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use axum::http::Method;
use qcert_server::{
    api::{self, page::Pages},
    applications::import,
    ca::{Ca, init, rollover},
    clock::Clock,
    portal::Portal,
    sms::{gateway::Gateways, sender},
};
use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;
use time::{Duration, macros::datetime};
use uuid::Uuid;

use super::{
    DEMO, ManualClock, ORIGIN, SeededRandomness, Setup, deliver, directory, http::request, open, portal, settings,
};
use crate::operation::Person;

/// Writes down how states change, and fails an INSERT when it is told to. Nothing of it is the server's.
const WATCH: &str = include_str!("../watch.sql");

/// The authority, the people's applications and their first sessions; made once.
pub struct Template {
    directory: TempDir,
    pub(super) database: Vec<u8>,
    pub(super) pages: Arc<Pages>,
    /// The authority with its next key, for those who look at what it signed.
    pub authority: Arc<Ca>,
    /// The cookies of those who are signed in.
    pub cookies: BTreeMap<&'static str, String>,
    /// PKCS#10 requests, each with a key of its own.
    pub requests: Vec<Vec<u8>>,
}

impl Template {
    pub async fn make() -> Self {
        let directory = directory();
        let path = directory.path();
        let clock = ManualClock::new(datetime!(2026-03-02 08:00 UTC));
        let randomness = Arc::new(SeededRandomness::new(0));
        let (first, next) = (Setup::default(), Setup { rolled: true, ..Setup::default() });
        make_authority(path, &clock, &randomness);
        clock.advance(Duration::minutes(30));
        let ceremony = settings(path, path, next);
        rollover(&ceremony.ca, ORIGIN, &*clock, &*randomness).unwrap();
        let authority = Arc::new(Ca::load(&ceremony.ca, ORIGIN, Arc::clone(&clock) as Arc<dyn Clock>).unwrap());
        clock.advance(Duration::minutes(30));

        let settings = settings(path, path, first);
        let store = open(&settings).await;
        import::import(&*store, &*clock, &*randomness, &import::File::json(DEMO)).await.unwrap();
        let portal = portal(store, clock, randomness, settings);
        let pages = Pages::new([("index.html".to_owned(), b"<!doctype html>".to_vec())].into_iter()).unwrap();
        let pages = Arc::new(pages);
        let mut cookies = BTreeMap::new();
        for person in Person::KNOWN {
            cookies.insert(person.phone(), first_session(&portal, &pages, person).await);
        }
        let copy = path.join("template.sqlite");
        let connection = Connection::open(path.join("qcert.sqlite")).unwrap();
        connection.execute_batch(WATCH).unwrap();
        connection.execute("VACUUM INTO ?1", [copy.to_str().unwrap()]).unwrap();
        let database = std::fs::read(copy).unwrap();
        let requests = (0..8).map(|_| certification_request()).collect();
        Self { directory, database, pages, authority, cookies, requests }
    }

    /// Where the authority is.
    pub(super) fn path(&self) -> &Path {
        self.directory.path()
    }
}

/// An authority, and a copy of it that will have the next key.
fn make_authority(path: &Path, clock: &ManualClock, randomness: &SeededRandomness) {
    let ceremony = settings(path, path, Setup::default());
    init(&ceremony.ca, ORIGIN, clock, randomness).unwrap();
    let next = settings(path, path, Setup { rolled: true, ..Setup::default() }).ca.directory;
    std::fs::create_dir(&next).unwrap();
    for file in std::fs::read_dir(&ceremony.ca.directory).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), next.join(file.file_name())).unwrap();
    }
}

async fn first_session(portal: &Arc<Portal>, pages: &Arc<Pages>, person: Person) -> String {
    let router = api::router(Arc::clone(portal), Arc::clone(pages)).layer(super::http::one_address());
    let phone = person.phone();
    deliver(router.clone(), request(Method::POST, "/sign-in/password", &json!({"phone": phone}), None)).await;
    let outbox = &portal.settings.sms.outbox;
    sender::send_waiting(portal, &Gateways::outbox(outbox.clone()), Uuid::nil()).await.unwrap();
    let sent = std::fs::read_to_string(outbox).unwrap();
    let last: Value = serde_json::from_str(sent.lines().last().unwrap()).unwrap();
    let password = last["text"].as_str().unwrap().rsplit('#').next().unwrap();
    let sign_in = json!({"phone": phone, "password": password});
    deliver(router, request(Method::POST, "/sign-in", &sign_in, None)).await.cookie.unwrap()
}

/// A PKCS#10 request with a key that nobody else has.
fn certification_request() -> Vec<u8> {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    rcgen::CertificateParams::default().serialize_request(&key).unwrap().der().to_vec()
}
