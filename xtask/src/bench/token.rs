//! The host with a token, from the list that the journeys' program writes.

use std::fs;

use anyhow::{Context, Result};

use super::{Measure, server};
use crate::repository::{self, root};
use crate::run::run;
use crate::setup::{self, Need};
use crate::under_target;

pub fn measure() -> Result<Vec<Measure>> {
    let tools = setup::prepare(&[Need::TokenTools])?;
    let packages = ["--package", "qcert-journeys", "--package", "qcert-token-shim"];
    run(tools.cargo().arg("build").args(packages))?;
    run(tools.cargo().args(["build", "--release", "--package", "qcert-host"]))?;
    let directory = under_target("bench/token");
    fs::create_dir_all(&directory).context("make the bench's directory")?;
    let (bare, file) = (directory.join("bare"), directory.join("figures.json"));
    run(tools.command("cc").args(["-O2", "-o"]).arg(&bare).arg(root().join("tests/echo/bare.c")))?;
    let mut program = tools.command(&repository::program("token").to_string_lossy());
    program.arg("--host").arg(repository::target().join("release/qcert-host")).arg("--bare").arg(bare);
    run(program.arg("--json").arg(&file))?;
    let text = fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?;
    server::measures(&text).with_context(|| format!("understand {}", file.display()))
}
