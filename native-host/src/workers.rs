//! The workers: one process for each PKCS#11 module, which is a stranger. A module that prints, hangs or crashes is
//! named, ended and started again after a while; the others do not notice.

mod merge;
mod process;
mod shared;
mod worker;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::Duration,
};

use qcert_protocol::{
    ErrorCode,
    workstation::{Failure, Outcome, Stage, TokenId, Tokens, WatchTokens},
};
use serde_json::value::RawValue;

pub use process::{Heard, Process};

use crate::{
    clock::monotonic,
    configuration::Configuration,
    log::{Level, Log},
    module::name_of,
};
use merge::same_token;
use shared::{Shared, crashed};
use worker::{SILENCE, Worker};

/// A module that has been silent for this long is ended.
const HANGING: Duration = Duration::from_secs(10);

/// How long a module is waited for that is at work with one of its tokens.
const AT_WORK: Duration = Duration::from_millis(100);

/// How often each module is asked what it shows while somebody watches, though it tells of changes itself.
const HEARTBEAT: Duration = Duration::from_secs(2);

/// How long workers that have nothing to do may take to end.
const LEAVING: Duration = Duration::from_secs(1);

/// All workers.
#[derive(Clone)]
pub struct Workers {
    shared: Arc<Shared>,
}

/// What is plugged in, for a person at a terminal. There is no log: the person is told what there is to tell.
pub fn survey_once(mut configuration: Configuration) -> Tokens {
    configuration.log = Level::Off;
    let workers = Workers::new(configuration, Log::off().into(), || {});
    let tokens = workers.survey(Listing::Whole);
    workers.close();
    tokens
}

/// A module, to work with one of its tokens.
pub struct Reached {
    /// Its file.
    pub path: PathBuf,
    /// Its process.
    pub process: Arc<Process>,
}

/// How complete a listing is to be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Listing {
    /// Every module is waited for, unless it hangs.
    Whole,
    /// Who asks will be told of changes: the first token is enough.
    Begun,
}

impl Workers {
    /// Starts none yet. `on_change` is called from their threads.
    pub fn new(configuration: Configuration, log: Arc<Log>, on_change: impl Fn() + Send + Sync + 'static) -> Self {
        let (state, changed) = Default::default();
        Self { shared: Arc::new(Shared { configuration, log, state, changed, on_change: Box::new(on_change) }) }
    }

    /// What is plugged in. Modules are asked at the same time; a token waits for no other module than its own.
    pub fn survey(&self, listing: Listing) -> Tokens {
        self.tend(true);
        let mut state = self.shared.state();
        loop {
            let now = monotonic();
            let shows_token = state.workers.iter().any(|worker| worker.looking.is_none() && worker.has_token());
            let patience = |worker: &Worker| match listing {
                Listing::Begun if shows_token => Duration::ZERO,
                _ if worker.busy > 0 => AT_WORK,
                Listing::Begun | Listing::Whole => SILENCE,
            };
            let left = state.workers.iter().map(|worker| worker.worth_waiting(patience(worker), now)).max();
            match left.filter(|left| !left.is_zero()) {
                None => return state.merged().tokens,
                Some(left) => state = self.shared.wait(state, left),
            }
        }
    }

    /// From now on, or no longer, somebody wants to know of changes.
    pub fn watch(&self, on: bool) {
        let mut state = self.shared.state();
        if std::mem::replace(&mut state.watching, on) && !on {
            let processes: Vec<_> = state.workers.iter().filter_map(|worker| worker.process.clone()).collect();
            drop(state);
            processes.iter().for_each(|process| drop(process.ask("watchTokens", WatchTokens { on: false })));
        }
    }

    /// What was plugged in when the modules last said so.
    pub fn seen(&self) -> Tokens {
        self.shared.state().merged().tokens
    }

    /// The module that a token is worked with.
    ///
    /// # Errors
    /// `token_removed`: the name was good when the person chose it.
    pub fn reach(&self, token: &TokenId) -> Result<Reached, Failure> {
        if let Some(reached) = self.shared.state().reach(token) {
            return Ok(reached);
        }
        self.survey(Listing::Whole);
        self.shared.state().reach(token).ok_or_else(|| ErrorCode::TokenRemoved.into())
    }

    /// Are these the same token, which two modules show?
    pub fn are_one(&self, token: &TokenId, other: &TokenId) -> bool {
        let state = self.shared.state();
        let shown = |id| state.workers.iter().find_map(|worker| worker.token(id));
        shown(token).zip(shown(other)).is_some_and(|(token, other)| same_token(token, other))
    }

    /// All modules but this one.
    pub fn others(&self, than: &Reached) -> Vec<Arc<Process>> {
        let state = self.shared.state();
        let others = state.workers.iter().filter(|worker| worker.path != than.path);
        others.filter_map(|worker| worker.process.clone()).collect()
    }

    /// An operation with one of its tokens begins or ends: meanwhile it may be silent.
    pub fn busy(&self, reached: &Reached, begins: bool) {
        let mut state = self.shared.state();
        if let Some(worker) = state.workers.iter_mut().find(|worker| worker.path == reached.path) {
            worker.busy = if begins { worker.busy + 1 } else { worker.busy.saturating_sub(1) };
            // Its silence so far was the token's.
            worker.looking = worker.looking.map(|_| monotonic());
        }
    }

    /// Waits for the answer to a question. A module that gives none is ended, unless it is at work.
    ///
    /// # Errors
    /// Those of the answer; `module_hangs`, `module_crashed`, `operation_in_progress`.
    pub fn answer(&self, reached: &Reached, heard: &Receiver<Heard>) -> Result<Box<RawValue>, Failure> {
        match heard.recv_timeout(HANGING.min(self.shared.limit())) {
            Ok(Heard::Answer(outcome)) => outcome_of(outcome),
            Err(RecvTimeoutError::Timeout) if !self.is_busy(reached) => Err(self.end(reached)),
            Ok(Heard::Progress(_)) | Err(RecvTimeoutError::Timeout) => Err(ErrorCode::OperationInProgress.into()),
            Err(RecvTimeoutError::Disconnected) => Err(self.why_ended(reached)),
        }
    }

    /// Waits for the end of an operation; each step of it begins the time that a module has anew.
    ///
    /// # Errors
    /// Those of the operation; `module_hangs`, `module_crashed`.
    pub fn outcome(
        &self,
        reached: &Reached,
        heard: &Receiver<Heard>,
        mut progress: impl FnMut(Stage),
    ) -> Result<Box<RawValue>, Failure> {
        loop {
            match heard.recv_timeout(self.shared.limit()) {
                Ok(Heard::Progress(stage)) => progress(stage),
                Ok(Heard::Answer(outcome)) => return outcome_of(outcome),
                Err(RecvTimeoutError::Timeout) => return Err(self.end(reached)),
                Err(RecvTimeoutError::Disconnected) => return Err(self.why_ended(reached)),
            }
        }
    }

    /// Ends a module that hangs.
    fn end(&self, reached: &Reached) -> Failure {
        reached.process.kill(hangs(&reached.path));
        self.why_ended(reached)
    }

    /// Why it ended. Whoever hears it may ask at once what is plugged in now, so it is to be known everywhere.
    fn why_ended(&self, reached: &Reached) -> Failure {
        let mut state = self.shared.state();
        let end = monotonic() + LEAVING;
        while state.worker_of(&reached.process).is_some() && monotonic() < end {
            state = self.shared.wait(state, LEAVING);
        }
        reached.process.why_ended().cloned().unwrap_or_else(|| crashed(&reached.path, "its pipe is closed"))
    }

    fn is_busy(&self, reached: &Reached) -> bool {
        self.shared.state().workers.iter().any(|worker| worker.path == reached.path && worker.busy > 0)
    }

    /// Starts what is due, ends what hangs, and asks each module what it shows: all of them, or while somebody watches
    /// those that were not asked for a while.
    pub fn tend(&self, ask_all: bool) {
        let mut state = self.shared.state();
        let now = monotonic();
        self.shared.follow_configuration(&mut state);
        self.shared.start_due(&mut state);
        let watching = state.watching;
        let mut asked = Vec::new();
        for worker in &mut state.workers {
            let Some(process) = &worker.process else { continue };
            if worker.is_silent_for(HANGING.min(self.shared.limit()), now) {
                process.kill(hangs(&worker.path));
            }
            let long_ago = worker.looked.is_none_or(|looked| now - looked >= HEARTBEAT);
            if worker.looking.is_none() && (ask_all || watching && long_ago) {
                worker.looking = Some(now);
                asked.push((worker.path.clone(), process.clone()));
            }
        }
        drop(state);
        for (path, process) in asked {
            self.shared.look(path, process, watching);
        }
    }

    /// Lets all workers end; those that work clean up first.
    pub fn hang_up(&self) {
        let mut state = self.shared.state();
        state.closing = true;
        state.workers.iter().filter_map(|worker| worker.process.as_ref()).for_each(|process| process.hang_up());
    }

    /// Waits for all workers to end, not for long.
    pub fn close(&self) {
        self.hang_up();
        let mut state = self.shared.state();
        let end = monotonic() + LEAVING;
        while state.workers.iter().any(|worker| worker.process.is_some()) {
            let left = end.saturating_duration_since(monotonic());
            if left.is_zero() {
                let hanging = state.workers.iter().filter_map(|worker| Some((worker, worker.process.as_ref()?)));
                return hanging.for_each(|(worker, process)| process.kill(hangs(&worker.path)));
            }
            state = self.shared.wait(state, left);
        }
    }
}

fn outcome_of(outcome: Outcome<Box<RawValue>>) -> Result<Box<RawValue>, Failure> {
    match outcome {
        Outcome::Result(result) => Ok(result),
        Outcome::Error(failure) => Err(failure),
    }
}

fn hangs(module: &Path) -> Failure {
    let detail = Some(format!("{}: no answer", name_of(module)));
    Failure { code: ErrorCode::ModuleHangs, tries_left: None, detail }
}
