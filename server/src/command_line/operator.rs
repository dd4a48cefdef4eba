//! What an operator decides: approval, rejection, revocation, blocked keys. Each command works beside a running server
//! and prints one line or, with `--json`, one object.

use std::path::PathBuf;

use anyhow::{Context, bail, ensure};
use clap::{Args, Subcommand};
use qcert_pki::crl::Reason;
use serde_json::{Value, json};

use crate::{
    approval,
    audit::Actor,
    blocked_key,
    clock::{Clock, SystemClock},
    config::Settings,
    hex::hex,
    operators::{application_view, certificate_view, is_name},
    revocation, serve,
    store::{Change, Overview, Store},
};

/// How the command is told who decides, and how it answers.
#[derive(Debug, Args)]
pub(super) struct Decision {
    /// Who decides, for the audit.
    #[arg(long, value_name = "NAME", default_value = "operator", value_parser = operator)]
    pub(super) by: String,
    /// Answer with a JSON object.
    #[arg(long)]
    pub(super) json: bool,
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

/// A name of the audit's own is refused, but for the one that stands for whoever is not named.
fn operator(name: &str) -> Result<String, &'static str> {
    if Actor::is_reserved(name) && name != Actor::OPERATOR {
        return Err("means something else in the audit");
    }
    if is_name(name) {
        Ok(name.to_owned())
    } else {
        Err("must have 1 to 64 letters, digits, dots, dashes, underscores")
    }
}

impl Decision {
    /// Who decides, for the audit.
    pub(super) fn actor(&self) -> Actor {
        Actor::at_command_line(&self.by)
    }

    /// Prints what was done.
    pub(super) fn answer(&self, object: Value, line: &str) -> anyhow::Result<()> {
        let text = if self.json { serde_json::to_string_pretty(&object)? } else { line.to_owned() };
        super::write(&(text + "\n"))
    }
}

/// Reads a reason by its name in RFC 5280.
pub(super) fn reason(name: &str) -> Result<Reason, String> {
    let names = || Reason::ALL.iter().map(|reason| reason.as_str()).collect::<Vec<_>>().join(", ");
    Reason::parse(name).ok_or_else(|| format!("must be one of {}", names()))
}

pub(super) async fn approve(settings: &Settings, number: &str, decision: &Decision) -> anyhow::Result<()> {
    let store = serve::open_store(settings).await?;
    let needed = settings.issuance_approvals;
    let found = approval::approve(&*store, &SystemClock, number, &decision.actor(), needed).await?;
    let line = if found.held {
        format!("approved {number}; it waits for the word of another operator")
    } else {
        format!("approved {number}")
    };
    decision.answer(application(&*store, found).await?, &line)
}

pub(super) async fn reject(settings: &Settings, number: &str, reason: &str, decision: &Decision) -> anyhow::Result<()> {
    let store = serve::open_store(settings).await?;
    let found = approval::reject(&*store, &SystemClock, number, reason, &decision.actor()).await?;
    decision.answer(application(&*store, found).await?, &format!("rejected {number}"))
}

async fn application(store: &dyn Store, found: Overview) -> anyhow::Result<Value> {
    Ok(json!(application_view(store, found).await?))
}

pub(super) async fn revoke(
    settings: &Settings,
    serial: &str,
    reason: Reason,
    decision: &Decision,
) -> anyhow::Result<()> {
    let store = serve::open_store(settings).await?;
    let (application, certificate) =
        revocation::by_operator(&*store, &SystemClock, serial, reason, &decision.actor()).await?;
    store.announce(Change::RevocationWaits);
    store.announce(Change::Row(application.id));
    let line = format!("revoked {} for the reason {reason}", certificate.serial);
    decision.answer(json!(certificate_view(&certificate)), &line)
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
        store.block_key(&digest, &decision.actor(), SystemClock.now()).await?,
        "the key {text} is on the block list already"
    );
    decision.answer(json!({"keySha256": text}), &format!("blocked {text}"))
}

fn read_key(path: &PathBuf) -> anyhow::Result<[u8; 32]> {
    let content = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    match blocked_key::key_digest(&content) {
        Ok(digest) => Ok(digest),
        Err(problem) => bail!("{} {problem}", path.display()),
    }
}
