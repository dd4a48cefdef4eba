//! People's phones, and what they found wrong.

use clap::Subcommand;
use serde_json::json;
use uuid::Uuid;

use super::{office::Office, operator::Decision, print};
use crate::{audit::Actor, config::Settings, operators::desk};

#[derive(Debug, Subcommand)]
pub(super) enum PhonesCommand {
    /// Give a phone its tries back.
    Unlock {
        /// The phone.
        phone: String,
        #[command(flatten)]
        decision: Decision,
    },
    /// Propose the new phone of the person whose application this is. The old phone is told.
    Propose {
        /// The application's number.
        number: String,
        /// The new phone.
        phone: String,
        #[command(flatten)]
        decision: Decision,
    },
    /// List new phones that nobody has decided about.
    List {
        /// As a JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Confirm a new phone, when its waiting time has passed, as another operator than the one who proposed it.
    Confirm {
        /// The proposal, as `propose` and `list` name it.
        id: Uuid,
        #[command(flatten)]
        decision: Decision,
    },
    /// Drop a proposal.
    Cancel {
        /// The proposal.
        id: Uuid,
        #[command(flatten)]
        decision: Decision,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum MistakesCommand {
    /// List what people found wrong and nobody has answered.
    List {
        /// As a JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Answer a report; the person reads it in a text message.
    Answer {
        /// The report, as `list` names it.
        id: Uuid,
        /// The answer, 300 characters at most.
        text: String,
        #[command(flatten)]
        decision: Decision,
    },
}

pub(super) async fn phones(settings: &Settings, command: PhonesCommand) -> anyhow::Result<()> {
    let office = Office::open(settings).await?;
    match command {
        PhonesCommand::Unlock { phone, decision } => {
            let was_locked = desk::unlock_phone(&office.desk(&decision.actor()), &phone).await?;
            let line = if was_locked { "unlocked" } else { "no try was taken from it" };
            decision.answer(json!({"wasLocked": was_locked}), line)
        }
        PhonesCommand::Propose { number, phone, decision } => {
            let change = desk::propose_phone(&office.desk(&decision.actor()), &number, &phone).await?;
            let line = format!("proposed {}; it can be confirmed from {}", change.id, change.ripe_at);
            decision.answer(json!(change), &line)
        }
        PhonesCommand::List { json } => {
            let mut changes = Vec::new();
            loop {
                let after =
                    changes.last().map_or(Uuid::nil(), |last: &qcert_protocol::operator::PhoneChangeView| last.id);
                let page = desk::phone_changes(&office.desk(&Actor::server()), after).await?;
                if page.is_empty() {
                    break;
                }
                changes.extend(page);
            }
            print(
                json,
                &changes,
                |change| json!(change),
                |change| {
                    let (old, new, by) = (&change.old, &change.new, &change.proposed_by);
                    format!("{}  {}  {old} -> {new}  by {by}, from {}", change.id, change.number, change.ripe_at)
                },
            )
        }
        PhonesCommand::Confirm { id, decision } => {
            let changed = desk::confirm_phone(&office.desk(&decision.actor()), id).await?;
            let line = format!("changed the phone of {} applications", changed.applications.len());
            decision.answer(json!(changed.change), &line)
        }
        PhonesCommand::Cancel { id, decision } => {
            desk::cancel_phone(&office.desk(&decision.actor()), id).await?;
            decision.answer(json!({"cancelled": id}), &format!("dropped {id}"))
        }
    }
}

pub(super) async fn mistakes(settings: &Settings, command: MistakesCommand) -> anyhow::Result<()> {
    let office = Office::open(settings).await?;
    match command {
        MistakesCommand::List { json } => {
            let mut mistakes = Vec::new();
            loop {
                let after = mistakes.last().map_or(Uuid::nil(), |last: &qcert_protocol::operator::MistakeView| last.id);
                let page = desk::mistakes(&office.desk(&Actor::server()), after).await?;
                if page.is_empty() {
                    break;
                }
                mistakes.extend(page);
            }
            print(
                json,
                &mistakes,
                |mistake| json!(mistake),
                |mistake| {
                    format!(
                        "{}  {}  {}  {}",
                        mistake.id,
                        mistake.number,
                        mistake.reported_at.date(),
                        mistake.text.escape_debug()
                    )
                },
            )
        }
        MistakesCommand::Answer { id, text, decision } => {
            desk::answer_mistake(&office.desk(&decision.actor()), id, &text).await?;
            decision.answer(json!({"answered": id}), &format!("answered {id}"))
        }
    }
}
