//! A store that fails when it is told to. The fault belongs to the step that runs, not to the server: of two steps that
//! wait for each other, each has its own.

use std::{
    future::Future,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use qcert_protocol::holder::Phone;
use qcert_server::{audit::Actor, store::*};
use time::OffsetDateTime;
use tokio::sync::{Notify, broadcast};
use uuid::Uuid;

use crate::operation::{Call, Effect};

tokio::task_local! {
    static RUNNING: Arc<Running>;
}

/// How a step was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// Its server died.
    Crashed,
    /// It waits.
    Waits,
}

/// A step on its way: its fault, and the calls that it made.
#[derive(Default)]
pub struct Running {
    fault: Mutex<Option<(Call, Effect)>>,
    fired: Mutex<Option<(Call, Effect)>>,
    calls: Mutex<Vec<Call>>,
    stopped: Mutex<Option<Stopped>>,
    stops: Notify,
    goes_on: Notify,
}

impl Running {
    pub fn new(fault: Option<(Call, Effect)>) -> Arc<Self> {
        Arc::new(Self { fault: Mutex::new(fault), ..Self::default() })
    }

    /// Runs a step under this fault.
    pub fn scope<F: Future>(self: &Arc<Self>, step: F) -> impl Future<Output = F::Output> + use<F> {
        RUNNING.scope(Arc::clone(self), step)
    }

    /// When it crashes or begins to wait.
    pub async fn stopped(&self) -> Stopped {
        loop {
            if let Some(stopped) = self.stopped.lock().unwrap().take() {
                return stopped;
            }
            self.stops.notified().await;
        }
    }

    pub fn go_on(&self) {
        self.goes_on.notify_one();
    }

    /// The fault, if it has hit.
    pub fn fired(&self) -> Option<(Call, Effect)> {
        *self.fired.lock().unwrap()
    }

    /// The calls that were made since this was asked last.
    pub fn take_calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }

    fn begin(&self, call: Call) -> Option<Effect> {
        self.calls.lock().unwrap().push(call);
        let mut fault = self.fault.lock().unwrap();
        let (_, effect) = fault.take_if(|(named, _)| *named == call)?;
        *self.fired.lock().unwrap() = Some((call, effect));
        Some(effect)
    }

    fn stop(&self, how: Stopped) {
        *self.stopped.lock().unwrap() = Some(how);
        self.stops.notify_one();
    }

    async fn crash(&self) -> ! {
        self.stop(Stopped::Crashed);
        std::future::pending().await
    }

    async fn wait(&self) {
        self.stop(Stopped::Waits);
        self.goes_on.notified().await;
    }
}

async fn through<T>(call: Call, inner: impl Future<Output = Stored<T>>) -> Stored<T> {
    let Ok(running) = RUNNING.try_with(Arc::clone) else { return inner.await };
    let lost = || Err(StoreError::Unavailable("simulated".to_owned()));
    match running.begin(call) {
        None => inner.await,
        Some(Effect::Fails) => lost(),
        Some(Effect::LosesItsAnswer) => {
            let _ = inner.await;
            lost()
        }
        Some(Effect::CrashesBefore) => running.crash().await,
        Some(Effect::CrashesAfter) => {
            let _ = inner.await;
            running.crash().await
        }
        Some(Effect::WaitsBefore) => {
            running.wait().await;
            inner.await
        }
        Some(Effect::WaitsAfter) => {
            let answer = inner.await;
            running.wait().await;
            answer
        }
    }
}

/// The store of one server.
pub struct FaultyStore(pub Arc<dyn Store>);

macro_rules! passed_through {
    ($($call:ident $name:ident($($argument:ident: $type:ty),*) -> $answer:ty;)*) => {
        #[async_trait]
        impl Store for FaultyStore {
            $(async fn $name(&self, $($argument: $type),*) -> Stored<$answer> {
                through(Call::$call, self.0.$name($($argument),*)).await
            })*

            fn connections_in_use(&self) -> Option<(usize, usize)> {
                self.0.connections_in_use()
            }

            fn operator_store(&self) -> &dyn OperatorStore {
                self.0.operator_store()
            }

            fn announce(&self, change: Change) {
                self.0.announce(change);
            }

            fn changes(&self) -> broadcast::Receiver<Change> {
                self.0.changes()
            }
        }
    };
}

passed_through! {
    Import import(entries: &[NewApplication], rules: &ImportRules<'_>, now: OffsetDateTime) -> Import;
    PhoneIsKnown phone_is_known(phone: &Phone) -> bool;
    ApplicationsOf applications_of(phone: &Phone) -> Vec<Overview>;
    ApplicationOf application_of(phone: &Phone, id: Uuid) -> Option<Overview>;
    Applications applications() -> Vec<Overview>;
    ApplicationByNumber application_by_number(number: &str) -> Option<Overview>;
    Renew renew(renewal: &NewRenewal) -> Renewed;
    AddMistake add_mistake(id: Uuid, application: Uuid, text: &str, by: &Actor, now: OffsetDateTime) -> ();
    MistakesOf mistakes_of(application: Uuid, limit: u32) -> Vec<Mistake>;
    OrderPassword order_password(new: &NewPassword, sealed: &[u8], limits: &OrderLimits) -> PasswordOrder;
    Passwords passwords(scope: &PasswordScope) -> Vec<Password>;
    Attempt attempt(attempt: &Attempt, now: OffsetDateTime) -> Attempted;
    Failures failures(phone: &Phone) -> Option<Failures>;
    Count count(rate: &Rate, now: OffsetDateTime) -> Option<OffsetDateTime>;
    SignIn sign_in(password: Uuid, session: &SessionRecord, before: Option<[u8; 32]>, by: &Actor) -> bool;
    Session session(token_hash: &[u8; 32]) -> Option<SessionRecord>;
    SessionWith session_with(token_hash: &[u8; 32], wanted: Wanted) -> Option<(SessionRecord, Option<Overview>)>;
    TouchSession touch_session(id: Uuid, now: OffsetDateTime) -> ();
    EndSession end_session(token_hash: &[u8; 32], by: &Actor, now: OffsetDateTime) -> ();
    EndSessions end_sessions(phone: &Phone, by: &Actor, now: OffsetDateTime) -> Vec<Uuid>;
    Activate activate(attempt: &ActivationAttempt) -> ActivationAttempted;
    ClaimMessages claim_messages(owner: Uuid, limit: u32, now: OffsetDateTime, until: OffsetDateTime) -> Vec<QueuedMessage>;
    BeginMessages begin_messages(owner: Uuid, ids: &[i64], gateway: &str, until: OffsetDateTime) -> Vec<i64>;
    SettleMessages settle_messages(owner: Uuid, settled: &[SettledMessage], now: OffsetDateTime) -> ();
    ReportMessage report_message(gateway: &str, reference: &str, state: MessageState, problem: Option<&str>, now: OffsetDateTime) -> ();
    Messages messages(phone: Option<&Phone>, limit: u32) -> Vec<MessageRecord>;
    ForgetMessages forget_messages(before: OffsetDateTime) -> ();
    PrepareRequest prepare_request(new: &Request, from: &[&str], by: &Actor) -> Prepared;
    PrepareProvenRequest prepare_proven_request(new: &Request, proof: &Proof, from: &[&str], by: &Actor) -> Prepared;
    RequestOf request_of(phone: &Phone, id: Uuid) -> Option<Overview>;
    RemoveRequest remove_request(id: Uuid, by: &Actor, now: OffsetDateTime) -> bool;
    ConfirmRequest confirm_request(confirmed: &ConfirmedRequest) -> ConfirmOutcome;
    ApproveIssuance approve_issuance(application: Uuid, by: &Actor, needed: u32, now: OffsetDateTime) -> Approved;
    RejectIssuance reject_issuance(application: Uuid, reason: &str, by: &Actor, now: OffsetDateTime) -> bool;
    Withdraw withdraw(application: Uuid, by: &Actor, now: OffsetDateTime) -> bool;
    ClaimIssuance claim_issuances(owner: Uuid, limit: u32, ripe: OffsetDateTime, now: OffsetDateTime, until: OffsetDateTime) -> Vec<Stored<Job>>;
    CommitToBeSigned commit_to_be_signed(decided: &[(&Job, &Commitment)], now: OffsetDateTime) -> Vec<bool>;
    CompleteIssuance complete_issuances(issued: &[(&Job, &Certificate)]) -> Vec<bool>;
    RefuseIssuance refuse_issuance(job: &Job, reason: &str, now: OffsetDateTime) -> bool;
    ReleaseIssuance release_issuance(job: &Job, until: OffsetDateTime) -> ();
    Certificates certificates() -> Vec<Certificate>;
    Certificate certificate(serial: &str) -> Option<(Application, Certificate)>;
    Revoke revoke(revocation: &NewRevocation) -> RevokeOutcome;
    Revoked revoked(issuer: &IssuerId, shard: &str, now: OffsetDateTime) -> Vec<RevokedCertificate>;
    Statuses statuses(issuer: &IssuerId, serials: &[String]) -> Vec<Option<Option<Revoked>>>;
    Shards shards(now: OffsetDateTime) -> Vec<ShardState>;
    RevocationList revocation_list(issuer: &IssuerId, shard: &str) -> Option<RevocationList>;
    PublishRevocationList publish_revocation_list(list: &RevocationList, before: i64) -> bool;
    CommitAuthorityCertificate commit_authority_certificate(record: &AuthorityRecord) -> bool;
    CompleteAuthorityCertificate complete_authority_certificate(serial: &str, der: &[u8], now: OffsetDateTime) -> bool;
    BlockKey block_key(key_digest: &[u8; 32], by: &Actor, now: OffsetDateTime) -> bool;
    Install install(certificate: Uuid, in_store: bool, from: &[&str], by: &Actor, now: OffsetDateTime) -> bool;
    Expire expire(from: &[&str], now: OffsetDateTime) -> Vec<(Uuid, Phone)>;
    Forget forget(before: OffsetDateTime) -> ();
    Audit audit() -> Vec<AuditRow>;
    PhoneOf phone_of(application: Uuid) -> Option<Phone>;
    Ping ping() -> ();
    Backlog backlog() -> Backlog;
}
