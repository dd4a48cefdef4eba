//! Measures the way from a page to the host and back beside a bare echo, and the journey's own time.

mod echo;
mod own_time;
mod round_trips;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::Parser;
use qcert_journeys::figure;

/// Figures of the workstation, the peer's those of the echo. The hosts should be optimised, as they are shipped.
#[derive(Parser)]
#[command(version)]
pub struct Arguments {
    /// The host.
    #[arg(long, value_name = "PROGRAM")]
    host: PathBuf,
    /// The bare host: `tests/echo/host.rs`, compiled.
    #[arg(long, value_name = "PROGRAM")]
    echo_host: PathBuf,
    /// A module with many readers: `tests/echo/readers.c`, compiled.
    #[arg(long, value_name = "LIBRARY")]
    readers: PathBuf,
    /// Where the figures are written, as a list.
    #[arg(long, value_name = "FILE")]
    json: PathBuf,
}

fn main() -> ExitCode {
    match measure(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the workstation was not measured: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn measure(arguments: &Arguments) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let figures = runtime.block_on(async {
        let mut figures = round_trips::measure(arguments).await?;
        figures.extend(own_time::measure().await?);
        anyhow::Ok(figures)
    })?;
    figure::write(&arguments.json, &figures)
}
