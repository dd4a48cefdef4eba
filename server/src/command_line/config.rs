//! The settings, as a file and the environment give them, and `qcert-server config …`.

use std::{collections::BTreeMap, ffi::OsString, path::PathBuf};

use anyhow::{Context, bail};
use clap::Subcommand;

use super::write;
use crate::{
    config::{Settings, SettingsError},
    config_check::{self, Finding},
};

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Look at the settings and at what they name, and say everything that is wrong. Nothing is made or changed.
    Check {
        /// As a JSON object.
        #[arg(long)]
        json: bool,
    },
}

pub(super) async fn run(config: Option<PathBuf>, command: ConfigCommand) -> anyhow::Result<()> {
    let ConfigCommand::Check { json } = command;
    let findings = findings(config).await?;
    let text = if json { as_json(&findings)? } else { as_lines(&findings) };
    write(&text)?;
    match findings.len() {
        0 => Ok(()),
        1 => bail!("one thing is wrong"),
        many => bail!("{many} things are wrong"),
    }
}

/// What is wrong with the settings themselves, and with what the others name.
async fn findings(config: Option<PathBuf>) -> anyhow::Result<Vec<Finding>> {
    let (text, environment) = given(config)?;
    let (settings, SettingsError(errors)) = match Settings::read_leniently(&text, &environment) {
        Ok(read) => read,
        Err(SettingsError(errors)) => return Ok(errors.iter().map(|error| refused(error)).collect()),
    };
    let refused: Vec<Finding> = errors.iter().map(|error| refused(error)).collect();
    let mut found = config_check::look(&settings).await;
    // In the place of a value that was refused there is the default, of which nobody asked.
    found.retain(|finding| refused.iter().all(|refused| refused.setting != finding.setting));
    Ok(refused.into_iter().chain(found).collect())
}

/// `name: what is wrong`, or what is wrong alone.
fn refused(error: &str) -> Finding {
    let is_name = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    let (setting, problem) = error.split_once(": ").filter(|(name, _)| is_name(name)).unwrap_or(("", error));
    Finding { setting: setting.to_owned(), problem: problem.to_owned(), passes: false }
}

fn as_json(findings: &[Finding]) -> anyhow::Result<String> {
    let finding = |finding: &Finding| {
        let Finding { setting, problem, passes } = finding;
        serde_json::json!({"setting": setting, "problem": problem, "startsAnyway": passes})
    };
    let found: Vec<_> = findings.iter().map(finding).collect();
    let answer = serde_json::json!({"good": findings.is_empty(), "findings": found});
    Ok(serde_json::to_string_pretty(&answer)? + "\n")
}

fn as_lines(findings: &[Finding]) -> String {
    if findings.is_empty() {
        return "the settings can be used\n".to_owned();
    }
    let line = |finding: &Finding| match finding.passes {
        true => format!("{} (a server starts anyway, and tries again)\n", finding.line()),
        false => finding.line() + "\n",
    };
    findings.iter().map(line).collect()
}

/// The settings.
///
/// # Errors
/// When they cannot be read, everything that is wrong with them.
pub(super) fn settings(config: Option<PathBuf>) -> anyhow::Result<Settings> {
    let (text, environment) = given(config)?;
    Ok(Settings::read(&text, &environment)?)
}

fn given(config: Option<PathBuf>) -> anyhow::Result<(String, BTreeMap<String, String>)> {
    let (path, is_named) = config.map_or((PathBuf::from("qcert.toml"), false), |path| (path, true));
    let bytes = match std::fs::read(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !is_named => Vec::new(),
        other => other.with_context(|| format!("cannot read {}", path.display()))?,
    };
    let text = decoded(bytes).with_context(|| format!("cannot read {}", path.display()))?;
    let variables = std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("QCERT__"));
    Ok((text, variables.map(variable).collect::<Result<_, _>>()?))
}

fn decoded(bytes: Vec<u8>) -> anyhow::Result<String> {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        bail!("it is encoded in UTF-16; save it as UTF-8");
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = good.iter().filter(|byte| **byte == b'\n').count() + 1;
        anyhow::anyhow!("it is not encoded in UTF-8: line {line} has other octets; save it as UTF-8")
    })?;
    // Some editors begin a file with a mark of its encoding.
    Ok(text.strip_prefix('\u{feff}').map_or(text.clone(), str::to_owned))
}

fn variable((name, value): (OsString, OsString)) -> anyhow::Result<(String, String)> {
    let shown = name.to_string_lossy().into_owned();
    let (name, value) = (name.into_string(), value.into_string());
    name.ok().zip(value.ok()).with_context(|| format!("{shown}: is not encoded in UTF-8"))
}
