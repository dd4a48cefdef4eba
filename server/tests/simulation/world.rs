//! Two servers on one database, a clock that is moved by hand, randomness from a seed.

mod ambient;
mod http;
mod template;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use axum::Router;
use qcert_server::{
    api::{self, page::Pages},
    audit::{Keeper, refusals::Refusals},
    bell::Bell,
    ca::Ca,
    clock::Clock,
    config::Settings,
    events::Announcer,
    health::Health,
    issuance::worker,
    metrics::Metrics,
    portal::Portal,
    publication::Publication,
    secrets::Secrets,
    sms::gateway::Gateways,
    store::{Store, sqlite::SqliteStore},
};
use serde_json::Value;
use tempfile::TempDir;
use time::macros::datetime;
use uuid::Uuid;

pub use self::{
    ambient::{ManualClock, SeededRandomness},
    http::{Reply, Sent, deliver},
    template::Template,
};
use crate::{faulty_store::FaultyStore, operation::Server};

const JOURNAL: &str = "journal";
const ORIGIN: &str = "http://localhost:8080";
pub const SECRET: [u8; 32] = [7; 32];
pub const DEMO: &str = include_str!("../../../demo/applications.json");

/// Certificates that live two days, so that a list sees their end; rates that only an attack would reach.
const SETTINGS: &str = "[ca]\nvalidity_days = 2\ncrl_hours = 6\n\
    [otp]\nhourly_by_phone = 10000\nhourly_by_address = 10000\nhourly_tries_by_address = 10000\n";

/// In memory where the machine has such a place: a simulation has no use for a disk.
fn directory() -> TempDir {
    let memory = Path::new("/dev/shm");
    tempfile::tempdir_in(if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() }).unwrap()
}

/// `authority` has both states of the authority: before its next key and after.
fn settings(directory: &Path, authority: &Path, setup: Setup) -> Settings {
    // A journal that takes no line keeps the key from signing.
    let journal = if setup.signs { directory.join(JOURNAL) } else { PathBuf::from("/dev/full") };
    let ca = authority.join(if setup.rolled { "ca-next" } else { "ca" });
    let variables = [
        ("QCERT__CA__CRL_SHARDS", setup.shards.to_string()),
        ("QCERT__ISSUANCE__APPROVAL", if setup.held { "operator" } else { "auto" }.to_owned()),
        ("QCERT__ISSUANCE__ACTIVATION", if setup.activation { "code" } else { "none" }.to_owned()),
        ("QCERT__CA__SIGNATURE_JOURNAL", journal.display().to_string()),
        ("QCERT__DATABASE__URL", format!("sqlite:{}", directory.join("qcert.sqlite").display())),
        ("QCERT__CA__DIRECTORY", ca.display().to_string()),
        ("QCERT__SMS__OUTBOX", directory.join("sms.jsonl").display().to_string()),
    ];
    Settings::read(SETTINGS, &variables.map(|(name, value)| (name.to_owned(), value)).into()).unwrap()
}

async fn open(settings: &Settings) -> Arc<dyn Store> {
    // Its files are nobody's; what a head is for, its own tests say.
    let keeper = Keeper { node: "simulated".to_owned(), key: Secrets::new(&SECRET).audit_key(), head: None };
    Arc::new(SqliteStore::open(&settings.database_url, keeper).await.unwrap())
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
        message_waits: Bell::default(),
        issuance_waits: Bell::default(),
        publication: Publication::default(),
        refusals: Refusals::default(),
        metrics: Metrics::default(),
        health: Health::default(),
    })
}

/// How servers that start now are set up.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// Can they sign?
    pub signs: bool,
    /// Do confirmed requests wait for the operator?
    held: bool,
    /// Is an activation code asked for?
    pub activation: bool,
    /// Is the next issuing key there?
    pub rolled: bool,
    /// Among how many revocation lists new certificates are shared.
    pub shards: u8,
}

impl Default for Setup {
    fn default() -> Self {
        Self { signs: true, held: false, activation: false, rolled: false, shards: 1 }
    }
}

/// In the list of every fifth seed an activation code is asked for.
pub fn asks_for_codes(seed: u64) -> bool {
    seed % 5 == 4
}

/// A server that runs.
pub struct Running {
    pub portal: Arc<Portal>,
    pub router: Router,
    pub worker: Uuid,
    /// How it was set up when it began.
    pub setup: Setup,
}

/// The servers, their database, and what is around them.
pub struct World {
    directory: TempDir,
    /// Where the authority is.
    place: PathBuf,
    pub authority: Arc<Ca>,
    pages: Arc<Pages>,
    store: Arc<dyn Store>,
    servers: [Running; 2],
    pub clock: Arc<ManualClock>,
    pub randomness: Arc<SeededRandomness>,
    pub gateway: bool,
    pub setup: Setup,
}

impl World {
    pub async fn new(template: &Template, seed: u64) -> Self {
        // In every third list an operator looks at what was confirmed, in every other one there are several lists.
        let shards = if seed.is_multiple_of(2) { 1 } else { 3 };
        let setup = Setup { held: seed % 3 == 2, activation: asks_for_codes(seed), shards, ..Setup::default() };
        let directory = directory();
        std::fs::write(directory.path().join("qcert.sqlite"), &template.database).unwrap();
        let place = template.path().to_owned();
        let clock = ManualClock::new(datetime!(2026-03-02 09:01 UTC));
        let randomness = Arc::new(SeededRandomness::new(seed));
        let store = open(&settings(directory.path(), &place, setup)).await;
        let pages = Arc::clone(&template.pages);
        let start = || {
            let settings = settings(directory.path(), &place, setup);
            start(portal(Arc::clone(&store), Arc::clone(&clock), Arc::clone(&randomness), settings), &pages, setup)
        };
        let servers = [start(), start()];
        let authority = Arc::clone(&template.authority);
        Self { directory, place, authority, pages, store, servers, clock, randomness, gateway: true, setup }
    }

    pub fn server(&self, server: Server) -> &Running {
        &self.servers[server as usize]
    }

    /// The server is there again, and remembers what is in its files.
    pub fn restart(&mut self, server: Server) {
        let settings = settings(self.directory.path(), &self.place, self.setup);
        let portal = portal(Arc::clone(&self.store), Arc::clone(&self.clock), Arc::clone(&self.randomness), settings);
        self.servers[server as usize] = start(portal, &self.pages, self.setup);
    }

    /// Both servers are there again, and the database is opened anew.
    pub async fn restart_all(&mut self) {
        self.store = open(&settings(self.directory.path(), &self.place, self.setup)).await;
        self.restart(Server::First);
        self.restart(Server::Second);
    }

    /// The database's file.
    pub fn database(&self) -> PathBuf {
        self.directory.path().join("qcert.sqlite")
    }

    /// Where text messages go; nowhere, while the gateway is away.
    pub fn outbox(&self) -> Gateways {
        let path = self.directory.path().join(if self.gateway { "sms.jsonl" } else { "qcert.sqlite/away" });
        Gateways::outbox(path)
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

fn start(portal: Arc<Portal>, pages: &Arc<Pages>, setup: Setup) -> Running {
    let router = api::router(Arc::clone(&portal), Arc::clone(pages)).layer(http::one_address());
    let worker = worker::name(&portal).unwrap();
    Running { portal, router, worker, setup }
}
