//! The desk hands requests on: to the watch, which looks at tokens, or to the one operation that may run.

use std::{
    collections::BTreeSet,
    panic::AssertUnwindSafe,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, RecvTimeoutError, SyncSender},
    },
    thread::JoinHandle,
    time::Duration,
};

use qcert_protocol::{
    ErrorCode,
    workstation::{Authorization, CancelAccepted, Command, Diagnose, Event, Failure, Tokens},
};
use serde_json::Value;

use super::Outbox;
use crate::{
    configuration::Configuration,
    doctor,
    in_ram::InRam,
    log::Log,
    module::Modules,
    operation::{Operation, Orphans, Task, value},
    store,
    survey::{self, survey},
};

/// How often the watch looks. PKCS#11's own way to wait is missing in many modules, and blocks those that have it.
const WATCH_PERIOD: Duration = Duration::from_millis(500);

/// Requests that may wait for the watch.
const QUEUE: usize = 32;

/// What the threads share.
struct Shared {
    configuration: Configuration,
    modules: Modules,
    outbox: Arc<Outbox>,
    log: Arc<Log>,
    /// Ids of requests that are not answered yet.
    open: Mutex<BTreeSet<String>>,
    running: Mutex<Option<Running>>,
    orphans: Orphans,
}

/// The operation that runs.
struct Running {
    id: String,
    cancelled: Arc<AtomicBool>,
}

/// What the watch is asked.
enum Question {
    List,
    Watch(bool),
    Details(qcert_protocol::workstation::TokenId),
    Store(qcert_protocol::workstation::TokenId),
    Diagnose(Diagnose),
}

/// Where requests go.
pub struct Desk {
    shared: Arc<Shared>,
    questions: SyncSender<(String, Question)>,
    watch: JoinHandle<()>,
    worker: Option<JoinHandle<()>>,
}

impl Desk {
    /// Starts the watch.
    pub fn open(configuration: Configuration, outbox: Arc<Outbox>, log: Arc<Log>) -> Self {
        let modules = Modules::new(configuration.clone(), log.clone());
        let (open, running, orphans) = Default::default();
        let shared = Arc::new(Shared { configuration, modules, outbox, log, open, running, orphans });
        let (questions, asked) = mpsc::sync_channel(QUEUE);
        let watch = std::thread::spawn({
            let shared = shared.clone();
            move || shared.watch(&asked)
        });
        Self { shared, questions, watch, worker: None }
    }

    /// May this site ask anything?
    pub fn allows(&self, origin: &str) -> bool {
        self.shared.configuration.allows(origin)
    }

    /// Hands a request on, or says why not.
    ///
    /// # Errors
    /// `operation_in_progress`, `pin_required`, `frame_malformed` for an `id` that is in use.
    pub fn take(
        &mut self,
        id: String,
        origin: String,
        command: Command,
        authorization: Option<Authorization>,
    ) -> Result<(), (String, Failure)> {
        if !self.shared.open().insert(id.clone()) {
            // Answered without an id: the request that has it is still waiting for its own answer.
            return Err((String::new(), ErrorCode::FrameMalformed.into()));
        }
        let refused = match command {
            Command::ListTokens => self.ask(&id, Question::List),
            Command::WatchTokens(params) => self.ask(&id, Question::Watch(params.on)),
            Command::TokenDetails(params) => self.ask(&id, Question::Details(params.token)),
            Command::StoreState(params) => self.ask(&id, Question::Store(params.token)),
            Command::Diagnose(params) => self.ask(&id, Question::Diagnose(params)),
            Command::Cancel(params) => {
                let found = self.shared.cancel(Some(&params.request));
                self.shared.reply(&id, Ok(value(CancelAccepted { found })));
                Ok(())
            }
            Command::CreateRequest(params) => self.start(&id, origin, Task::CreateRequest(params), authorization),
            Command::InstallCertificate(params) => {
                self.start(&id, origin, Task::InstallCertificate(params), authorization)
            }
            Command::RemoveKeyPair(params) => self.start(&id, origin, Task::RemoveKeyPair(params), authorization),
            Command::ChangePin(params) => self.start(&id, origin, Task::ChangePin(params), authorization),
        };
        if let Err(code) = refused {
            self.shared.reply(&id, Err(code.into()));
        }
        Ok(())
    }

    fn ask(&self, id: &str, question: Question) -> Result<(), ErrorCode> {
        self.questions.try_send((id.to_owned(), question)).map_err(|_| ErrorCode::OperationInProgress)
    }

    fn start(
        &mut self,
        id: &str,
        origin: String,
        task: Task,
        authorization: Option<Authorization>,
    ) -> Result<(), ErrorCode> {
        let authorization = authorization.ok_or(ErrorCode::PinRequired)?;
        let cancelled = Arc::new(AtomicBool::new(false));
        {
            let mut running = self.shared.running();
            if running.is_some() {
                return Err(ErrorCode::OperationInProgress);
            }
            *running = Some(Running { id: id.to_owned(), cancelled: cancelled.clone() });
        }
        let (shared, id) = (self.shared.clone(), id.to_owned());
        let pins = [&authorization.pin, &authorization.new_pin].into_iter().flatten();
        let in_ram: Vec<_> = pins.map(|pin| InRam::keep(pin.expose().as_bytes())).collect();
        let name = task.name();
        self.worker = Some(std::thread::spawn(move || {
            let outcome = shared.run(&id, &origin, task, &authorization, &cancelled);
            // Wiped in the same moment.
            drop(in_ram);
            drop(authorization);
            shared.note(name, outcome.as_ref().err());
            // First free, then answered: who has the answer may ask for the next.
            *shared.running() = None;
            shared.reply(&id, outcome);
        }));
        Ok(())
    }

    /// The browser went away: what runs is cancelled, and cleans up before the host ends.
    pub fn close(self) {
        self.shared.cancel(None);
        if let Some(worker) = self.worker {
            let _ = worker.join();
        }
        drop(self.questions);
        let _ = self.watch.join();
    }
}

impl Shared {
    fn open(&self) -> std::sync::MutexGuard<'_, BTreeSet<String>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn running(&self) -> std::sync::MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reply(&self, id: &str, outcome: Result<Value, Failure>) {
        self.open().remove(id);
        self.outbox.reply(id, outcome);
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
        let running = running.as_ref().filter(|running| request.is_none_or(|request| running.id == request));
        if let Some(running) = running {
            running.cancelled.store(true, Ordering::Release);
        }
        running.is_some()
    }

    fn run(
        &self,
        id: &str,
        origin: &str,
        task: Task,
        authorization: &Authorization,
        cancelled: &AtomicBool,
    ) -> Result<Value, Failure> {
        let operation = Operation {
            id,
            origin,
            authorization,
            configuration: &self.configuration,
            modules: &self.modules,
            orphans: &self.orphans,
            outbox: &self.outbox,
            cancelled,
        };
        // Unwinding removes a half-made pair too; the page must not wait for an answer that never comes.
        std::panic::catch_unwind(AssertUnwindSafe(|| operation.run(task)))
            .unwrap_or_else(|_| Err(ErrorCode::ModuleFailed.into()))
    }

    /// Answers questions, and looks by itself while somebody watches.
    fn watch(&self, asked: &mpsc::Receiver<(String, Question)>) {
        let mut watched: Option<Tokens> = None;
        loop {
            let next = match watched {
                Some(_) => asked.recv_timeout(WATCH_PERIOD),
                None => asked.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match next {
                Ok((id, question)) => self.answer(&id, &question, &mut watched),
                Err(RecvTimeoutError::Timeout) => self.look(&mut watched),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn look(&self, watched: &mut Option<Tokens>) {
        let tokens = survey(&self.modules).tokens;
        if watched.as_ref() != Some(&tokens) {
            self.outbox.send(&Event::TokensChanged(tokens.clone()));
            *watched = Some(tokens);
        }
    }

    fn answer(&self, id: &str, question: &Question, watched: &mut Option<Tokens>) {
        let outcome = match question {
            Question::List => Ok(value(survey(&self.modules).tokens)),
            Question::Watch(on) => {
                let tokens = survey(&self.modules).tokens;
                let answer = value(&tokens);
                *watched = on.then_some(tokens);
                Ok(answer)
            }
            Question::Details(token) => {
                survey::find(&self.modules, token).and_then(|found| survey::details(&found)).map(value)
            }
            Question::Store(token) => {
                survey::find(&self.modules, token).map(|found| value(store::state(&found.module)))
            }
            Question::Diagnose(wanted) => {
                Ok(value(doctor::diagnose(&survey(&self.modules).tokens, &self.configuration.extension_ids, *wanted)))
            }
        };
        self.reply(id, outcome);
    }
}
