//! `qcert-server messages …`: what became of text messages. Never what they said.

use clap::Subcommand;
use qcert_protocol::holder::Phone;
use time::format_description::well_known::Rfc3339;

use super::print;
use crate::{
    config::Settings, randomness::SystemRandomness, secrets::Secrets, serve, sms::report, store::MessageRecord,
};

#[derive(Debug, Subcommand)]
pub(super) enum MessagesCommand {
    /// List the latest text messages, newest first, and what became of each.
    List {
        /// Only those to this phone.
        #[arg(long, value_parser = phone)]
        phone: Option<Phone>,
        /// How many.
        #[arg(long, default_value_t = 100, value_name = "COUNT")]
        limit: u32,
        /// As a JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Print where gateways report to, for settings on their side. Who knows an address may report to it.
    ReportAddresses,
}

fn phone(text: &str) -> Result<Phone, &'static str> {
    Phone::parse(text).map_err(|_| "must be a phone, as +79123456789")
}

pub(super) async fn run(settings: &Settings, command: MessagesCommand) -> anyhow::Result<()> {
    match command {
        MessagesCommand::List { phone, limit, json } => {
            let messages = serve::open_store(settings).await?.messages(phone.as_ref(), limit).await?;
            print(json, &messages, message_json, message_line)
        }
        MessagesCommand::ReportAddresses => {
            let secrets = Secrets::load_or_make(&settings.secret_file(), &SystemRandomness::new())?;
            let origin = serve::origin(settings, settings.server.listen.port());
            for gateway in &settings.sms.gateways {
                let address = report::address(&origin, gateway.name, &secrets.report_token(gateway.name));
                println!("{}  {address}", gateway.name);
            }
            Ok(())
        }
    }
}

fn message_json(message: &MessageRecord) -> serde_json::Value {
    let time = |time: time::OffsetDateTime| time.format(&Rfc3339).ok();
    serde_json::json!({
        "id": message.id,
        "phone": message.phone,
        "purpose": message.purpose,
        "state": message.state.as_str(),
        "gateway": message.gateway,
        "problem": message.problem,
        "attempts": message.attempts,
        "createdAt": time(message.created_at),
        "expiresAt": time(message.expires_at),
        "settledAt": message.settled_at.and_then(time),
    })
}

fn message_line(message: &MessageRecord) -> String {
    let at = message.created_at.replace_nanosecond(0).ok().and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_default();
    let phone = message.phone.as_deref().unwrap_or("–");
    let purpose = message.purpose.as_deref().unwrap_or("–");
    let gateway = message.gateway.as_ref().map(|gateway| format!("  {gateway}")).unwrap_or_default();
    let problem = message.problem.as_ref().map(|problem| format!("  {problem}")).unwrap_or_default();
    format!("{}  {at}  {phone}  {purpose:<12}  {:<11}{gateway}{problem}", message.id, message.state.as_str())
}
