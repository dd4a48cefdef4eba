//! What a workstation with Windows gets for one portal: the host, what installs and removes it for everybody, and policies
//! that have browsers install the extension. The texts are in `native-host/package/windows`; `crate::windows::archive` tries them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::deb;
use super::third_party::{self, Part};
use crate::repository::root;
use crate::run::run_quietly;
use crate::setup::Toolbox;
use crate::windows::TARGET;

/// For people and for Windows' own programs, which want its line ends.
const TEXTS: [&str; 5] = ["install.cmd", "uninstall.cmd", "policies.reg", "host.toml", "README.txt"];

/// What is linked into the program.
const PARTS: &[Part] = &[("qcert-host", TARGET)];

pub struct Archive<'a> {
    /// The host, built for Windows.
    pub program: &'a Path,
    /// The portal's origin.
    pub origin: &'a str,
    /// The extension's id in Chromium and its kin, and then those that stores have given it.
    pub ids: &'a [String],
    /// Where the extension's files are published, without a slash at the end.
    pub published: &'a str,
    /// The name of the extension for Firefox there.
    pub xpi: &'a str,
}

impl Archive<'_> {
    /// Lays the files out in `stage`, and packs them into `out`: the same bytes for the same program, portal and commit.
    pub fn pack(&self, tools: &Toolbox, stage: &Path, out: &Path) -> Result<PathBuf> {
        let names = self.lay_out(tools, stage)?;
        let time = format!("@{}", deb::epoch(tools)?);
        run_quietly(tools.command("touch").current_dir(stage).args(["--date", &time]).args(&names))?;
        let archive = out.join(format!("qcert-host-{}-windows.zip", env!("CARGO_PKG_VERSION")));
        if archive.exists() {
            // Else it would be added to.
            fs::remove_file(&archive).with_context(|| format!("remove {}", archive.display()))?;
        }
        let mut zip = tools.command("zip");
        // -X: without owners. An archive has local times.
        zip.current_dir(stage).args(["-9", "-q", "-X"]).arg(&archive).args(&names).env("TZ", "UTC");
        run_quietly(&mut zip)?;
        Ok(archive)
    }

    /// The names of the files, in their order.
    fn lay_out(&self, tools: &Toolbox, stage: &Path) -> Result<Vec<String>> {
        let mut files = vec![("qcert-host.exe".to_owned(), read(self.program)?)];
        let texts = root().join("native-host/package/windows");
        for name in TEXTS {
            let text = read(&texts.join(name))?;
            files.push((name.to_owned(), with_line_ends(&self.filled_in(&String::from_utf8(text)?)?)));
        }
        let policies = self.filled_in(&String::from_utf8(read(&texts.join("policies.reg"))?)?)?;
        files.push(("no-policies.reg".to_owned(), with_line_ends(&without_values(&policies))));
        for name in ["LICENSE-MIT", "LICENSE-APACHE"] {
            files.push((format!("{name}.txt"), with_line_ends(&String::from_utf8(read(&root().join(name))?)?)));
        }
        let notice = third_party::notice(tools, "qcert-host", PARTS)?;
        files.push(("third-party.txt".to_owned(), with_line_ends(&notice)));
        fs::create_dir_all(stage).with_context(|| format!("make {}", stage.display()))?;
        for (name, content) in &files {
            let path = stage.join(name);
            fs::write(&path, content).with_context(|| format!("write {name}"))?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).with_context(|| format!("chmod {name}"))?;
        }
        Ok(files.into_iter().map(|(name, _)| name).collect())
    }

    fn filled_in(&self, text: &str) -> Result<String> {
        let harmless = |text: &str| text.bytes().all(|it| it.is_ascii_alphanumeric() || b"-._~:/[]".contains(&it));
        for address in [self.origin, self.published] {
            ensure!(harmless(address), "a script cannot have this address in it: {address}");
        }
        let id = self.ids.first().context("an extension has an id")?;
        Ok(text
            .replace("@ORIGIN@", self.origin)
            .replace("@VERSION@", env!("CARGO_PKG_VERSION"))
            .replace("@ID@", id)
            // A TOML array of strings is written like a JSON one.
            .replace("@IDS@", &serde_json::to_string(self.ids)?)
            .replace("@PUBLISHED@", self.published)
            .replace("@XPI@", self.xpi))
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("read {}", path.display()))
}

/// What takes back what a file for the registry writes.
fn without_values(text: &str) -> String {
    let value =
        |line: &str| line.split_once('=').filter(|_| line.starts_with('"')).map(|(name, _)| format!("{name}=-"));
    text.lines().map(|line| value(line).unwrap_or_else(|| line.to_owned()) + "\n").collect()
}

fn with_line_ends(text: &str) -> Vec<u8> {
    text.replace('\n', "\r\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_into_the_registry_is_taken_back_and_no_more() {
        let written = "Windows Registry Editor Version 5.00\n\n[HKEY_LOCAL_MACHINE\\a=b]\n\"1\"=\"c=d\"\n";
        let removed = "Windows Registry Editor Version 5.00\n\n[HKEY_LOCAL_MACHINE\\a=b]\n\"1\"=-\n";
        assert_eq!(without_values(written), removed);
    }
}
