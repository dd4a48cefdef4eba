//! What processes cost, from /proc.

use std::{fs, time::Duration};

use anyhow::{Context, Result};

/// Ticks of /proc/PID/stat in a second: USER_HZ, 100 on every Linux that Debian runs on.
const TICKS: f64 = 100.0;

/// A process's own time on the processors, user and system.
///
/// # Errors
/// When it has ended.
pub fn processor_time(process: u32) -> Result<Duration> {
    let fields = fields(process)?;
    Ok(ticks(&fields, &[11, 12]))
}

/// The same of a process, of all that it began and waited for, and of those of its children that run: a database's
/// whole cluster by its first process.
///
/// # Errors
/// When it has ended.
pub fn family_time(process: u32) -> Result<Duration> {
    let own = ticks(&fields(process)?, &[11, 12, 13, 14]);
    let children = children(process)?.into_iter().filter_map(|child| family_time(child).ok());
    Ok(children.fold(own, |sum, time| sum + time))
}

/// Resident memory in KiB.
///
/// # Errors
/// When the process has ended.
pub fn resident(process: u32) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).context("read /proc/PID/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    line.split_whitespace().next().and_then(|number| number.parse().ok()).context("VmRSS is no number")
}

/// Resident memory of a process and its children in KiB, what they share counted once (proportional set size).
///
/// # Errors
/// When the process has ended.
pub fn family_resident(process: u32) -> Result<f64> {
    let rollup = fs::read_to_string(format!("/proc/{process}/smaps_rollup")).context("read /proc/PID/smaps_rollup")?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:")).context("no Pss")?;
    let own: f64 = line.split_whitespace().next().and_then(|number| number.parse().ok()).context("Pss is no number")?;
    let children = children(process)?.into_iter().filter_map(|child| family_resident(child).ok());
    Ok(own + children.sum::<f64>())
}

fn children(process: u32) -> Result<Vec<u32>> {
    let path = format!("/proc/{process}/task/{process}/children");
    let text = fs::read_to_string(path).context("read a process's children")?;
    Ok(text.split_whitespace().filter_map(|child| child.parse().ok()).collect())
}

/// The fields of /proc/PID/stat after the name, which may have spaces: state is 0, utime 11.
fn fields(process: u32) -> Result<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).context("read /proc/PID/stat")?;
    let (_, after) = stat.rsplit_once(')').context("no name in /proc/PID/stat")?;
    Ok(after.split_whitespace().map(str::to_owned).collect())
}

fn ticks(fields: &[String], which: &[usize]) -> Duration {
    let ticks = which.iter().filter_map(|field| fields.get(*field)?.parse::<f64>().ok());
    Duration::from_secs_f64(ticks.sum::<f64>() / TICKS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_memory_and_costs_time() {
        let own = std::process::id();
        assert!(resident(own).unwrap() > 0.0);
        assert!(family_resident(own).unwrap() > 0.0);
        assert!(family_time(own).unwrap() >= processor_time(own).unwrap());
    }
}
