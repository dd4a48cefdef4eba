//! `qcert-load`: what `cargo xtask torture` and `cargo xtask bench server` run. Everything that it makes is in a
//! temporary directory.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand, ValueEnum};
use qcert_load::{
    bench::{self, Extent},
    chance::Chance,
    torture::{Death, Options, torture},
};
use qcert_test_postgres::Cluster;

#[derive(Parser)]
#[command(name = "qcert-load")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Kills servers under load, and then asks whether anything went wrong.
    Torture {
        /// How often a server is killed.
        #[arg(long, default_value_t = 1000)]
        kills: usize,
        /// On which store.
        #[arg(long, value_enum, default_value_t = Stores::Both)]
        store: Stores,
        /// Chance repeats from it; without it, one that nobody chose.
        #[arg(long)]
        seed: Option<u64>,
    },
    /// Measures the server beside `cfssl serve` and `openssl ocsp`.
    Bench {
        /// Writes a list of {"name","ours","peer","unit"}.
        #[arg(long, value_name = "FILE")]
        json: PathBuf,
        /// Rounds of which the median is taken.
        #[arg(long, default_value_t = Extent::default().rounds)]
        rounds: usize,
        /// Certificates in a round.
        #[arg(long, default_value_t = Extent::default().certificates)]
        certificates: u32,
        /// Certificates in the large registry.
        #[arg(long, default_value_t = Extent::default().large)]
        large: u32,
        /// Nothing but certificates in a small registry: a quick look, or the time to take a profile in.
        #[arg(long)]
        issuance_only: bool,
        /// A setting of PostgreSQL's, besides those that it has by itself.
        #[arg(long, value_name = "NAME=VALUE")]
        postgres: Vec<String>,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Stores {
    /// One server on SQLite.
    Sqlite,
    /// Two servers on one PostgreSQL.
    Postgres,
    /// One after the other, half of the kills each.
    Both,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Torture { kills, store, seed } => torture_all(kills, store, seed.unwrap_or_else(Chance::any_seed)),
        Command::Bench { json, rounds, certificates, large, issuance_only, postgres } => {
            measure(&json, &Extent { rounds, certificates, large, issuance_only, postgres })
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("qcert-load: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Half of the kills on each store, if both are meant.
fn torture_all(kills: usize, stores: Stores, seed: u64) -> Result<()> {
    let on_sqlite = match stores {
        Stores::Sqlite => kills,
        Stores::Postgres => 0,
        Stores::Both => kills / 2,
    };
    if on_sqlite > 0 {
        torture_one("one server on SQLite", on_sqlite, seed, None, 1)?;
    }
    if kills > on_sqlite {
        let cluster = Cluster::start().context("start PostgreSQL")?;
        let url = cluster.create_database("qcert")?;
        torture_one("two servers on one PostgreSQL", kills - on_sqlite, seed, Some(&url), 2)?;
    }
    Ok(())
}

fn torture_one(what: &str, kills: usize, seed: u64, database_url: Option<&str>, servers: usize) -> Result<()> {
    let directory = tempfile::tempdir().context("make a temporary directory")?;
    println!("{what}: {kills} kills, seed {seed}");
    let report = torture(directory.path(), &Options { kills, death: Death::Killed, seed, database_url, servers })?;
    println!("{what}: {report}");
    Ok(())
}

fn measure(json: &Path, extent: &Extent) -> Result<()> {
    let directory = tempfile::tempdir().context("make a temporary directory")?;
    bench::measure(directory.path(), extent, json)
}
