//! Sends what waits in the queue, oldest first. A request that ordered a message never waits for it.

use std::sync::Arc;

use futures_util::future::try_join_all;
use time::Duration;
use uuid::Uuid;

use super::{Message, outbox::Outbox};
use crate::{portal::Portal, store::QueuedMessage};

const BATCH: u32 = 32;
const RETRY: std::time::Duration = std::time::Duration::from_secs(2);
/// How long a batch is one sender's. What it could not send waits so long for another try.
const LEASE: Duration = Duration::seconds(10);

/// Sends until the task is dropped.
pub async fn run(portal: Arc<Portal>, owner: Uuid) {
    let outbox = Outbox::new(portal.settings.sms_outbox.clone());
    loop {
        match send_waiting(&portal, &outbox, owner).await {
            Ok(0) => {
                let _ = tokio::time::timeout(RETRY, portal.message_waits.notified()).await;
            }
            Ok(_) => {}
            Err(error) => {
                tracing::error!(%error, "text messages wait");
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}

/// Sends one batch; answers how many messages have left the queue.
///
/// # Errors
/// When the store or the outbox fails; what was not sent stays in the queue.
pub async fn send_waiting(portal: &Portal, outbox: &Outbox, owner: Uuid) -> anyhow::Result<usize> {
    let now = portal.clock.now();
    let waiting = portal.store.claim_messages(owner, BATCH, now, now + LEASE).await?;
    let mut gone = Vec::with_capacity(waiting.len());
    let (mut ids, mut messages) = (Vec::new(), Vec::new());
    for queued in &waiting {
        match to_deliver(portal, queued) {
            Some(message) => {
                ids.push(queued.id);
                messages.push(message);
            }
            None => gone.push(queued.id),
        }
    }
    let (delivered, outcome) = if messages.is_empty() { (0, Ok(())) } else { outbox.deliver(messages).await };
    gone.extend(ids.into_iter().take(delivered));
    // What has gone is removed although something behind it could not go; all at once, for one commit can do it.
    try_join_all(gone.iter().map(|id| portal.store.remove_message(*id))).await?;
    outcome?;
    Ok(waiting.len())
}

/// The message, unless it is to be thrown away.
fn to_deliver(portal: &Portal, queued: &QueuedMessage) -> Option<Message> {
    let message = portal.secrets.open(&queued.sealed).as_deref().and_then(Message::from_bytes);
    if message.is_none() {
        tracing::error!(id = queued.id, "a queued message was sealed with another secret; it is thrown away");
    }
    message.filter(|message| message.deliver)
}
