//! Keys in an HSM, by PKCS#11. Its calls are made by threads of their own, each with a session, so that a slow HSM
//! keeps no other task waiting; and they are given up after a time, so that one that hangs is an error like any other.

mod generate;
mod module;
mod signing;

use std::{
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        mpsc::{self, Receiver, Sender},
    },
    time::Duration,
};

use anyhow::{Context, anyhow};
use async_trait::async_trait;
use qcert_pki::{Algorithm, PublicKey};
use tokio::sync::oneshot;

use super::Key;
use crate::config::Hsm as Settings;
use module::{Failure, Module};
use signing::Order;

type Answer = Result<Vec<u8>, Failure>;

struct Job {
    order: Order,
    answer: oneshot::Sender<Answer>,
}

/// An HSM: one token of one PKCS#11 module, and the threads that talk to it.
pub(in crate::ca) struct Hsm {
    module: Arc<Module>,
    threads: usize,
    patience: Duration,
    queue: OnceLock<Sender<Job>>,
}

impl Hsm {
    /// Nothing is loaded yet: a server starts while its HSM is away, and signs when it is back.
    pub(in crate::ca) fn new(settings: Settings) -> Self {
        let (threads, patience) = (settings.sessions, settings.patience);
        Self { module: Arc::new(Module::new(settings)), threads, patience, queue: OnceLock::new() }
    }

    /// Makes a key pair on the token, that never leaves it; answers its public half. CKA_ID is the subject key
    /// identifier.
    ///
    /// # Errors
    /// When the token is not there, refuses the PIN, or cannot make such a pair.
    pub(in crate::ca) fn generate(&self, algorithm: Algorithm) -> anyhow::Result<PublicKey> {
        generate::generate(&self.module, algorithm)
    }

    async fn sign(&self, order: Order) -> anyhow::Result<Vec<u8>> {
        let (answer, answered) = oneshot::channel();
        let queue = self.queue.get_or_init(|| self.start());
        queue.send(Job { order, answer }).map_err(|_| anyhow!("the HSM's threads have ended"))?;
        let in_time = tokio::time::timeout(self.patience, answered).await;
        let in_time = in_time.map_err(|_| anyhow!("the HSM did not answer in {} seconds", self.patience.as_secs()))?;
        Ok(in_time.context("the HSM's thread has ended")??)
    }

    /// Starts the threads; they end when the HSM is dropped.
    fn start(&self) -> Sender<Job> {
        let (queue, jobs) = mpsc::channel();
        let jobs = Arc::new(Mutex::new(jobs));
        for _ in 0..self.threads {
            let (module, jobs) = (Arc::clone(&self.module), Arc::clone(&jobs));
            std::thread::spawn(move || work(&module, &jobs));
        }
        queue
    }
}

fn work(module: &Module, jobs: &Mutex<Receiver<Job>>) {
    let mut session = None;
    loop {
        // Only the receiver is behind the lock, and no panic leaves it half done.
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { order, answer }) = job else { return };
        // Whoever gave up asks again, with another job.
        if !answer.is_closed() {
            let _ = answer.send(signing::sign(module, &mut session, &order));
        }
    }
}

/// A key in the HSM.
pub(super) struct HsmKey {
    hsm: Arc<Hsm>,
    public_key: PublicKey,
}

impl HsmKey {
    pub(super) fn new(hsm: Arc<Hsm>, public_key: PublicKey) -> Self {
        Self { hsm, public_key }
    }

    fn verified(&self, message: &[u8], signature: Vec<u8>) -> anyhow::Result<Vec<u8>> {
        // An HSM that errs, or another key of the same name, is found out before anybody has the signature.
        let verified = self.public_key.verify(self.signature_algorithm(), message, &signature);
        verified.map_err(|_| anyhow!("the HSM's signature is not by the certificate's key"))?;
        Ok(signature)
    }
}

#[async_trait]
impl Key for HsmKey {
    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn sign_here(&self, message: &[u8]) -> anyhow::Result<Vec<u8>> {
        let signature = signing::sign_alone(&self.hsm.module, &Order::new(&self.public_key, message)?)?;
        self.verified(message, signature)
    }

    async fn sign(&self, message: &[u8]) -> anyhow::Result<Vec<u8>> {
        let signature = self.hsm.sign(Order::new(&self.public_key, message)?).await?;
        self.verified(message, signature)
    }
}
