//! Whose work is inside a package, by which licence: a list, and the licences' texts, as most of them ask for.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::run::run_quietly;
use crate::setup::Toolbox;

/// A package of this workspace, and the target for which it is built.
pub type Part = (&'static str, &'static str);

/// Name and version of a crate.
pub type Key = (String, String);

#[derive(Default)]
pub struct Crates {
    pub all: BTreeMap<Key, Crate>,
    /// Those that our own ask for.
    pub asked_for: BTreeSet<Key>,
}

pub struct Crate {
    /// Those that it is linked with.
    pub needs: BTreeSet<Key>,
    /// An expression of SPDX.
    pub licence: String,
    /// Where its sources are developed.
    pub source: String,
    texts: BTreeSet<String>,
}

/// What `package` has of others, for people.
pub fn notice(tools: &Toolbox, package: &str, parts: &[Part]) -> Result<String> {
    Ok(notice_of(package, &crates(tools, parts)?))
}

/// What these parts are linked with.
pub fn crates(tools: &Toolbox, parts: &[Part]) -> Result<Crates> {
    let mut crates = Crates::default();
    for (package, target) in parts {
        let mut cargo = tools.cargo();
        cargo.args(["metadata", "--format-version", "1", "--locked", "--filter-platform", target]);
        let metadata: Value =
            serde_json::from_slice(&run_quietly(&mut cargo)?.stdout).context("read Cargo's metadata")?;
        collect(&metadata, package, &mut crates)?;
    }
    Ok(crates)
}

/// Adds what `package` is linked with, directly or by others, and that is not of this workspace.
fn collect(metadata: &Value, package: &str, crates: &mut Crates) -> Result<()> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let packages: BTreeMap<String, Value> = list(&metadata["packages"])
        .into_iter()
        .map(|it| (it["id"].as_str().unwrap_or_default().to_owned(), it))
        .collect();
    let nodes: BTreeMap<String, Value> = list(&metadata["resolve"]["nodes"])
        .into_iter()
        .map(|it| (it["id"].as_str().unwrap_or_default().to_owned(), it))
        .collect();
    let start = packages.iter().find(|(_, it)| it["name"] == package).map(|(id, _)| id.clone());
    let mut waiting = vec![start.with_context(|| format!("no package {package}"))?];
    let mut seen = BTreeSet::new();
    while let Some(id) = waiting.pop() {
        if !seen.insert(id.clone()) {
            continue;
        }
        let linked = list(&nodes.get(&id).with_context(|| format!("{id} is not resolved"))?["deps"]);
        // What only builds or tests has no kind `null`.
        let linked = linked.iter().filter(|it| list(&it["dep_kinds"]).iter().any(|kind| kind["kind"].is_null()));
        let linked: Vec<_> = linked.filter_map(|it| it["pkg"].as_str().map(str::to_owned)).collect();
        let needs = linked.iter().filter_map(|id| packages.get(id)).filter(|it| !is_ours(it)).map(key).collect();
        waiting.extend(linked);
        let found = packages.get(&id).with_context(|| format!("{id} is not described"))?;
        if is_ours(found) {
            crates.asked_for.extend(needs);
        } else {
            let texts = licence_texts(Path::new(text(found, "manifest_path")).parent().unwrap_or(Path::new("")))?;
            let (licence, source) = (text(found, "license").to_owned(), text(found, "repository").to_owned());
            crates.all.insert(key(found), Crate { needs, licence, source, texts });
        }
    }
    Ok(())
}

fn is_ours(package: &Value) -> bool {
    package["source"].is_null()
}

fn key(package: &Value) -> Key {
    (text(package, "name").to_owned(), text(package, "version").to_owned())
}

fn text<'a>(package: &'a Value, key: &str) -> &'a str {
    package[key].as_str().unwrap_or_default()
}

/// The licences that lie beside a crate's manifest.
fn licence_texts(directory: &Path) -> Result<BTreeSet<String>> {
    let mut texts = BTreeSet::new();
    for entry in fs::read_dir(directory).with_context(|| format!("list {}", directory.display()))? {
        let path = entry.context("list a crate's files")?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_uppercase();
        let of_a_licence =
            ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE"].iter().any(|it| name.starts_with(it));
        if of_a_licence && path.is_file() {
            let text = fs::read(&path).with_context(|| format!("read {}", path.display()))?;
            let text = String::from_utf8_lossy(&text);
            texts.insert(text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim().to_owned());
        }
    }
    Ok(texts)
}

fn notice_of(package: &str, crates: &Crates) -> String {
    let mut notice = format!("What {package} is linked with.");
    if crates.all.keys().any(|(name, _)| name == "libsqlite3-sys") {
        notice += " SQLite, inside libsqlite3-sys, is in the public domain.";
    }
    notice += "\n\n";
    let mut texts: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for ((name, version), it) in &crates.all {
        let _ = writeln!(notice, "{name} {version}: {}. {}", it.licence, it.source);
        for text in &it.texts {
            texts.entry(text).or_default().push(format!("{name} {version}"));
        }
    }
    for (text, of) in texts {
        let _ = write!(notice, "\n{}\n{}:\n\n{text}\n", "-".repeat(72), of.join(", "));
    }
    notice
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_licence_that_two_crates_share_is_printed_once_with_both_names() {
        let of = |text: &str| Crate {
            needs: BTreeSet::new(),
            licence: "MIT".into(),
            source: "https://x.example".into(),
            texts: [text.into()].into(),
        };
        let all = [(("a".into(), "1.0.0".into()), of("Same")), (("b".into(), "2.0.0".into()), of("Same"))].into();
        let crates = Crates { all, asked_for: BTreeSet::new() };
        let notice = notice_of("qcert-server", &crates);
        assert!(notice.contains("a 1.0.0: MIT. https://x.example\nb 2.0.0: MIT."), "{notice}");
        assert!(notice.ends_with("\na 1.0.0, b 2.0.0:\n\nSame\n"), "{notice}");
    }

    #[test]
    fn what_only_builds_or_tests_and_what_is_ours_is_not_in_the_notice() {
        let here = env!("CARGO_MANIFEST_DIR");
        let package = |name: &str, source: Option<&str>| {
            serde_json::json!({"id": name, "name": name, "version": "1.0.0", "license": "MIT", "repository": null,
                               "source": source, "manifest_path": format!("{here}/Cargo.toml")})
        };
        let needs = |name: &str, kind: Option<&str>| serde_json::json!({"pkg": name, "dep_kinds": [{"kind": kind}]});
        let metadata = serde_json::json!({
            "packages": [package("ours", None), package("linked", Some("registry")), package("below", Some("registry")),
                         package("test", Some("registry"))],
            "resolve": {"nodes": [{"id": "ours", "deps": [needs("linked", None), needs("test", Some("dev"))]},
                                  {"id": "linked", "deps": [needs("below", None)]},
                                  {"id": "below", "deps": []}, {"id": "test", "deps": []}]}
        });
        let mut crates = Crates::default();
        collect(&metadata, "ours", &mut crates).unwrap();
        let key = |name: &str| (name.to_owned(), "1.0.0".to_owned());
        assert_eq!(crates.all.keys().collect::<Vec<_>>(), [&key("below"), &key("linked")]);
        assert_eq!(crates.asked_for, [key("linked")].into());
        assert_eq!(crates.all[&key("linked")].needs, [key("below")].into());
    }
}
