//! Activation codes, as they are handed out.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail, ensure};
use serde_json::json;

use super::{office::Office, operator::Decision};
use crate::{
    activation::{self, Prepared},
    config::Settings,
    files,
};

pub(super) async fn make_code(settings: &Settings, number: &str, decision: &Decision) -> anyhow::Result<()> {
    let office = Office::open(settings).await?;
    let made = activation::make_code(&office.desk(&decision.actor()), number).await?;
    decision.answer(json!(made), &made.code)
}

/// The codes are on disk before the database takes them, so none is made that nobody has: the file appears under its
/// name when they are good.
pub(super) async fn make_codes(settings: &Settings, file: &Path, decision: &Decision) -> anyhow::Result<()> {
    let draft = draft(file);
    for taken in [file, &draft] {
        ensure!(!taken.exists(), "{} is there already, and may have codes in it", taken.display());
    }
    let office = Office::open(settings).await?;
    let actor = decision.actor();
    let desk = office.desk(&actor);
    let prepared = activation::prepare_codes(&desk).await?;
    if prepared.is_empty() {
        return decision.answer(json!({"made": 0}), "no application is without a code");
    }
    files::write_new_private(&draft, &table(&prepared)?)?;
    let recorded = match activation::record_codes(&desk, prepared).await {
        Ok(recorded) => recorded,
        // The answer of the database may have been lost.
        Err(refusal) => bail!("{}: it is not known whether the codes in {} are good", refusal.code, draft.display()),
    };
    files::write_new_private(file, &table(&recorded)?)?;
    fs::remove_file(&draft).with_context(|| format!("cannot remove {}", draft.display()))?;
    let count = recorded.len();
    decision.answer(
        json!({"made": count, "file": file.display().to_string()}),
        &format!("made {count} codes; they are in {} alone", file.display()),
    )
}

fn draft(file: &Path) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".draft");
    file.with_file_name(name)
}

/// As office programs open it by a double click: UTF-8 that says so, and semicolons.
fn table(codes: &[Prepared]) -> anyhow::Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().delimiter(b';').from_writer("\u{feff}".as_bytes().to_vec());
    writer.write_record(["number", "holder", "organization", "code"])?;
    for one in codes {
        writer.write_record([&one.code.number, &one.holder, &one.name, &one.code.code])?;
    }
    writer.into_inner().map_err(|error| anyhow::anyhow!("cannot write the table: {error}"))
}
