//! One list of steps, from its first to the end that everything must reach; after each step all is judged.

use std::{collections::VecDeque, future::Future, pin::Pin, sync::Arc};

use axum::http::Method;
use qcert_pki::crl::Reason;
use qcert_protocol::Base64;
use qcert_server::{
    applications::import, approval, clock::Clock, issuance::worker, publication::lists, revocation, secrets::Secrets,
    sms::Message, sms::sender,
};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    faulty_store::{Running, Stopped},
    invariants::{self, Judged},
    model::{Intent, Made, Model},
    operation::{Browser, Code, Correction, Fault, Key, Nth, Operation, Person, Server, Step},
    registry::{Issuance, Reader, Registry},
    tally::Tally,
    world::{Reply, SECRET, Sent, Template, World, deliver},
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

    /// Opens the messages that were sealed since, and reads those that came.
    fn note_codes(&mut self, after: &Registry) {
        let secrets = Secrets::new(&SECRET);
        let sealed = after.messages.iter().filter(|(id, _)| !self.registry.messages.contains_key(id));
        let opened: Vec<Message> =
            sealed.filter_map(|(_, sealed)| Message::from_bytes(&secrets.open(sealed)?)).collect();
        let passwords = after.passwords.iter().filter(|(id, _)| !self.registry.passwords.contains_key(id));
        for ((id, password), message) in passwords.zip(&opened) {
            let code = message.text.rsplit('#').next().unwrap_or_default().to_owned();
            let made = Made {
                code: if message.deliver { code } else { String::new() },
                at: message.at,
                phone: password.phone.clone(),
                purpose: password.purpose.clone(),
                subject: password.subject,
                came: false,
            };
            self.model.codes.insert(*id, made);
        }
        let lines = self.world.sent(self.lines_seen);
        self.lines_seen += lines.len();
        for line in lines {
            let text = line["text"].as_str().unwrap_or_default();
            let code = text.rsplit('#').next().unwrap_or_default();
            let is_it = |made: &&mut Made| made.phone == line["to"].as_str().unwrap_or_default() && made.code == code;
            self.model.codes.values_mut().filter(is_it).for_each(|made| made.came = true);
        }
    }

    fn work(&self, step: Step) -> Work {
        let server = self.world.server(step.at);
        let (portal, owner) = (Arc::clone(&server.portal), server.worker);
        match step.operation {
            Operation::Work => Box::pin(async move {
                let worked = worker::step(&portal, owner).await;
                Answer::Done(worked.map(|did| did.to_string()).map_err(|error| error.to_string()))
            }),
            Operation::Tidy => Box::pin(async move {
                worker::tidy(&portal).await;
                Answer::Done(Ok("tidied".to_owned()))
            }),
            Operation::SendMessages => {
                let outbox = self.world.outbox();
                Box::pin(async move {
                    let sent = sender::send_waiting(&portal, &outbox, owner).await;
                    // The system's words for a gateway that is away are its own affair.
                    Answer::Done(sent.map(|count| count.to_string()).map_err(|_| "messages wait".to_owned()))
                })
            }
            Operation::Import(person, nth, correction) => {
                let entry = self.entry(person, nth, correction);
                Box::pin(async move {
                    let done = import::import(&*portal.store, &*portal.clock, &*portal.randomness, &entry).await;
                    let said = |summary: import::Summary| format!("{} changed", summary.changed);
                    Answer::Done(done.map(said).map_err(|error| error.to_string()))
                })
            }
            Operation::Publish => Box::pin(async move {
                let published = lists::publish_due(&portal).await;
                Answer::Done(published.map(|count| count.to_string()).map_err(|error| error.to_string()))
            }),
            Operation::Approve(person, nth) => {
                let number = self.number(person, nth);
                Box::pin(async move {
                    let done = approval::approve(&*portal.store, &*portal.clock, &number, "operator").await;
                    Answer::Done(done.map(|_| "approved".to_owned()).map_err(|error| error.to_string()))
                })
            }
            Operation::Reject(person, nth) => {
                let number = self.number(person, nth);
                Box::pin(async move {
                    let done = approval::reject(&*portal.store, &*portal.clock, &number, "no", "operator").await;
                    Answer::Done(done.map(|_| "rejected".to_owned()).map_err(|error| error.to_string()))
                })
            }
            Operation::Revoke(person, nth, known) => {
                let serial = self.serial(person, nth);
                let reason = if known { Reason::KeyCompromise } else { Reason::Superseded };
                Box::pin(async move {
                    let done =
                        revocation::by_operator(&*portal.store, &*portal.clock, &serial, reason, "operator").await;
                    Answer::Done(done.map(|_| "revoked".to_owned()).map_err(|error| error.to_string()))
                })
            }
            _ => Box::pin(async { Answer::Done(Ok(String::new())) }),
        }
    }

    /// An entry of the operator's file.
    fn entry(&self, person: Person, nth: Nth, correction: Correction) -> String {
        let entries: Vec<Value> = serde_json::from_str(crate::world::DEMO).unwrap_or_default();
        let mut of_person = entries.into_iter().filter(|entry| entry["phone"] == person.phone());
        let mut entry = of_person.nth(nth as usize).unwrap_or_default();
        match correction {
            Correction::Nothing => {}
            Correction::Email(number) => entry["holder"]["email"] = json!(format!("a{number}@example.org")),
            Correction::NotIdentified => entry["identificationKind"] = Value::Null,
            Correction::Identified => entry["identificationKind"] = json!(0),
            Correction::OtherPhone => entry["phone"] = json!(person.other().phone()),
        }
        json!([entry]).to_string()
    }

    /// What a browser sends in this step; `Ok(None)` if it has nothing to send, `NotSent` if no browser is in it.
    fn delivery(&self, operation: Operation) -> Result<Option<Delivery>, NotSent> {
        use Operation::*;
        let (person, browser) = match operation {
            Again => return Ok(self.last.clone()),
            OrderSignIn(person) => (person, Browser::Left),
            SignIn(person, browser, _) | SignOut(person, browser) | Look(person, browser) => (person, browser),
            Pry(person, browser, _) | Upload(person, browser, ..) | Install(person, browser, _) => (person, browser),
            OrderConfirmation(person, browser, _) | Confirm(person, browser, ..) => (person, browser),
            Remove(person, browser, _) | Withdraw(person, browser, _) => (person, browser),
            _ => return Err(NotSent),
        };
        let cookie = self.model.cookies.get(&(person, browser)).cloned();
        let mut delivery = Delivery {
            person,
            browser,
            intent: Intent::Anything,
            sent: Sent { method: Method::POST, path: String::new(), body: Value::Null, cookie },
        };
        let filled = self.fill(&mut delivery, operation);
        Ok(filled.map(|()| delivery))
    }

    fn fill(&self, delivery: &mut Delivery, operation: Operation) -> Option<()> {
        use Operation::*;
        let person = delivery.person;
        let sent = &mut delivery.sent;
        match operation {
            OrderSignIn(_) => {
                sent.path = "/sign-in/password".to_owned();
                sent.body = json!({"phone": person.phone()});
                sent.cookie = None;
            }
            SignIn(_, _, code) => {
                let typed = self.model.typed(code, person, "signIn", None);
                sent.path = "/sign-in".to_owned();
                sent.body = json!({"phone": person.phone(), "password": typed});
                delivery.intent = Intent::SignIn { phone: person.phone(), typed };
            }
            SignOut(..) => (sent.method, sent.path) = (Method::DELETE, "/session".to_owned()),
            Look(..) => (sent.method, sent.path) = (Method::GET, "/applications".to_owned()),
            Pry(_, _, nth) => {
                let other = self.application(person.other(), nth)?;
                (sent.method, sent.path) = (Method::GET, format!("/applications/{other}"));
            }
            Upload(_, _, nth, key) => {
                let application = self.application(person, nth)?;
                let number = &self.registry.applications[&application].number;
                sent.path = format!("/applications/{application}/requests");
                sent.body = json!({
                    "certificationRequest": Base64(self.pkcs10(key)),
                    "container": format!("{number}@2026-03-02-x"),
                    "token": {"label": "Qcert", "serial": "0001", "model": "SoftHSM"},
                });
            }
            OrderConfirmation(_, _, nth) => {
                sent.path = format!("/requests/{}/password", self.request(person, nth)?);
            }
            Confirm(_, browser, nth, code) => {
                let request = self.request(person, nth)?;
                let session = self.model.session(&self.registry, person, browser);
                let subject = Some((request, session.unwrap_or_default()));
                let typed = self.model.typed(code, person, "confirmation", subject);
                sent.path = format!("/requests/{request}/confirmation");
                sent.body = json!({"password": typed});
                delivery.intent = Intent::Confirm { request, session, typed };
            }
            Remove(_, _, nth) => {
                (sent.method, sent.path) = (Method::DELETE, format!("/requests/{}", self.request(person, nth)?));
            }
            Withdraw(_, _, nth) => {
                sent.path = format!("/applications/{}/withdrawal", self.application(person, nth)?);
            }
            Install(_, _, nth) => {
                let application = self.application(person, nth)?;
                let mut certificates = self.registry.certificates.iter();
                let (certificate, _) = certificates.find(|(_, one)| one.application == application)?;
                sent.path = format!("/certificates/{certificate}/installation");
                sent.body = json!({"token": {"label": "Qcert", "serial": "1", "model": "m"}, "inStore": false});
            }
            _ => {}
        }
        Some(())
    }

    fn pkcs10(&self, key: Key) -> Vec<u8> {
        let requests = &self.template.requests;
        match key {
            Key::Good(number) => requests[usize::from(number) % requests.len()].clone(),
            Key::NotProven => {
                let mut der = requests[0].clone();
                let last = der.len() - 1;
                der[last] ^= 1;
                der
            }
            Key::Garbage => vec![0x30, 0x80],
        }
    }

    /// The person's application as the operator's first file has it, whoever has it now.
    fn application(&self, person: Person, nth: Nth) -> Option<Uuid> {
        let number = match (person, nth) {
            (Person::Director, Nth::One) => "67092365",
            (Person::Director, Nth::Two) => "67092366",
            (Person::Accountant, Nth::One) => "67093001",
            (Person::Accountant, Nth::Two) => "67093002",
            (Person::Nobody, _) => return None,
        };
        self.registry.applications.iter().find(|(_, one)| one.number == number).map(|(id, _)| *id)
    }

    fn number(&self, person: Person, nth: Nth) -> String {
        let application = self.application(person, nth).and_then(|id| self.registry.applications.get(&id));
        application.map(|application| application.number.clone()).unwrap_or_default()
    }

    /// The serial number of an application's certificate; of none, if there is none.
    fn serial(&self, person: Person, nth: Nth) -> String {
        let application = self.application(person, nth);
        let mut certificates = self.registry.certificates.values();
        let found = certificates.find(|certificate| Some(certificate.application) == application);
        found.map_or("01".to_owned(), |certificate| certificate.serial.clone())
    }

    fn request(&self, person: Person, nth: Nth) -> Option<Uuid> {
        self.registry.latest_request(self.application(person, nth)?)
    }

    /// The faults are over, and time passes: whatever was confirmed comes to its end.
    async fn finish(&mut self) -> Result<(), String> {
        (self.world.gateway, self.world.signs) = (true, true);
        while let Some(waiting) = self.waiting.pop_front() {
            waiting.running.go_on();
            self.drive(waiting).await?;
        }
        self.step(Step::new(Server::First, Operation::RestartAll)).await?;
        for person in Person::KNOWN {
            for nth in [Nth::One, Nth::Two] {
                self.step(Step::new(Server::First, Operation::Approve(person, nth))).await?;
            }
        }
        for server in [Server::First, Server::Second, Server::First] {
            self.step(Step::new(server, Operation::Seconds(61))).await?;
            self.step(Step::new(server, Operation::SendMessages)).await?;
            self.step(Step::new(server, Operation::Publish)).await?;
            while self.registry.issuances.values().any(Issuance::waits) {
                let before = self.registry.audit.len();
                self.step(Step::new(server, Operation::Work)).await?;
                if self.registry.audit.len() == before {
                    break;
                }
            }
        }
        for person in Person::KNOWN {
            self.step(Step::new(Server::First, Operation::Look(person, Browser::Left))).await?;
            self.step(Step::new(Server::Second, Operation::Pry(person, Browser::Left, Nth::One))).await?;
        }
        if self.reader.integrity() != "ok" {
            return Err("the file is damaged".to_owned());
        }
        invariants::ended(&self.registry, &self.model, self.world.clock.now())
    }
}

/// No browser is in it.
struct NotSent;

impl Code {
    pub const ALL: [Self; 6] =
        [Self::Latest, Self::Earlier, Self::OfOtherBrowser, Self::OfOtherPurpose, Self::OfOtherPerson, Self::Wrong];
}
