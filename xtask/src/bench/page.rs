//! The page's bytes as a browser fetches them, compressed by brotli at its best (11), beside the smallest Leptos page.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::Measure;
use crate::repository::{locked_version, root};
use crate::run::run_quietly;
use crate::setup::Toolbox;
use crate::{parts, under_target};

/// What a first visit may fetch.
const LIMIT_BYTES: f64 = 140_000.0;
const TOTAL: &str = "page, total";

/// Fetched by those who choose English, and by nobody else.
const ENGLISH: &str = "english";

/// Kinds of files by the ends of their names; the rest is `other` (icons, pictures).
const KINDS: [&str; 4] = ["wasm", "js", "css", "html"];

pub fn sizes(tools: &Toolbox) -> Result<Vec<Measure>> {
    let ours = weigh(tools, &root().join("frontend/dist"))?;
    let hello = under_target("bench/hello");
    write_hello(&hello)?;
    parts::build_with_trunk(tools, &hello)?;
    let theirs = weigh(tools, &hello.join("dist"))?;
    let mut measures = Vec::new();
    for (kind, bytes) in &ours {
        let peer = theirs.get(kind).copied().unwrap_or(0);
        measures.push(Measure::new(format!("page, {kind}"), f64::from(*bytes), "bytes").beside(f64::from(peer)));
    }
    let [ours, theirs] = [ours, theirs].map(|sizes| first_visit(&sizes));
    measures.push(Measure::new(TOTAL, ours, "bytes").beside(theirs));
    Ok(measures)
}

/// Fails when the built page is above its limit.
pub fn check_built(tools: &Toolbox) -> Result<()> {
    let sizes = weigh(tools, &root().join("frontend/dist"))?;
    let (total, english) = (first_visit(&sizes), sizes.get(ENGLISH).context("no English texts in frontend/dist")?);
    println!("the page weighs {total} bytes on the wire, and in English {english} more");
    check_limit(&[Measure::new(TOTAL, total, "bytes")])
}

pub fn check_limit(measures: &[Measure]) -> Result<()> {
    match measures.iter().find(|measure| measure.name == TOTAL) {
        Some(total) if total.ours > LIMIT_BYTES => {
            bail!("the page weighs {} bytes; its limit is {LIMIT_BYTES}", total.ours)
        }
        _ => Ok(()),
    }
}

fn first_visit(sizes: &BTreeMap<&'static str, u32>) -> f64 {
    sizes.iter().filter(|(kind, _)| **kind != ENGLISH).map(|(_, bytes)| f64::from(*bytes)).sum()
}

/// Compressed bytes by kind of file.
fn weigh(tools: &Toolbox, directory: &Path) -> Result<BTreeMap<&'static str, u32>> {
    let mut sizes = BTreeMap::new();
    for file in files(directory)? {
        *sizes.entry(kind(&file)).or_insert(0) += compressed(tools, &file)?;
    }
    Ok(sizes)
}

fn kind(file: &Path) -> &'static str {
    let [name, extension] = [file.file_name(), file.extension()].map(|part| part.unwrap_or_default().to_string_lossy());
    if name.starts_with("english-") {
        return ENGLISH;
    }
    KINDS.into_iter().find(|kind| *kind == extension).unwrap_or("other")
}

fn files(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).with_context(|| format!("list {}", directory.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push(path);
        }
    }
    Ok(found)
}

/// node is there for the page anyway and brings brotli, whose default quality is 11.
fn compressed(tools: &Toolbox, file: &Path) -> Result<u32> {
    const SCRIPT: &str = "const {readFileSync} = require('fs'), {brotliCompressSync} = require('zlib');\
                          console.log(brotliCompressSync(readFileSync(process.argv[1])).length)";
    let output = run_quietly(tools.command("node").args(["-e", SCRIPT]).arg(file))?;
    String::from_utf8_lossy(&output.stdout).trim().parse().context("read the size that node found")
}

/// A Leptos page that says hello, with the same versions, profile and wasm-opt as ours.
fn write_hello(directory: &Path) -> Result<()> {
    let workspace = fs::read_to_string(root().join("Cargo.toml")).context("read Cargo.toml")?;
    let profile = section(&workspace, "[profile.wasm-release]").context("Cargo.toml has no [profile.wasm-release]")?;
    let (leptos, bindgen) = (locked_version("leptos")?, locked_version("wasm-bindgen")?);
    let manifest = format!(
        "[package]\nname = \"hello\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n\
         leptos = {{ version = \"={leptos}\", default-features = false, features = [\"csr\"] }}\n\
         wasm-bindgen = \"={bindgen}\"\n\n{profile}"
    );
    let main = "use leptos::prelude::*;\n\nfn main() {\n    mount_to_body(|| view! { <p>\"Hello, world!\"</p> });\n}\n";
    let index = "<!DOCTYPE html>\n<html>\n  <head>\n    <meta charset=\"utf-8\">\n    <link data-trunk rel=\"rust\" \
                 data-cargo-profile-release=\"wasm-release\" data-wasm-opt=\"z\">\n  </head>\n  <body></body>\n</html>\n";
    fs::create_dir_all(directory.join("src")).with_context(|| format!("create {}", directory.display()))?;
    for (name, text) in [("Cargo.toml", manifest.as_str()), ("src/main.rs", main), ("index.html", index)] {
        fs::write(directory.join(name), text).with_context(|| format!("write {name} of the peer"))?;
    }
    // Every other dependency has our version too.
    fs::copy(root().join("Cargo.lock"), directory.join("Cargo.lock")).context("copy Cargo.lock").map(drop)
}

/// A section of a TOML file, with its heading.
fn section<'a>(toml: &'a str, heading: &str) -> Option<&'a str> {
    let from = &toml[toml.find(heading)?..];
    let end = from[1..].find("\n[").map_or(from.len(), |end| end + 2);
    Some(&from[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peer_is_built_with_our_profile_and_nothing_else_of_ours() {
        let toml = "[profile.dev]\na = 1\n\n[profile.wasm-release]\nlto = \"fat\"\n\n[other]\nb = 2\n";
        assert_eq!(section(toml, "[profile.wasm-release]"), Some("[profile.wasm-release]\nlto = \"fat\"\n\n"));
    }

    #[test]
    fn a_first_visit_is_everything_but_the_english_texts() {
        let names = ["english-0123456789abcdef.txt", "page-0123456789abcdef.js", "favicon.svg", "index.html"];
        let sizes = names.iter().map(|name| (kind(Path::new(name)), 10)).collect::<BTreeMap<_, _>>();
        assert_eq!((sizes.len(), first_visit(&sizes)), (4, 30.0));
    }

    #[test]
    fn a_page_above_the_limit_fails() {
        assert!(check_limit(&[Measure::new(TOTAL, 140_000.0, "bytes")]).is_ok());
        assert!(check_limit(&[Measure::new(TOTAL, 140_001.0, "bytes")]).is_err());
    }
}
