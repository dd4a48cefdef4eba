//! The threads that call the HSM. Nothing ends a call that does not return, but the end of the process: it holds its
//! thread and its session for good. So after its time another thread takes its place, up to a bound, and beyond that
//! whoever wants a signature is told at once.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, Once, PoisonError,
        mpsc::{self, Receiver, Sender},
    },
    time::Duration,
};

use anyhow::{Context, anyhow, ensure};
use tokio::sync::oneshot;

use super::{
    module::{Failure, Module},
    signing::{self, Order},
};

/// For each of `hsm.sessions` so many calls may hang before no thread takes another's place.
const MOST_HANGING: usize = 4;

pub(super) type Answer = Result<Vec<u8>, Failure>;

/// Where a signature is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Waits,
    Called,
    /// Its thread counts as lost.
    Hangs,
    Returned,
}

struct Job {
    order: Order,
    stage: Arc<Mutex<Stage>>,
    answer: oneshot::Sender<Answer>,
}

/// The threads. They end when this is dropped, but for those whose calls hang.
pub(super) struct Crew {
    shared: Arc<Shared>,
    queue: Sender<Job>,
    started: Once,
}

struct Shared {
    module: Arc<Module>,
    /// How many threads there are, but for those whose calls hang.
    sessions: usize,
    patience: Duration,
    jobs: Mutex<Receiver<Job>>,
    count: Mutex<Count>,
}

#[derive(Clone, Copy)]
struct Count {
    working: usize,
    hanging: usize,
}

impl Crew {
    /// No thread is started yet.
    pub(super) fn new(module: Arc<Module>, sessions: usize, patience: Duration) -> Self {
        let (queue, jobs) = mpsc::channel();
        let count = Mutex::new(Count { working: sessions, hanging: 0 });
        let shared = Shared { module, sessions, patience, jobs: Mutex::new(jobs), count };
        Self { shared: Arc::new(shared), queue, started: Once::new() }
    }

    /// Has a thread sign.
    ///
    /// # Errors
    /// When it does not come to a signature in time, or too many calls hang for another to be made.
    pub(super) async fn sign(&self, order: Order) -> anyhow::Result<Vec<u8>> {
        self.started.call_once(|| (0..self.shared.sessions).for_each(|_| self.shared.hire()));
        let Count { working, hanging } = *self.shared.count();
        ensure!(working > 0, "{hanging} calls hang in the HSM's module, and no more are made: restart the server");
        let stage = Arc::new(Mutex::new(Stage::Waits));
        let (answer, answered) = oneshot::channel();
        let job = Job { order, stage: Arc::clone(&stage), answer };
        self.queue.send(job).map_err(|_| anyhow!("the HSM's threads have ended"))?;
        // A task of its own, for who asked may go away, and a call that hangs is to be noticed all the same.
        tokio::spawn(Arc::clone(&self.shared).wait(answered, stage)).await.context("the HSM is not waited for")?
    }
}

impl Shared {
    async fn wait(
        self: Arc<Self>,
        answered: oneshot::Receiver<Answer>,
        stage: Arc<Mutex<Stage>>,
    ) -> anyhow::Result<Vec<u8>> {
        let patience = self.patience;
        match tokio::time::timeout(patience, answered).await {
            Ok(answer) => Ok(answer.context("the HSM's thread has ended")??),
            Err(_) => {
                tokio::spawn(self.give_up(stage));
                Err(anyhow!("the HSM did not answer in {} seconds", patience.as_secs()))
            }
        }
    }

    /// The answer comes too late for whoever waited. It may have waited for a thread most of that time, so the call
    /// itself has its time as well.
    async fn give_up(self: Arc<Self>, stage: Arc<Mutex<Stage>>) {
        tokio::time::sleep(self.patience).await;
        {
            let mut stage = locked(&stage);
            if *stage != Stage::Called {
                return;
            }
            *stage = Stage::Hangs;
        }
        let (is_replaced, hanging) = {
            let mut count = self.count();
            count.hanging += 1;
            let is_replaced = count.hanging <= MOST_HANGING * self.sessions;
            count.working -= usize::from(!is_replaced);
            (is_replaced, count.hanging)
        };
        if is_replaced {
            tracing::error!(hanging, "a call hangs in the HSM's module; another thread takes its place");
            self.hire();
        } else {
            tracing::error!(hanging, "a call hangs in the HSM's module, as too many do: restart the server");
        }
    }

    fn hire(self: &Arc<Self>) {
        let shared = Arc::clone(self);
        std::thread::spawn(move || shared.work());
    }

    fn work(&self) {
        let mut session = None;
        loop {
            let job = locked(&self.jobs).recv();
            let Ok(Job { order, stage, answer }) = job else { break };
            // Whoever gave up asks again, with another job.
            if answer.is_closed() {
                continue;
            }
            *locked(&stage) = Stage::Called;
            let signed = signing::sign(&self.module, &mut session, &order);
            let hung = std::mem::replace(&mut *locked(&stage), Stage::Returned) == Stage::Hangs;
            let _ = answer.send(signed);
            if hung && !self.is_needed_again() {
                break;
            }
        }
        signing::end(&self.module, &mut session);
    }

    /// A call that hung has returned. Its thread goes on if no other took its place.
    fn is_needed_again(&self) -> bool {
        let mut count = self.count();
        count.hanging -= 1;
        let is_needed = count.working < self.sessions;
        count.working += usize::from(is_needed);
        tracing::warn!(hanging = count.hanging, "a call that hung in the HSM's module has returned");
        is_needed
    }

    fn count(&self) -> MutexGuard<'_, Count> {
        locked(&self.count)
    }
}

/// None of these is left half done by a panic.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
