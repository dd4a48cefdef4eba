//! The worker's desk hands requests on: to the watch, which looks at tokens, or to the one operation that may run.

use std::{
    panic::AssertUnwindSafe,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, RecvTimeoutError, SyncSender},
    },
    thread::JoinHandle,
    time::Duration,
};

use qcert_pki::Certificate;
use qcert_protocol::{
    ErrorCode,
    workstation::{Authorization, CancelAccepted, Command, Failure, StoreState, TokenId, Tokens},
};
use serde_json::value::RawValue;

use super::changes::Changes;
use crate::{
    clock::now,
    configuration::Configuration,
    in_ram::InRam,
    link::{Beginning, FindKey, Notice},
    log::Log,
    memory_limit,
    messaging::Outbox,
    module::Loader,
    operation::{Operation, Orphans, Task, holds_key, value},
    store,
    survey::{self, survey},
};

/// How often the watch looks by itself where the module does not tell of changes.
const WATCH_PERIOD: Duration = Duration::from_millis(500);

/// Requests that may wait for the watch.
const QUEUE: usize = 64;

/// What the threads share.
struct Shared {
    configuration: Configuration,
    loader: Loader,
    outbox: Arc<Outbox>,
    running: Mutex<Option<Running>>,
    orphans: Orphans,
}

/// The operation that runs.
struct Running {
    id: String,
    cancelled: Arc<AtomicBool>,
}

/// What the watch is asked.
pub enum Question {
    /// Which tokens are there?
    List(String),
    /// The same, and from now on tell of changes, or do not.
    Watch(String, bool),
    /// What can be seen on this one?
    Details(String, TokenId),
    /// Can the person's certificate store use its keys?
    Store(String, TokenId),
    /// Which of them hold the key of this certificate?
    FindKey(String, FindKey),
    /// Something was plugged in or pulled out.
    Changed,
}

/// Where requests go.
pub struct Desk {
    shared: Arc<Shared>,
    questions: SyncSender<Question>,
    worker: Option<JoinHandle<()>>,
}

impl Desk {
    /// Starts the watch.
    pub fn open(module: PathBuf, beginning: Beginning, outbox: Arc<Outbox>, log: Arc<Log>) -> Self {
        let mut configuration = Configuration::default();
        configuration.factory_pins = beginning.factory_pins;
        configuration.authority_certificates = beginning.authority_certificates;
        configuration.stored_key_module = beginning.stored_key_module;
        configuration.module_memory_limit = beginning.memory_limit;
        let loader = Loader::new(module, log);
        let orphans = Orphans::new(beginning.orphans, outbox.clone());
        let shared = Arc::new(Shared { configuration, loader, outbox, running: Mutex::default(), orphans });
        let (questions, asked) = mpsc::sync_channel(QUEUE);
        let changes = Changes::new(questions.clone(), beginning.may_wait);
        let watch = shared.clone();
        std::thread::spawn(move || {
            let watched = std::panic::catch_unwind(AssertUnwindSafe(|| watch.watch(&asked, changes)));
            // A module's nonsense got as far as this: the host is to see a crash, and no silence.
            watched.unwrap_or_else(|_| std::process::abort());
        });
        Self { shared, questions, worker: None }
    }

    /// Hands a request on, or says why not.
    ///
    /// # Errors
    /// `operation_in_progress`, `pin_required`; `command_unknown` for what concerns more than one module.
    pub fn take(
        &mut self,
        id: &str,
        origin: String,
        command: Command,
        authorization: Option<Authorization>,
    ) -> Result<(), ErrorCode> {
        let own = id.to_owned();
        match command {
            Command::ListTokens => self.ask(Question::List(own)),
            Command::WatchTokens(params) => self.ask(Question::Watch(own, params.on)),
            Command::TokenDetails(params) => self.ask(Question::Details(own, params.token)),
            Command::StoreState(params) => self.ask(Question::Store(own, params.token)),
            Command::Diagnose(_) => Err(ErrorCode::CommandUnknown),
            Command::Cancel(params) => {
                let found = self.shared.cancel(Some(&params.request));
                self.shared.outbox.reply(id, Ok(value(CancelAccepted { found })));
                Ok(())
            }
            Command::CreateRequest(params) => self.start(id, origin, Task::CreateRequest(params), authorization),
            Command::RenewRequest(params) => self.start(id, origin, Task::RenewRequest(params), authorization),
            Command::RequestAgain(params) => self.start(id, origin, Task::RequestAgain(params), authorization),
            Command::InstallCertificate(params) => {
                self.start(id, origin, Task::InstallCertificate(params), authorization)
            }
            Command::RemoveKeyPair(params) => self.start(id, origin, Task::RemoveKeyPair(params), authorization),
            Command::ChangePin(params) => self.start(id, origin, Task::ChangePin(params), authorization),
            Command::UnblockPin(params) => self.start(id, origin, Task::UnblockPin(params), authorization),
        }
    }

    /// Hands on a request of the host's own.
    ///
    /// # Errors
    /// `operation_in_progress`.
    pub fn find_key(&self, id: &str, find: FindKey) -> Result<(), ErrorCode> {
        self.ask(Question::FindKey(id.to_owned(), find))
    }

    fn ask(&self, question: Question) -> Result<(), ErrorCode> {
        self.questions.try_send(question).map_err(|_| ErrorCode::OperationInProgress)
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
        let (shared, id, questions) = (self.shared.clone(), id.to_owned(), self.questions.clone());
        let pins = [&authorization.pin, &authorization.new_pin, &authorization.so_pin].into_iter().flatten();
        let in_ram: Vec<_> = pins.map(|pin| InRam::keep(pin.expose().as_bytes())).collect();
        self.worker = Some(std::thread::spawn(move || {
            let outcome = shared.run(&id, &origin, task, &authorization, &cancelled);
            // Wiped in the same moment.
            drop(in_ram);
            drop(authorization);
            // First free, then answered: who has the answer may ask for the next.
            *shared.running() = None;
            shared.outbox.reply(&id, outcome);
            // Tries of the PIN, memory: modules do not tell of these.
            let _ = questions.try_send(Question::Changed);
        }));
        Ok(())
    }

    /// The host went away: what runs is cancelled, and cleans up.
    pub fn close(self) {
        self.shared.cancel(None);
        if let Some(worker) = self.worker {
            let _ = worker.join();
        }
    }
}

impl Shared {
    fn running(&self) -> std::sync::MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
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
    ) -> Result<Box<RawValue>, Failure> {
        let operation = Operation {
            id,
            origin,
            authorization,
            now: now(),
            configuration: &self.configuration,
            loader: &self.loader,
            orphans: &self.orphans,
            outbox: &self.outbox,
            cancelled,
        };
        // Unwinding removes a half-made pair too; the page must not wait for an answer that never comes.
        std::panic::catch_unwind(AssertUnwindSafe(|| operation.run(task)))
            .unwrap_or_else(|_| Err(ErrorCode::ModuleFailed.into()))
    }

    /// Answers questions, and looks by itself while somebody watches.
    fn watch(&self, asked: &mpsc::Receiver<Question>, mut changes: Changes) {
        let mut watched: Option<Tokens> = None;
        loop {
            let next = match watched {
                Some(_) if !changes.are_told() => asked.recv_timeout(WATCH_PERIOD),
                _ => asked.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match next {
                Ok(Question::Changed) | Err(RecvTimeoutError::Timeout) => self.look(&mut watched),
                Ok(question) => self.answer(question, &mut watched),
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if watched.is_some() {
                changes.wait_for(&self.loader);
            }
        }
    }

    fn look(&self, watched: &mut Option<Tokens>) {
        let Some(told) = watched else { return };
        let tokens = survey(&self.loader).tokens;
        self.end_if_spent();
        if *told != tokens {
            self.outbox.send(&Notice::TokensChanged(tokens.clone()));
            *told = tokens;
        }
    }

    fn answer(&self, question: Question, watched: &mut Option<Tokens>) {
        let (id, outcome) = match question {
            Question::List(id) => (id, Ok(value(survey(&self.loader).tokens))),
            Question::Watch(id, on) => {
                let tokens = survey(&self.loader).tokens;
                let answer = value(&tokens);
                *watched = on.then_some(tokens);
                (id, Ok(answer))
            }
            Question::Details(id, token) => {
                let details = survey::find(&self.loader, &token).and_then(|found| survey::details(&found));
                (id, details.map(value))
            }
            Question::Store(id, token) => (id, self.store_state(&token).map(value)),
            Question::FindKey(id, find) => (id, self.holders(&find).map(value)),
            Question::Changed => return,
        };
        self.end_if_spent();
        self.outbox.reply(&id, outcome);
    }

    /// A module that has leaked nearly all the memory there is for it goes on no longer: it is not answered for, and the
    /// host begins anew with it. What a person has begun is let come to its end, if memory suffices.
    fn end_if_spent(&self) {
        if self.running().is_none() && memory_limit::is_spent(self.configuration.module_memory_limit) {
            super::leave(memory_limit::SPENT);
        }
    }

    /// What a token does with keys is known for certain when its keys are seen.
    fn store_state(&self, token: &TokenId) -> Result<StoreState, Failure> {
        let found = survey::find(&self.loader, token)?;
        let details = survey::details(&found)?;
        Ok(store::state(&details.token, &found.module.path, &self.configuration))
    }

    fn holders(&self, find: &FindKey) -> Result<Vec<TokenId>, Failure> {
        let certificate = Certificate::parse(&find.certificate.0).map_err(|_| ErrorCode::CertificateInvalid)?;
        let found = survey(&self.loader).found.into_iter();
        let holders = found.filter(|found| holds_key(found, &certificate).unwrap_or(false));
        Ok(holders.map(|found| found.token.id).collect())
    }
}
