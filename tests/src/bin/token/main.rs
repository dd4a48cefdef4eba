//! Measures what the host adds to a token's own time, beside the same PKCS#11 calls made directly and beside programs that
//! are not ours; how fast it starts and lists tokens; and what it takes of the memory.

mod authority;
mod direct;
mod host;
mod listing;
mod memory;
mod others;
mod pair;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::Parser;
use qcert_journeys::figure;

/// Figures of the host with a token. The host should be optimised, as it is shipped.
#[derive(Parser)]
#[command(version)]
pub struct Arguments {
    /// The host.
    #[arg(long, value_name = "PROGRAM")]
    host: PathBuf,
    /// A program that loads a module and does nothing else: `tests/echo/bare.c`, compiled.
    #[arg(long, value_name = "PROGRAM")]
    bare: PathBuf,
    /// Where the figures are written, as a list.
    #[arg(long, value_name = "FILE")]
    json: PathBuf,
}

fn main() -> ExitCode {
    // A module takes its settings from the environment of a process: so the direct calls have one of their own.
    let arguments: Vec<_> = std::env::args().collect();
    let done = match &arguments[..] {
        [_, word, certificate] if word == direct::ARGUMENT => direct::serve(certificate.as_ref()),
        _ => measure(&Arguments::parse()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the token was not measured: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn measure(arguments: &Arguments) -> Result<()> {
    let mut figures = pair::measure(arguments)?;
    figures.extend(listing::measure(arguments)?);
    figures.extend(memory::measure(arguments)?);
    figure::write(&arguments.json, &figures)
}
