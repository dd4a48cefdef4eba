//! The server's figures, from the list that the load's program writes.

use std::fs;

use anyhow::{Context, Result};
use serde_json::Value;

use super::Measure;
use crate::run::run;
use crate::setup::{self, Need};
use crate::{torture, under_target};

pub fn measure() -> Result<Vec<Measure>> {
    let tools = setup::prepare(&[Need::Postgres, Need::ServerPeers])?;
    let file = under_target("bench/server.json");
    fs::create_dir_all(under_target("bench")).context("make the benches' directory")?;
    run(torture::load(&tools)?.args(["bench", "--json"]).arg(&file))?;
    let text = fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?;
    measures(&text).with_context(|| format!("understand {}", file.display()))
}

/// A list as both programs write it.
pub(super) fn measures(text: &str) -> Result<Vec<Measure>> {
    let list: Vec<Value> = serde_json::from_str(text).context("not a list")?;
    list.iter().map(|figure| one(figure).with_context(|| format!("not a figure: {figure}"))).collect()
}

fn one(figure: &Value) -> Option<Measure> {
    let measure = Measure::new(figure["name"].as_str()?, figure["ours"].as_f64()?, figure["unit"].as_str()?);
    Some(match figure["peer"].as_f64() {
        Some(peer) => measure.beside(peer),
        None => measure,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_with_a_peer_and_one_without_are_read_and_anything_else_is_refused() {
        let found = measures(
            r#"[{"name": "a", "ours": 2, "peer": 4.0, "unit": "s"}, {"name": "b", "ours": 1, "peer": null, "unit": "s"}]"#,
        );
        let found = found.unwrap();
        assert_eq!((found[0].ratio(), found[1].ratio()), (Some(0.5), None));
        assert!(measures(r#"[{"name": "a"}]"#).is_err());
    }
}
