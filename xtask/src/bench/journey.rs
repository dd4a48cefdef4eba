//! The journey's own numbers, from the `journey.json` that a walk leaves.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use super::Measure;
use crate::demo;
use crate::setup::Toolbox;

/// Fields of `bench` in `journey.json`: what they are called here, and their unit.
const NUMBERS: [(&str, &str, &str); 4] = [
    ("host_first_ms", "page → host → page, first", "ms"),
    ("host_later_ms", "page → host → page, later", "ms"),
    ("server_rss_kib", "resident memory of the server", "KiB"),
    ("host_rss_kib", "resident memory of the host", "KiB"),
];

/// Walks once, leaving the walk's files in `directory`.
pub fn measure(tools: &Toolbox, directory: &Path) -> Result<Vec<Measure>> {
    demo::walk(tools, directory)?;
    let file = directory.join("journey.json");
    let text = fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?;
    let journey: Value = serde_json::from_str(&text).with_context(|| format!("read {}", file.display()))?;
    measures(&journey).with_context(|| format!("understand {}", file.display()))
}

fn measures(journey: &Value) -> Result<Vec<Measure>> {
    let mut measures = Vec::new();
    for (field, name, unit) in NUMBERS {
        match journey["bench"][field].as_f64() {
            Some(number) => measures.push(Measure::new(name, rounded(number), unit)),
            None => println!("Not measured by this walk: {name} (bench.{field} in journey.json)"),
        }
    }
    for step in journey["steps"].as_array().context("it has no list steps")? {
        let name = step["name"].as_str().context("a step has no name")?;
        let milliseconds = step["milliseconds"].as_f64().context("a step has no milliseconds")?;
        measures.push(Measure::new(format!("step: {name}"), rounded(milliseconds), "ms"));
    }
    Ok(measures)
}

fn rounded(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_number_that_a_walk_did_not_take_is_left_out_and_a_walk_without_steps_is_refused() {
        let bench =
            json!({"host_first_ms": 21.04, "host_later_ms": 1.4, "server_rss_kib": 20480, "host_rss_kib": 4096});
        let journey = json!({"bench": bench, "steps": [{"name": "sign-in", "milliseconds": 310}]});
        let found = measures(&journey).unwrap();
        assert_eq!((found[0].ours, found[4].name.as_str()), (21.0, "step: sign-in"));
        assert_eq!(measures(&json!({"steps": []})).unwrap().len(), 0);
        assert!(measures(&json!({"bench": {}})).is_err());
    }
}
