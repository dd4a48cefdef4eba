//! `cargo xtask package`: what an authority installs, in `target/package`.

mod deb;
mod third_party;
pub mod trial;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;

use self::deb::Server;
use crate::run::{run, run_quietly};
use crate::setup::{self, Need, Toolbox};
use crate::{parts, repository, under_target};

#[derive(Args)]
pub struct Options {
    /// Packs the programs of target/debug as they are, and tries the package: lintian, the service's exposure, installation,
    /// start, upgrade, removal, purge, in a copy of this machine that is thrown away. As root.
    #[arg(long = "try")]
    try_it: bool,
}

pub fn run_package(options: &Options) -> Result<()> {
    if options.try_it {
        let tools = setup::prepare(&[Need::Packaging])?;
        parts::build_programs(&tools)?;
        return trial::try_package(&tools);
    }
    let tools = setup::prepare(&[Need::Packaging, Need::PageTools])?;
    parts::build_page(&tools)?;
    let program = build_server(&tools)?;
    let out = under_target("package");
    let server = Server { program: &program, version: &version(), thorough: true };
    let package = server.pack(&tools, &out.join("stage"), &out)?;
    write_sums(&tools, &out, &[&package])?;
    println!("\n{}", package.display());
    Ok(())
}

/// Cargo's version, packed the first time.
fn version() -> String {
    format!("{}-1", env!("CARGO_PKG_VERSION"))
}

/// The server, optimised, with the page inside, and without the paths of the machine that built it.
fn build_server(tools: &Toolbox) -> Result<PathBuf> {
    let places = [(repository::root(), "/usr/src/qcert"), (repository::cargo_home(), "/usr/src/cargo")];
    let shown = |option: &str, (place, name): &(PathBuf, &str)| format!("{option}={}={name}", place.display());
    let rust: Vec<_> = places.iter().map(|place| shown("--remap-path-prefix", place)).collect();
    let c: Vec<_> = places.iter().map(|place| shown("-ffile-prefix-map", place)).collect();
    // A directory of its own: with other flags Cargo would build what the benchmarks measure again, and back.
    let target = under_target("package/build");
    let mut cargo = tools.cargo();
    cargo.args(["build", "--release", "--locked", "--package", "qcert-server", "--target-dir"]).arg(&target);
    run(cargo.env("CARGO_ENCODED_RUSTFLAGS", rust.join("\u{1f}")).env("CFLAGS", c.join(" ")))?;
    Ok(target.join("release/qcert-server"))
}

fn write_sums(tools: &Toolbox, directory: &Path, files: &[&Path]) -> Result<()> {
    let names = files.iter().filter_map(|file| file.file_name());
    let sums = run_quietly(tools.command("sha256sum").current_dir(directory).args(names))?.stdout;
    let list = directory.join("SHA256SUMS");
    fs::write(&list, sums).with_context(|| format!("write {}", list.display()))
}
