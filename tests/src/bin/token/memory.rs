//! Resident memory of the host and of a worker beside its module, idle and after a journey: what a bare process with the
//! same module takes is the module's.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Child, Stdio},
};

use anyhow::{Context, Result, ensure};
use qcert_journeys::{figure::Figure, token::SOFTHSM};
use serde_json::json;

use super::{
    Arguments, authority,
    host::{Computer, Host, token_id},
    pair,
};

/// In MiB.
pub fn measure(arguments: &Arguments) -> Result<Vec<Figure>> {
    let computer = Computer::with(&[SOFTHSM.into()])?;
    authority::found(&computer)?;
    let bare = Bare::start(arguments, &computer)?;
    let module = resident(bare.0.id())?;
    let mut host = Host::start(&computer, &arguments.host)?;
    let mut figures = vec![Figure::new("memory of the host, idle", resident(host.process())?, None, "MiB")];
    let token = token_id(&host.ask("watchTokens", json!({"on": true}), false)?)?;
    let worker = worker_of(host.process())?;
    figures.push(Figure::new("memory of a worker beside its module, idle", resident(worker)? - module, None, "MiB"));
    pair::round(&mut host, &computer, &token)?;
    ensure!(worker == worker_of(host.process())?, "the worker was started again");
    figures.push(Figure::new("memory of the host after a journey", resident(host.process())?, None, "MiB"));
    let grown = resident(worker)? - module;
    figures.push(Figure::new("memory of a worker beside its module, after a journey", grown, None, "MiB"));
    figures.push(Figure::new("memory of a bare process with the module", module, None, "MiB"));
    Ok(figures)
}

/// A process that has loaded the module.
struct Bare(Child);

impl Bare {
    fn start(arguments: &Arguments, computer: &Computer) -> Result<Self> {
        let mut command = computer.command(&arguments.bare);
        command.arg(SOFTHSM).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut this = Self(command.spawn().context("start the bare process")?);
        let mut line = String::new();
        let told = this.0.stdout.take().context("it has no stdout")?;
        BufReader::new(told).read_line(&mut line).context("hear the bare process")?;
        ensure!(line == "ready\n", "the bare process says {line:?}");
        Ok(this)
    }
}

impl Drop for Bare {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// VmRSS of proc(5).
fn resident(process: u32) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).context("read a process's memory")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kibibytes: f64 = line.trim().trim_end_matches(" kB").parse().context("read VmRSS")?;
    Ok(kibibytes / 1024.0)
}

/// The only child of the host, whichever of its threads has started it.
fn worker_of(host: u32) -> Result<u32> {
    let mut children = Vec::new();
    for task in fs::read_dir(format!("/proc/{host}/task")).context("look at the host's threads")? {
        let listed = fs::read_to_string(task?.path().join("children")).context("list a thread's children")?;
        children.extend(listed.split_whitespace().map(str::to_owned));
    }
    ensure!(children.len() == 1, "{} workers, not one", children.len());
    children[0].parse().context("read a process's number")
}
