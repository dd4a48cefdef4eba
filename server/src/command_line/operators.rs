//! Operators and their tokens. Whoever can type this can read the database and the secret anyway; over the network no
//! token is made.

use std::num::NonZeroU32;

use clap::Subcommand;
use qcert_protocol::operator::Role;
use serde_json::json;
use time::Duration;

use super::{operator::Decision, print};
use crate::{
    clock::SystemClock,
    config::Settings,
    operators::{self, Token},
    randomness::SystemRandomness,
    secrets::Secrets,
    serve,
    store::OperatorRecord,
};

#[derive(Debug, Subcommand)]
pub(super) enum OperatorsCommand {
    /// Add an operator and show the token, once.
    Add {
        /// The name in the audit: letters, digits, dots, dashes, underscores. It is never given to anybody else.
        name: String,
        /// What the operator may do; may be given several times.
        #[arg(long = "role", value_name = "ROLE", value_parser = role, required = true)]
        roles: Vec<Role>,
        /// For how many days the token is good.
        #[arg(long, value_name = "N", default_value = "90")]
        days: NonZeroU32,
        #[command(flatten)]
        decision: Decision,
    },
    /// List all operators there ever were.
    List {
        /// As a JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Give an operator another token and show it, once; name and roles stay. The one before ends at once.
    Renew {
        /// The name.
        name: String,
        /// For how many days the new token is good.
        #[arg(long, value_name = "N", default_value = "90")]
        days: NonZeroU32,
        /// For how many hours the token before goes on beside it, so that a program can be given the new one while it
        /// works.
        #[arg(long, value_name = "HOURS", default_value = "0")]
        overlap: u16,
        #[command(flatten)]
        decision: Decision,
    },
    /// Take an operator's token away; it holds at once, on every server.
    Remove {
        /// The name.
        name: String,
        #[command(flatten)]
        decision: Decision,
    },
}

fn role(name: &str) -> Result<Role, String> {
    Role::parse(name).ok_or_else(|| format!("must be one of {}", Role::ALL.map(Role::as_str).join(", ")))
}

fn show((record, token): (OperatorRecord, Token), days: NonZeroU32, decision: &Decision) -> anyhow::Result<()> {
    let name = &record.name;
    let line = format!("{}\nThe token of {name}, good for {days} days. It is not shown again.", token.0);
    let mut object = serde_json::to_value(operators::operator_view(record))?;
    object["token"] = token.0.into();
    decision.answer(object, &line)
}

pub(super) async fn run(settings: &Settings, command: OperatorsCommand) -> anyhow::Result<()> {
    let store = serve::open_store(settings).await?;
    let randomness = SystemRandomness::new();
    match command {
        OperatorsCommand::Add { name, roles, days, decision } => {
            let secrets = Secrets::load_or_make(&settings.secret_file(), &randomness)?;
            let with = (&*store, &SystemClock as _, &randomness as _, &secrets);
            show(operators::add(with, &name, &roles, days, &decision.actor()).await?, days, &decision)
        }
        OperatorsCommand::Renew { name, days, overlap, decision } => {
            let secrets = Secrets::load_or_make(&settings.secret_file(), &randomness)?;
            let with = (&*store, &SystemClock as _, &randomness as _, &secrets);
            let overlap = Duration::hours(overlap.into());
            show(operators::renew(with, &name, days, overlap, &decision.actor()).await?, days, &decision)
        }
        OperatorsCommand::List { json } => {
            let all = store.operator_store().operators().await?;
            let views: Vec<_> = all.into_iter().map(operators::operator_view).collect();
            print(
                json,
                &views,
                |view| json!(view),
                |view| {
                    let roles = view.roles.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", ");
                    let removed = view.removed_at.map(|at| format!("  removed {}", at.date())).unwrap_or_default();
                    format!("{}  until {}  {roles}{removed}", view.name, view.expires_at.date())
                },
            )
        }
        OperatorsCommand::Remove { name, decision } => {
            operators::remove(&*store, &SystemClock, &name, &decision.actor()).await?;
            decision.answer(json!({"removed": name}), &format!("removed {name}"))
        }
    }
}
