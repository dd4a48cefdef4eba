//! The registry, read as its tables, after the servers are dead: nothing of the server's own code looks at it here.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use rusqlite::{Connection, types::ValueRef};

/// A database that is only read.
pub enum Registry {
    /// SQLite's file.
    File(PathBuf),
    /// PostgreSQL's address, for `psql`.
    Server(String),
}

/// A row, as texts; octets in lower-case hexadecimal, NULL as nothing.
pub type Row = Vec<String>;

impl Registry {
    /// The registry of an installation.
    ///
    /// # Errors
    /// When there is none.
    pub fn open(directory: &Path, database_url: Option<&str>) -> Result<Self> {
        if let Some(url) = database_url {
            return Ok(Self::Server(url.to_owned()));
        }
        let file = directory.join("data/qcert.sqlite");
        ensure!(file.exists(), "{} is not there", file.display());
        Ok(Self::File(file))
    }

    /// The rows of a query.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub fn rows(&self, sql: &str) -> Result<Vec<Row>> {
        match self {
            Self::File(file) => from_file(file, sql),
            Self::Server(url) => from_server(url, sql),
        }
    }

    /// A question with the names that this database has for what the other calls otherwise.
    pub fn in_its_words(&self, question: &str) -> String {
        let (committed, subject, audit) = match self {
            Self::File(_) => ("issuances", "subject", "audit"),
            Self::Server(_) => (
                "commitments",
                "subject_id",
                "(SELECT event, subject FROM audit UNION ALL SELECT event, subject FROM audit_waiting) audit",
            ),
        };
        question.replace("{committed}", committed).replace("{subject}", subject).replace("{audit}", audit)
    }

    /// Runs a script of statements; only a bench does, to have a registry of some size.
    ///
    /// # Errors
    /// At the first statement that fails.
    pub fn run(&self, script: &str) -> Result<()> {
        match self {
            Self::File(file) => Ok(Connection::open(file)?.execute_batch(script)?),
            Self::Server(url) => {
                let mut psql = Command::new("psql");
                psql.args([url, "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--file", "-"]);
                let mut child = psql.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().context("start psql")?;
                child.stdin.take().context("psql has no input")?.write_all(script.as_bytes())?;
                let ended = child.wait()?;
                ensure!(ended.success(), "psql: {ended}");
                Ok(())
            }
        }
    }

    /// What the database itself finds wrong with its files.
    ///
    /// # Errors
    /// When it finds anything.
    pub fn check_files(&self) -> Result<()> {
        if let Self::File(_) = self {
            let found = self.rows("PRAGMA integrity_check")?;
            ensure!(found == [["ok"]], "PRAGMA integrity_check says {found:?}");
            let found = self.rows("PRAGMA foreign_key_check")?;
            ensure!(found.is_empty(), "PRAGMA foreign_key_check says {found:?}");
        }
        Ok(())
    }
}

fn from_file(file: &Path, sql: &str) -> Result<Vec<Row>> {
    let connection = Connection::open(file).context("open the file")?;
    let mut statement = connection.prepare(sql).with_context(|| format!("prepare {sql}"))?;
    let columns = statement.column_count();
    let rows = statement.query_map([], |row| (0..columns).map(|n| Ok(text(row.get_ref(n)?))).collect())?;
    rows.collect::<Result<_, _>>().with_context(|| format!("ask {sql}"))
}

fn text(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => String::new(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
        ValueRef::Blob(octets) => hex(octets),
    }
}

fn from_server(url: &str, sql: &str) -> Result<Vec<Row>> {
    let mut psql = Command::new("psql");
    psql.args([url, "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--field-separator=\t", "--command", sql]);
    let output = psql.output().context("start psql")?;
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "psql: {}\n{told}", output.status);
    let printed = String::from_utf8_lossy(&output.stdout);
    // Octets are written as `\x0123`, a UUID with dashes; here they are what SQLite has.
    let plain = |field: &str| match field.strip_prefix("\\x") {
        Some(octets) => octets.to_owned(),
        None if is_uuid(field) => field.replace('-', ""),
        None => field.to_owned(),
    };
    Ok(printed.lines().map(|line| line.split('\t').map(plain).collect()).collect())
}

fn is_uuid(field: &str) -> bool {
    let fits = |(n, octet): (usize, u8)| match n {
        8 | 13 | 18 | 23 => octet == b'-',
        _ => octet.is_ascii_hexdigit(),
    };
    field.len() == 36 && field.bytes().enumerate().all(fits)
}

/// Lower-case hexadecimal.
pub fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// Reads [`hex`].
///
/// # Errors
/// When it is none.
pub fn octets(hex: &str) -> Result<Vec<u8>> {
    let pairs = hex.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).unwrap_or("?"));
    pairs.map(|pair| u8::from_str_radix(pair, 16).context("not hexadecimal")).collect()
}
