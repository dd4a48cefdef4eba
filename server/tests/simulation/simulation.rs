//! One list of steps, from its first to the end that everything must reach; after each step all is judged.

mod browser;
mod codes;
mod end;
mod places;
mod work;

use std::{collections::VecDeque, future::Future, pin::Pin, sync::Arc};

use qcert_server::clock::Clock;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use self::browser::NotSent;
use crate::{
    faulty_store::{Running, Stopped},
    invariants::{self, Judged},
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
}

type Work = Pin<Box<dyn Future<Output = Answer>>>;

/// A step that is on its way.
pub struct OnItsWay {
    step: Step,
    pub delivery: Option<Delivery>,
    pub began: OffsetDateTime,
    /// The worker of its server.
    pub worker: Uuid,
    /// Had the phone no tries left when it began?
    pub exhausted: bool,
    running: Arc<Running>,
    work: Work,
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
                self.world.signs = signs;
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
        let exhausted = match delivery.as_ref().map(|delivery| (delivery.person, &delivery.intent)) {
            Some((person, Intent::SignIn { .. })) => self.model.exhausted(person.phone(), "signIn", now),
            Some((person, Intent::Confirm { .. })) => self.model.exhausted(person.phone(), "confirmation", now),
            _ => false,
        };
        let worker = self.world.server(step.at).worker;
        Some(OnItsWay { step, delivery, began: now, worker, exhausted, running, work })
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

    /// What the person's browser keeps of an answer.
    fn learn(&mut self, answer: &Answer) {
        let Answer::Reply(delivery, Reply { status: 200 | 204, cookie: Some(cookie), .. }) = answer else { return };
        self.model.cookies.insert((delivery.person, delivery.browser), cookie.clone());
    }

    /// Reads the database, and holds it against everything that must be.
    fn judge(&mut self, step: Step, outcome: Option<invariants::Outcome<'_>>, said: &str) -> Result<(), String> {
        let after = self.reader.read();
        self.note_codes(&after);
        let found = invariants::judge(&mut invariants::Case {
            before: &self.registry,
            after: &after,
            model: &mut self.model,
            judged: &mut self.judged,
            world: &self.world,
            outcome,
        });
        self.trace.push(format!("{step:?}: {said}; {}", after.summary()));
        self.tally.registry(&after);
        self.registry = after;
        found
    }
}
