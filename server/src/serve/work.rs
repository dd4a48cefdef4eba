//! What a server does besides answering, from its beginning to an end that leaves nothing begun.

use std::{sync::Arc, time::Duration};

use tokio::{task::JoinHandle, time::timeout};

use super::PATIENCE;
use crate::{
    end::{Teller, end},
    issuance::worker,
    portal::Portal,
    publication::lists,
    sms::{gateway::Gateways, sender},
};

/// What a server does besides answering.
pub(super) struct Work {
    issuing: Teller,
    sending: Teller,
    worker: JoinHandle<()>,
    publisher: JoinHandle<()>,
    sender: JoinHandle<()>,
    /// How long a step of worker and publisher may take.
    step: Duration,
}

impl Work {
    pub(super) fn begin(portal: &Arc<Portal>) -> anyhow::Result<Self> {
        let ((issuing, no_issuing), (sending, no_sending)) = (end(), end());
        let gateways = Gateways::open(portal)?;
        portal.health.watch(&gateways);
        let names = sender::names(portal, &gateways)?;
        let workers = worker::names(portal)?;
        let signature = portal.settings.ca.hsm.as_ref().map_or(Duration::ZERO, |hsm| hsm.patience);
        Ok(Self {
            issuing,
            sending,
            worker: tokio::spawn(worker::run(Arc::clone(portal), workers, no_issuing.clone())),
            publisher: tokio::spawn(lists::run(Arc::clone(portal), no_issuing)),
            sender: tokio::spawn(sender::run(Arc::clone(portal), gateways, names, no_sending)),
            step: PATIENCE + signature,
        })
    }

    /// Lets everything that was begun come to its end, requests too, each within its time. Nothing is begun any more.
    pub(super) async fn end(mut self, served: impl Future<Output = ()>) {
        self.issuing.tell();
        let answering = async {
            if timeout(PATIENCE, served).await.is_err() {
                tracing::warn!("requests that did not come to their end were cut off");
            }
            // Now nobody orders a message any more. Of one that is cut off nobody would know whether it was sent.
            self.sending.tell();
            let _ = timeout(PATIENCE, &mut self.sender).await;
        };
        let issuing = async {
            let steps = async { tokio::join!(&mut self.worker, &mut self.publisher) };
            if timeout(self.step, steps).await.is_err() {
                tracing::warn!("an issuance that did not come to its end goes on when its lease is over");
            }
        };
        tokio::join!(answering, issuing);
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        [&self.worker, &self.publisher, &self.sender].into_iter().for_each(JoinHandle::abort);
    }
}
