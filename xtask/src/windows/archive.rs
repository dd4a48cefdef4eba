//! The archive for workstations with Windows: made twice, installed twice, seen by the doctor, removed without a trace.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::Wine;
use crate::package::windows::Archive;
use crate::run::run_quietly;
use crate::setup::{Toolbox, is_root};

const ORIGIN: &str = "https://qcert.example";
const DOCTOR: [&str; 2] = [r"C:\Program Files\Qcert\qcert-host.exe", "doctor"];

pub fn try_archive(tools: &Toolbox, wine: &Wine<'_>, program: &Path) -> Result<()> {
    let ids = ["janafhkdmnhiphgcpjmeohjibkidkkib".to_owned(), "abcdefghijklmnopabcdefghijklmnop".to_owned()];
    let published = format!("{ORIGIN}/extension");
    let archive = Archive { program, origin: ORIGIN, ids: &ids, published: &published, xpi: "qcert.xpi" };
    let folder = wine.drive().join("archive");
    let packed = ["one", "other"].map(|place| {
        let out = wine.directory().join(place);
        fs::create_dir_all(&out).with_context(|| format!("make {}", out.display()))?;
        archive.pack(tools, &folder, &out)
    });
    let [one, other] = packed;
    run_quietly(tools.command("cmp").args([one?, other?])).context("the same program was packed into other bytes")?;
    installed_and_removed(wine)?;
    println!("  the archive: packed twice the same, installed, seen by the doctor, removed without a trace");
    Ok(())
}

fn installed_and_removed(wine: &Wine<'_>) -> Result<()> {
    let before = traces(wine)?;
    // Twice is as good as once.
    for _ in 0..2 {
        wine.run(&["cmd", "/c", r"C:\archive\install.cmd"])?;
    }
    installed(wine)?;
    wine.run(&["reg", "import", r"C:\archive\policies.reg"])?;
    let policies = wine.run(&["reg", "query", r"HKLM\Software\Policies", "/s"])?;
    ensure!(policies.matches(ORIGIN).count() == 4, "not one policy for each browser:\n{policies}");
    if is_root() {
        strangers_settings(wine)?;
    }
    wine.run(&["cmd", "/c", r"C:\archive\uninstall.cmd"])?;
    let policies = wine.output(&["reg", "query", r"HKLM\Software\Policies", "/s"])?;
    ensure!(!policies.contains("REG_SZ"), "policies are left:\n{policies}");
    let after = traces(wine)?;
    ensure!(after == before, "left:\n{after}\n\nbefore:\n{before}");
    Ok(())
}

fn installed(wine: &Wine<'_>) -> Result<()> {
    // It is not content: there is no token.
    let said = wine.output(&DOCTOR)?;
    for browser in ["Chromium", "Google Chrome", "Microsoft Edge", "Mozilla Firefox"] {
        ensure!(said.contains(&format!("+ registration: {browser} (system)")), "no word of {browser}:\n{said}");
    }
    ensure!(said.contains(&format!("+ configuration: {ORIGIN}")), "the portal is not allowed:\n{said}");
    let manifest = wine.drive().join("ProgramData/Qcert/ru.qcert.host.chrome.json");
    let manifest = fs::read_to_string(&manifest).with_context(|| format!("read {}", manifest.display()))?;
    ensure!(manifest.contains("abcdefghijklmnopabcdefghijklmnop"), "a store's extension is missing:\n{manifest}");
    Ok(())
}

/// Settings for everybody that were made by somebody who is no administrator; only root can make such.
fn strangers_settings(wine: &Wine<'_>) -> Result<()> {
    let settings = wine.drive().join("ProgramData/Qcert/host.toml");
    let give_to = |owner| std::os::unix::fs::chown(&settings, Some(owner), None).context("give the settings away");
    give_to(65_534)?;
    let said = wine.output(&DOCTOR)?;
    ensure!(said.contains("host_configuration_invalid"), "a stranger's settings were taken:\n{said}");
    give_to(0)
}

/// Everything that could be left: folders, and what browsers read in the registry.
fn traces(wine: &Wine<'_>) -> Result<String> {
    let mut traces = Vec::new();
    for folder in ["Program Files", "ProgramData"] {
        let folder = wine.drive().join(folder);
        for entry in fs::read_dir(&folder).with_context(|| format!("list {}", folder.display()))? {
            traces.push(entry.context("list a folder")?.path().display().to_string());
        }
    }
    traces.sort();
    for key in ["Chromium", "Google", r"Microsoft\Edge", "Mozilla"] {
        traces.push(wine.output(&["reg", "query", &format!(r"HKLM\Software\{key}"), "/s"])?);
    }
    Ok(traces.join("\n"))
}
