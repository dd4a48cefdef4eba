//! `qcert-server ca …`: the authority's keys, certificates and the lists of those above it.

use std::path::PathBuf;

use anyhow::Context;
use clap::Subcommand;
use qcert_pki::crl::Reason;
use time::format_description::well_known::Rfc3339;

use super::print;
use crate::{
    ca::{self, Listed},
    clock::SystemClock,
    config::Settings,
    randomness::SystemRandomness,
    serve,
};

#[derive(Debug, Subcommand)]
pub(super) enum CaCommand {
    /// Make the authority, once: a root and the issuing key below it.
    Init {
        /// Make no root, but a request (PKCS#10) to an outside one, and write it here.
        #[arg(long, value_name = "FILE")]
        request: Option<PathBuf>,
    },
    /// Take the certificate that an outside root issued for our request, and those above it up to the root.
    Import {
        /// PEM or DER.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Take the revocation list of the authority above ours.
    ImportCrl {
        /// PEM or DER.
        file: PathBuf,
    },
    /// Make the next issuing key. Running servers take it within half a minute; the one before goes on for what it has
    /// issued.
    Rollover {
        /// Ask an outside root, and write the request (PKCS#10) here; else our own root's key must be there.
        #[arg(long, value_name = "FILE")]
        request: Option<PathBuf>,
    },
    /// Renew the revocation list of our own root, whose key must be there.
    RootCrl {
        /// Revoke an issuing certificate, by its key identifier as `ca list` shows it.
        #[arg(long, value_name = "KEY")]
        revoke: Option<String>,
        /// Why, as RFC 5280 says it: keyCompromise, cACompromise, superseded, cessationOfOperation, …
        #[arg(long, requires = "revoke", default_value = "unspecified")]
        reason: String,
    },
    /// List the issuing keys.
    List {
        /// As a JSON array.
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(settings: &Settings, command: CaCommand) -> anyhow::Result<()> {
    let (clock, randomness, directory) = (SystemClock, SystemRandomness::new(), settings.ca.directory.display());
    let origin = || serve::origin(settings, settings.server.listen.port());
    match command {
        CaCommand::Init { request: None } => {
            ca::init(&settings.ca, &origin(), &clock, &randomness)?;
            println!("made an authority in {directory}");
        }
        CaCommand::Init { request: Some(file) } => {
            ca::init_request(&settings.ca, &file, &clock, &randomness)?;
            println!("made a key in {directory}; the root's answer to {} is taken by `ca import`", file.display());
        }
        CaCommand::Import { files } => {
            let id = ca::import(&settings.ca, &files, &clock)?;
            println!("{id} is here; running servers take it within half a minute");
        }
        CaCommand::ImportCrl { file } => {
            for id in ca::import_list(&settings.ca, &file, &clock)? {
                println!("the list revokes our issuing certificate {id}: it issues no more");
            }
        }
        CaCommand::Rollover { request: None } => {
            ca::rollover(&settings.ca, &origin(), &clock, &randomness)?;
            println!("made the next issuing key; running servers take it within half a minute");
        }
        CaCommand::Rollover { request: Some(file) } => {
            ca::rollover_request(&settings.ca, &file, &clock, &randomness)?;
            println!("made the next key; the root's answer to {} is taken by `ca import`", file.display());
        }
        CaCommand::RootCrl { revoke, reason } => {
            let revoke = revoke.map(|id| ca::parse_id(&id).context("a key identifier has 40 hexadecimal digits"));
            let reason = Reason::parse(&reason).with_context(|| format!("`{reason}` is no reason of RFC 5280"))?;
            ca::renew_list(&settings.ca, revoke.transpose()?.map(|id| (id, reason)), &clock)?;
        }
        CaCommand::List { json } => return print(json, &ca::list(&settings.ca, &clock)?, listed_json, listed_line),
    }
    Ok(())
}

fn listed_json(listed: &Listed) -> serde_json::Value {
    let time = |time: time::OffsetDateTime| time.format(&Rfc3339).ok();
    let certificate = listed.certificate.as_ref();
    serde_json::json!({
        "id": listed.id,
        "state": listed.state,
        "key": listed.key,
        "serial": certificate.map(|certificate| certificate.serial().to_string()),
        "notBefore": certificate.and_then(|certificate| time(certificate.not_before())),
        "notAfter": certificate.and_then(|certificate| time(certificate.not_after())),
        "daysLeft": listed.days_left,
        "rootCrlUntil": listed.root_list_until.and_then(time),
    })
}

fn listed_line(listed: &Listed) -> String {
    let until = listed.certificate.as_ref().map_or_else(
        || "no certificate yet".to_owned(),
        |certificate| {
            format!("until {}, {} days left", certificate.not_after().date(), listed.days_left.unwrap_or_default())
        },
    );
    let list = listed.root_list_until.map(|until| format!("  root's list until {}", until.date()));
    format!("{}  {:<9}  {:<7}  {until}{}", listed.id, listed.state, listed.key, list.unwrap_or_default())
}
