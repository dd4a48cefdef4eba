//! Measures what the host adds to a token's own time, beside the same PKCS#11 calls made directly and beside programs that
//! are not ours; how fast it starts and lists tokens; and what it takes of the memory.

mod authority;
mod direct;
mod host;
mod listing;
mod memory;
mod others;
mod pair;

use std::{fs, path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use clap::Parser;
use serde::Serialize;

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

/// One figure.
#[derive(Serialize)]
pub struct Figure {
    name: String,
    ours: f64,
    peer: Option<f64>,
    unit: &'static str,
}

impl Figure {
    fn new(name: &str, ours: f64, peer: Option<f64>, unit: &'static str) -> Self {
        let round = |number: f64| (number * 100.0).round() / 100.0;
        Self { name: name.to_owned(), ours: round(ours), peer: peer.map(round), unit }
    }
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
    fs::write(&arguments.json, serde_json::to_vec_pretty(&figures)?)
        .with_context(|| format!("write {}", arguments.json.display()))
}

/// The middle one.
fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_median_is_the_middle_whatever_the_order() {
        assert!((super::median(vec![9.0, 1.0, 0.5]) - 1.0).abs() < f64::EPSILON);
    }
}
