//! Figures of a measurement, as `cargo xtask bench` reads them.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use serde::Serialize;

/// One figure, and that of a peer if there is one.
#[derive(Serialize)]
pub struct Figure {
    name: String,
    ours: f64,
    peer: Option<f64>,
    unit: &'static str,
}

impl Figure {
    /// Two digits behind the point are all that is told.
    pub fn new(name: &str, ours: f64, peer: Option<f64>, unit: &'static str) -> Self {
        let round = |number: f64| (number * 100.0).round() / 100.0;
        Self { name: name.to_owned(), ours: round(ours), peer: peer.map(round), unit }
    }
}

/// Writes figures as a list.
///
/// # Errors
/// Those of the file system.
pub fn write(file: &Path, figures: &[Figure]) -> Result<()> {
    fs::write(file, serde_json::to_vec_pretty(figures)?).with_context(|| format!("write {}", file.display()))
}

/// The middle one.
pub fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_the_middle_whatever_the_order() {
        assert!((median(vec![9.0, 1.0, 0.5]) - 1.0).abs() < f64::EPSILON);
    }

    #[test]
    fn a_figure_is_told_with_two_digits() {
        let Figure { ours, peer, .. } = Figure::new("a", 1.004, Some(2.006), "ms");
        assert!((ours - 1.0).abs() < f64::EPSILON && (peer.unwrap() - 2.01).abs() < f64::EPSILON);
    }
}
