//! A session: bound, asked whether it lives, opened again when it broke.

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures_util::{SinkExt, StreamExt};
use rusmpp::{
    Command, CommandId, CommandStatus, Pdu,
    pdus::{BindTransceiver, DeliverSm, DeliverSmResp, SubmitSm},
    tokio_codec::CommandCodec,
    types::COctetString,
    values::InterfaceVersion,
};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{MissedTickBehavior, interval, sleep, timeout},
};
use tokio_util::codec::Framed;

use super::{Parts, receipt};
use crate::sms::connection::{self, Stream};

/// How long until a session is opened again; after each further failure twice as long, up to the longest.
const FIRST_REST: Duration = Duration::from_secs(1);
const LONGEST_REST: Duration = Duration::from_secs(60);
/// The largest PDU, in bytes.
const LARGEST: usize = 16 * 1024;

/// Is there a session?
#[derive(Clone)]
pub(super) enum State {
    /// One is being opened for the first time.
    Connecting,
    /// There is.
    Bound(Asked),
    /// There is none, and was none the last time.
    Away,
}

/// The way to the session.
pub(super) type Asked = mpsc::Sender<Ask>;

/// What a session is asked for.
pub(super) enum Ask {
    /// To submit.
    Submit(Box<SubmitSm>, oneshot::Sender<Answered>),
    /// To end, in all form.
    Unbind(oneshot::Sender<()>),
}

/// What came of it.
#[derive(Debug)]
pub(super) enum Answered {
    /// It was taken, and has this name.
    Taken(String),
    /// The gateway is asked for too much.
    TooMuch,
    /// It was not taken, and may be later.
    NotNow(String),
    /// It was not taken, and never will be.
    Refused(String),
    /// Nothing of it has left.
    NotSent,
    /// It was written, and nobody knows.
    Unknown(&'static str),
}

/// Asks a session to submit.
pub(super) async fn ask(asked: &Asked, submit: SubmitSm, patience: Duration) -> Answered {
    let (answer, answered) = oneshot::channel();
    if asked.send(Ask::Submit(Box::new(submit), answer)).await.is_err() {
        return Answered::NotSent;
    }
    // A session that ends says of everything that it was asked whether it was written.
    match timeout(patience, answered).await {
        Ok(answered) => answered.unwrap_or(Answered::Unknown("connection_lost")),
        Err(_) => Answered::Unknown("timeout"),
    }
}

/// Ends a session.
pub(super) async fn unbind(asked: &Asked) {
    let (ended, end) = oneshot::channel();
    if asked.send(Ask::Unbind(ended)).await.is_ok() {
        let _ = timeout(Duration::from_secs(2), end).await;
    }
}

/// Keeps a session, for ever.
pub(super) async fn keep(parts: Arc<Parts>, told: watch::Sender<State>) {
    let mut rest = FIRST_REST;
    loop {
        let opened = timeout(parts.timeout, open(&parts)).await.unwrap_or(Err("timeout".to_owned()));
        match opened {
            Ok(framed) => {
                tracing::info!(gateway = parts.name, "a session is bound");
                rest = FIRST_REST;
                let (asked, asks) = mpsc::channel(parts.settings.window);
                told.send_replace(State::Bound(asked));
                let mut session = Session { parts: &parts, framed, asks, next: 2, pending: HashMap::new() };
                let why = session.serve().await;
                told.send_replace(State::Away);
                session.end();
                tracing::warn!(gateway = parts.name, why, "a session has ended");
            }
            Err(problem) => {
                told.send_replace(State::Away);
                tracing::warn!(gateway = parts.name, problem, "no session");
            }
        }
        sleep(rest).await;
        rest = (rest * 2).min(LONGEST_REST);
    }
}

type Pdus = Framed<Stream, CommandCodec>;

async fn open(parts: &Parts) -> Result<Pdus, String> {
    let settings = &parts.settings;
    let trust = settings.tls.then_some(&parts.trust);
    let stream = connection::open(&settings.host, settings.port, trust).await.map_err(str::to_owned)?;
    let mut framed = Framed::new(stream, CommandCodec::new().with_max_length(LARGEST));
    let bind = bind(parts).ok_or("the password is longer than the field of SMPP")?;
    let command = Command::new(CommandStatus::EsmeRok, 1, bind);
    framed.send(&command).await.map_err(|_| "connection_lost")?;
    loop {
        match framed.next().await {
            Some(Ok(answer)) if answer.sequence_number() == 1 && is_answer(answer.id()) => {
                return match answer.status() {
                    CommandStatus::EsmeRok => Ok(framed),
                    status => Err(problem(status)),
                };
            }
            // Nothing else is of interest before.
            Some(Ok(_)) => {}
            _ => return Err("connection_lost".to_owned()),
        }
    }
}

fn bind(parts: &Parts) -> Option<BindTransceiver> {
    let settings = &parts.settings;
    Some(
        BindTransceiver::builder()
            .system_id(COctetString::from_string(settings.system_id.clone()).ok()?)
            .password(COctetString::from_string(parts.password.as_str().to_owned()).ok()?)
            .system_type(COctetString::from_string(settings.system_type.clone()).ok()?)
            .interface_version(InterfaceVersion::Smpp3_4)
            .build(),
    )
}

fn is_answer(id: CommandId) -> bool {
    u32::from(id) & 0x8000_0000 != 0
}

fn problem(status: CommandStatus) -> String {
    format!("status_{:08X}", u32::from(status))
}

struct Session<'a> {
    parts: &'a Parts,
    framed: Pdus,
    asks: mpsc::Receiver<Ask>,
    /// The number of the next PDU; the bind was the first.
    next: u32,
    pending: HashMap<u32, oneshot::Sender<Answered>>,
}

impl Session<'_> {
    /// Serves until the session breaks; answers why.
    async fn serve(&mut self) -> &'static str {
        let every = self.parts.settings.enquire_link;
        let mut enquire = interval(every);
        enquire.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first is at once.
        enquire.tick().await;
        let mut is_heard = true;
        loop {
            let served = tokio::select! {
                incoming = self.framed.next() => match incoming {
                    Some(Ok(command)) => {
                        is_heard = true;
                        self.hear(command).await
                    }
                    Some(Err(_)) => Err("what it says cannot be read"),
                    None => Err("the connection was closed"),
                },
                ask = self.asks.recv() => match ask {
                    Some(Ask::Submit(submit, answer)) => self.submit(*submit, answer).await,
                    Some(Ask::Unbind(ended)) => self.unbind(ended).await,
                    None => Err("nobody asks any more"),
                },
                _ = enquire.tick() => {
                    // Whoever has said nothing since the last question is gone.
                    if std::mem::replace(&mut is_heard, false) {
                        self.write(Pdu::EnquireLink).await.map(drop)
                    } else {
                        Err("it does not answer")
                    }
                }
            };
            if let Err(why) = served {
                return why;
            }
        }
    }

    async fn submit(&mut self, submit: SubmitSm, answer: oneshot::Sender<Answered>) -> Result<(), &'static str> {
        // Before it is written: of what was written in part nobody knows.
        let number = self.next;
        self.pending.insert(number, answer);
        self.write(submit).await.map(drop)
    }

    async fn write(&mut self, pdu: impl Into<Pdu>) -> Result<(), &'static str> {
        let number = self.next;
        // SMPP 3.4 §5.1.4.
        self.next = if number >= 0x7FFF_FFFF { 1 } else { number + 1 };
        self.answer(Command::new(CommandStatus::EsmeRok, number, pdu)).await
    }

    async fn answer(&mut self, command: Command) -> Result<(), &'static str> {
        match timeout(self.parts.timeout, self.framed.send(&command)).await {
            Ok(Ok(())) => Ok(()),
            _ => Err("it takes nothing"),
        }
    }

    async fn hear(&mut self, command: Command) -> Result<(), &'static str> {
        let (number, status) = (command.sequence_number(), command.status());
        match command.pdu() {
            Some(Pdu::DeliverSm(deliver)) => {
                let status = self.receive(deliver).await;
                self.answer(Command::new(status, number, DeliverSmResp::default())).await
            }
            Some(Pdu::EnquireLink) => {
                self.answer(Command::new(CommandStatus::EsmeRok, number, Pdu::EnquireLinkResp)).await
            }
            Some(Pdu::Unbind) => {
                let _ = self.answer(Command::new(CommandStatus::EsmeRok, number, Pdu::UnbindResp)).await;
                Err("it said so")
            }
            pdu => {
                let name = match pdu {
                    Some(Pdu::SubmitSmResp(response)) => Some(response.message_id().as_str().to_owned()),
                    _ => None,
                };
                // To nothing that waits: an answer that came too late, or to a question whether it lives.
                if let Some(answer) = self.pending.remove(&number) {
                    let _ = answer.send(judged(status, name));
                }
                Ok(())
            }
        }
    }

    /// Records a receipt. What cannot be recorded now is asked for again.
    async fn receive(&self, deliver: &DeliverSm) -> CommandStatus {
        let Some(receipt) = receipt::read(deliver) else { return CommandStatus::EsmeRok };
        let id = receipt::name(&receipt.id, self.parts.settings.receipt_id, false);
        let (store, now) = (&self.parts.store, self.parts.clock.now());
        let recorded = store.report_message(self.parts.name, &id, receipt.state, receipt.problem.as_deref(), now).await;
        match recorded {
            Ok(()) => CommandStatus::EsmeRok,
            Err(error) => {
                tracing::warn!(gateway = self.parts.name, %error, "a receipt is asked for again");
                CommandStatus::EsmeRxTAppn
            }
        }
    }

    async fn unbind(&mut self, ended: oneshot::Sender<()>) -> Result<(), &'static str> {
        let written = self.write(Pdu::Unbind).await;
        // Until the gateway has said so too, or closes.
        while written.is_ok() {
            match timeout(Duration::from_secs(1), self.framed.next()).await {
                Ok(Some(Ok(command))) if command.id() == CommandId::UnbindResp => break,
                Ok(Some(Ok(command))) => drop(self.hear(command).await),
                _ => break,
            }
        }
        let _ = ended.send(());
        Err("we said so")
    }

    /// What was written may have been taken; what was not, was not.
    fn end(&mut self) {
        for (_, answer) in self.pending.drain() {
            let _ = answer.send(Answered::Unknown("connection_lost"));
        }
        self.asks.close();
        while let Ok(ask) = self.asks.try_recv() {
            if let Ask::Submit(_, answer) = ask {
                let _ = answer.send(Answered::NotSent);
            }
        }
    }
}

/// What an answer to `submit_sm` says (SMPP 3.4 §5.1.3).
fn judged(status: CommandStatus, name: Option<String>) -> Answered {
    match (u32::from(status), name) {
        (0, Some(name)) => Answered::Taken(name),
        (0, None) => Answered::Unknown("answer_unexpected"),
        // Throttled, or the message queue is full.
        (0x58 | 0x14, _) => Answered::TooMuch,
        // A system error, a submission that failed, a temporary error of the application's.
        (0x08 | 0x45 | 0x64, _) => Answered::NotNow(problem(status)),
        _ => Answered::Refused(problem(status)),
    }
}
