//! What runs behind the browser and may end at any moment: the extension's worker and its hosts.

use std::{collections::BTreeMap, fs, process::Command};

use anyhow::{Context, Result};

use super::{Browser, chromium, firefox};
use crate::{Software, programs};

/// What Chromium starts the process of an extension with.
const EXTENSION: &str = " --extension-process ";

/// What Firefox calls the process of extensions, and those of pages, one that waits for its first page among them; the
/// kernel keeps fifteen letters.
const FIREFOX_EXTENSION: &str = "WebExtensions";
const FIREFOX_PAGES: [&str; 2] = ["Isolated Web Co", "Web Content"];

impl Browser {
    /// The process ids of the hosts that this browser started and that run now.
    ///
    /// # Errors
    /// The kernel does not tell of processes.
    pub fn hosts(&self) -> Result<Vec<u32>> {
        self.processes(|process| is_host(&command_line(process)))
    }

    /// The process ids of the processes in which extensions run, workers and windows.
    ///
    /// # Errors
    /// As [`Self::hosts`].
    pub fn extension_processes(&self) -> Result<Vec<u32>> {
        match self.software {
            Software::Chromium => self.processes(|process| has(&command_line(process), EXTENSION)),
            Software::Firefox => self.processes(|process| name(process) == FIREFOX_EXTENSION),
        }
    }

    /// The process ids of the processes in which pages of sites run.
    ///
    /// # Errors
    /// As [`Self::hosts`].
    pub fn page_processes(&self) -> Result<Vec<u32>> {
        match self.software {
            Software::Chromium => self.processes(|process| {
                let words = command_line(process);
                has(&words, " --type=renderer ") && !has(&words, EXTENSION)
            }),
            Software::Firefox => self.processes(|process| FIREFOX_PAGES.contains(&name(process).as_str())),
        }
    }

    /// Processes of this browser.
    fn processes(&self, wanted: impl Fn(u32) -> bool) -> Result<Vec<u32>> {
        let parents = parents()?;
        let descends = |process: u32| {
            let line = std::iter::successors(Some(process), |child| parents.get(child).copied());
            line.into_iter().any(|one| one == self.driver_program.process())
        };
        Ok(parents.keys().copied().filter(|process| descends(*process) && wanted(*process)).collect())
    }

    /// Ends the hosts as a crash does, and waits until they are gone. Others may have come in their place by then.
    ///
    /// # Errors
    /// None runs, or one stays.
    pub async fn kill_hosts(&self) -> Result<()> {
        let hosts = self.hosts()?;
        let ids: Vec<_> = hosts.iter().map(u32::to_string).collect();
        programs::run(Command::new("kill").arg("-KILL").args(ids))?;
        self.hosts_end(&hosts).await
    }

    /// Stops the extension's worker, as the browser may when it wants to, and waits until its hosts are gone.
    ///
    /// # Errors
    /// The browser does not stop it, or a host stays.
    pub async fn stop_worker(&self) -> Result<()> {
        let hosts = self.hosts()?;
        match self.software {
            Software::Chromium => chromium::stop_worker(&self.driver).await?,
            Software::Firefox => firefox::stop_worker(&self.driver).await?,
        }
        self.hosts_end(&hosts).await
    }

    /// Waits until a host runs.
    ///
    /// # Errors
    /// None is started.
    pub async fn host_runs(&self) -> Result<()> {
        self.until("a host", async || Ok((!self.hosts()?.is_empty()).then_some(()))).await
    }

    /// Waits until these hosts have ended.
    ///
    /// # Errors
    /// One goes on.
    pub async fn hosts_end(&self, hosts: &[u32]) -> Result<()> {
        let ended = async || Ok(self.hosts()?.iter().all(|host| !hosts.contains(host)).then_some(()));
        self.until("the end of the host", ended).await
    }
}

/// The parent of every process.
fn parents() -> Result<BTreeMap<u32, u32>> {
    let listed = fs::read_dir("/proc").context("list the processes")?;
    let processes = listed.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    Ok(processes.filter_map(|process| Some((process, parent(process)?))).collect())
}

/// Fields of proc(5): the name of the program stands in brackets and may have some itself; then state and parent.
fn parent(process: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}

/// The words of a process's command line; of one that has ended, or is about to become another, there are none.
fn command_line(process: u32) -> Vec<Vec<u8>> {
    let line = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
    line.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect()
}

/// What a process calls itself.
fn name(process: u32) -> String {
    fs::read_to_string(format!("/proc/{process}/comm")).unwrap_or_default().trim_end().to_owned()
}

/// Is this in the command line? Chromium writes the words of such a process as one.
fn has(words: &[Vec<u8>], option: &str) -> bool {
    words.iter().any(|word| String::from_utf8_lossy(word).contains(option))
}

/// A host as a browser starts it, with the address of the extension or the path of the manifest; what the host itself
/// starts is none.
fn is_host(words: &[Vec<u8>]) -> bool {
    let [program, argument, ..] = words else { return false };
    program.ends_with(b"/qcert-host") && (argument.starts_with(b"chrome-extension://") || argument.ends_with(b".json"))
}
