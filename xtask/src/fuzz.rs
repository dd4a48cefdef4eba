//! `cargo xtask fuzz`: every parser of somebody else's octets under libFuzzer, for a time.
//!
//! Kept inputs are in `pki/fuzz/corpus`; what a run finds on its way stays under the target directory, where the next
//! run goes on from it.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use clap::Args;

use crate::run::{run, run_quietly};
use crate::setup::{self, Need, Toolbox};
use crate::{repository, under_target};

/// A workspace of its own: `cargo fuzz` builds it with flags of its own.
pub const MANIFEST: &str = "pki/fuzz/Cargo.toml";

/// The targets of `pki/fuzz`.
const TARGETS: [&str; 5] = ["certification_request", "public_key", "certificate", "revocation_list", "ocsp_request"];

#[derive(Args)]
pub struct Options {
    /// How long each parser is tried.
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u32,
    /// Only this one: certification_request, public_key, certificate, revocation_list or ocsp_request.
    #[arg(long, value_name = "NAME", value_parser = TARGETS)]
    target: Option<String>,
}

pub fn run_fuzz(options: &Options) -> Result<()> {
    let tools = setup::prepare(&[Need::Fuzz])?;
    let wanted = |name: &&str| options.target.as_deref().is_none_or(|target| target == *name);
    fuzz(&tools, TARGETS.into_iter().filter(wanted), options.seconds)
}

/// The step of a test run: long enough for the kept inputs, and for a fault that is easily found.
pub fn shortly(tools: &Toolbox) -> Result<()> {
    fuzz(tools, TARGETS.into_iter(), 5)
}

fn fuzz<'a>(tools: &Toolbox, targets: impl Iterator<Item = &'a str>, seconds: u32) -> Result<()> {
    run(&mut cargo_fuzz(tools, "build"))?;
    for target in targets {
        println!("  {target}: {}", fuzz_one(tools, target, seconds)?);
    }
    Ok(())
}

/// Sanitizers want a nightly compiler; without unsafe code, panics and time are what there is to find.
fn cargo_fuzz(tools: &Toolbox, command: &str) -> Command {
    let mut cargo = tools.cargo();
    cargo.args(["fuzz", command, "--sanitizer", "none", "--fuzz-dir"]).arg(directory());
    cargo.arg("--target-dir").arg(under_target("fuzz/build"));
    cargo
}

fn directory() -> PathBuf {
    repository::root().join("pki/fuzz")
}

/// The fuzzer's last word: how many runs it made. It is talkative, so the rest is shown only of a failure.
fn fuzz_one(tools: &Toolbox, target: &str, seconds: u32) -> Result<String> {
    let work = under_target("fuzz");
    let (found, failed) = (work.join("corpus").join(target), work.join("failed").join(target));
    for directory in [&found, &failed] {
        fs::create_dir_all(directory).with_context(|| format!("create {}", directory.display()))?;
    }
    let mut cargo = cargo_fuzz(tools, "run");
    // What is found goes to the first directory; the kept inputs stay as they are.
    cargo.arg(target).arg(&found).arg(directory().join("corpus").join(target)).arg("--");
    // The longest request that the portal takes has 8 KiB.
    cargo.args([&format!("-max_total_time={seconds}"), "-max_len=8192", "-timeout=5", "-print_funcs=0"]);
    cargo.arg(format!("-artifact_prefix={}/", failed.display()));
    let output = run_quietly(&mut cargo).with_context(|| {
        format!("the parser {target} failed; the input is under {}: keep it as a named test", failed.display())
    })?;
    let said = String::from_utf8_lossy(&output.stderr);
    Ok(said.lines().rev().find(|line| line.starts_with("Done ")).unwrap_or("no runs").to_owned())
}
