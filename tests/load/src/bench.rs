//! The server's figures: certificates from request to file, on each store, beside `cfssl serve`, in one run on one
//! machine. Every figure is a median of rounds in which the programs take turns.
//!
//! What is counted is the time on the processors of the servers alone; the load's own program shares the machine with
//! all of them alike.

mod crowd;
mod floor;
mod ocsp;
mod peer;
mod stand;

use std::{fs, path::Path, time::Duration};

use anyhow::{Context, Result, anyhow};
use serde_json::json;

use crate::{
    clock::Stopwatch,
    load::{Pace, Run},
};
use peer::Cfssl;
use stand::Stand;

/// Connections in a closed loop.
const CONNECTIONS: usize = 32;
/// Connections in an open loop: more than wait at a time.
const WAITING: usize = 96;
/// Certificates in the registry before anything is measured, and for the second measurement.
const SMALL: u32 = 1_000;
const LARGE: u32 = 1_000_000;

/// How long the measurement is.
#[derive(Clone, Debug)]
pub struct Extent {
    /// Rounds of which the median is taken.
    pub rounds: usize,
    /// Certificates in a round.
    pub certificates: u32,
    /// Certificates in the large registry.
    pub large: u32,
    /// Nothing but certificates in a small registry: a quick look, or the time to take a profile in.
    pub issuance_only: bool,
    /// Settings of PostgreSQL's, as `NAME=VALUE`, besides those that it has by itself.
    pub postgres: Vec<String>,
}

impl Default for Extent {
    fn default() -> Self {
        Self { rounds: 3, certificates: 2_000, large: LARGE, issuance_only: false, postgres: Vec::new() }
    }
}

/// One figure.
#[derive(Clone, Debug)]
pub struct Figure {
    name: String,
    ours: f64,
    peer: Option<f64>,
    unit: &'static str,
}

impl Figure {
    fn new(name: impl Into<String>, ours: f64, unit: &'static str) -> Self {
        Self { name: name.into(), ours: rounded(ours), peer: None, unit }
    }

    fn beside(self, peer: f64) -> Self {
        Self { peer: Some(rounded(peer)), ..self }
    }
}

/// What one round showed.
#[derive(Clone, Copy, Debug)]
struct Round {
    /// Certificates a second.
    throughput: f64,
    /// Time on the processors per certificate, in microseconds.
    cost: f64,
}

impl Round {
    fn of(run: &Run, spent: Duration) -> Self {
        Self { throughput: run.throughput(), cost: spent.as_secs_f64() * 1e6 / run.latencies.len().max(1) as f64 }
    }
}

/// Measures everything; writes a list of `{"name","ours","peer","unit"}`.
///
/// # Errors
/// When a program is missing or fails, or does not keep what it commits.
pub fn measure(directory: &Path, extent: &Extent, file: &Path) -> Result<()> {
    let mut figures = if extent.issuance_only { Vec::new() } else { floor::measure()? };
    let peer = Cfssl::start(&directory.join("cfssl"))?;
    let mut stands = Stand::all(directory, &extent.postgres)?;
    let small = rounds(&peer, &mut stands, extent)?;
    for (stand, rounds) in stands.iter().zip(&small.ours) {
        let name = stand.name();
        figures.push(
            Figure::new(format!("issue.throughput.{name}"), throughput(rounds), "1/s").beside(throughput(&small.peer)),
        );
        figures.push(Figure::new(format!("issue.cpu.{name}"), cost(rounds), "µs").beside(cost(&small.peer)));
    }
    if extent.issuance_only {
        return write(file, &figures);
    }
    for (stand, ours) in stands.iter_mut().zip(&small.ours) {
        figures.extend(at_half_load(&peer, stand, throughput(&small.peer), throughput(ours), extent)?);
        figures.push(Figure::new(format!("memory.{}", stand.name()), stand.memory()?, "KiB").beside(peer.memory()?));
    }
    figures.extend(ocsp::measure(&mut stands, directory)?);
    fill(&mut stands, extent.large)?;
    let large = rounds(&peer, &mut stands, extent)?;
    for ((stand, small), large) in stands.iter().zip(&small.ours).zip(&large.ours) {
        let name = format!("{}.{}", stand.name(), size(extent.large));
        figures
            .push(Figure::new(format!("issue.throughput.{name}"), throughput(large), "1/s").beside(throughput(small)));
        figures.push(Figure::new(format!("issue.cpu.{name}"), cost(large), "µs").beside(cost(small)));
        figures.push(Figure::new(format!("memory.{name}"), stand.memory()?, "KiB"));
    }
    write(file, &figures)
}

/// Fills all registries at once, for one waits for the disk while another computes.
fn fill(stands: &mut [Stand], count: u32) -> Result<()> {
    let stopwatch = Stopwatch::start();
    std::thread::scope(|scope| {
        let filling: Vec<_> = stands.iter_mut().map(|stand| scope.spawn(move || stand.fill(count))).collect();
        let filled: Vec<_> = filling.into_iter().map(|thread| thread.join()).collect();
        filled.into_iter().try_for_each(|filled| filled.map_err(|_| anyhow!("a thread panicked"))?)
    })?;
    println!("{count} certificates in {:.0} s", stopwatch.elapsed().as_secs_f64());
    stands.iter_mut().try_for_each(|stand| stand.begin_again())
}

/// How a registry is called that has so many certificates.
fn size(certificates: u32) -> String {
    if certificates == LARGE { "million".to_owned() } else { certificates.to_string() }
}

/// The rounds of all programs, taking turns.
struct Rounds {
    peer: Vec<Round>,
    ours: Vec<Vec<Round>>,
}

fn rounds(peer: &Cfssl, stands: &mut [Stand], extent: &Extent) -> Result<Rounds> {
    let mut rounds = Rounds { peer: Vec::new(), ours: stands.iter().map(|_| Vec::new()).collect() };
    for _ in 0..extent.rounds {
        let round = peer.round(extent.certificates, CONNECTIONS, Pace::Closed)?.0;
        println!("cfssl: {:.0} a second, {:.0} µs each", round.throughput, round.cost);
        rounds.peer.push(round);
        for (stand, ours) in stands.iter_mut().zip(&mut rounds.ours) {
            let round = stand.round(extent.certificates, CONNECTIONS, Pace::Closed)?.0;
            println!("{}: {:.0} a second, {:.0} µs each", stand.name(), round.throughput, round.cost);
            ours.push(round);
        }
    }
    Ok(rounds)
}

/// How long one takes when half of what would be possible is asked, each of its own possible.
fn at_half_load(peer: &Cfssl, stand: &mut Stand, theirs: f64, ours: f64, extent: &Extent) -> Result<Vec<Figure>> {
    let half = |throughput: f64| Pace::Every(Duration::from_secs_f64(2.0 / throughput));
    let theirs = peer.round(extent.certificates, WAITING, half(theirs))?.1;
    let ours = stand.round(extent.certificates, WAITING, half(ours))?.1;
    let figure = |part: f64, word: &str| {
        Figure::new(format!("issue.{word}.{}", stand.name()), ours.percentile(part), "ms")
            .beside(theirs.percentile(part))
    };
    Ok(vec![figure(0.5, "p50"), figure(0.99, "p99")])
}

fn throughput(rounds: &[Round]) -> f64 {
    median(rounds.iter().map(|round| round.throughput))
}

fn cost(rounds: &[Round]) -> f64 {
    median(rounds.iter().map(|round| round.cost))
}

fn median(numbers: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = numbers.collect();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

/// Three digits that count are more than the machine repeats.
fn rounded(number: f64) -> f64 {
    if number >= 100.0 { number.round() } else { (number * 10.0).round() / 10.0 }
}

fn write(file: &Path, figures: &[Figure]) -> Result<()> {
    let list = figures
        .iter()
        .map(|figure| json!({"name": figure.name, "ours": figure.ours, "peer": figure.peer, "unit": figure.unit}));
    let text = serde_json::to_string_pretty(&list.collect::<Vec<_>>()).context("write the figures as JSON")?;
    fs::write(file, text).with_context(|| format!("write {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_not_moved_by_one_bad_round() {
        assert!((median([3.0, 100.0, 2.0].into_iter()) - 3.0).abs() < f64::EPSILON);
    }
}
