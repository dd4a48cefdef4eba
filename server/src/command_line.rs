//! `qcert-server`, as it is typed.

mod activation;
mod applications;
mod audit;
mod authority;
mod config;
mod database;
mod messages;
mod office;
mod operator;
mod operators;
mod outcome;
mod people;

use std::{io::Write, path::PathBuf};

use clap::{Parser, Subcommand};
use qcert_pki::crl::Reason;

use applications::{ImportArguments, SearchArguments};
use audit::AuditCommand;
use authority::CaCommand;
use config::ConfigCommand;

use crate::{logging, operators::certificate_view, serve, store::Certificate};
use messages::MessagesCommand;
use operator::{Decision, KeysCommand};
use operators::OperatorsCommand;
pub use outcome::outcome;
use people::{MistakesCommand, PhonesCommand};

/// The portal's server: sign-in, applications, issuance, the authority.
///
/// Settings come from the file and from environment variables QCERT__SECTION__KEY, as QCERT__SERVER__LISTEN; without
/// both there are defaults.
#[derive(Debug, Parser)]
#[command(name = "qcert-server", version)]
pub struct CommandLine {
    /// Settings, TOML. Without it `qcert.toml` is read if it is there.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the portal.
    Serve,
    /// The authority's keys and certificates.
    #[command(subcommand)]
    Ca(CaCommand),
    /// Applications for certificates.
    #[command(subcommand)]
    Applications(ApplicationsCommand),
    /// Certificates that were issued.
    #[command(subcommand)]
    Certificates(CertificatesCommand),
    /// People's phones.
    #[command(subcommand)]
    Phones(PhonesCommand),
    /// What people found wrong in their data.
    #[command(subcommand)]
    Mistakes(MistakesCommand),
    /// Operators, their roles and tokens.
    #[command(subcommand)]
    Operators(OperatorsCommand),
    /// The audit.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Text messages, and what became of them.
    #[command(subcommand)]
    Messages(MessagesCommand),
    /// Copy the database (SQLite) to a new file, whether the server runs or not.
    Backup {
        /// The new file.
        file: PathBuf,
    },
    /// Put a backup in the database's place (SQLite). The server must not be running.
    Restore {
        /// The backup.
        file: PathBuf,
        /// Also if there is a database, which is then kept beside it.
        #[arg(long)]
        replace: bool,
    },
    /// Keys that nobody may bring.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// The settings.
    #[command(subcommand)]
    Config(ConfigCommand),
}

#[derive(Debug, Subcommand)]
enum ApplicationsCommand {
    /// Import applications, JSON or CSV: all of them, or none. The same file twice changes nothing.
    Import(ImportArguments),
    /// Search applications.
    Search(SearchArguments),
    /// List applications; those that wait for approval say so.
    List {
        /// As a JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Make an application's activation code, in place of one that was not entered. It is shown this once.
    ActivationCode {
        /// The application's number.
        number: String,
        #[command(flatten)]
        decision: Decision,
    },
    /// Make activation codes for all applications that take one and have none, and write them to a table.
    ActivationCodes {
        /// The new file, CSV, for its owner alone.
        file: PathBuf,
        #[command(flatten)]
        decision: Decision,
    },
    /// Let a request that waits for approval be issued.
    Approve {
        /// The application's number.
        number: String,
        #[command(flatten)]
        decision: Decision,
    },
    /// Refuse a request that waits for approval.
    Reject {
        /// The application's number.
        number: String,
        /// Why, in words that the person reads.
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        decision: Decision,
    },
}

#[derive(Debug, Subcommand)]
enum CertificatesCommand {
    /// List certificates.
    List {
        /// As a JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Revoke a certificate. There is no way back; a running server publishes it in seconds.
    Revoke {
        /// The serial number, hexadecimal.
        serial: String,
        /// Why, by its name in RFC 5280: keyCompromise, affiliationChanged, superseded, cessationOfOperation, …
        #[arg(long, value_name = "REASON", value_parser = operator::reason)]
        reason: Reason,
        #[command(flatten)]
        decision: Decision,
    },
}

/// Does what was typed.
///
/// # Errors
/// Whatever stands in the way, for a person to read.
pub async fn run(line: CommandLine) -> anyhow::Result<()> {
    let command = match line.command {
        Command::Config(command) => return config::run(line.config, command).await,
        command => command,
    };
    let settings = config::settings(line.config)?;
    logging::start(&settings.log);
    match command {
        // It was done above, with settings that may be wrong.
        Command::Config(_) => Ok(()),
        Command::Serve => serve::serve(settings).await,
        Command::Ca(command) => authority::run(&settings, command),
        Command::Applications(ApplicationsCommand::Import(arguments)) => {
            applications::import(&settings, arguments).await
        }
        Command::Applications(ApplicationsCommand::List { json }) => applications::list(&settings, json).await,
        Command::Applications(ApplicationsCommand::Search(arguments)) => {
            applications::search(&settings, arguments).await
        }
        Command::Applications(ApplicationsCommand::ActivationCode { number, decision }) => {
            activation::make_code(&settings, &number, &decision).await
        }
        Command::Applications(ApplicationsCommand::ActivationCodes { file, decision }) => {
            activation::make_codes(&settings, &file, &decision).await
        }
        Command::Applications(ApplicationsCommand::Approve { number, decision }) => {
            operator::approve(&settings, &number, &decision).await
        }
        Command::Applications(ApplicationsCommand::Reject { number, reason, decision }) => {
            operator::reject(&settings, &number, &reason, &decision).await
        }
        Command::Certificates(CertificatesCommand::Revoke { serial, reason, decision }) => {
            operator::revoke(&settings, &serial, reason, &decision).await
        }
        Command::Phones(command) => people::phones(&settings, command).await,
        Command::Mistakes(command) => people::mistakes(&settings, command).await,
        Command::Operators(command) => operators::run(&settings, command).await,
        Command::Keys(command) => operator::keys(&settings, &command).await,
        Command::Certificates(CertificatesCommand::List { json }) => {
            let certificates = serve::open_store(&settings).await?.certificates().await?;
            print(json, &certificates, |found| serde_json::json!(certificate_view(found)), certificate_line)
        }
        Command::Audit(command) => audit::run(&settings, command).await,
        Command::Messages(command) => messages::run(&settings, command).await,
        Command::Backup { file } => database::back_up(&settings, file).await,
        Command::Restore { file, replace } => database::restore(&settings, file, replace).await,
    }
}

fn print<T>(
    json: bool,
    items: &[T],
    to_json: impl Fn(&T) -> serde_json::Value,
    to_line: impl Fn(&T) -> String,
) -> anyhow::Result<()> {
    let text = if json {
        let list: Vec<_> = items.iter().map(to_json).collect();
        serde_json::to_string_pretty(&list)? + "\n"
    } else {
        items.iter().map(|item| to_line(item) + "\n").collect()
    };
    write(&text)
}

fn write(text: &str) -> anyhow::Result<()> {
    match std::io::stdout().write_all(text.as_bytes()) {
        // Whoever reads has read enough: `… list | head -1`.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

fn certificate_line(certificate: &Certificate) -> String {
    let revoked = certificate.revoked.map(|revoked| format!("  revoked: {}", revoked.reason)).unwrap_or_default();
    let until = certificate.not_after.date();
    format!("{}  until {until}  key {}{revoked}", certificate.serial, certificate.key_id.as_str())
}
