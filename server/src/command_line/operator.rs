//! What an operator decides: approval, rejection, revocation, blocked keys. Each command works beside a running server,
//! prints one line (or, with `--json`, one object) and ends with 0 when it was done and 1 when it was not.

use std::path::PathBuf;

use anyhow::{Context, bail, ensure};
use clap::{Args, Subcommand};
use qcert_pki::crl::Reason;
use serde_json::{Value, json};

use super::{application_json, certificate_json};
use crate::{
    approval, blocked_key,
    clock::{Clock, SystemClock},
    config::Settings,
    hex::hex,
    revocation, serve,
    store::{Certificate, Change, Overview},
};

/// How the command is told who decides, and how it answers.
#[derive(Debug, Args)]
pub(super) struct Decision {
    /// Who decides, for the audit.
    #[arg(long, value_name = "NAME", default_value = "operator", value_parser = operator)]
    by: String,
    /// Answer with a JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum KeysCommand {
    /// Block a key: no request may bring it again. A certificate that has it already is not revoked by this.
    Block {
        /// A certificate, a certificate request or a public key, DER or PEM; or SHA-256 of the SubjectPublicKeyInfo,
        /// hexadecimal.
        key: String,
        #[command(flatten)]
        decision: Decision,
    },
}

fn operator(name: &str) -> Result<String, &'static str> {
    let fits = (1..=64).contains(&name.chars().count()) && !name.chars().any(char::is_control);
    if fits { Ok(name.to_owned()) } else { Err("must have 1 to 64 characters") }
}

/// Reads a reason by its name in RFC 5280.
pub(super) fn reason(name: &str) -> Result<Reason, String> {
    let names = || Reason::ALL.iter().map(|reason| reason.as_str()).collect::<Vec<_>>().join(", ");
    Reason::parse(name).ok_or_else(|| format!("must be one of {}", names()))
}

pub(super) async fn approve(settings: &Settings, number: &str, decision: &Decision) -> anyhow::Result<()> {
    let store = serve::open_store(settings).await?;
    let found = approval::approve(&*store, &SystemClock, number, &decision.by).await?;
    answer(decision, application_json(&found), &format!("approved {number}"))
}

pub(super) async fn reject(settings: &Settings, number: &str, reason: &str, decision: &Decision) -> anyhow::Result<()> {
    let store = serve::open_store(settings).await?;
    let found: Overview = approval::reject(&*store, &SystemClock, number, reason, &decision.by).await?;
    answer(decision, application_json(&found), &format!("rejected {number}"))
}

pub(super) async fn revoke(
    settings: &Settings,
    serial: &str,
    reason: Reason,
    decision: &Decision,
) -> anyhow::Result<()> {
    let store = serve::open_store(settings).await?;
    let (application, certificate): (_, Certificate) =
        revocation::by_operator(&*store, &SystemClock, serial, reason, &decision.by).await?;
    store.announce(Change::RevocationWaits);
    store.announce(Change::Row(application.id));
    let line = format!("revoked {} for the reason {reason}", certificate.serial);
    answer(decision, certificate_json(&certificate), &line)
}

pub(super) async fn keys(settings: &Settings, command: &KeysCommand) -> anyhow::Result<()> {
    let KeysCommand::Block { key, decision } = command;
    let digest = match blocked_key::key_digest(key.as_bytes()) {
        Ok(digest) => digest,
        Err(_) => read_key(&PathBuf::from(key))?,
    };
    let text = hex(&digest);
    let store = serve::open_store(settings).await?;
    ensure!(
        store.block_key(&digest, &decision.by, SystemClock.now()).await?,
        "the key {text} is on the block list already"
    );
    answer(decision, json!({"keySha256": text}), &format!("blocked {text}"))
}

fn read_key(path: &PathBuf) -> anyhow::Result<[u8; 32]> {
    let content = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    match blocked_key::key_digest(&content) {
        Ok(digest) => Ok(digest),
        Err(problem) => bail!("{} {problem}", path.display()),
    }
}

fn answer(decision: &Decision, object: Value, line: &str) -> anyhow::Result<()> {
    let text = if decision.json { serde_json::to_string_pretty(&object)? } else { line.to_owned() };
    super::write(&(text + "\n"))
}
