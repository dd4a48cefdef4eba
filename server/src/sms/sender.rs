//! Sends what waits in the queue, oldest first. A request that ordered a message never waits for it.
//!
//! A message is tried again when it was certainly not sent, and only then. That it is about to be handed to a gateway
//! is written down first: whoever finds it so later, its sender having died, records that nobody knows.

use std::sync::Arc;

use futures_util::future::join_all;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::{
    Message,
    gateway::{Gateway, Gateways, Outgoing, Sent},
};
use crate::{
    end::End,
    metrics::MessageOutcome,
    portal::Portal,
    randomness::{self, RandomnessFailed},
    store::{MessageState, QueuedMessage, SettledMessage, Settlement},
};

const BATCH: u32 = 32;
/// How many batches are on their way at once: of one that waits for a slow gateway the others know nothing.
const SENDERS: usize = 4;
const RETRY: std::time::Duration = std::time::Duration::from_secs(2);
/// How long a batch is one sender's, besides the time that a gateway may take.
const LEASE: Duration = Duration::seconds(10);
/// How long a message rests after its first failure; after each further one twice as long, up to the longest.
const FIRST_REST: Duration = Duration::seconds(2);
const LONGEST_REST: Duration = Duration::minutes(1);

/// Names for as many senders as the gateways have work for.
///
/// # Errors
/// When there is no randomness.
pub fn names(portal: &Portal, gateways: &Gateways) -> Result<Vec<Uuid>, RandomnessFailed> {
    let waits = gateways.iter().any(|gateway| gateway.patience().is_some());
    let name = |_| randomness::uuid(portal.clock.now(), &*portal.randomness);
    (0..if waits { SENDERS } else { 1 }).map(name).collect()
}

/// Sends until it is told to end; batches on their way come to their end first.
pub async fn run(portal: Arc<Portal>, gateways: Gateways, names: Vec<Uuid>, end: End) {
    join_all(names.into_iter().map(|owner| send_on(&portal, &gateways, owner, end.clone()))).await;
    for gateway in gateways.iter() {
        gateway.close().await;
    }
}

async fn send_on(portal: &Portal, gateways: &Gateways, owner: Uuid, mut end: End) {
    while !end.is_told() {
        let sent = send_waiting(portal, gateways, owner).await;
        let rest = async {
            match &sent {
                // What came since has rung, or will.
                Ok(sent) if *sent < BATCH as usize => {
                    let _ = tokio::time::timeout(RETRY, portal.message_waits.heard()).await;
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::error!(%error, "text messages wait");
                    tokio::time::sleep(RETRY).await;
                }
            }
        };
        tokio::select! {
            () = end.told() => return,
            () = rest => {}
        }
    }
}

/// Sends one batch; answers how many messages it had.
///
/// # Errors
/// When the store fails. What was not handed to a gateway stays in the queue; of the rest nobody knows.
pub async fn send_waiting(portal: &Portal, gateways: &Gateways, owner: Uuid) -> anyhow::Result<usize> {
    let now = portal.clock.now();
    let claimed = portal.store.claim_messages(owner, BATCH, now, now + LEASE).await?;
    let count = claimed.len();
    let mut batch = Batch { settled: Vec::with_capacity(count), pending: Vec::new() };
    claimed.into_iter().for_each(|queued| batch.sort(portal, queued, now));
    for gateway in gateways.iter() {
        batch.hand_to(portal, gateway, owner).await?;
    }
    batch.rest(portal.clock.now());
    if !batch.settled.is_empty() {
        portal.store.settle_messages(owner, &batch.settled, portal.clock.now()).await?;
    }
    Ok(count)
}

/// Messages that one sender has leased.
struct Batch {
    settled: Vec<SettledMessage>,
    pending: Vec<Pending>,
}

/// A message that no gateway has taken yet, and what the last one said.
struct Pending {
    outgoing: Outgoing,
    attempts: u32,
    gateway: Option<String>,
    problem: Option<String>,
    /// Might any gateway take it later, and not before when?
    later: Option<Option<std::time::Duration>>,
}

impl Batch {
    /// Is a message to be sent at all?
    fn sort(&mut self, portal: &Portal, queued: QueuedMessage, now: OffsetDateTime) {
        let mut settle = |settlement, problem: Option<&str>| {
            let problem = problem.map(str::to_owned);
            let (gateway, references) = (None, Vec::new());
            self.settled.push(SettledMessage { id: queued.id, settlement, gateway, problem, references });
        };
        if queued.handed_to.is_some() {
            tracing::warn!(message = queued.id, "nobody knows whether a text message was sent: its sender died");
            return settle(Settlement::Ended(MessageState::Unknown), Some("interrupted"));
        }
        let Some(message) = portal.secrets.open(&queued.sealed).as_deref().and_then(Message::from_bytes) else {
            tracing::error!(message = queued.id, "a queued message was sealed with another secret");
            return settle(Settlement::Ended(MessageState::Refused), Some("secret"));
        };
        if !message.deliver {
            return settle(Settlement::Discarded, None);
        }
        if queued.expires_at <= now {
            let labels = MessageOutcome { gateway: "none".to_owned(), outcome: MessageState::Expired.as_str() };
            portal.metrics.messages.get_or_create(&labels).inc();
            tracing::warn!(message = queued.id, "a text message was not sent before its password was too old");
            return settle(Settlement::Ended(MessageState::Expired), None);
        }
        let outgoing = Outgoing { id: queued.id, message, expires_at: queued.expires_at };
        let attempts = queued.attempts;
        self.pending.push(Pending { outgoing, attempts, gateway: None, problem: None, later: None });
    }

    /// Hands over what is pending. What is leased by somebody else by now is left to him.
    async fn hand_to(&mut self, portal: &Portal, gateway: &dyn Gateway, owner: Uuid) -> anyhow::Result<()> {
        if let Some(patience) = gateway.patience() {
            let until = portal.clock.now() + patience + LEASE;
            let ids: Vec<i64> = self.pending.iter().map(|pending| pending.outgoing.id).collect();
            let still = match ids.as_slice() {
                [] => Vec::new(),
                ids => portal.store.begin_messages(owner, ids, gateway.name(), until).await?,
            };
            self.pending.retain(|pending| still.contains(&pending.outgoing.id));
        }
        if self.pending.is_empty() {
            return Ok(());
        }
        let outgoing: Vec<Outgoing> = self.pending.iter().map(|pending| pending.outgoing.clone()).collect();
        let sent = gateway.send(&outgoing).await;
        let pending = std::mem::take(&mut self.pending);
        for (pending, sent) in pending.into_iter().zip(sent) {
            let labels = MessageOutcome { gateway: gateway.name().to_owned(), outcome: sent.name() };
            portal.metrics.messages.get_or_create(&labels).inc();
            portal.health.sent(gateway.name(), &sent, portal.clock.ticking());
            self.note(gateway.name(), pending, sent);
        }
        Ok(())
    }

    fn note(&mut self, gateway: &str, mut pending: Pending, sent: Sent) {
        let (id, name) = (pending.outgoing.id, Some(gateway.to_owned()));
        let (state, problem, references) = match sent {
            Sent::Accepted(references) => (MessageState::Accepted, None, references),
            Sent::Unknown(problem, references) => {
                tracing::warn!(message = id, gateway, problem, "nobody knows whether a text message was sent");
                (MessageState::Unknown, Some(problem), references)
            }
            Sent::NotNow(problem, wait) => {
                tracing::warn!(message = id, gateway, problem, "a gateway did not take a text message now");
                pending.later = Some(pending.later.flatten().max(wait));
                (pending.gateway, pending.problem) = (name, Some(problem));
                return self.pending.push(pending);
            }
            Sent::Refused(problem) => {
                tracing::error!(message = id, gateway, problem, "a gateway refused a text message");
                (pending.gateway, pending.problem) = (name, Some(problem));
                return self.pending.push(pending);
            }
        };
        let settlement = Settlement::Ended(state);
        self.settled.push(SettledMessage { id, settlement, gateway: name, problem, references });
    }

    /// What no gateway took waits for another try, if any of them might take it then; at its end it is taken once more,
    /// to be recorded as expired.
    fn rest(&mut self, now: OffsetDateTime) {
        for pending in self.pending.drain(..) {
            let settlement = match pending.later {
                Some(wait) => {
                    let wait = wait.and_then(|wait| Duration::try_from(wait).ok()).unwrap_or_default();
                    let next = now + rest_after(pending.attempts).max(wait);
                    Settlement::Postponed(next.min(pending.outgoing.expires_at))
                }
                None => Settlement::Ended(MessageState::Refused),
            };
            let (id, gateway, problem) = (pending.outgoing.id, pending.gateway, pending.problem);
            self.settled.push(SettledMessage { id, settlement, gateway, problem, references: Vec::new() });
        }
    }
}

fn rest_after(attempts: u32) -> Duration {
    // Six doublings are past the longest.
    (FIRST_REST * 2i32.pow(attempts.saturating_sub(1).min(6))).min(LONGEST_REST)
}
