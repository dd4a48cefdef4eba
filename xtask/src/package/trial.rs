//! What becomes of a machine on which a package is installed, as far as a machine can be made of this one: see `machine`.

mod machine;
mod server;
mod workstation;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::version;
use crate::run::run_quietly;
use crate::setup::{Need, Toolbox, is_root};
use crate::under_target;

pub const NEEDS: &[Need] =
    &[Need::Packaging, Need::PageTools, Need::ExtensionTools, Need::Browser, Need::Firefox, Need::TokenTools];

/// Tries packages of the unoptimised programs in target/debug.
pub fn try_packages(tools: &Toolbox) -> Result<()> {
    let directory = under_target("package/try");
    let (of_server, of_workstation) = (directory.join("server"), directory.join("workstation"));
    server::prepare(tools, &of_server)?;
    workstation::prepare(tools, &of_workstation)?;
    if !is_root() {
        println!(
            "\nNot tried: installing them, which takes root. As root, in this directory:\n\n    cargo xtask package --try\n"
        );
        return Ok(());
    }
    server::install(&of_server)?;
    workstation::install(tools, &of_workstation)
}

/// A directory with nothing in it.
fn empty(directory: &Path) -> Result<()> {
    if directory.exists() {
        fs::remove_dir_all(directory).with_context(|| format!("empty {}", directory.display()))?;
    }
    fs::create_dir_all(directory).with_context(|| format!("make {}", directory.display()))
}

/// The same package as a later version, with settings that its maker has changed.
fn later(tools: &Toolbox, package: &Path, stage: &Path, settings: &str, out: &Path) -> Result<()> {
    run_quietly(tools.command("dpkg-deb").arg("--raw-extract").args([package, stage]))?;
    let control = stage.join("DEBIAN/control");
    let text = fs::read_to_string(&control).context("read the package's control file")?;
    let text = text.replace(&format!("Version: {}\n", version()), "Version: 99.0.0-1\n");
    fs::write(&control, text).context("write the later package's control file")?;
    let settings = stage.join(settings);
    let text = fs::read_to_string(&settings).context("read the package's settings")?;
    fs::write(&settings, text + "# Of a later version.\n").context("write the later package's settings")?;
    run_quietly(tools.command("dpkg-deb").args(["--root-owner-group", "-z0", "--build"]).args([stage, out])).map(drop)
}

fn same(what: &str, found: &str, wanted: &str) -> Result<()> {
    ensure!(found == wanted, "{what}:\n{found}\n\nwas to be:\n{wanted}");
    Ok(())
}

fn tried(what: &str) {
    println!("  {what}");
}
