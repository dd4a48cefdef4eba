//! The desk hands requests on: to the watch, which knows what is plugged in, or to the worker of the token's module.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError, SyncSender},
    },
    thread::JoinHandle,
    time::Duration,
};

use qcert_protocol::{
    ErrorCode,
    workstation::{Cancel, CancelAccepted, Command, Diagnose, Diagnosis, Event, Failure, TokenId, Tokens},
};
use serde_json::value::RawValue;

use super::{
    Outbox,
    passing_on::{Task, pass_on},
};
use crate::{
    configuration::Configuration,
    doctor,
    in_ram::SecretBytes,
    log::Log,
    operation::value,
    workers::{Listing, Process, Workers},
};

/// How often the watch sees to the workers while somebody watches.
const ROUND: Duration = Duration::from_secs(1);

/// Requests that may wait for the watch, and questions that may wait for a module.
const QUEUE: usize = 32;

/// What the threads share.
pub struct Shared {
    configuration: Configuration,
    pub workers: Workers,
    pub outbox: Arc<Outbox>,
    pub log: Arc<Log>,
    /// Ids of requests that are not answered yet.
    open: Mutex<BTreeSet<String>>,
    running: Mutex<Option<Running>>,
}

/// The operation that runs.
struct Running {
    id: String,
    cancelled: Arc<AtomicBool>,
    /// Its worker, once it is found.
    process: Option<Arc<Process>>,
}

/// What the watch is told.
enum Told {
    Watch(String, bool),
    Changed,
    End,
}

/// Where requests go.
pub struct Desk {
    shared: Arc<Shared>,
    watch: SyncSender<Told>,
    watching: JoinHandle<()>,
    operation: Option<JoinHandle<()>>,
    /// Threads of questions, the answered ones until the next is asked.
    questions: Vec<JoinHandle<()>>,
}

impl Desk {
    /// Starts the watch, and no module yet.
    pub fn open(configuration: Configuration, outbox: Arc<Outbox>, log: Arc<Log>) -> Self {
        let (watch, told) = mpsc::sync_channel(QUEUE);
        let change = watch.clone();
        // Whatever else is in a full queue has the watch look, too.
        let on_change = move || drop(change.try_send(Told::Changed));
        let workers = Workers::new(configuration.clone(), log.clone(), on_change);
        let (open, running) = Default::default();
        let shared = Arc::new(Shared { configuration, workers, outbox, log, open, running });
        let watching = std::thread::spawn({
            let shared = shared.clone();
            move || shared.watch(&told)
        });
        Self { shared, watch, watching, operation: None, questions: Vec::new() }
    }

    /// May this site ask anything?
    pub fn allows(&self, origin: &str) -> bool {
        self.shared.configuration.allows(origin)
    }

    /// Hands a request on, or says why not. The frame is the whole request, for the worker.
    ///
    /// # Errors
    /// `operation_in_progress`, `pin_required`, `frame_malformed` for an `id` that is in use.
    pub fn take(
        &mut self,
        id: String,
        command: Command,
        authorized: bool,
        frame: SecretBytes,
    ) -> Result<(), (String, Failure)> {
        if !self.shared.open().insert(id.clone()) {
            // Answered without an id: the request that has it is still waiting for its own answer.
            return Err((String::new(), ErrorCode::FrameMalformed.into()));
        }
        let refused = match command {
            Command::ListTokens => self.question(&id, |shared| Ok(value(shared.workers.survey(Listing::Whole)))),
            Command::WatchTokens(params) => self.tell(Told::Watch(id.clone(), params.on)),
            Command::TokenDetails(params) | Command::StoreState(params) => self.ask(&id, params.token, frame),
            Command::Diagnose(params) => self.question(&id, move |shared| Ok(value(shared.diagnose(params)))),
            Command::Cancel(params) => {
                let found = self.shared.cancel(Some(&params.request));
                self.shared.reply(&id, Ok(value(CancelAccepted { found })));
                Ok(())
            }
            Command::CreateRequest(params) => {
                self.start(&id, Task::on("createRequest", params.token), authorized, frame)
            }
            Command::RenewRequest(params) => self.start(&id, Task::on("renewRequest", params.token), authorized, frame),
            Command::RequestAgain(params) => self.start(&id, Task::on("requestAgain", params.token), authorized, frame),
            Command::InstallCertificate(params) => self.start(&id, Task::install(params), authorized, frame),
            Command::RemoveKeyPair(params) => {
                self.start(&id, Task::on("removeKeyPair", params.token), authorized, frame)
            }
            Command::ChangePin(params) => self.start(&id, Task::on("changePin", params.token), authorized, frame),
            Command::UnblockPin(params) => self.start(&id, Task::on("unblockPin", params.token), authorized, frame),
        };
        if let Err(code) = refused {
            self.shared.reply(&id, Err(code.into()));
        }
        Ok(())
    }

    fn tell(&self, told: Told) -> Result<(), ErrorCode> {
        self.watch.try_send(told).map_err(|_| ErrorCode::OperationInProgress)
    }

    /// A question about one token.
    fn ask(&mut self, id: &str, token: TokenId, frame: SecretBytes) -> Result<(), ErrorCode> {
        let asked = id.to_owned();
        self.question(id, move |shared| {
            let reached = shared.workers.reach(&token)?;
            let heard = reached.process.pass_on(&asked, &frame);
            shared.workers.answer(&reached, &heard)
        })
    }

    /// A question that a module may be slow to answer: in a thread of its own, so that nobody else waits for it.
    fn question(
        &mut self,
        id: &str,
        answer: impl FnOnce(&Shared) -> Result<Box<RawValue>, Failure> + Send + 'static,
    ) -> Result<(), ErrorCode> {
        if self.shared.open().len() > QUEUE {
            return Err(ErrorCode::OperationInProgress);
        }
        self.questions.retain(|question| !question.is_finished());
        let (shared, id) = (self.shared.clone(), id.to_owned());
        self.questions.push(std::thread::spawn(move || shared.reply(&id, answer(&shared))));
        Ok(())
    }

    fn start(&mut self, id: &str, task: Task, authorized: bool, frame: SecretBytes) -> Result<(), ErrorCode> {
        if !authorized {
            return Err(ErrorCode::PinRequired);
        }
        let cancelled = Arc::new(AtomicBool::new(false));
        {
            let mut running = self.shared.running();
            if running.is_some() {
                return Err(ErrorCode::OperationInProgress);
            }
            *running = Some(Running { id: id.to_owned(), cancelled: cancelled.clone(), process: None });
        }
        let (shared, id) = (self.shared.clone(), id.to_owned());
        self.operation = Some(std::thread::spawn(move || {
            let outcome = pass_on(&shared, &id, &task, frame, &cancelled);
            shared.note(task.name, outcome.as_ref().err());
            // First free, then answered: who has the answer may ask for the next.
            *shared.running() = None;
            shared.reply(&id, outcome);
        }));
        Ok(())
    }

    /// The browser went away: what runs is cancelled, and cleans up before the host ends.
    pub fn close(self) {
        self.shared.cancel(None);
        self.shared.workers.hang_up();
        if let Some(operation) = self.operation {
            let _ = operation.join();
        }
        let _ = self.watch.send(Told::End);
        let _ = self.watching.join();
        self.shared.workers.close();
        // By now each has its module's answer, or hears that the module was ended.
        self.questions.into_iter().for_each(|question| drop(question.join()));
    }
}

impl Shared {
    fn open(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reply(&self, id: &str, outcome: Result<Box<RawValue>, Failure>) {
        self.open().remove(id);
        self.outbox.reply(id, outcome);
    }

    fn diagnose(&self, wanted: Diagnose) -> Diagnosis {
        doctor::diagnose(&self.workers.survey(Listing::Whole), &self.configuration, wanted)
    }

    fn note(&self, operation: &str, failure: Option<&Failure>) {
        match failure {
            None => self.log.info(format_args!("{operation}: done")),
            Some(Failure { code, detail, .. }) => {
                let detail = detail.as_deref().unwrap_or("no word of a module");
                self.log.error(format_args!("{operation}: {} ({detail})", code.as_str()));
            }
        }
    }

    /// Cancels the operation of this request, or whichever runs.
    fn cancel(&self, request: Option<&str>) -> bool {
        let running = self.running();
        let Some(running) = running.as_ref().filter(|running| request.is_none_or(|request| running.id == request))
        else {
            return false;
        };
        running.cancelled.store(true, Ordering::Release);
        if let Some(process) = &running.process {
            drop(process.ask("cancel", Cancel { request: running.id.clone() }));
        }
        true
    }

    /// From now on a cancellation is told to this worker, too.
    pub fn runs_in(&self, process: &Arc<Process>) {
        if let Some(running) = self.running().as_mut() {
            running.process = Some(process.clone());
        }
    }

    /// Answers, and tells of changes while somebody watches.
    fn watch(&self, told: &Receiver<Told>) {
        let mut watched: Option<Tokens> = None;
        loop {
            let next = match watched {
                Some(_) => told.recv_timeout(ROUND),
                None => told.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match next {
                Ok(Told::Watch(id, on)) => {
                    self.workers.watch(on);
                    let tokens = self.workers.survey(Listing::Begun);
                    let answer = value(&tokens);
                    watched = on.then_some(tokens);
                    self.reply(&id, Ok(answer));
                }
                Err(RecvTimeoutError::Timeout) => self.workers.tend(false),
                Ok(Told::Changed) => {}
                Ok(Told::End) | Err(RecvTimeoutError::Disconnected) => return,
            }
            self.tell_of_change(&mut watched);
        }
    }

    fn tell_of_change(&self, watched: &mut Option<Tokens>) {
        let Some(known) = watched else { return };
        let tokens = self.workers.seen();
        if *known != tokens {
            self.outbox.send(&Event::TokensChanged(tokens.clone()));
            *known = tokens;
        }
    }
}
