//! The audit: verified, exported, and gone on with after a backup was put back.

use std::{
    fs::File,
    io::{BufReader, BufWriter},
    path::PathBuf,
};

use anyhow::{Context, ensure};
use clap::{Args, Subcommand};
use serde_json::json;
use time::{
    Date, OffsetDateTime,
    format_description::well_known::{Iso8601, Rfc3339},
};
use uuid::Uuid;

use super::operator::Decision;
use crate::{
    audit::{
        Event, Note, Outcome,
        chain::BEGINNING,
        export::{self, Exporter, Format},
        head::{self, Head},
        verify::{Report, Verifier},
    },
    clock::{Clock, SystemClock},
    config::Settings,
    serve,
    store::{AuditRow, Store},
};

/// So many events are read at a time.
const PAGE: u32 = 5000;

#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// Find events that were changed, taken out, moved, added or cut off.
    Verify {
        /// An exported file, in place of the database. The key comes from `secret.file`, as always.
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
        /// The head of another server as well: the chain must have the event that it names.
        #[arg(long = "head", value_name = "FILE", conflicts_with = "file")]
        heads: Vec<PathBuf>,
        /// Answer with a JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Write events to the standard output, with what is needed to verify them.
    Export(ExportArguments),
    /// Go on with a chain that does not have what this server has seen in it, as after a backup was put back. It stands
    /// in the audit.
    Accept {
        #[command(flatten)]
        decision: Decision,
    },
}

#[derive(Debug, Args)]
pub(super) struct ExportArguments {
    /// From the first event of this day (UTC) on, or of this time: 2026-03-01, 2026-03-01T12:00:00+05:00.
    #[arg(long, value_name = "DATE", value_parser = start)]
    from: Option<OffsetDateTime>,
    /// Up to the last event of this day (UTC), or before this time.
    #[arg(long, value_name = "DATE", value_parser = end)]
    to: Option<OffsetDateTime>,
    /// After the event at this place.
    #[arg(long, value_name = "PLACE", conflicts_with_all = ["from", "to"], value_parser = clap::value_parser!(i64).range(0..))]
    after: Option<i64>,
    /// How it is written.
    #[arg(long, default_value = "jsonl")]
    format: Format,
}

fn start(text: &str) -> Result<OffsetDateTime, &'static str> {
    moment(text, Some)
}

fn end(text: &str) -> Result<OffsetDateTime, &'static str> {
    moment(text, Date::next_day)
}

/// A time, or the beginning of a day.
fn moment(text: &str, day: impl Fn(Date) -> Option<Date>) -> Result<OffsetDateTime, &'static str> {
    if let Ok(time) = OffsetDateTime::parse(text, &Rfc3339) {
        return Ok(time);
    }
    let date = Date::parse(text, &Iso8601::DATE).ok().and_then(day);
    date.map(|date| date.midnight().assume_utc()).ok_or("must be a day, as 2026-03-01, or a time of RFC 3339")
}

/// What was found wrong; it is printed already.
#[derive(Debug, thiserror::Error)]
#[error("the audit is not what was written: {0} findings")]
pub struct NotWhole(u64);

pub(super) async fn run(settings: &Settings, command: AuditCommand) -> anyhow::Result<()> {
    match command {
        AuditCommand::Verify { file: Some(file), json, .. } => {
            let key = serve::keeper(settings)?.key;
            let opened = File::open(&file).with_context(|| format!("cannot read {}", file.display()))?;
            tell(&export::verify(&key, BufReader::new(opened))?, &[], json)
        }
        AuditCommand::Verify { file: None, heads, json } => verify(settings, &heads, json).await,
        AuditCommand::Export(arguments) => export(settings, &arguments).await,
        AuditCommand::Accept { decision } => accept(settings, &decision).await,
    }
}

async fn verify(settings: &Settings, others: &[PathBuf], json: bool) -> anyhow::Result<()> {
    let keeper = serve::keeper(settings)?;
    let own = keeper.head.unwrap_or_default();
    let mut known: Vec<Head> = head::read(&own)?.into_iter().collect();
    let mut warnings = Vec::new();
    if known.is_empty() {
        warnings.push(format!("there is no head {}: that the end was cut off would not be found", own.display()));
    }
    for path in others {
        known.push(head::read(path)?.with_context(|| format!("there is no {}", path.display()))?);
    }
    let store = serve::open_store(settings).await?;
    let mut verifier = Verifier::new(&keeper.key, known);
    // What somebody put before the first event is found as well.
    let mut after = i64::MIN;
    loop {
        let page = store.operator_store().audit_after(after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.place;
        page.iter().for_each(|row| verifier.next(row));
    }
    tell(&verifier.finish(), &warnings, json)
}

fn tell(report: &Report, warnings: &[String], json: bool) -> anyhow::Result<()> {
    if json {
        let mut object = serde_json::to_value(report)?;
        object["warnings"] = warnings.into();
        super::write(&(serde_json::to_string_pretty(&object)? + "\n"))?;
    } else {
        let mut lines: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
        if report.more > 0 {
            lines.push(format!("and {} more", report.more));
        }
        lines.extend(warnings.iter().cloned());
        let Report { events, last, before_the_key, heads, .. } = report;
        lines.push(format!("{events} events up to {last}, {before_the_key} of them before the key; {heads} heads"));
        super::write(&(lines.join("\n") + "\n"))?;
    }
    let found = report.findings.len() as u64 + report.more;
    ensure!(report.is_whole(), NotWhole(found));
    Ok(())
}

async fn export(settings: &Settings, arguments: &ExportArguments) -> anyhow::Result<()> {
    let store = serve::open_store(settings).await?;
    let (after, to) = match arguments.after {
        Some(after) => (after, i64::MAX),
        None => between(&*store, arguments.from, arguments.to).await?,
    };
    let before = match after {
        0 => BEGINNING,
        place => {
            let row = store.operator_store().audit_after(place - 1, 1).await?.pop().filter(|row| row.place == place);
            row.with_context(|| format!("there is no event {place}"))?.mac
        }
    };
    let mut exporter = Exporter::new(BufWriter::new(std::io::stdout()), arguments.format, before);
    let mut place = after;
    while place < to {
        let page = store.operator_store().audit_after(place, PAGE).await?;
        let Some(last) = page.last() else { break };
        place = last.place;
        for row in page.iter().filter(|row| row.place <= to) {
            exporter.write(row)?;
        }
    }
    exporter.finish()
}

/// The place before the first event of a time, and that of its last. Between them everything is exported, whatever its
/// own time is, so that the file is a piece of the chain.
async fn between(
    store: &dyn Store,
    from: Option<OffsetDateTime>,
    to: Option<OffsetDateTime>,
) -> anyhow::Result<(i64, i64)> {
    if from.is_none() && to.is_none() {
        return Ok((0, i64::MAX));
    }
    let is_in = |row: &&AuditRow| from.is_none_or(|from| row.at >= from) && to.is_none_or(|to| row.at < to);
    let (mut first, mut last, mut after) = (None, 0, 0);
    loop {
        let page = store.operator_store().audit_after(after, PAGE).await?;
        let Some(end) = page.last() else { break };
        after = end.place;
        for row in page.iter().filter(is_in) {
            first.get_or_insert(row.place);
            last = row.place;
        }
    }
    Ok(first.map_or((0, 0), |first| (first - 1, last)))
}

async fn accept(settings: &Settings, decision: &Decision) -> anyhow::Result<()> {
    let path = serve::keeper(settings)?.head.unwrap_or_default();
    let known = head::read(&path)?.with_context(|| format!("there is no head {}", path.display()))?;
    let store = serve::open_store(settings).await?;
    let audit = store.operator_store();
    let there = audit.audit_after(known.place.saturating_sub(1), 1).await?.pop();
    ensure!(
        there.is_none_or(|row| row.place != known.place || row.mac != known.mac),
        "the chain has event {}, which is the last that this server has seen: there is nothing to accept",
        known.place
    );
    let Head { place, node, sequence, .. } = &known;
    let note = Note {
        event: Event::ChainAccepted,
        subject: Uuid::nil(),
        detail: format!("without event {place} of {node}, number {sequence}"),
        by: decision.actor(),
        outcome: Outcome::Done,
    };
    audit.note(&note, SystemClock.now()).await?;
    // Only now: the event must be there before the head that it is about is forgotten.
    let mut last = audit.audit_after(0, 1).await?.pop();
    while let Some(row) = &last {
        let Some(next) = audit.audit_after(row.place, PAGE).await?.pop() else { break };
        last = Some(next);
    }
    let last = Head::from(last.context("the audit is empty")?);
    head::write(&path, &last)?;
    decision.answer(
        json!({"accepted": known, "head": last}),
        &format!("accepted the chain without event {place}; its head is event {} now", last.place),
    )
}
