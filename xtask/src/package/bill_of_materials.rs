//! Software bills of materials: CycloneDX 1.6 as JSON, without a serial number and with the last commit's time, so that the
//! same sources make the same bytes.
//!
//! Written here, and not by `cyclonedx-bom`: it would bring fifty crates to print what `cargo metadata` already said.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use qcert_extension::{Files, digest};
use serde_json::{Value, json};

use super::third_party::{Crates, Key};
use crate::run::run_quietly;
use crate::setup::Toolbox;

/// Of a program: the crates that it is linked with, by whom, and the digests that `Cargo.lock` has of them.
pub fn of_program(name: &str, version: &str, time: &str, crates: &Crates, digests: &BTreeMap<Key, String>) -> String {
    let components = crates.all.iter().map(|(key, it)| {
        let mut component = json!({
            "type": "library", "bom-ref": reference(key), "purl": reference(key), "name": key.0, "version": key.1,
        });
        if !it.licence.is_empty() {
            // Before SPDX had operators, crates wrote a slash.
            component["licenses"] = json!([{"expression": it.licence.replace('/', " OR ")}]);
        }
        if !it.source.is_empty() {
            component["externalReferences"] = json!([{"type": "vcs", "url": it.source}]);
        }
        if let Some(digest) = digests.get(key) {
            component["hashes"] = sha_256(digest);
        }
        component
    });
    let depends = |on: &BTreeSet<Key>| on.iter().map(reference).collect::<Vec<_>>();
    let mut dependencies = vec![json!({"ref": name, "dependsOn": depends(&crates.asked_for)})];
    dependencies
        .extend(crates.all.iter().map(|(key, it)| json!({"ref": reference(key), "dependsOn": depends(&it.needs)})));
    bill(name, version, time, components.collect(), dependencies)
}

/// Of the extension: its files, for it is made of nothing else.
pub fn of_files(name: &str, version: &str, time: &str, files: &Files) -> String {
    let component = |(path, content): (&String, &Vec<u8>)| json!({"type": "file", "bom-ref": path, "name": path, "hashes": sha_256(&digest(content))});
    let dependencies = vec![json!({"ref": name, "dependsOn": []})];
    bill(name, version, time, files.iter().map(component).collect(), dependencies)
}

fn bill(name: &str, version: &str, time: &str, components: Vec<Value>, dependencies: Vec<Value>) -> String {
    let bill = json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": time,
            "component": {
                "type": "application", "bom-ref": name, "name": name, "version": version,
                "licenses": [{"expression": "MIT OR Apache-2.0"}],
            },
        },
        "components": components,
        "dependencies": dependencies,
    });
    format!("{bill:#}\n")
}

fn reference((name, version): &Key) -> String {
    format!("pkg:cargo/{name}@{version}")
}

fn sha_256(digest: &str) -> Value {
    json!([{"alg": "SHA-256", "content": digest}])
}

/// RFC 3339, of seconds since 1970.
pub fn time(tools: &Toolbox, epoch: &str) -> Result<String> {
    let mut date = tools.command("date");
    date.args(["--utc", "+%Y-%m-%dT%H:%M:%SZ", "--date", &format!("@{epoch}")]);
    Ok(String::from_utf8_lossy(&run_quietly(&mut date)?.stdout).trim().to_owned())
}

/// What `Cargo.lock` says of each crate that comes from a registry.
pub fn digests(lock: &str) -> Result<BTreeMap<Key, String>> {
    let mut digests = BTreeMap::new();
    for package in lock.split("[[package]]").skip(1) {
        let value = |name: &str| {
            let line = package.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = \""));
            line.and_then(|line| line.strip_suffix('"')).map(str::to_owned)
        };
        let key = value("name").zip(value("version")).context("Cargo.lock has a package without name or version")?;
        if let Some(digest) = value("checksum") {
            digests.insert(key, digest);
        }
    }
    Ok(digests)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_the_registry() {
        let lock = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nchecksum = \"00ff\"\n\n\
                    [[package]]\nname = \"ours\"\nversion = \"0.1.0\"\n";
        assert_eq!(digests(lock).unwrap(), [(("a".to_owned(), "1.0.0".to_owned()), "00ff".to_owned())].into());
    }

    #[test]
    fn a_bill_of_files_names_each_with_its_digest() {
        let files = Files::from([("worker.js".to_owned(), b"x".to_vec())]);
        let text = of_files("qcert-extension", "0.1.0", "2026-01-01T00:00:00Z", &files);
        let bill: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(bill["components"][0]["name"], "worker.js");
        assert_eq!(bill["components"][0]["hashes"][0]["content"], digest(b"x"));
        assert_eq!(bill["metadata"]["component"]["name"], "qcert-extension");
    }
}
