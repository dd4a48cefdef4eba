//! `qcert-load`: what `cargo xtask torture` and `cargo xtask bench server` run. Everything that it makes is in a
//! temporary directory.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use qcert_load::{
    bench::{self, Extent},
    chance::Chance,
    torture::{Options, torture},
};

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
        /// Chance repeats from it; without it, one that nobody chose.
        #[arg(long)]
        seed: Option<u64>,
    },
    /// Measures the server beside `cfssl serve` and `openssl ocsp`.
    Bench {
        /// Writes a list of {"name","ours","peer","unit"}.
        #[arg(long, value_name = "FILE")]
        json: PathBuf,
    },
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Torture { kills, seed } => torture_all(kills, seed),
        Command::Bench { json } => measure(&json),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("qcert-load: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn torture_all(kills: usize, seed: Option<u64>) -> Result<()> {
    let seed = seed.unwrap_or_else(Chance::any_seed);
    let directory = tempfile::tempdir().context("make a temporary directory")?;
    println!("torture: one server on SQLite, {kills} kills, seed {seed}");
    let report = torture(directory.path(), &Options { kills, seed, database_url: None, servers: 1 })?;
    println!("torture: {report}");
    Ok(())
}

fn measure(json: &Path) -> Result<()> {
    let directory = tempfile::tempdir().context("make a temporary directory")?;
    bench::measure(directory.path(), Extent::default(), json)
}
