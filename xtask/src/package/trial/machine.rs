//! A copy of this machine with a systemd of its own, thrown away at the end: what is installed there is not installed here.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{fs, thread};

use anyhow::{Context, Result, bail, ensure};

use crate::repository;
use crate::run::run_quietly;

const SCRIPT: &str = include_str!("machine.sh");

pub struct Machine {
    /// `unshare`; the machine ends with it.
    outside: Child,
    /// The machine's first process, as it is called here.
    first: String,
}

impl Machine {
    /// Boots one in which `files` are at /srv/trial and `prepare` was done before, without a running systemd.
    pub fn boot(directory: &Path, files: &Path, prepare: &str) -> Result<Self> {
        let (script, memory) = (directory.join("machine.sh"), directory.join("memory"));
        fs::create_dir_all(&memory).with_context(|| format!("make {}", memory.display()))?;
        fs::write(&script, SCRIPT).with_context(|| format!("write {}", script.display()))?;
        let mut command = Command::new("sh");
        command.env("CLONE", repository::root()).env("TARGET", repository::target());
        command.arg(&script).args([&memory, files]).arg(prepare).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut outside = command.spawn().context("start sh")?;
        let mut said = String::new();
        if let Some(stdout) = outside.stdout.take() {
            BufReader::new(stdout).read_line(&mut said).context("listen to the machine")?;
        }
        let children = format!("/proc/{0}/task/{0}/children", outside.id());
        let first = fs::read_to_string(&children).unwrap_or_default().trim().to_owned();
        let machine = Self { outside, first };
        ensure!(said.trim() == "booting", "no machine could be made of this one; what it said stands above");
        machine.wait_until_running()?;
        Ok(machine)
    }

    fn wait_until_running(&self) -> Result<()> {
        for _ in 0..300 {
            let said = self.command("systemctl is-system-running || true").output().context("start nsenter")?.stdout;
            // A service of the machine's that does not like it here is not what is tried.
            if matches!(String::from_utf8_lossy(&said).trim(), "running" | "degraded") {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(100));
        }
        bail!("the machine's systemd did not come up in half a minute");
    }

    /// What a script printed that must succeed there.
    pub fn run(&self, script: &str) -> Result<String> {
        let output = run_quietly(&mut self.command(script))?;
        Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    }

    /// What a script printed that must fail there.
    pub fn fails(&self, script: &str) -> Result<String> {
        let output = self.command(script).stdin(Stdio::null()).output().context("start nsenter")?;
        ensure!(!output.status.success(), "this had to fail: {script}");
        Ok(format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)))
    }

    fn command(&self, script: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.first, "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup"]);
        command.args(["--root", "--wd", "sh", "-euc", script]);
        command.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin").env("LC_ALL", "C.UTF-8");
        command
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.outside.kill();
        let _ = self.outside.wait();
        // The last of its processes may take a moment.
        for tree in ["/sys/fs/cgroup/qcert-trial", "/sys/fs/cgroup/unified/qcert-trial"] {
            for _ in 0..50 {
                if !Path::new(tree).exists() {
                    break;
                }
                let _ = Command::new("find").args([tree, "-depth", "-type", "d", "-exec", "rmdir", "{}", "+"]).output();
                thread::sleep(Duration::from_millis(100));
            }
        }
    }
}
