//! Two servers on one database, a clock that is moved by hand, randomness from a seed.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{
    Router,
    body::Body,
    http::{Method, Request},
};
use http_body_util::BodyExt;
use qcert_server::{
    api::{self, page::Pages},
    applications::import,
    ca::{Ca, init},
    clock::Clock,
    config::Settings,
    events::Announcer,
    issuance::worker,
    portal::Portal,
    publication::Publication,
    randomness::{Randomness, RandomnessFailed},
    secrets::Secrets,
    sms::{outbox::Outbox, sender},
    store::{Store, sqlite::SqliteStore},
};
use ring::digest::{SHA256, digest};
use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;
use time::{Duration, OffsetDateTime, macros::datetime};
use tokio::sync::Notify;
use tower::ServiceExt;
use uuid::Uuid;

use crate::{
    faulty_store::FaultyStore,
    operation::{Person, Server},
};

const JOURNAL: &str = "journal";
const ORIGIN: &str = "http://localhost:8080";
pub const SECRET: [u8; 32] = [7; 32];
pub const DEMO: &str = include_str!("../../../demo/applications.json");

/// Certificates that live two days, so that a list sees their end; rates that only an attack would reach.
const SETTINGS: &str = "[ca]\nvalidity_days = 2\ncrl_hours = 6\n\
    [otp]\nhourly_by_phone = 10000\nhourly_by_address = 10000\nhourly_tries_by_address = 10000\n";

/// Writes down how states change, and fails an INSERT when it is told to. Nothing of it is the server's.
const WATCH: &str = include_str!("watch.sql");

/// What it shows, and the latest that it ever showed.
pub struct ManualClock(Mutex<(OffsetDateTime, OffsetDateTime)>);

impl ManualClock {
    fn new(now: OffsetDateTime) -> Arc<Self> {
        Arc::new(Self(Mutex::new((now, now))))
    }

    pub fn advance(&self, by: Duration) {
        let (now, latest) = &mut *self.0.lock().unwrap();
        *now += by;
        *latest = (*latest).max(*now);
    }

    /// How far it was set back.
    pub fn behind(&self) -> Duration {
        let (now, latest) = *self.0.lock().unwrap();
        latest - now
    }
}

impl Clock for ManualClock {
    fn now(&self) -> OffsetDateTime {
        self.0.lock().unwrap().0
    }
}

/// Bytes that look random and are the same for the same seed. Remembers what it gave.
pub struct SeededRandomness {
    seed: u64,
    drawn: AtomicU64,
    pub given: Mutex<Vec<Vec<u8>>>,
}

impl SeededRandomness {
    fn new(seed: u64) -> Self {
        Self { seed, drawn: AtomicU64::new(0), given: Mutex::default() }
    }
}

impl Randomness for SeededRandomness {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomnessFailed> {
        for chunk in bytes.chunks_mut(32) {
            let drawn = self.drawn.fetch_add(1, Ordering::Relaxed);
            let block = digest(&SHA256, &[self.seed.to_be_bytes(), drawn.to_be_bytes()].concat());
            chunk.copy_from_slice(&block.as_ref()[..chunk.len()]);
        }
        if bytes.len() >= 16 {
            self.given.lock().unwrap().push(bytes.to_vec());
        }
        Ok(())
    }
}

/// What every list begins with: the authority, the people's applications and their first sessions; made once.
pub struct Template {
    directory: TempDir,
    database: Vec<u8>,
    pages: Arc<Pages>,
    /// The cookies of those who are signed in.
    pub cookies: BTreeMap<&'static str, String>,
    /// PKCS#10 requests, each with a key of its own.
    pub requests: Vec<Vec<u8>>,
}

impl Template {
    pub async fn make() -> Self {
        let directory = directory();
        let pages = Pages::new([("index.html".to_owned(), b"<!doctype html>".to_vec())].into_iter()).unwrap();
        let mut template = Self {
            directory,
            database: Vec::new(),
            pages: Arc::new(pages),
            cookies: BTreeMap::new(),
            requests: (0..8).map(|_| certification_request()).collect(),
        };
        let clock = ManualClock::new(datetime!(2026-03-02 09:00 UTC));
        let randomness = Arc::new(SeededRandomness::new(0));
        let path = template.directory.path();
        let settings = settings(path, &path.join("ca"), true, false);
        init(&settings.ca, ORIGIN, &*clock, &*randomness).unwrap();
        let store = open(&settings).await;
        import::import(&*store, &*clock, &*randomness, DEMO).await.unwrap();
        let portal = portal(store, clock, randomness, settings);
        for person in Person::KNOWN {
            let cookie = first_session(&portal, &template.pages, person).await;
            template.cookies.insert(person.phone(), cookie);
        }
        let copy = path.join("template.sqlite");
        let connection = Connection::open(path.join("qcert.sqlite")).unwrap();
        connection.execute_batch(WATCH).unwrap();
        connection.execute("VACUUM INTO ?1", [copy.to_str().unwrap()]).unwrap();
        template.database = std::fs::read(copy).unwrap();
        template
    }
}

async fn first_session(portal: &Arc<Portal>, pages: &Arc<Pages>, person: Person) -> String {
    let router = api::router(Arc::clone(portal), Arc::clone(pages));
    let phone = person.phone();
    deliver(router.clone(), request(Method::POST, "/sign-in/password", &json!({"phone": phone}), None)).await;
    let outbox = &portal.settings.sms_outbox;
    sender::send_waiting(portal, &Outbox::new(outbox.clone()), Uuid::nil()).await.unwrap();
    let sent = std::fs::read_to_string(outbox).unwrap();
    let last: Value = serde_json::from_str(sent.lines().last().unwrap()).unwrap();
    let password = last["text"].as_str().unwrap().rsplit('#').next().unwrap();
    let sign_in = json!({"phone": phone, "password": password});
    deliver(router, request(Method::POST, "/sign-in", &sign_in, None)).await.cookie.unwrap()
}

/// In memory where the machine has such a place: a simulation has no use for a disk.
fn directory() -> TempDir {
    let memory = Path::new("/dev/shm");
    tempfile::tempdir_in(if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() }).unwrap()
}

fn settings(directory: &Path, ca: &Path, signs: bool, held: bool) -> Settings {
    // A journal that takes no line keeps the key from signing.
    let journal = if signs { directory.join(JOURNAL) } else { PathBuf::from("/dev/full") };
    let variables = [
        ("QCERT__ISSUANCE__APPROVAL", if held { "operator" } else { "auto" }.to_owned()),
        ("QCERT__CA__SIGNATURE_JOURNAL", journal.display().to_string()),
        ("QCERT__DATABASE__URL", format!("sqlite:{}", directory.join("qcert.sqlite").display())),
        ("QCERT__CA__DIRECTORY", ca.display().to_string()),
        ("QCERT__SMS__OUTBOX", directory.join("sms.jsonl").display().to_string()),
    ];
    Settings::read(SETTINGS, &variables.map(|(name, value)| (name.to_owned(), value)).into()).unwrap()
}

async fn open(settings: &Settings) -> Arc<dyn Store> {
    Arc::new(SqliteStore::open(&settings.database_url).await.unwrap())
}

fn portal(
    store: Arc<dyn Store>,
    clock: Arc<ManualClock>,
    randomness: Arc<SeededRandomness>,
    settings: Settings,
) -> Arc<Portal> {
    Arc::new(Portal {
        store: Arc::new(FaultyStore(store)),
        secrets: Secrets::new(&SECRET),
        ca: Ca::load(&settings.ca, ORIGIN, Arc::clone(&clock) as Arc<dyn Clock>).unwrap(),
        clock,
        randomness,
        origin: ORIGIN.to_owned(),
        settings,
        announcer: Announcer::default(),
        message_waits: Notify::new(),
        issuance_waits: Notify::new(),
        publication: Publication::default(),
    })
}

/// A PKCS#10 request with a key that nobody else has.
fn certification_request() -> Vec<u8> {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    rcgen::CertificateParams::default().serialize_request(&key).unwrap().der().to_vec()
}

/// A server that runs.
pub struct Running {
    pub portal: Arc<Portal>,
    pub router: Router,
    pub worker: Uuid,
}

/// The servers, their database, and what is around them.
pub struct World {
    directory: TempDir,
    ca: PathBuf,
    pages: Arc<Pages>,
    store: Arc<dyn Store>,
    servers: [Running; 2],
    pub clock: Arc<ManualClock>,
    pub randomness: Arc<SeededRandomness>,
    pub gateway: bool,
    /// Can a server that starts now sign?
    pub signs: bool,
    /// Do confirmed requests wait for the operator?
    held: bool,
}

impl World {
    pub async fn new(template: &Template, seed: u64) -> Self {
        // In every third list an operator looks at what was confirmed.
        let held = seed % 3 == 2;
        let directory = directory();
        std::fs::write(directory.path().join("qcert.sqlite"), &template.database).unwrap();
        let ca = template.directory.path().join("ca");
        let clock = ManualClock::new(datetime!(2026-03-02 09:01 UTC));
        let randomness = Arc::new(SeededRandomness::new(seed));
        let store = open(&settings(directory.path(), &ca, true, held)).await;
        let pages = Arc::clone(&template.pages);
        let start = || {
            let settings = settings(directory.path(), &ca, true, held);
            start(portal(Arc::clone(&store), Arc::clone(&clock), Arc::clone(&randomness), settings), &pages)
        };
        let servers = [start(), start()];
        Self { directory, ca, pages, store, servers, clock, randomness, gateway: true, signs: true, held }
    }

    pub fn server(&self, server: Server) -> &Running {
        &self.servers[server as usize]
    }

    /// The server is there again, and remembers what is in its files.
    pub fn restart(&mut self, server: Server) {
        let settings = settings(self.directory.path(), &self.ca, self.signs, self.held);
        let portal = portal(Arc::clone(&self.store), Arc::clone(&self.clock), Arc::clone(&self.randomness), settings);
        self.servers[server as usize] = start(portal, &self.pages);
    }

    /// Both servers are there again, and the database is opened anew.
    pub async fn restart_all(&mut self) {
        self.store = open(&settings(self.directory.path(), &self.ca, self.signs, self.held)).await;
        self.restart(Server::First);
        self.restart(Server::Second);
    }

    /// The database's file.
    pub fn database(&self) -> PathBuf {
        self.directory.path().join("qcert.sqlite")
    }

    /// Where text messages go; nowhere, while the gateway is away.
    pub fn outbox(&self) -> Outbox {
        let path = self.directory.path().join(if self.gateway { "sms.jsonl" } else { "qcert.sqlite/away" });
        Outbox::new(path)
    }

    /// What the authority's key signed, after the first `seen`: what kind of thing, and SHA-256 of it in hexadecimal.
    pub fn signed(&self, seen: usize) -> Vec<(String, String)> {
        let text = std::fs::read_to_string(self.directory.path().join(JOURNAL)).unwrap_or_default();
        let pair = |line: &str| {
            let mut words = line.rsplit(' ').map(str::to_owned);
            let digest = words.next().unwrap_or_default();
            (words.next().unwrap_or_default(), digest)
        };
        text.lines().skip(seen).map(pair).collect()
    }

    /// The lines of the outbox after the first `seen`.
    pub fn sent(&self, seen: usize) -> Vec<Value> {
        let text = std::fs::read_to_string(self.directory.path().join("sms.jsonl")).unwrap_or_default();
        text.lines().skip(seen).map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn start(portal: Arc<Portal>, pages: &Arc<Pages>) -> Running {
    let router = api::router(Arc::clone(&portal), Arc::clone(pages));
    let worker = worker::name(&portal).unwrap();
    Running { portal, router, worker }
}

/// What a browser sends, so that it can be sent again.
#[derive(Clone, Debug)]
pub struct Sent {
    pub method: Method,
    pub path: String,
    pub body: Value,
    pub cookie: Option<String>,
}

impl Sent {
    pub fn http(&self) -> Request<Body> {
        request(self.method.clone(), &self.path, &self.body, self.cookie.as_deref())
    }
}

fn request(method: Method, path: &str, body: &Value, cookie: Option<&str>) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(format!("/api/v1{path}")).header("origin", ORIGIN);
    if let Some(cookie) = cookie {
        request = request.header("cookie", cookie);
    }
    if body.is_null() {
        return request.body(Body::empty()).unwrap();
    }
    let body = body.to_string();
    request.header("content-type", "application/json").header("content-length", body.len()).body(body.into()).unwrap()
}

/// What came back.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub cookie: Option<String>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The code of a problem, or nothing.
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// Carries a request to a server.
pub async fn deliver(router: Router, request: Request<Body>) -> Reply {
    let (parts, body) = router.oneshot(request).await.unwrap().into_parts();
    let cookie = parts.headers.get("set-cookie").and_then(|cookie| cookie.to_str().ok()?.split(';').next());
    let cookie = cookie.map(str::to_owned);
    let body = body.collect().await.unwrap().to_bytes().to_vec();
    Reply { status: parts.status.as_u16(), cookie, body }
}
