//! `cargo xtask torture`: the servers under SIGKILL. The test command does the same fifty times.

use anyhow::Result;
use clap::Args;

use crate::run::run;
use crate::setup::{self, Need, Toolbox};

#[derive(Args)]
pub struct Options {
    /// How often a server is killed.
    #[arg(long, default_value_t = 1000)]
    kills: usize,
    /// sqlite: one server; postgres: two servers on one database; both: half of the kills each.
    #[arg(long, default_value = "both", value_parser = ["sqlite", "postgres", "both"])]
    store: String,
    /// Repeats a run, as far as processes repeat: the seed that it printed.
    #[arg(long)]
    seed: Option<u64>,
}

pub fn run_torture(options: &Options) -> Result<()> {
    let tools = setup::prepare(&[Need::Postgres])?;
    let mut load = load(&tools)?;
    load.args(["torture", "--kills", &options.kills.to_string(), "--store", &options.store]);
    if let Some(seed) = options.seed {
        load.args(["--seed", &seed.to_string()]);
    }
    run(&mut load)
}

/// The load's program and the server beside it, optimised, as they are measured.
pub fn load(tools: &Toolbox) -> Result<std::process::Command> {
    let packages = ["--package", "qcert-load", "--package", "qcert-server"];
    run(tools.cargo().args(["build", "--release"]).args(packages))?;
    let program = crate::repository::target().join("release/qcert-load");
    Ok(tools.command(&program.to_string_lossy()))
}
