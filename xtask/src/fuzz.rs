//! `cargo xtask fuzz`: every parser of somebody else's octets under libFuzzer, for a time.
//!
//! Kept inputs are in `corpus` beside the targets; what a run finds on its way stays under the target directory, where the next
//! run goes on from it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use clap::Args;

use crate::run::{run, run_quietly};
use crate::setup::{self, Need, Toolbox};
use crate::{repository, under_target};

/// Workspaces of their own: `cargo fuzz` builds them with flags of its own.
pub const MANIFESTS: [&str; 2] = ["pki/fuzz/Cargo.toml", "native-host/fuzz/Cargo.toml"];

/// The targets, and the folder of each.
const TARGETS: [(&str, &str); 6] = [
    ("certification_request", "pki/fuzz"),
    ("public_key", "pki/fuzz"),
    ("certificate", "pki/fuzz"),
    ("revocation_list", "pki/fuzz"),
    ("ocsp_request", "pki/fuzz"),
    ("frames", "native-host/fuzz"),
];

#[derive(Args)]
pub struct Options {
    /// How long each parser is tried.
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u32,
    /// Only this one: certification_request, public_key, certificate, revocation_list, ocsp_request or frames.
    #[arg(long, value_name = "NAME", value_parser = TARGETS.map(|(name, _)| name))]
    target: Option<String>,
}

pub fn run_fuzz(options: &Options) -> Result<()> {
    let tools = setup::prepare(&[Need::Fuzz])?;
    let wanted = |(name, _): &(&str, &str)| options.target.as_deref().is_none_or(|target| target == *name);
    fuzz(&tools, &TARGETS.into_iter().filter(wanted).collect::<Vec<_>>(), options.seconds)
}

/// The step of a test run: long enough for the kept inputs, and for a fault that is easily found.
pub fn shortly(tools: &Toolbox) -> Result<()> {
    fuzz(tools, &TARGETS, 5)
}

fn fuzz(tools: &Toolbox, targets: &[(&str, &str)], seconds: u32) -> Result<()> {
    for (target, folder) in targets {
        run(cargo_fuzz(tools, "build", folder).arg(target))?;
        println!("  {target}: {}", fuzz_one(tools, target, folder, seconds)?);
    }
    Ok(())
}

/// Sanitizers want a nightly compiler; without unsafe code, panics and time are what there is to find.
fn cargo_fuzz(tools: &Toolbox, command: &str, folder: &str) -> Command {
    let mut cargo = tools.cargo();
    cargo.args(["fuzz", command, "--sanitizer", "none", "--fuzz-dir"]).arg(directory(folder));
    cargo.arg("--target-dir").arg(under_target("fuzz/build"));
    cargo
}

fn directory(folder: &str) -> PathBuf {
    repository::root().join(folder)
}

/// The fuzzer's last word: how many runs it made. It is talkative, so the rest is shown only of a failure.
fn fuzz_one(tools: &Toolbox, target: &str, folder: &str, seconds: u32) -> Result<String> {
    let work = under_target("fuzz");
    let (found, failed) = (work.join("corpus").join(target), work.join("failed").join(target));
    for directory in [&found, &failed] {
        fs::create_dir_all(directory).with_context(|| format!("create {}", directory.display()))?;
    }
    let mut cargo = cargo_fuzz(tools, "run", folder);
    // What is found goes to the first directory; the kept inputs stay as they are.
    cargo.arg(target).arg(&found).arg(directory(folder).join("corpus").join(target)).arg("--");
    // The longest request that the portal takes has 8 KiB.
    cargo.args([&format!("-max_total_time={seconds}"), "-max_len=8192", "-timeout=5", "-print_funcs=0"]);
    cargo.arg(format!("-artifact_prefix={}/", failed.display()));
    let output = run_quietly(&mut cargo).with_context(|| {
        format!("the parser {target} failed; the input is under {}: keep it as a named test", failed.display())
    })?;
    let said = String::from_utf8_lossy(&output.stderr);
    Ok(said.lines().rev().find(|line| line.starts_with("Done ")).unwrap_or("no runs").to_owned())
}
