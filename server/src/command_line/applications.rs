//! Applications: imported and searched.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, ValueEnum};
use qcert_protocol::operator::{ApplicationRecord, Search, SearchBy};
use serde_json::json;

use super::{operator::Decision, print};
use crate::{
    applications::{
        import::{self, Charset, File, Format, ImportError},
        search,
    },
    clock::SystemClock,
    config::Settings,
    operators::application_view,
    randomness::SystemRandomness,
    serve,
};

/// What is imported.
#[derive(Debug, Args)]
pub(super) struct ImportArguments {
    /// The file: CSV if its name ends so, else JSON.
    file: PathBuf,
    /// How a CSV file is encoded; found out if nothing is said.
    #[arg(long, value_parser = charset, value_name = "utf-8|windows-1251")]
    charset: Option<Charset>,
    /// Also give applications that are there another phone. Without it such a file is refused.
    #[arg(long)]
    change_phones: bool,
    #[command(flatten)]
    decision: Decision,
}

fn charset(name: &str) -> Result<Charset, &'static str> {
    Charset::parse(name).ok_or("must be utf-8 or windows-1251")
}

/// What is searched for.
#[derive(Debug, Args)]
pub(super) struct SearchArguments {
    /// What the value is.
    by: By,
    /// The value; none for what waits.
    value: Option<String>,
    /// As a JSON array.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum By {
    /// What waits for approval.
    Waiting,
    /// The application's number.
    Number,
    /// The certificate's serial number.
    Serial,
    /// The phone.
    Phone,
    /// INN, of the legal entity or the person.
    Inn,
    /// SNILS.
    Snils,
    /// How the organisation's name begins.
    Organization,
    /// How the holder's full name begins.
    Name,
}

impl From<By> for SearchBy {
    fn from(by: By) -> Self {
        match by {
            By::Waiting => Self::Waiting,
            By::Number => Self::Number,
            By::Serial => Self::Serial,
            By::Phone => Self::Phone,
            By::Inn => Self::Inn,
            By::Snils => Self::Snils,
            By::Organization => Self::Organization,
            By::Name => Self::Name,
        }
    }
}

pub(super) async fn import(settings: &Settings, arguments: ImportArguments) -> anyhow::Result<()> {
    let ImportArguments { file, charset, change_phones, decision } = arguments;
    let bytes = std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let format = if is_table(&file) { Format::Csv(charset.unwrap_or(Charset::Detect)) } else { Format::Json };
    let store = serve::open_store(settings).await?;
    let brought = File { bytes: &bytes, format, by: decision.actor(), changes_phones: change_phones };
    match import::import(&*store, &SystemClock, &SystemRandomness::new(), &brought).await {
        Ok(summary) => {
            let import::Summary { added, changed, unchanged } = summary;
            decision.answer(json!(summary), &format!("{added} added, {changed} changed, {unchanged} unchanged"))
        }
        Err(error) => {
            if let (ImportError::Refused(faults), true) = (&error, decision.json) {
                super::write(&(serde_json::to_string_pretty(&json!({"faults": faults}))? + "\n"))?;
            }
            Err(error.into())
        }
    }
}

fn is_table(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"))
}

pub(super) async fn list(settings: &Settings, json: bool) -> anyhow::Result<()> {
    let store = serve::open_store(settings).await?;
    let mut applications = Vec::new();
    for overview in store.applications().await? {
        applications.push(application_view(&*store, overview).await?);
    }
    show(json, &applications)
}

pub(super) async fn search(settings: &Settings, arguments: SearchArguments) -> anyhow::Result<()> {
    let SearchArguments { by, value, json } = arguments;
    let store = serve::open_store(settings).await?;
    let mut asked = Search { by: by.into(), value, after: None, limit: None };
    let mut applications = Vec::new();
    loop {
        let found = search::search(&*store, &asked).await?;
        applications.extend(found.applications);
        if found.next.is_none() {
            return show(json, &applications);
        }
        asked.after = found.next;
    }
}

fn show(json: bool, applications: &[ApplicationRecord]) -> anyhow::Result<()> {
    print(json, applications, |application| json!(application), line)
}

fn line(application: &ApplicationRecord) -> String {
    let name = application.holder.common_name();
    let held = if application.waits_for_approval { "  waits for approval" } else { "" };
    let (number, phone, state) = (&application.number, &application.phone, application.state.as_str());
    format!("{number}  {phone}  {state:<14}  {name}{held}")
}
