//! A gateway that speaks SMPP 3.4: one session, bound as a transceiver, that is opened again whenever it breaks.
//!
//! PDUs are read and written by `rusmpp`; the session is our own, for it has to know of every message whether anything
//! of it was written before the connection broke.

mod receipt;
mod session;
mod submit;

use std::{
    future::Future,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use futures_util::future::join_all;
use rusmpp::pdus::SubmitSm;
use tokio::{
    sync::{Semaphore, watch},
    task::AbortHandle,
    time::sleep,
};
use zeroize::Zeroizing;

use super::{
    connection::Trust,
    gateway::{Gateway, Outgoing, Sent},
};
use crate::{clock::Clock, config::Smpp, store::Store};
use session::{Answered, Asked, State};

/// How long nothing is submitted after the gateway said that it was too much; after each further time twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What a gateway is opened with.
pub struct Parts {
    /// Its name in the settings.
    pub name: &'static str,
    /// Where it is, and who we are.
    pub settings: Smpp,
    /// How long an answer may take.
    pub timeout: Duration,
    /// Whose certificate it shows.
    pub trust: Trust,
    /// Its password.
    pub password: Zeroizing<String>,
    /// Where receipts are recorded.
    pub store: Arc<dyn Store>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

/// The gateway.
pub struct SmppGateway {
    parts: Arc<Parts>,
    state: watch::Receiver<State>,
    session: AbortHandle,
    window: Semaphore,
    pause: Arc<Pause>,
    concatenated: AtomicU8,
}

/// Whether nothing is submitted now, and how long that was the last time.
struct Pause {
    is_on: watch::Sender<bool>,
    last: Mutex<Duration>,
}

/// Whether the time of a batch is over.
type Over = watch::Receiver<bool>;

/// Waits for something, unless the time of the batch is over first.
async fn in_time<T>(over: &Over, wanted: impl Future<Output = T>) -> Option<T> {
    let mut over = over.clone();
    tokio::select! {
        biased;
        wanted = wanted => Some(wanted),
        _ = over.wait_for(|over| *over) => None,
    }
}

impl SmppGateway {
    /// Opens a session, now and whenever it has broken, until the gateway is dropped.
    pub fn open(parts: Parts) -> Self {
        let parts = Arc::new(parts);
        let (told, state) = watch::channel(State::Connecting);
        let session = tokio::spawn(session::keep(Arc::clone(&parts), told)).abort_handle();
        let window = Semaphore::new(parts.settings.window);
        Self {
            parts,
            state,
            session,
            window,
            pause: Arc::new(Pause { is_on: watch::channel(false).0, last: Mutex::default() }),
            concatenated: 0.into(),
        }
    }

    async fn send_one(&self, outgoing: &Outgoing, over: &Over) -> Sent {
        let number = self.concatenated.fetch_add(1, Ordering::Relaxed);
        let left = outgoing.expires_at - self.parts.clock.now();
        let Some(submits) = submit::parts(&self.parts.settings, outgoing, left, number) else {
            return Sent::Refused("text".to_owned());
        };
        let mut references = Vec::with_capacity(submits.len());
        for submit in submits {
            match self.submit(submit, over).await {
                Ok(reference) => references.push(receipt::name(&reference, self.parts.settings.receipt_id, true)),
                Err(sent) if references.is_empty() => return sent,
                // A part of it is on its way; all of it again would be that part twice.
                Err(Sent::Refused(problem) | Sent::NotNow(problem, _) | Sent::Unknown(problem, _)) => {
                    return Sent::Unknown(format!("partly_{problem}"), references);
                }
                Err(Sent::Accepted(_)) => {}
            }
        }
        Sent::Accepted(references)
    }

    /// Submits a part, again while the gateway says that it is too much and time is left; answers its name.
    async fn submit(&self, submit: SubmitSm, over: &Over) -> Result<String, Sent> {
        loop {
            self.rested(over).await?;
            let answered = {
                let Some(Ok(_permit)) = in_time(over, self.window.acquire()).await else {
                    return Err(Sent::NotNow("window".to_owned(), None));
                };
                let asked = self.bound(over).await?;
                session::ask(&asked, submit.clone(), self.parts.timeout).await
            };
            match answered {
                Answered::Taken(name) => {
                    self.pause.end();
                    return Ok(name);
                }
                Answered::TooMuch => self.pause.begin(),
                Answered::NotNow(problem) => return Err(Sent::NotNow(problem, None)),
                Answered::Refused(problem) => return Err(Sent::Refused(problem)),
                Answered::NotSent => return Err(Sent::NotNow("connection".to_owned(), None)),
                Answered::Unknown(problem) => return Err(Sent::Unknown(problem.to_owned(), Vec::new())),
            }
        }
    }

    /// Waits until the gateway may be asked again, if that is in time.
    async fn rested(&self, over: &Over) -> Result<(), Sent> {
        let mut is_on = self.pause.is_on.subscribe();
        let rested = in_time(over, is_on.wait_for(|is_on| !*is_on)).await.is_some();
        if rested { Ok(()) } else { Err(Sent::NotNow("throttled".to_owned(), None)) }
    }

    /// The session, if there is one; one that is just being opened is waited for.
    async fn bound(&self, over: &Over) -> Result<Asked, Sent> {
        let mut state = self.state.clone();
        let known = in_time(over, state.wait_for(|state| !matches!(state, State::Connecting))).await;
        match known.and_then(Result::ok).map(|state| state.clone()) {
            Some(State::Bound(asked)) => Ok(asked),
            _ => Err(Sent::NotNow("connection".to_owned(), None)),
        }
    }
}

impl Pause {
    /// Of answers that come together the first one counts.
    fn begin(self: &Arc<Self>) {
        if self.is_on.send_replace(true) {
            return;
        }
        let rest = {
            let mut last = self.last();
            *last = (*last * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
            *last
        };
        let pause = Arc::clone(self);
        tokio::spawn(async move {
            sleep(rest).await;
            pause.is_on.send_replace(false);
        });
    }

    fn end(&self) {
        *self.last() = Duration::ZERO;
    }

    fn last(&self) -> std::sync::MutexGuard<'_, Duration> {
        // Nobody panics while holding it.
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Gateway for SmppGateway {
    fn name(&self) -> &str {
        self.parts.name
    }

    /// A part may be submitted until the time is over, and then wait for its answer as long.
    fn patience(&self) -> Option<Duration> {
        Some(self.parts.timeout * 2)
    }

    async fn send(&self, messages: &[Outgoing]) -> Vec<Sent> {
        let (told, over) = watch::channel(false);
        let sent = join_all(messages.iter().map(|outgoing| self.send_one(outgoing, &over)));
        let ends = async {
            sleep(self.parts.timeout).await;
            told.send_replace(true);
            std::future::pending::<Vec<Sent>>().await
        };
        tokio::select! {
            sent = sent => sent,
            sent = ends => sent,
        }
    }

    fn has_session(&self) -> Option<bool> {
        Some(matches!(*self.state.borrow(), State::Bound(_)))
    }

    async fn close(&self) {
        let state = self.state.borrow().clone();
        if let State::Bound(asked) = state {
            session::unbind(&asked).await;
        }
    }
}

impl Drop for SmppGateway {
    fn drop(&mut self) {
        self.session.abort();
    }
}

/// The password, if it fits the field of SMPP.
///
/// # Errors
/// When it does not.
pub fn checked(password: Zeroizing<String>) -> anyhow::Result<Zeroizing<String>> {
    let fits = password.len() <= 8 && password.is_ascii();
    anyhow::ensure!(fits, "a password of SMPP has 8 characters of ASCII at most");
    Ok(password)
}
