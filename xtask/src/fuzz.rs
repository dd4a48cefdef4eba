//! `cargo xtask fuzz`: every parser of somebody else's octets under libFuzzer, for a time.
//!
//! Kept inputs are in `pki/fuzz/corpus`; what a run finds on its way stays under the target directory, where the next
//! run goes on from it.

use std::fs;

use anyhow::{Context, Result};
use clap::Args;

use crate::run::run;
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
    let wanted = |name: &&&str| options.target.as_deref().is_none_or(|target| target == **name);
    TARGETS.iter().filter(wanted).try_for_each(|target| fuzz(&tools, target, options.seconds))
}

/// The step of a test run: long enough for the kept inputs, and for a fault that is easily found.
pub fn shortly(tools: &Toolbox) -> Result<()> {
    TARGETS.iter().try_for_each(|target| fuzz(tools, target, 5))
}

fn fuzz(tools: &Toolbox, target: &str, seconds: u32) -> Result<()> {
    let work = under_target("fuzz");
    let (found, failed) = (work.join("corpus").join(target), work.join("failed").join(target));
    for directory in [&found, &failed] {
        fs::create_dir_all(directory).with_context(|| format!("create {}", directory.display()))?;
    }
    let fuzz = repository::root().join("pki/fuzz");
    let mut cargo = tools.cargo();
    // Sanitizers want a nightly compiler; without unsafe code, panics and time are what there is to find.
    cargo.args(["fuzz", "run", "--sanitizer", "none", "--fuzz-dir"]).arg(&fuzz);
    cargo.arg("--target-dir").arg(work.join("build")).arg(target);
    // What is found goes to the first directory; the kept inputs stay as they are.
    cargo.arg(&found).arg(fuzz.join("corpus").join(target)).arg("--");
    // The longest request that the portal takes has 8 KiB.
    cargo.args([&format!("-max_total_time={seconds}"), "-max_len=8192", "-timeout=5", "-verbosity=0"]);
    let prefix = format!("-artifact_prefix={}/", failed.display());
    run(cargo.arg(prefix)).with_context(|| {
        format!("the parser {target} failed; the input is under {}: keep it as a named test", failed.display())
    })
}
