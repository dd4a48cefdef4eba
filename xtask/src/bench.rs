//! `cargo xtask bench`: numbers, each beside a peer's where there is one. docs/performance.md keeps a run of it.

mod journey;
pub mod page;
mod server;
mod token;
mod workstation;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Subcommand;
use serde_json::{Value, json};

use crate::setup::{self, Need};
use crate::{parts, under_target};

#[derive(Subcommand)]
pub enum Subject {
    /// The page's bytes on the wire beside a Leptos hello-world built the same way, the round trips to the host, the
    /// journey's steps, the memory of server and host. Fails when the page is above its limit.
    Page {
        /// Also writes the numbers as a list of {"name","ours","peer","ratio","unit"}.
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
    },
    /// Certificates a second, what one costs and how long it takes, on SQLite and on PostgreSQL, beside `cfssl serve`;
    /// the same with a million certificates; OCSP answers beside `openssl ocsp`; memory. About ten minutes.
    Server {
        /// Also writes the numbers as a list of {"name","ours","peer","ratio","unit"}.
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
    },
    /// Key pair, request and certificate through the host, beside the same PKCS#11 calls made directly and beside
    /// pkcs11-tool and openssl; the host's start; the first list of tokens, also with a module that hangs; memory.
    Token {
        /// Also writes the numbers as a list of {"name","ours","peer","ratio","unit"}.
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
    },
    /// From a page to the host and back, beside a bare echo extension and host in the same browser: the first call, later
    /// ones, 100 KB; the journey's own time in Chromium and Firefox; the memory of the extension.
    Workstation {
        /// Also writes the numbers as a list of {"name","ours","peer","ratio","unit"}.
        #[arg(long, value_name = "FILE")]
        json: Option<PathBuf>,
    },
}

/// One number.
pub struct Measure {
    name: String,
    ours: f64,
    peer: Option<f64>,
    unit: String,
}

impl Measure {
    fn new(name: impl Into<String>, ours: f64, unit: impl Into<String>) -> Self {
        Self { name: name.into(), ours, peer: None, unit: unit.into() }
    }

    fn beside(self, peer: f64) -> Self {
        Self { peer: Some(peer), ..self }
    }

    fn ratio(&self) -> Option<f64> {
        self.peer.filter(|peer| *peer > 0.0).map(|peer| (self.ours / peer * 100.0).round() / 100.0)
    }

    fn json(&self) -> Value {
        json!({"name": self.name, "ours": self.ours, "peer": self.peer, "ratio": self.ratio(), "unit": self.unit})
    }
}

pub fn run_subject(subject: &Subject) -> Result<()> {
    match subject {
        Subject::Page { json } => {
            let measures = page_measures()?;
            tell(&measures, json.as_deref())?;
            page::check_limit(&measures)
        }
        Subject::Server { json } => tell(&server::measure()?, json.as_deref()),
        Subject::Token { json } => tell(&token::measure()?, json.as_deref()),
        Subject::Workstation { json } => tell(&workstation::measure()?, json.as_deref()),
    }
}

fn page_measures() -> Result<Vec<Measure>> {
    let tools = setup::prepare(&[Need::PageTools, Need::Browser, Need::TokenTools])?;
    parts::build_page(&tools)?;
    let sizes = page::sizes(&tools)?;
    parts::build_programs(&tools)?;
    let walked = journey::measure(&tools, &under_target("bench/journey"))?;
    Ok(sizes.into_iter().chain(walked).collect())
}

fn tell(measures: &[Measure], json: Option<&Path>) -> Result<()> {
    print(measures);
    json.map_or(Ok(()), |file| write(file, measures))
}

/// A table for Markdown and for eyes.
fn print(measures: &[Measure]) {
    let width = measures.iter().map(|measure| measure.name.chars().count()).max().unwrap_or(0);
    println!("\n| {:width$} | {:>9} | {:>9} | {:>5} | {:5} |", "", "Qcert", "peer", "ratio", "unit");
    println!("|-{:-<width$}-|-{:->9}:|-{:->9}:|-{:->5}:|-{:-<5}-|", "", "", "", "", "");
    for measure in measures {
        let [peer, ratio] = [measure.peer, measure.ratio()].map(|it| it.map_or_else(String::new, |it| it.to_string()));
        println!("| {:width$} | {:>9} | {peer:>9} | {ratio:>5} | {:5} |", measure.name, measure.ours, measure.unit);
    }
}

fn write(file: &Path, measures: &[Measure]) -> Result<()> {
    let list: Vec<Value> = measures.iter().map(Measure::json).collect();
    let text = serde_json::to_string_pretty(&list).context("write the numbers as JSON")?;
    fs::write(file, text + "\n").with_context(|| format!("write {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_without_a_peer_has_no_ratio() {
        let alone = Measure::new("memory", 12.0, "MiB").json();
        assert_eq!(alone, json!({"name": "memory", "ours": 12.0, "peer": null, "ratio": null, "unit": "MiB"}));
        assert_eq!(Measure::new("page", 30.0, "bytes").beside(20.0).json()["ratio"], json!(1.5));
    }
}
