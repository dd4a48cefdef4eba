//! What is known of all workers, and the threads that see to it: processes are started, heard and buried here.

use std::{
    path::{Path, PathBuf},
    process::{ChildStderr, ChildStdout},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use qcert_protocol::{
    ErrorCode,
    workstation::{Failure, MAX_MESSAGE_FROM_HOST, Outcome, Reply, TokenId, Tokens, WatchTokens},
};
use serde_json::{json, value::RawValue};

use super::{
    Reached,
    merge::{Merged, merge},
    process::{self, Heard, Process},
    worker::Worker,
};
use crate::{
    clock::monotonic,
    configuration::Configuration,
    frame,
    link::{Beginning, Notice, Orphan, Said},
    log::Log,
    module::name_of,
};

/// What the threads of all workers share.
pub(super) struct Shared {
    pub(super) configuration: Configuration,
    pub(super) log: Arc<Log>,
    pub(super) state: Mutex<State>,
    /// Something of it did.
    pub(super) changed: Condvar,
    pub(super) on_change: Box<dyn Fn() + Send + Sync>,
}

/// The workers as they stand.
#[derive(Default)]
pub(super) struct State {
    /// In the order of preference.
    pub(super) workers: Vec<Worker>,
    /// Of all modules: a token may be seen by another one the next time.
    pub(super) orphans: Vec<Orphan>,
    pub(super) watching: bool,
    pub(super) closing: bool,
}

impl State {
    pub(super) fn merged(&self) -> Merged {
        let now = monotonic();
        merge(self.workers.iter().map(|worker| worker.shown(now)))
    }

    pub(super) fn reach(&self, token: &TokenId) -> Option<Reached> {
        let worker = &self.workers[*self.merged().module_of.get(token)?];
        Some(Reached { path: worker.path.clone(), process: worker.process.clone()? })
    }

    /// The worker of this process, unless there is another one by now.
    pub(super) fn worker_of(&mut self, process: &Arc<Process>) -> Option<&mut Worker> {
        self.workers.iter_mut().find(|worker| worker.process.as_ref().is_some_and(|own| Arc::ptr_eq(own, process)))
    }
}

impl Shared {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn wait<'a>(&'a self, state: MutexGuard<'a, State>, limit: Duration) -> MutexGuard<'a, State> {
        self.changed.wait_timeout(state, limit).unwrap_or_else(PoisonError::into_inner).0
    }

    fn tell(&self) {
        self.changed.notify_all();
        (self.on_change)();
    }

    /// How long a module may be silent at all.
    pub(super) fn limit(&self) -> Duration {
        self.configuration.module_time_limit
    }

    /// A module that was installed since the last time gets its worker; one that is gone loses it.
    pub(super) fn follow_configuration(&self, state: &mut State) {
        let mut known = std::mem::take(&mut state.workers);
        for path in self.configuration.module_paths() {
            let place = known.iter().position(|worker| worker.path == path);
            state.workers.push(place.map_or_else(|| Worker::new(path), |place| known.swap_remove(place)));
        }
        known.iter().filter_map(|worker| worker.process.as_ref()).for_each(|process| process.hang_up());
    }

    pub(super) fn start_due(self: &Arc<Self>, state: &mut State) {
        let now = monotonic();
        let (orphans, closing) = (state.orphans.clone(), state.closing);
        for worker in state.workers.iter_mut().filter(|worker| !closing && worker.is_due(now)) {
            if !worker.path.exists() {
                worker.is_not_there();
                continue;
            }
            let beginning = Beginning {
                factory_pins: self.configuration.factory_pins.clone(),
                authority_certificates: self.configuration.authority_certificates.clone(),
                stored_key_module: self.configuration.stored_key_module.clone(),
                log: self.configuration.log,
                memory_limit: self.configuration.module_memory_limit,
                orphans: orphans.clone(),
                may_wait: worker.may_wait,
            };
            match Process::start(&worker.path, &beginning) {
                Ok((process, said, printed)) => {
                    worker.process = Some(self.attend(&worker.path, process, said, printed))
                }
                Err(error) => {
                    self.log.error(format_args!("module {}: no process: {}", worker.name(), error.kind()));
                    worker.ended(ErrorCode::ModuleFailed, now);
                }
            }
        }
    }

    /// Two threads, for what the process says and for what its module prints.
    fn attend(
        self: &Arc<Self>,
        path: &Path,
        process: Process,
        mut said: ChildStdout,
        printed: ChildStderr,
    ) -> Arc<Process> {
        let process = Arc::new(process);
        std::thread::spawn({
            let (this, process, path) = (self.clone(), process.clone(), path.to_owned());
            move || {
                while let Ok(Some(frame)) = frame::read_open(&mut said, MAX_MESSAGE_FROM_HOST) {
                    // What is not understood is its module's doing.
                    let Ok(said) = Said::read(&frame) else { break };
                    this.hear(&process, said);
                }
                this.bury(&path, &process);
            }
        });
        let (log, name) = (self.log.clone(), name_of(path));
        std::thread::spawn(move || process::drain(printed, || log.info(format_args!("module {name} prints"))));
        process
    }

    fn hear(&self, process: &Arc<Process>, said: Said) {
        match said {
            Said::Reply(Reply { id, outcome }) => process.heard(&id, Heard::Answer(outcome)),
            Said::Notice(Notice::Progress { id, stage }) => process.heard(&id, Heard::Progress(stage)),
            Said::Notice(Notice::HalfMade(orphan)) => self.state().orphans.push(orphan),
            Said::Notice(Notice::Settled(orphan)) => self.state().orphans.retain(|known| *known != orphan),
            Said::Notice(Notice::TokensChanged(tokens)) => {
                if let Some(worker) = self.state().worker_of(process) {
                    worker.changed(tokens);
                }
                self.tell();
            }
        }
    }

    fn bury(&self, path: &Path, process: &Arc<Process>) {
        let Failure { code, detail, .. } = process.bury(|status| crashed(path, status));
        let mut state = self.state();
        if !state.closing {
            self.log.error(format_args!("{} ({})", code.as_str(), detail.as_deref().unwrap_or_default()));
        }
        if let Some(worker) = state.worker_of(process) {
            worker.ended(*code, monotonic());
        }
        drop(state);
        self.tell();
    }

    /// Asks a module what it shows. The answer is waited for in a thread of its own.
    pub(super) fn look(self: &Arc<Self>, path: PathBuf, process: Arc<Process>, watching: bool) {
        let this = self.clone();
        std::thread::spawn(move || {
            let heard = match watching {
                true => process.ask("watchTokens", WatchTokens { on: true }),
                false => process.ask("listTokens", json!({})),
            };
            // If it ends, its burial says so.
            let Ok(Heard::Answer(outcome)) = heard.recv() else { return };
            let Some(tokens) = understood(outcome) else {
                return process.kill(crashed(&path, "an answer of no sense"));
            };
            if let Some(worker) = this.state().worker_of(&process) {
                worker.shows(tokens, monotonic());
            }
            this.tell();
        });
    }
}

fn understood(outcome: Outcome<Box<RawValue>>) -> Option<Tokens> {
    match outcome {
        Outcome::Result(tokens) => serde_json::from_str(tokens.get()).ok(),
        Outcome::Error(_) => None,
    }
}

/// A module whose process ended so.
pub(super) fn crashed(module: &Path, how: &str) -> Failure {
    let detail = Some(format!("{}: {how}", name_of(module)));
    Failure { code: ErrorCode::ModuleCrashed, tries_left: None, detail }
}
