//! What is measured on the way: the page's round trip to the host, and the memory of server and host.

use std::fs;

use anyhow::{Context, Result};
use qcert_journeys::Journey;
use serde_json::{Value, json};

/// How many later round trips the median is taken of.
const ROUND_TRIPS: u32 = 101;

/// Opens a page of the portal that has no wizard, and speaks to the extension as the wizard does. Each `hello` asks the
/// host once, without a token; the first one starts it.
const ROUND_TRIP: &str = "
    const [count, done] = arguments;
    const call = (command, params) => new Promise((resolve) => {
      const id = crypto.randomUUID();
      const hear = ({ data }) => {
        if (data?.qcert !== 'reply' || data.id !== id) return;
        removeEventListener('message', hear);
        resolve(data);
      };
      addEventListener('message', hear);
      postMessage({ qcert: 'request', id, command, params }, location.origin);
    });
    (async () => {
      const trip = async () => {
        const start = performance.now();
        const { error } = await call('hello', { protocolVersion: 1 });
        return { time: performance.now() - start, error: error?.code ?? null };
      };
      const first = await trip();
      const later = [];
      for (let i = 0; i < count; i++) later.push((await trip()).time);
      later.sort((a, b) => a - b);
      done({ error: first.error, first: first.time, later: later[count >> 1] });
    })();";

/// `bench` of `journey.json`: times in milliseconds, memory in KiB.
///
/// # Errors
/// The extension or the host does not answer, or the kernel does not tell of the processes.
pub async fn bench(journey: &Journey) -> Result<Value> {
    let host = memory_of_host(journey)?;
    let server = resident_memory(journey.portal.process().context("the server does not run")?)?;
    journey.browser.go("/healthz").await?;
    let trip: Value = journey.browser.script_later(ROUND_TRIP, vec![json!(ROUND_TRIPS)]).await?;
    anyhow::ensure!(trip["error"].is_null(), "the workstation answers {}", trip["error"]);
    Ok(json!({
        "host_first_ms": trip["first"],
        "host_later_ms": trip["later"],
        "server_rss_kib": server,
        "host_rss_kib": host,
    }))
}

/// The host that the wizard's page uses: the largest, if there is more than one on this computer.
fn memory_of_host(journey: &Journey) -> Result<u64> {
    let hosts = journey.browser.hosts()?;
    hosts.into_iter().filter_map(|id| resident_memory(id).ok()).max().context("no host runs")
}

/// VmRSS of proc(5), in KiB.
fn resident_memory(process: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).context("read a process's status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    line.trim().trim_end_matches(" kB").parse().context("read VmRSS")
}
