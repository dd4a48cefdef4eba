//! What is known of one module: its process, what it showed last, and when it is tried again.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use qcert_protocol::{
    ErrorCode,
    workstation::{Module, Token, TokenId, Tokens},
};

use super::process::Process;
use crate::module::name_of;

/// A module that says nothing for this long hangs, as far as a person is told.
pub const SILENCE: Duration = Duration::from_secs(3);

/// How long the second rest is; each is twice as long as the one before it. The first time it is tried again at once.
const FIRST_REST: Duration = Duration::from_secs(2);
const LONGEST_REST: Duration = Duration::from_secs(300);

/// One module.
pub struct Worker {
    /// Its file.
    pub path: PathBuf,
    /// None while it rests, or was not needed yet.
    pub process: Option<Arc<Process>>,
    /// Since when it has been asked what it shows.
    pub looking: Option<Instant>,
    /// When it answered that last.
    pub looked: Option<Instant>,
    /// Operations on its tokens that run now.
    pub busy: u32,
    /// May it wait in C_WaitForSlotEvent? Not any more once it hung.
    pub may_wait: bool,
    shown: Tokens,
    /// How often it ended since it last showed something.
    failures: u32,
    rests_until: Option<Instant>,
}

impl Worker {
    /// One that was not started.
    pub fn new(path: PathBuf) -> Self {
        let shown = only_module(&path, None, None);
        let (process, looking, looked, rests_until) = Default::default();
        Self { path, process, looking, looked, busy: 0, may_wait: true, shown, failures: 0, rests_until }
    }

    /// What the module is called.
    pub fn name(&self) -> String {
        name_of(&self.path)
    }

    /// It answered.
    pub fn shows(&mut self, tokens: Tokens, now: Instant) {
        (self.shown, self.looking, self.looked, self.failures) = (tokens, None, Some(now), 0);
    }

    /// It told of a change, unasked.
    pub fn changed(&mut self, tokens: Tokens) {
        self.shown = tokens;
    }

    /// It is configured, and its file is not there.
    pub fn is_not_there(&mut self) {
        self.shown = only_module(&self.path, None, Some(ErrorCode::ModuleFailed));
    }

    /// It ended, or could not be started.
    pub fn ended(&mut self, code: ErrorCode, now: Instant) {
        (self.process, self.looking, self.looked) = (None, None, None);
        self.may_wait &= code != ErrorCode::ModuleHangs;
        let rest = FIRST_REST.saturating_mul(1 << self.failures.min(10)).min(LONGEST_REST);
        self.rests_until = (self.failures > 0).then(|| now + rest);
        self.failures += 1;
        self.shown = only_module(&self.path, self.description(), Some(code));
    }

    /// Is it to be started?
    pub fn is_due(&self, now: Instant) -> bool {
        self.process.is_none() && self.rests_until.is_none_or(|until| until <= now)
    }

    /// Has it been silent for this long? A token that is at work may keep its module from answering.
    pub fn is_silent_for(&self, limit: Duration, now: Instant) -> bool {
        self.busy == 0 && self.looking.is_some_and(|since| now - since >= limit)
    }

    /// For how long somebody of that patience waits for it to show something, from now.
    pub fn worth_waiting(&self, patience: Duration, now: Instant) -> Duration {
        self.looking.map_or(Duration::ZERO, |since| patience.saturating_sub(now - since))
    }

    /// Does it show a token?
    pub fn has_token(&self) -> bool {
        self.shown.readers.iter().any(|reader| reader.token.is_some())
    }

    /// A token that it showed last.
    pub fn token(&self, id: &TokenId) -> Option<&Token> {
        let tokens = self.shown.readers.iter().filter_map(|reader| reader.token.as_ref());
        tokens.into_iter().find(|token| token.id == *id)
    }

    /// What it shows now, as far as a person is told.
    pub fn shown(&self, now: Instant) -> Tokens {
        if self.is_silent_for(SILENCE, now) {
            return only_module(&self.path, self.description(), Some(ErrorCode::ModuleHangs));
        }
        self.shown.clone()
    }

    fn description(&self) -> Option<String> {
        self.shown.modules.first().and_then(|module| module.description.clone())
    }
}

fn only_module(path: &Path, description: Option<String>, error: Option<ErrorCode>) -> Tokens {
    Tokens { modules: vec![Module { name: name_of(path), description, error }], ..Tokens::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::monotonic;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_module_that_ends_is_started_at_once_and_then_after_longer_and_longer_rests() {
        let (mut worker, now) = (Worker::new("/m.so".into()), monotonic());
        let rests = (0..12).map(|_| {
            worker.ended(ErrorCode::ModuleCrashed, now);
            (0..1000).find(|seconds| worker.is_due(now + *seconds * SECOND)).unwrap()
        });
        assert_eq!(rests.collect::<Vec<_>>(), [0, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300, 300]);
        worker.shows(Tokens::default(), now);
        worker.ended(ErrorCode::ModuleCrashed, now);
        assert!(worker.is_due(now));
    }

    #[test]
    fn a_silent_module_hangs_unless_its_token_is_at_work() {
        let (mut worker, now) = (Worker::new("/m.so".into()), monotonic());
        worker.looking = Some(now);
        let error = |worker: &Worker, at| worker.shown(at).modules[0].error;
        assert_eq!(error(&worker, now + SECOND), None);
        assert_eq!(error(&worker, now + SILENCE), Some(ErrorCode::ModuleHangs));
        worker.busy = 1;
        assert_eq!(error(&worker, now + SILENCE), None);
    }

    #[test]
    fn nobody_waits_longer_for_a_module_than_it_was_silent_already() {
        let (mut worker, now) = (Worker::new("/m.so".into()), monotonic());
        assert_eq!(worker.worth_waiting(SECOND, now), Duration::ZERO);
        worker.looking = Some(now);
        assert_eq!(worker.worth_waiting(SECOND, now), SECOND);
        assert_eq!(worker.worth_waiting(SECOND, now + 2 * SECOND), Duration::ZERO);
    }
}
