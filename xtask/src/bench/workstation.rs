//! The way from a page to the host, from the list that the journeys' program writes.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::{Measure, server};
use crate::repository::{self, root};
use crate::run::run;
use crate::setup::{self, Need, Toolbox};
use crate::{parts, under_target};

pub fn measure() -> Result<Vec<Measure>> {
    let tools = setup::prepare(&[Need::PageTools, Need::Browser, Need::Firefox, Need::TokenTools])?;
    parts::build_page(&tools)?;
    parts::build_programs(&tools)?;
    run(tools.cargo().args(["build", "--release", "--package", "qcert-host"]))?;
    let directory = under_target("bench/workstation");
    fs::create_dir_all(&directory).context("make the bench's directory")?;
    let (echo, readers) = build_peer(&tools, &directory)?;
    let file = directory.join("figures.json");
    let mut program = tools.command(&repository::program("workstation").to_string_lossy());
    program.arg("--host").arg(repository::target().join("release/qcert-host")).arg("--echo-host").arg(echo);
    run(program.arg("--readers").arg(readers).arg("--json").arg(&file))?;
    let text = fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?;
    server::measures(&text).with_context(|| format!("understand {}", file.display()))
}

/// The bare host and the module with many readers: one file each, for nothing else.
fn build_peer(tools: &Toolbox, directory: &Path) -> Result<(PathBuf, PathBuf)> {
    let sources = root().join("tests/echo");
    let (host, readers) = (directory.join("echo-host"), directory.join("readers.so"));
    let mut rustc = tools.command("rustc");
    run(rustc.args(["-O", "--edition", "2024"]).arg(sources.join("host.rs")).arg("-o").arg(&host))?;
    let mut cc = tools.command("cc");
    run(cc.args(["-O2", "-shared", "-fPIC"]).arg(sources.join("readers.c")).arg("-o").arg(&readers))?;
    Ok((host, readers))
}
