//! Sends what waits in the queue, oldest first. A request that ordered a message never waits for it.

use std::sync::Arc;

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
    for message in &waiting {
        send(portal, outbox, message).await?;
        portal.store.remove_message(message.id).await?;
    }
    Ok(waiting.len())
}

async fn send(portal: &Portal, outbox: &Outbox, queued: &QueuedMessage) -> anyhow::Result<()> {
    let opened = portal.secrets.open(&queued.sealed);
    match opened.as_deref().and_then(Message::from_bytes) {
        Some(message) if message.deliver => outbox.deliver(&message).await?,
        Some(_) => {}
        None => tracing::error!(id = queued.id, "a queued message was sealed with another secret; it is thrown away"),
    }
    Ok(())
}
