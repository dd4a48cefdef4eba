//! What is measured: a server on a store, with its text messages going to a gateway that keeps none.

use std::{path::Path, time::Duration};

use anyhow::{Context, Result, ensure};
use qcert_test_postgres::Cluster;

use super::{Round, SMALL, crowd};
use crate::{
    gateway::Gateway,
    holder::Holder,
    installation::{self, Installation, Server},
    load::{self, Pace, Run},
    process,
    torture::Registry,
};

/// A server on a store.
pub(super) struct Stand {
    name: &'static str,
    installation: Installation,
    gateway: Gateway,
    server: Option<Server>,
    registry: Registry,
    cluster: Option<Cluster>,
    /// The next of the invented people.
    next: u32,
}

impl Stand {
    /// One on each store, with a small registry.
    pub(super) fn all(directory: &Path, settings: &[String]) -> Result<Vec<Self>> {
        let sqlite = Self::start("sqlite", &directory.join("sqlite"), None)?;
        let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
        let cluster = Cluster::with(&settings).context("start PostgreSQL")?;
        let postgres = Self::start("postgres", &directory.join("postgres"), Some(cluster))?;
        Ok(vec![sqlite, postgres])
    }

    fn start(name: &'static str, directory: &Path, cluster: Option<Cluster>) -> Result<Self> {
        let url = cluster.as_ref().map(|cluster| cluster.create_database("qcert")).transpose()?;
        let mut settings = vec![("QCERT__SECRET__FILE", directory.join("secret.key").display().to_string())];
        settings.extend(url.iter().map(|url| ("QCERT__DATABASE__URL", url.clone())));
        let installation = Installation::make(&installation::built("qcert-server")?, directory, &settings)?;
        let gateway = Gateway::open(&[installation.outbox(0)])?;
        let server = installation.start(0)?;
        let registry = Registry::open(directory, url.as_deref())?;
        let mut stand = Self { name, installation, gateway, server: Some(server), registry, cluster, next: 0 };
        stand.check_durable()?;
        stand.round(SMALL, super::CONNECTIONS, Pace::Closed)?;
        Ok(stand)
    }

    /// What its figures are called after.
    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// What is answered must be on the disk. SQLite's setting belongs to a connection, and the server refuses to begin
    /// with another than FULL; its file says WAL.
    fn check_durable(&self) -> Result<()> {
        match self.cluster {
            None => {
                let mode = self.registry.rows("PRAGMA journal_mode")?;
                ensure!(mode == [["wal"]], "SQLite's journal is {mode:?}");
            }
            Some(_) => {
                for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
                    let value = self.registry.rows(&format!("SHOW {setting}"))?;
                    ensure!(value == [["on"]], "PostgreSQL's {setting} is {value:?}");
                }
            }
        }
        Ok(())
    }

    /// The server.
    pub(super) fn server(&self) -> Result<&Server> {
        self.server.as_ref().context("the server does not run")
    }

    /// Serial numbers of so many certificates.
    pub(super) fn serials(&self, count: usize) -> Result<Vec<String>> {
        let rows = self.registry.rows(&format!("SELECT serial FROM certificates LIMIT {count}"))?;
        Ok(rows.into_iter().flatten().collect())
    }

    /// Leads so many holders, who are signed in, to their certificates.
    pub(super) fn round(&mut self, count: u32, connections: usize, pace: Pace) -> Result<(Round, Run)> {
        let holders = self.prepare(count)?;
        let before = self.spent()?;
        let run = load::lead(self.server()?, holders, connections, pace)?;
        let spent = self.spent()? - before;
        Ok((Round::of(&run, spent), run))
    }

    fn prepare(&mut self, count: u32) -> Result<Vec<Holder>> {
        let people = self.next..self.next + count;
        self.next = people.end;
        let server = self.server.as_ref().context("the server does not run")?;
        let holders = load::prepare(&self.installation, server, &self.gateway, people)?;
        // What the preparation left to be written, it does not leave to the measurement.
        std::thread::sleep(Duration::from_millis(1500));
        Ok(holders)
    }

    /// Time on the processors so far: the server's, and all of the database's.
    fn spent(&self) -> Result<Duration> {
        let server = process::processor_time(self.server()?.process())?;
        match self.cluster.as_ref().and_then(Cluster::process) {
            Some(postmaster) => Ok(server + process::family_time(postmaster)?),
            None => Ok(server),
        }
    }

    /// Resident memory in KiB: the server's, and the database's with what its processes share counted once.
    pub(super) fn memory(&self) -> Result<f64> {
        let server = process::resident(self.server()?.process())?;
        match self.cluster.as_ref().and_then(Cluster::process) {
            Some(postmaster) => Ok(server + process::family_resident(postmaster)?),
            None => Ok(server),
        }
    }

    /// Fills the registry up to so many certificates, with the server at rest.
    pub(super) fn fill(&mut self, count: u32) -> Result<()> {
        if let Some(server) = self.server.take() {
            server.kill()?;
        }
        crowd::fill(&self.registry, count)
    }

    /// Starts the server again after that.
    pub(super) fn begin_again(&mut self) -> Result<()> {
        self.server = Some(self.installation.start(0)?);
        self.round(SMALL, super::CONNECTIONS, Pace::Closed)?;
        Ok(())
    }
}
