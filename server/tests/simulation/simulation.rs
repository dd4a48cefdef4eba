//! One list of steps, from its first to the end that everything must reach; after each step all is judged.

mod browser;
mod codes;
mod end;
mod places;
mod work;

use std::{
    collections::{BTreeSet, VecDeque},
    future::Future,
    pin::Pin,
    sync::Arc,
};

use qcert_server::{clock::Clock, store::IssuerId};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use self::browser::NotSent;
use crate::{
    faulty_store::{Running, Stopped},
    invariants::{self, Judged, states},
    model::{Intent, Model},
    operation::{Browser, Fault, Operation, Person, Server, Step},
    registry::{Reader, Registry},
    tally::Tally,
    world::{Reply, Sent, Template, World, deliver},
};

/// Something that a browser sends, and what it is for.
#[derive(Clone, Debug)]
pub struct Delivery {
    pub person: Person,
    pub browser: Browser,
    pub intent: Intent,
    sent: Sent,
}

/// What came of a step.
pub enum Answer {
    Reply(Box<Delivery>, Reply),
    Done(Result<String, String>),
    /// An operator was shown the activation code of an application.
    CodeMade(Uuid, String),
    /// The certificate of this serial was revoked.
    Revoked(String),
    /// What was asked about certificates' states, and the answer, DER.
    State(Asked, Vec<u8>),
}

/// A question about certificates' states.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Of one issuer.
    pub issuer: IssuerId,
    pub serials: Vec<String>,
    pub nonce: bool,
}

type Work = Pin<Box<dyn Future<Output = Answer>>>;

/// A step that is on its way.
pub struct OnItsWay {
    pub step: Step,
    pub delivery: Option<Delivery>,
    pub began: OffsetDateTime,
    /// The worker of its server.
    pub worker: Uuid,
    /// Had the phone no tries left when it began?
    pub exhausted: bool,
    pub known: Known,
    running: Arc<Running>,
    work: Work,
}

/// What was so when a step began.
pub struct Known {
    /// The serials of all certificates, and of those that were revoked.
    pub certificates: BTreeSet<String>,
    pub revoked: BTreeSet<String>,
    /// Blocked keys.
    pub blocked: BTreeSet<Vec<u8>>,
    /// Passwords that a later one took the place of.
    pub superseded: BTreeSet<Uuid>,
    /// How far the clock had moved.
    pub moved: Duration,
}

/// What was found wrong, after which step.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    pub after: usize,
    pub what: String,
}

pub struct Simulation<'a> {
    template: &'a Template,
    world: World,
    reader: Reader,
    registry: Registry,
    model: Model,
    judged: Judged,
    waiting: VecDeque<OnItsWay>,
    last: Option<Delivery>,
    lines_seen: usize,
    trace: Vec<String>,
    tally: Tally,
}

/// Runs a list; answers what happened, line by line.
pub async fn run(template: &Template, seed: u64, steps: &[Step]) -> Result<(Vec<String>, Tally), Failure> {
    let mut simulation = Simulation::new(template, seed).await;
    for (index, step) in steps.iter().enumerate() {
        simulation.step(*step).await.map_err(|what| Failure { after: index, what })?;
    }
    simulation.finish().await.map_err(|what| Failure { after: steps.len(), what })?;
    Ok((simulation.trace, simulation.tally))
}

impl<'a> Simulation<'a> {
    async fn new(template: &'a Template, seed: u64) -> Self {
        let world = World::new(template, seed).await;
        let reader = Reader::open(&world.database());
        let registry = reader.read();
        let mut model = Model::default();
        for person in Person::KNOWN {
            model.cookies.insert((person, Browser::Left), template.cookies[person.phone()].clone());
        }
        Self {
            template,
            world,
            reader,
            registry,
            model,
            judged: Judged::default(),
            waiting: VecDeque::new(),
            last: None,
            lines_seen: 0,
            trace: Vec::new(),
            tally: Tally::default(),
        }
    }

    async fn step(&mut self, step: Step) -> Result<(), String> {
        match step.operation {
            Operation::GoOn => match self.waiting.pop_front() {
                Some(waiting) => {
                    waiting.running.go_on();
                    self.drive(waiting).await
                }
                None => Ok(()),
            },
            Operation::Restart => {
                self.crash(step.at);
                self.judge(step, None, "restarted")
            }
            Operation::RestartAll => {
                self.waiting.clear();
                self.world.restart_all().await;
                self.judge(step, None, "restarted")
            }
            Operation::Seconds(seconds) => {
                self.world.clock.advance(Duration::seconds(seconds.into()));
                self.judge(step, None, "passed")
            }
            Operation::Signer(signs) => {
                self.world.setup.signs = signs;
                self.crash(step.at);
                self.judge(step, None, "switched")
            }
            Operation::Rollover => {
                self.world.setup.rolled = true;
                self.crash(step.at);
                self.judge(step, None, "switched")
            }
            Operation::Shards(count) => {
                self.world.setup.shards = count;
                self.crash(step.at);
                self.judge(step, None, "switched")
            }
            Operation::Gateway(there) => {
                self.world.gateway = there;
                self.judge(step, None, "switched")
            }
            _ => match self.begin(step) {
                Some(begun) => self.drive(begun).await,
                None => Ok(()),
            },
        }
    }

    fn crash(&mut self, server: Server) {
        self.waiting.retain(|waiting| waiting.step.at != server);
        self.world.restart(server);
    }

    /// Puts a step on its way; `None` if there is nothing that it could be done to.
    fn begin(&mut self, step: Step) -> Option<OnItsWay> {
        let now = self.world.clock.now();
        let (delivery, work) = match self.delivery(step.operation) {
            Ok(None) => return None,
            Ok(Some(delivery)) => {
                self.last = Some(delivery.clone());
                if let Intent::Activate { application } = delivery.intent {
                    self.model.entered.insert(application);
                }
                let router = self.world.server(step.at).router.clone();
                let (request, copy) = (delivery.sent.http(), delivery.clone());
                let work: Work = Box::pin(async move { Answer::Reply(Box::new(copy), deliver(router, request).await) });
                (Some(delivery), work)
            }
            Err(NotSent) => (None, self.work(step)),
        };
        let fault = match step.fault {
            Some(Fault::Of(call, effect)) => Some((call, effect)),
            _ => None,
        };
        let running = Running::new(fault);
        let work = Box::pin(running.scope(work));
        let tries = delivery.as_ref().filter(|delivery| delivery.intent.purpose().is_some());
        let exhausted = tries.is_some_and(|delivery| self.model.exhausted(delivery.person.phone(), now));
        let worker = self.world.server(step.at).worker;
        let known = Known {
            certificates: self.registry.certificates.values().map(|one| one.serial.clone()).collect(),
            revoked: self.registry.revoked(),
            blocked: self.registry.blocked.clone(),
            superseded: self.registry.superseded(),
            moved: self.world.clock.moved(),
        };
        Some(OnItsWay { step, delivery, began: now, worker, exhausted, known, running, work })
    }

    /// Goes on with a step until it ends, waits or crashes.
    async fn drive(&mut self, mut begun: OnItsWay) -> Result<(), String> {
        let step = begun.step;
        if let Some(Fault::Insert(table)) = step.fault {
            self.reader.refuse_inserts(Some(table));
        }
        let ended = tokio::select! {
            biased;
            answer = &mut begun.work => Ok(answer),
            stopped = begun.running.stopped() => Err(stopped),
        };
        if let Some(Fault::Insert(_)) = step.fault {
            self.reader.refuse_inserts(None);
        }
        let calls = begun.running.take_calls();
        let fired = begun.running.fired();
        if let Some((call, effect)) = fired {
            self.tally.count(&format!("fault {call:?} {effect:?}"));
        }
        let disturbed = fired.is_some() || matches!(step.fault, Some(Fault::Insert(_)));
        let said = match &ended {
            Ok(Answer::Reply(_, reply)) => format!("{} {}", reply.status, reply.code()),
            Ok(Answer::Done(Ok(done))) => done.clone(),
            Ok(Answer::CodeMade(..)) => "made".to_owned(),
            Ok(Answer::Revoked(_)) => "revoked".to_owned(),
            Ok(Answer::State(_, answer)) => states::said(answer),
            Ok(Answer::Done(Err(error))) => format!("failed: {error}"),
            Err(stopped) => format!("{stopped:?}"),
        };
        self.tally.step(step.operation, &said);
        match ended {
            Ok(answer) => {
                self.learn(&answer);
                let outcome = invariants::Outcome { begun: &begun, answer: Some(&answer), disturbed };
                self.judge(step, Some(outcome), &format!("{said} {calls:?}"))
            }
            Err(stopped) => {
                let outcome = invariants::Outcome { begun: &begun, answer: None, disturbed };
                self.judge(step, Some(outcome), &format!("{said} {calls:?}"))?;
                match stopped {
                    Stopped::Waits => self.waiting.push_back(begun),
                    Stopped::Crashed => self.crash(step.at),
                }
                Ok(())
            }
        }
    }

    /// What the person's browser keeps of an answer, and the operator.
    fn learn(&mut self, answer: &Answer) {
        if let Answer::CodeMade(application, code) = answer {
            self.model.activation_codes.insert(*application, code.clone());
        }
        let Answer::Reply(delivery, Reply { status: 200 | 204, cookie: Some(cookie), .. }) = answer else { return };
        self.model.cookies.insert((delivery.person, delivery.browser), cookie.clone());
    }

    /// Reads the database, and holds it against everything that must be.
    fn judge(&mut self, step: Step, outcome: Option<invariants::Outcome<'_>>, said: &str) -> Result<(), String> {
        let after = self.reader.read();
        let came = self.note_codes(&after);
        let moved = self.world.clock.moved();
        for serial in after.revoked() {
            self.model.revoked.entry(serial).or_insert(moved);
        }
        let found = invariants::judge(&mut invariants::Case {
            before: &self.registry,
            after: &after,
            model: &mut self.model,
            judged: &mut self.judged,
            world: &self.world,
            outcome,
            came,
        });
        self.trace.push(format!("{step:?}: {said}; {}", after.summary()));
        self.tally.registry(&after);
        self.registry = after;
        found
    }
}
