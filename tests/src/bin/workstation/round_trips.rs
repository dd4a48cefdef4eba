//! Page → extension → host → page, ours and the echo's in one browser, in turn; and the memory that each extension takes.

use std::{fs, path::Path};

use anyhow::{Context, Result, ensure};
use qcert_journeys::{
    Browser, Software, Workstation,
    figure::{Figure, median},
    stranger::Site,
    token::PIN,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Arguments, echo};

/// Pages that are loaded; each starts both hosts anew.
const ROUNDS: u32 = 15;
/// Later calls of each kind on each page.
const LATER: u32 = 20;

const PAGE: &str = "<!doctype html><title>A page that asks</title>";

#[derive(Deserialize)]
struct Times {
    first: Pair<f64>,
    later: Pair<Vec<f64>>,
    large: Pair<Vec<f64>>,
}

#[derive(Default, Deserialize)]
struct Pair<T> {
    ours: T,
    echo: T,
}

/// Medians of all rounds.
pub async fn measure(arguments: &Arguments) -> Result<Vec<Figure>> {
    let [mut first, mut later, mut large] = <[Pair<Vec<f64>>; 3]>::default();
    let directory = tempfile::tempdir()?;
    let site = Site::open(PAGE)?;
    let computer = computer(arguments, directory.path(), &site, true, true)?;
    let browser = Browser::open_at(&computer, site.origin("localhost")).await?;
    for round in 0..ROUNDS {
        browser.reload().await?;
        let begins = if round % 2 == 0 { "ours" } else { "echo" };
        let script = include_str!("round_trips.js");
        let told: Value = browser.script_later(script, vec![json!(begins), json!(LATER)]).await?;
        ensure!(told["error"].is_null(), "the page was answered {}", told["error"]);
        let times: Times = serde_json::from_value(told["times"].clone())?;
        first.ours.push(times.first.ours);
        first.echo.push(times.first.echo);
        for (all, some) in [(&mut later, times.later), (&mut large, times.large)] {
            all.ours.extend(some.ours);
            all.echo.extend(some.echo);
        }
    }
    browser.close();
    let figure = |name, Pair { ours, echo }| Figure::new(name, median(ours), Some(median(echo)), "ms");
    let (with, without) = (memory(arguments, true).await?, memory(arguments, false).await?);
    let memory = Figure::new("memory of the extension's process (PSS)", with, Some(without), "KiB");
    Ok(vec![
        figure("page → host → page, first (starts the host)", first),
        figure("page → host → page, later", later),
        figure("page → host → page, later, 100 KB", large),
        memory,
    ])
}

fn computer(arguments: &Arguments, directory: &Path, site: &Site, ours: bool, echo: bool) -> Result<Workstation> {
    let origin = site.origin("localhost");
    let mut computer = Workstation::set_up_for(directory, &origin, PIN, Software::Chromium)?;
    computer.register_host(&arguments.host, &origin)?;
    computer.set_modules(std::slice::from_ref(&arguments.readers))?;
    computer.extension = ours;
    if echo {
        echo::install(&mut computer, &arguments.echo_host)?;
    }
    Ok(computer)
}

/// Of one extension alone in a browser, whose worker has just passed an answer on.
async fn memory(arguments: &Arguments, ours: bool) -> Result<f64> {
    const ONE_CALL: &str = "
        const [message, done] = arguments;
        addEventListener('message', ({ data }) => 'reply' === (data?.qcert ?? data?.echo) && done(null));
        postMessage(message, location.origin);";
    let directory = tempfile::tempdir()?;
    let site = Site::open(PAGE)?;
    let computer = computer(arguments, directory.path(), &site, ours, !ours)?;
    let browser = Browser::open_at(&computer, site.origin("localhost")).await?;
    let hello = json!({"qcert": "request", "id": "1", "command": "hello", "params": {"protocolVersion": 1}});
    let message = if ours { hello } else { json!({"echo": "request", "id": "1"}) };
    let _: Value = browser.script_later(ONE_CALL, vec![message]).await?;
    let processes = browser.extension_processes()?;
    let sizes: Vec<_> = processes.into_iter().map(proportional_set_size).collect::<Result<_>>()?;
    sizes.into_iter().reduce(f64::max).context("no process of an extension runs")
}

/// Pss of proc(5), in KiB: shared pages by the part of who shares them.
fn proportional_set_size(process: u32) -> Result<f64> {
    let told = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).context("read a process's memory")?;
    let line = told.lines().find_map(|line| line.strip_prefix("Pss:")).context("no Pss")?;
    line.trim().trim_end_matches(" kB").parse().context("read Pss")
}
