//! PostgreSQL for tests and benches: a cluster on a temporary directory and a Unix socket in it, as an ordinary user
//! when we are root (PostgreSQL refuses to run as root), with `fsync` as it is by default: on.
//!
//! [`Database::new`] takes a database of its own on a cluster that all test processes of one run share, for starting
//! one takes a second. [`Cluster::start`] is for who stops, kills or measures PostgreSQL.

mod programs;
mod shared;

use std::{
    fs::{self, File},
    io::{self, Write},
    net::TcpListener,
    os::unix::{fs::OpenOptionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

use programs::Programs;

/// How long PostgreSQL may take to start, on a machine that builds something at the same time.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);

/// A PostgreSQL of one's own; ended and removed when dropped, without ceremony.
pub struct Cluster {
    programs: Programs,
    directory: TempDir,
    settings: Vec<String>,
    postgres: Option<Child>,
}

/// How PostgreSQL is told to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It cuts connections off, writes everything down and ends (`SIGINT`).
    Fast,
    /// As when the machine loses its power, but for what the system had not written: `SIGKILL` to the postmaster; its
    /// other processes end when they find it gone.
    Killed,
}

impl Cluster {
    /// Makes a cluster and starts it.
    ///
    /// # Errors
    /// When PostgreSQL is not installed or does not start; its log is in the error.
    pub fn start() -> Result<Self> {
        Self::with(&[])
    }

    /// The same with settings of PostgreSQL's own, as `max_wal_size=4GB`.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn with(settings: &[&str]) -> Result<Self> {
        let mut cluster = Self::prepared(settings)?;
        cluster.start_again()?;
        Ok(cluster)
    }

    fn prepared(settings: &[&str]) -> Result<Self> {
        let programs = Programs::find()?;
        let directory = tempfile::Builder::new().prefix("qcert-postgres-").tempdir()?;
        programs.give(directory.path())?;
        programs.initialise(directory.path())?;
        let settings = settings.iter().map(|&setting| setting.to_owned()).collect();
        Ok(Self { programs, directory, settings, postgres: None })
    }

    /// The same with TLS at a port of localhost: its certificate and key in PEM, if it is to speak TLS. Answers the port.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn at_a_port(tls: Option<(&str, &str)>) -> Result<(Self, u16)> {
        let mut cluster = Self::prepared(&[])?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        cluster.settings = vec!["listen_addresses=127.0.0.1".to_owned(), format!("port={port}")];
        if let Some((certificate, key)) = tls {
            cluster.put("data/server.crt", certificate)?;
            cluster.put("data/server.key", key)?;
            cluster.settings.push("ssl=on".to_owned());
        }
        cluster.start_again()?;
        Ok((cluster, port))
    }

    /// A file that PostgreSQL alone reads.
    fn put(&self, name: &str, text: &str) -> Result<()> {
        let path = self.directory.path().join(name);
        let mut file = File::options().create_new(true).write(true).mode(0o600).open(&path)?;
        file.write_all(text.as_bytes())?;
        Ok(self.programs.give(&path)?)
    }

    /// Starts PostgreSQL after [`Self::end`].
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_again(&mut self) -> Result<()> {
        ensure!(self.postgres.is_none(), "PostgreSQL runs already");
        let directory = self.directory.path();
        let mut command = self.programs.command("postgres");
        command.args(arguments(directory));
        command.args(self.settings.iter().flat_map(|setting| ["-c", setting]));
        let log = log(directory)?;
        // What a killed one left would look like the new one's.
        let _ = fs::remove_file(directory.join("data/postmaster.pid"));
        self.postgres = Some(command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn()?);
        wait_until_ready(directory)
    }

    /// Ends PostgreSQL and waits until it has ended; the data stay.
    ///
    /// # Errors
    /// When it cannot be told, or does not end.
    pub fn end(&mut self, how: End) -> Result<()> {
        let Some(mut postgres) = self.postgres.take() else { return Ok(()) };
        match how {
            End::Killed => postgres.kill()?,
            End::Fast => signal(postgres.id(), "INT")?,
        }
        postgres.wait()?;
        // Its other processes hold the shared memory for as long as they live, and the next start waits for that.
        for _ in 0..(PATIENCE.as_millis() / POLL.as_millis()) {
            if processes_of(self.directory.path()).is_empty() {
                return Ok(());
            }
            std::thread::sleep(POLL);
        }
        bail!("PostgreSQL's processes do not end")
    }

    /// Makes an empty database; answers its URL.
    ///
    /// # Errors
    /// When the cluster refuses.
    pub fn create_database(&self, name: &str) -> Result<String> {
        self.programs.create_database(self.directory.path(), name, None)?;
        Ok(url(self.directory.path(), name))
    }

    /// What PostgreSQL has written into its log.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn log(&self) -> io::Result<String> {
        fs::read_to_string(self.directory.path().join("log"))
    }

    /// The postmaster's process, whose children are all others of PostgreSQL.
    pub fn process(&self) -> Option<u32> {
        self.postgres.as_ref().map(Child::id)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // The directory goes as well, so nothing need be written down.
        if let Some(postgres) = &mut self.postgres {
            let _ = signal(postgres.id(), "QUIT");
            let _ = postgres.wait();
        }
    }
}

/// An empty database on the cluster that all test processes of one run share; dropped when dropped.
pub struct Database {
    cluster: shared::Shared,
    name: String,
}

impl Database {
    /// Makes one; the first of a run starts the cluster.
    ///
    /// # Errors
    /// When PostgreSQL is not installed or does not start.
    pub fn new() -> Result<Self> {
        Self::on(shared::join()?, None)
    }

    /// A copy of the run's database with this name, which the first who asks for it makes and fills; connections
    /// that it leaves open are cut off.
    ///
    /// # Errors
    /// As [`Self::new`], and those of the filling.
    pub async fn copy_of(template: &str, fill: impl AsyncFnOnce(String) -> Result<()>) -> Result<Self> {
        let cluster = shared::join()?;
        shared::template(&cluster, template, fill).await?;
        Self::on(cluster, Some(template))
    }

    fn on(cluster: shared::Shared, template: Option<&str>) -> Result<Self> {
        let unique = fs::read_to_string("/proc/sys/kernel/random/uuid").context("no name for a database")?;
        let name = format!("test_{}", unique.trim().replace('-', "_"));
        cluster.programs.create_database(&cluster.directory, &name, template)?;
        Ok(Self { cluster, name })
    }

    /// `postgres://…`
    pub fn url(&self) -> String {
        url(&self.cluster.directory, &self.name)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let mut drop = self.cluster.programs.drop_database(&self.cluster.directory, &self.name);
        // Nobody waits for it: what it leaves goes with the cluster.
        let _ = drop.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0).spawn();
    }
}

fn url(directory: &Path, database: &str) -> String {
    format!("postgres://qcert@localhost/{database}?host={}", directory.display())
}

fn arguments(directory: &Path) -> Vec<String> {
    let socket = format!("unix_socket_directories={}", directory.display());
    let settings = ["listen_addresses=", &socket, "max_connections=300", "log_timezone=UTC"];
    let data = ["-D".to_owned(), directory.join("data").display().to_string()];
    data.into_iter().chain(settings.into_iter().flat_map(|setting| ["-c".to_owned(), setting.to_owned()])).collect()
}

fn log(directory: &Path) -> io::Result<File> {
    File::options().create(true).append(true).open(directory.join("log"))
}

/// Waits for what PostgreSQL writes into its own file when it takes connections, as `pg_ctl` does.
fn wait_until_ready(directory: &Path) -> Result<()> {
    for _ in 0..(PATIENCE.as_millis() / POLL.as_millis()) {
        let status = fs::read_to_string(directory.join("data/postmaster.pid")).unwrap_or_default();
        if status.lines().nth(7).is_some_and(|line| line.trim() == "ready") {
            return Ok(());
        }
        std::thread::sleep(POLL);
    }
    bail!("PostgreSQL does not start:\n{}", fs::read_to_string(directory.join("log")).unwrap_or_default())
}

fn signal(process: u32, name: &str) -> Result<()> {
    let told = Command::new("/bin/kill").arg(format!("-{name}")).arg(process.to_string()).status()?;
    ensure!(told.success(), "cannot signal process {process}");
    Ok(())
}

/// The processes that work in a cluster's directory: PostgreSQL's all do.
fn processes_of(directory: &Path) -> Vec<PathBuf> {
    let Ok(all) = fs::read_dir("/proc") else { return Vec::new() };
    let data = directory.join("data");
    let works_there = |process: &PathBuf| fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd == data);
    all.flatten().map(|entry| entry.path()).filter(works_there).collect()
}
