//! Torture: holders go their way, and have certificates revoked, while the servers that lead them are killed by SIGKILL,
//! or stopped by SIGTERM, again and again. At the end the registry is asked whether anything went wrong.
//!
//! **Architecture invariant:** whatever is killed and whenever, an application has at most one certificate, nothing
//! was signed that the registry does not know, and what was confirmed is issued. Whoever was told of a revocation finds
//! it in the registry, on the list and in OCSP, once; nobody else does; and the list's number never goes back.

mod lists;
mod ocsp;
mod registry;
mod revoker;
mod verdict;
mod way;

use std::{
    fmt,
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result, anyhow, ensure};

use crate::{
    chance::Chance,
    clock::Stopwatch,
    gateway::Gateway,
    holder::Holder,
    installation::{self, Installation, Server},
    people,
};
use lists::Lists;
pub use registry::Registry;
use revoker::Office;
use way::{Ledger, Way};

/// Holders on their way at the same time.
const AT_ONCE: usize = 12;
/// Applications in one import.
const BATCH: u32 = 400;
/// How long those who are on their way may take after the last kill; a dead worker's lease runs out in that time.
const TO_THE_END: Duration = Duration::from_secs(90);

/// How long a server may take to end after SIGTERM, in which it answers what was asked and issues what it has begun.
const TO_STOP: Duration = Duration::from_secs(20);

/// How a server ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Death {
    /// By SIGKILL.
    Killed,
    /// By SIGTERM. If it is the only one, it leaves nothing that it has begun.
    Stopped,
}

/// What is tortured.
#[derive(Debug)]
pub struct Options<'a> {
    /// How often a server is killed.
    pub kills: usize,
    /// How.
    pub death: Death,
    /// Chance repeats from it, as far as processes repeat.
    pub seed: u64,
    /// `database.url`; none: SQLite.
    pub database_url: Option<&'a str>,
    /// Servers on the database.
    pub servers: usize,
}

/// What it came to.
#[derive(Debug)]
pub struct Report {
    /// Servers killed.
    pub kills: usize,
    /// Certificates issued.
    pub certificates: usize,
    /// Certificates revoked.
    pub revoked: usize,
    /// Revocation lists that were seen.
    pub lists: usize,
    /// Confirmations whose answer was lost.
    pub lost_answers: usize,
    /// How long it took.
    pub elapsed: Duration,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} kills, {} certificates and {} revocations on {} lists in {:.0} s; {} confirmations had to be sent \
             again; nothing went wrong",
            self.kills,
            self.certificates,
            self.revoked,
            self.lists,
            self.elapsed.as_secs_f64(),
            self.lost_answers
        )
    }
}

struct World<'a> {
    installation: &'a Installation,
    gateway: &'a Gateway,
    addresses: Vec<std::net::SocketAddr>,
    office: &'a Office<'a>,
    ledger: Mutex<Ledger>,
    /// The next holder who begins, and how many are imported.
    next: AtomicU32,
    imported: AtomicU32,
    nobody_begins: AtomicBool,
    gives_up: AtomicBool,
}

/// Tortures servers on data in an empty directory.
///
/// # Errors
/// Everything that is not as it must be.
pub fn torture(directory: &Path, options: &Options<'_>) -> Result<Report> {
    let stopwatch = Stopwatch::start();
    let mut settings = vec![("QCERT__SECRET__FILE", directory.join("secret.key").display().to_string())];
    if let Some(url) = options.database_url {
        settings.push(("QCERT__DATABASE__URL", url.to_owned()));
    }
    let installation = Installation::make(&installation::built("qcert-server")?, directory, &settings)?;
    let office = Office::open(&installation)?;
    let outboxes: Vec<_> = (0..options.servers).map(|n| installation.outbox(n)).collect();
    let gateway = Gateway::open(&outboxes)?;
    let servers: Vec<Server> = (0..options.servers).map(|n| installation.start(n)).collect::<Result<_>>()?;
    let world = World {
        installation: &installation,
        gateway: &gateway,
        addresses: servers.iter().map(Server::address).collect(),
        office: &office,
        ledger: Mutex::default(),
        next: AtomicU32::new(0),
        imported: AtomicU32::new(0),
        nobody_begins: AtomicBool::new(false),
        gives_up: AtomicBool::new(false),
    };
    world.import()?;
    let issuer = verdict::issuing_certificate(directory)?;
    let lists = Lists::of(issuer, &world.addresses, installation.host());
    let mut chance = Chance::new(options.seed);
    std::thread::scope(|scope| {
        let walkers: Vec<_> = (0..AT_ONCE)
            .map(|_| {
                let chance = Chance::new(chance.number());
                let world = &world;
                scope.spawn(move || world.lead_holders(chance))
            })
            .collect();
        let watcher = scope.spawn(|| lists.watch(&world.gives_up));
        let killed = world.kill(servers, options, &mut chance);
        world.nobody_begins.store(true, Ordering::Relaxed);
        let after = Stopwatch::start();
        while killed.is_ok() && after.elapsed() < TO_THE_END && walkers.iter().any(|walker| !walker.is_finished()) {
            std::thread::sleep(Duration::from_millis(20));
        }
        world.gives_up.store(true, Ordering::Relaxed);
        let walked: Vec<_> = walkers.into_iter().map(|walker| walker.join()).collect();
        let servers = killed?;
        walked.into_iter().try_for_each(|end| end.map_err(|_| anyhow!("a holder's thread panicked"))?)?;
        watcher.join().map_err(|_| anyhow!("the watcher of lists panicked"))??;
        let ledger = world.ledger.lock().unwrap_or_else(PoisonError::into_inner).clone();
        lists.wait_for(&verdict::told_of_revocation(&ledger))?;
        world.addresses.iter().try_for_each(|address| ocsp::judge(directory, *address, &ledger))?;
        servers.into_iter().try_for_each(Server::kill)
    })
    .with_context(|| format!("the servers' log:\n{}", last_lines(&installation.log())))?;
    let seen = lists.count();
    let ledger = world.ledger.into_inner().unwrap_or_else(PoisonError::into_inner);
    let registry = Registry::open(directory, options.database_url)?;
    let certificates = verdict::judge(&registry, &installation, &ledger)?;
    Ok(Report {
        kills: options.kills,
        certificates,
        revoked: ledger.values().filter(|fate| fate.revoked).count(),
        lists: seen,
        lost_answers: ledger.values().map(|fate| fate.lost_answers).sum(),
        elapsed: stopwatch.elapsed(),
    })
}

impl World<'_> {
    fn import(&self) -> Result<()> {
        let from = self.imported.load(Ordering::Relaxed);
        let applications: Vec<_> = (from..from + BATCH).map(people::application).collect();
        self.installation.import(&applications)?;
        self.imported.store(from + BATCH, Ordering::Relaxed);
        Ok(())
    }

    /// Kills one server after the other, and starts each again; returns those that run at the end.
    fn kill(&self, servers: Vec<Server>, options: &Options<'_>, chance: &mut Chance) -> Result<Vec<Server>> {
        let mut servers: Vec<Option<Server>> = servers.into_iter().map(Some).collect();
        for _ in 0..options.kills {
            let n = usize::try_from(chance.below(servers.len() as u64)).unwrap_or(0);
            let server = servers[n].take().context("a server that was not started again")?;
            // A third of them is killed while it still recovers from the death before; who hears nothing of signals yet
            // cannot be stopped.
            if options.death == Death::Killed && chance.below(3) == 0 {
                std::thread::sleep(chance.between(Duration::ZERO, Duration::from_millis(120)));
            } else {
                wait_for(&server)?;
                std::thread::sleep(chance.between(Duration::from_millis(20), Duration::from_millis(900)));
            }
            let port = server.address().port();
            match options.death {
                Death::Killed => server.kill()?,
                Death::Stopped => {
                    server.stop(TO_STOP)?;
                    if servers.len() == 1 {
                        let registry = Registry::open(self.installation.directory(), options.database_url)?;
                        verdict::nothing_is_begun(&registry, self.installation)?;
                    }
                }
            }
            servers[n] = Some(self.installation.launch(n, port)?);
            if self.next.load(Ordering::Relaxed) + BATCH / 4 > self.imported.load(Ordering::Relaxed) {
                self.import()?;
            }
        }
        let servers: Vec<Server> = servers.into_iter().flatten().collect();
        servers.iter().try_for_each(wait_for)?;
        Ok(servers)
    }

    /// Leads one holder after the other to the end of the way.
    fn lead_holders(&self, mut chance: Chance) -> Result<()> {
        while !self.nobody_begins.load(Ordering::Relaxed) {
            let n = self.next.fetch_add(1, Ordering::Relaxed);
            while n >= self.imported.load(Ordering::Relaxed) {
                if self.gives_up.load(Ordering::Relaxed) || self.nobody_begins.load(Ordering::Relaxed) {
                    return Ok(());
                }
                std::thread::sleep(Duration::from_millis(10));
            }
            let holder = Holder::new(n, self.gateway)?;
            let mut way = Way::new(holder, &self.addresses, self.installation.host(), self.office, &mut chance);
            let end = way.go(&self.gives_up);
            let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
            ledger.insert(n, way.fate);
            end.with_context(|| format!("holder {n}"))?;
        }
        Ok(())
    }
}

fn wait_for(server: &Server) -> Result<()> {
    let stopwatch = Stopwatch::start();
    while !server.answers() {
        ensure!(stopwatch.elapsed() < Duration::from_secs(30), "a server did not come back");
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

fn last_lines(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(30)..].join("\n")
}
