//! A portal in a directory of its own, and a browser that talks to it.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use axum::{
    Extension, Router,
    body::Body,
    extract::{ConnectInfo, connect_info::MockConnectInfo},
    http::{HeaderMap, Method, Request, StatusCode, header},
};
use http_body_util::BodyExt;
use qcert_protocol::{Base64, portal::ApplicationRow};
use qcert_server::{
    api::{self, page::Pages},
    applications::import,
    audit::{self, Keeper, refusals::Refusals},
    bell::Bell,
    ca::{Ca, init},
    clock::Clock,
    config::{DatabaseUrl, Settings},
    events::Announcer,
    health::Health,
    issuance::worker,
    metrics::{MeasuredStore, Metrics},
    neighbours,
    portal::Portal,
    publication::Publication,
    randomness::{Randomness, RandomnessFailed},
    secrets::Secrets,
    serve,
    sms::{gateway::Gateways, sender},
    store::{Store, postgres::PostgresStore},
};
use qcert_test_postgres::Database;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use tempfile::TempDir;
use time::{Duration, OffsetDateTime, macros::datetime};
use tower::ServiceExt;
use uuid::Uuid;

use crate::described;

pub const ORIGIN: &str = "http://localhost:8080";
pub const PHONE: &str = "+79222114545";
pub const OTHER_PHONE: &str = "+79120000217";
pub const UNKNOWN_PHONE: &str = "+79990000000";
/// When a portal begins.
pub const START: OffsetDateTime = datetime!(2026-03-02 09:00 UTC);
pub const DEMO: &str = include_str!("../../../demo/applications.json");

pub struct ManualClock(Mutex<OffsetDateTime>);

impl ManualClock {
    pub fn advance(&self, by: Duration) {
        *self.0.lock().unwrap() += by;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> OffsetDateTime {
        *self.0.lock().unwrap()
    }
}

pub struct SeededRandomness {
    seed: u64,
    drawn: AtomicU64,
}

impl SeededRandomness {
    pub fn new(seed: u64) -> Self {
        Self { seed, drawn: AtomicU64::new(0) }
    }
}

impl Randomness for SeededRandomness {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomnessFailed> {
        for chunk in bytes.chunks_mut(32) {
            let drawn = self.drawn.fetch_add(1, Ordering::Relaxed);
            let block = digest(&SHA256, &[self.seed.to_be_bytes(), drawn.to_be_bytes()].concat());
            chunk.copy_from_slice(&block.as_ref()[..chunk.len()]);
        }
        Ok(())
    }
}

pub struct Workplace {
    directory: Arc<TempDir>,
    database: Option<Arc<Database>>,
    pub clock: Arc<ManualClock>,
    pub portal: Arc<Portal>,
    pub router: Router,
}

impl Workplace {
    pub async fn new() -> Self {
        Self::with("").await
    }

    /// A portal with settings of its own, and the demo's applications. On SQLite, or on PostgreSQL if the environment
    /// has `QCERT_TEST_STORE=postgres`.
    pub async fn with(settings: &str) -> Self {
        Self::starting(settings, START).await
    }

    /// The same at another time.
    pub async fn starting(settings: &str, now: OffsetDateTime) -> Self {
        let database = match std::env::var("QCERT_TEST_STORE").as_deref() {
            Ok("postgres") => Some(postgres().await),
            Ok("sqlite") | Err(_) => None,
            Ok(other) => panic!("QCERT_TEST_STORE={other}: neither sqlite nor postgres"),
        };
        Self::on(database, settings, now).await
    }

    /// The same on SQLite in any case.
    pub async fn on_sqlite(settings: &str) -> Self {
        Self::on(None, settings, START).await
    }

    /// The same on PostgreSQL in any case.
    pub async fn on_postgres(settings: &str) -> Self {
        Self::on(Some(postgres().await), settings, START).await
    }

    /// The same portal, started again with other settings.
    pub async fn reopened(self, settings: &str) -> Self {
        let Self { directory, database, clock, portal, router } = self;
        // What it shows of itself lacks the socket.
        let url = (*portal.settings.database_url).to_owned();
        drop((portal, router));
        let settings = read(settings, &directory, Some(url));
        Self::open(settings, directory, database, clock, Arc::new(SeededRandomness::new(3))).await
    }

    /// The same on the database with this URL.
    pub async fn at(settings: &str, url: String) -> Self {
        Self::first(settings, Some(url), None, START).await
    }

    async fn on(database: Option<Database>, settings: &str, now: OffsetDateTime) -> Self {
        Self::first(settings, database.as_ref().map(Database::url), database.map(Arc::new), now).await
    }

    async fn first(settings: &str, url: Option<String>, database: Option<Arc<Database>>, now: OffsetDateTime) -> Self {
        let directory = Arc::new(tempfile::tempdir().unwrap());
        let clock = Arc::new(ManualClock(Mutex::new(now)));
        let randomness = Arc::new(SeededRandomness::new(1));
        let settings = read(settings, &directory, url);
        init(&settings.ca, ORIGIN, &*clock, &*randomness).unwrap();
        let workplace = Self::open(settings, directory, database, clock, randomness).await;
        let demo = import::File::json(DEMO);
        import::import(&*workplace.portal.store, &*workplace.clock, &*workplace.portal.randomness, &demo)
            .await
            .unwrap();
        workplace
    }

    /// Another server on the same database, with the same authority, secret and clock.
    pub async fn beside(&self) -> Self {
        let (directory, database) = (Arc::clone(&self.directory), self.database.clone());
        let randomness = Arc::new(SeededRandomness::new(2));
        Self::open(self.portal.settings.clone(), directory, database, Arc::clone(&self.clock), randomness).await
    }

    /// The same server on another PostgreSQL database.
    pub async fn on_database(&self, url: &str) -> Self {
        let mut settings = self.portal.settings.clone();
        settings.database_url = DatabaseUrl::parse(url).unwrap();
        let randomness = Arc::new(SeededRandomness::new(4));
        Self::open(settings, Arc::clone(&self.directory), None, Arc::clone(&self.clock), randomness).await
    }

    /// The same under a name of its own in the audit.
    pub async fn beside_as(&self, node: &str) -> Self {
        let (directory, database) = (Arc::clone(&self.directory), self.database.clone());
        let mut settings = self.portal.settings.clone();
        settings.audit.node = Some(node.to_owned());
        Self::open(settings, directory, database, Arc::clone(&self.clock), Arc::new(SeededRandomness::new(2))).await
    }

    async fn open(
        settings: Settings,
        directory: Arc<TempDir>,
        database: Option<Arc<Database>>,
        clock: Arc<ManualClock>,
        randomness: Arc<SeededRandomness>,
    ) -> Self {
        let (store, metrics) = (serve::open_store(&settings).await.unwrap(), Metrics::default());
        let store: Arc<dyn Store> = Arc::new(MeasuredStore::new(store, metrics.store.clone(), clock.clone()));
        let portal = Arc::new(Portal {
            announcer: Announcer::telling(Arc::clone(&store)),
            store,
            clock: clock.clone(),
            randomness,
            secrets: Secrets::new(&[7; 32]),
            ca: Ca::load(&settings.ca, ORIGIN, clock.clone()).unwrap(),
            origin: settings.server.origin.clone().unwrap_or(ORIGIN.to_owned()),
            settings,
            message_waits: Bell::default(),
            issuance_waits: Bell::default(),
            publication: Publication::default(),
            refusals: Refusals::default(),
            metrics,
            health: Health::default(),
        });
        tokio::spawn(neighbours::listen(Arc::clone(&portal)));
        let index = b"<!doctype html><script>start()</script>".to_vec();
        let script = b"start();".repeat(100);
        let texts = "english-0123456789abcdef.txt\nSign in…\n".as_bytes().to_vec();
        let files = [
            ("index.html".to_owned(), index),
            ("app-0123456789abcdef.js".to_owned(), script),
            ("english-0123456789abcdef.txt".to_owned(), texts),
        ];
        let pages = Arc::new(Pages::new(files.into_iter()).unwrap());
        Arc::clone(&pages).compress();
        let router = api::router(Arc::clone(&portal), pages)
            .layer(axum::middleware::from_fn(described::check))
            .layer(MockConnectInfo(SocketAddr::from(([127, 0, 0, 1], 1))));
        Self { directory, database, clock, portal, router }
    }

    pub fn browser(&self) -> Browser {
        Browser { router: self.router.clone(), cookie: None }
    }

    /// A browser whose connections come from this address.
    pub fn browser_at(&self, address: &str) -> Browser {
        let address = SocketAddr::new(address.parse::<IpAddr>().unwrap(), 50_000);
        Browser { router: self.router.clone().layer(Extension(ConnectInfo(address))), cookie: None }
    }

    /// All messages that were ever sent, as (to, text).
    pub async fn messages(&self) -> Vec<(String, String)> {
        let path = &self.portal.settings.sms.outbox;
        let outbox = Gateways::outbox(path.clone());
        while sender::send_waiting(&self.portal, &outbox, Uuid::max()).await.unwrap() > 0 {}
        let lines = std::fs::read_to_string(path).unwrap_or_default();
        let line = |line: &str| {
            let value: Value = serde_json::from_str(line).unwrap();
            (value["to"].as_str().unwrap().to_owned(), value["text"].as_str().unwrap().to_owned())
        };
        lines.lines().map(line).collect()
    }

    /// The password in the latest message to a phone.
    pub async fn password(&self, phone: &str) -> String {
        let messages = self.messages().await;
        let (_, text) = messages.iter().rev().find(|(to, _)| to == phone).unwrap();
        text.rsplit('#').next().unwrap().to_owned()
    }

    /// Somebody who is signed in.
    pub async fn signed_in(&self, phone: &str) -> Browser {
        let mut browser = self.browser();
        let ordered = browser.post("/sign-in/password", json!({"phone": phone})).await;
        assert_eq!(ordered.status, 202, "{:?}", ordered.body);
        let password = self.password(phone).await;
        let session = browser.post("/sign-in", json!({"phone": phone, "password": password})).await;
        assert_eq!(session.status, 200, "{:?}", session.body);
        browser
    }

    /// Uploads a request for the first application of the person; answers the row and the request's id.
    pub async fn prepared(&self, browser: &mut Browser) -> (ApplicationRow, Uuid) {
        self.prepared_of(browser, 0).await
    }

    async fn prepared_of(&self, browser: &mut Browser, index: usize) -> (ApplicationRow, Uuid) {
        let row = browser.rows().await.remove(index);
        let uploaded = browser.upload(&row, &certification_request()).await;
        assert_eq!(uploaded.status, 201, "{:?}", uploaded.body);
        let row: ApplicationRow = uploaded.parsed();
        let request = row.request.as_ref().unwrap().id;
        (row, request)
    }

    /// Uploads and confirms.
    pub async fn sent(&self, browser: &mut Browser) -> (ApplicationRow, Uuid) {
        self.sent_of(browser, 0).await
    }

    /// Uploads and confirms for another application of the person.
    pub async fn sent_of(&self, browser: &mut Browser, index: usize) -> (ApplicationRow, Uuid) {
        let (_, request) = self.prepared_of(browser, index).await;
        assert_eq!(browser.post(&format!("/requests/{request}/password"), Value::Null).await.status, 202);
        let password = self.password(PHONE).await;
        let confirmed = browser.confirm(request, &password).await;
        assert_eq!(confirmed.status, 200, "{:?}", confirmed.body);
        (confirmed.parsed(), request)
    }

    /// What the audit's chain is under. Only what is kept from others is of the portal's own secret.
    pub fn audit_key(&self) -> audit::Key {
        serve::keeper(&self.portal.settings).unwrap().key
    }

    /// Lets a worker do all that it can now.
    pub async fn work(&self) -> anyhow::Result<()> {
        let owner = worker::name(&self.portal)?;
        while worker::step(&self.portal, owner).await? {}
        Ok(())
    }
}

/// A database whose tables are there already: making them takes longer than most tests.
async fn postgres() -> Database {
    let copied = Database::copy_of("tables", async |url: String| {
        let keeper = Keeper { node: "template".to_owned(), key: audit::Key::new(&[7; 32]), head: None };
        PostgresStore::open(&url, 1, keeper).await?;
        Ok(())
    });
    copied.await.unwrap()
}

fn read(settings: &str, directory: &TempDir, url: Option<String>) -> Settings {
    let path = |name: &str| directory.path().join(name).display().to_string();
    let variables = BTreeMap::from([
        ("QCERT__DATABASE__URL".to_owned(), url.unwrap_or_else(|| format!("sqlite:{}", path("qcert.sqlite")))),
        ("QCERT__DATABASE__CONNECTIONS".to_owned(), "8".to_owned()),
        ("QCERT__SECRET__FILE".to_owned(), path("secret.key")),
        ("QCERT__CA__DIRECTORY".to_owned(), path("ca")),
        ("QCERT__SMS__OUTBOX".to_owned(), path("sms.jsonl")),
    ]);
    Settings::read(settings, &variables).unwrap()
}

/// A request with a new P-256 key.
pub fn certification_request() -> Vec<u8> {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    rcgen::CertificateParams::default().serialize_request(&key).unwrap().der().to_vec()
}

#[derive(Clone)]
pub struct Browser {
    pub router: Router,
    pub cookie: Option<String>,
}

#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    pub fn parsed<T: serde::de::DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
}

impl Browser {
    pub async fn send(&mut self, request: Request<Body>) -> Reply {
        let (mut parts, body) = request.into_parts();
        if let Some(cookie) = &self.cookie {
            parts.headers.insert(header::COOKIE, cookie.parse().unwrap());
        }
        let response = self.router.clone().oneshot(Request::from_parts(parts, body)).await.unwrap();
        let (parts, body) = response.into_parts();
        if let Some(cookie) = parts.headers.get(header::SET_COOKIE) {
            self.cookie = cookie.to_str().unwrap().split(';').next().map(str::to_owned);
        }
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Reply { status: parts.status, headers: parts.headers, body }
    }

    pub async fn call(&mut self, method: Method, path: &str, body: Value) -> Reply {
        let mut request = Request::builder().method(method).uri(format!("/api/v1{path}"));
        request = request.header("origin", ORIGIN).header("sec-fetch-site", "same-origin");
        let request = if body.is_null() {
            request.body(Body::empty())
        } else {
            let body = body.to_string();
            let request = request.header("content-type", "application/json").header("content-length", body.len());
            request.body(Body::from(body))
        };
        self.send(request.unwrap()).await
    }

    pub async fn get(&mut self, path: &str) -> Reply {
        self.call(Method::GET, path, Value::Null).await
    }

    pub async fn post(&mut self, path: &str, body: Value) -> Reply {
        self.call(Method::POST, path, body).await
    }

    pub async fn delete(&mut self, path: &str) -> Reply {
        self.call(Method::DELETE, path, Value::Null).await
    }

    pub async fn rows(&mut self) -> Vec<ApplicationRow> {
        self.get("/applications").await.parsed()
    }

    pub async fn upload(&mut self, row: &ApplicationRow, der: &[u8]) -> Reply {
        let body = json!({
            "certificationRequest": Base64(der.to_vec()),
            "container": format!("{}@2026-03-02-x", row.number),
            "token": token(),
        });
        self.post(&format!("/applications/{}/requests", row.id), body).await
    }

    pub async fn confirm(&mut self, request: Uuid, password: &str) -> Reply {
        self.post(&format!("/requests/{request}/confirmation"), json!({"password": password})).await
    }
}

pub fn token() -> Value {
    json!({"label": "Qcert", "serial": "0001", "model": "SoftHSM"})
}

/// Another password of six digits.
pub fn wrong(password: &str) -> String {
    let number: u32 = password.parse().unwrap();
    format!("{:06}", (number + 1) % 1_000_000)
}
