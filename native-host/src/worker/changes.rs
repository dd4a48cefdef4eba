//! Insertion and removal, as the module tells of them: C_WaitForSlotEvent blocks, so a thread of its own waits in it.
//! Many modules lack it, and some answer it with nonsense; the watch looks by itself then.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::SyncSender,
    },
    time::Duration,
};

use super::desk::Question;
use crate::module::{Loader, Module};

/// The least time between two events: a module that tells of changes all the time is asked no oftener.
const PAUSE: Duration = Duration::from_millis(50);

/// The waiting for changes.
pub struct Changes {
    questions: SyncSender<Question>,
    may_wait: bool,
    began: bool,
    told: Arc<AtomicBool>,
}

impl Changes {
    /// Waits for nothing yet.
    pub fn new(questions: SyncSender<Question>, may_wait: bool) -> Self {
        Self { questions, may_wait, began: false, told: Arc::default() }
    }

    /// Does the module tell of changes?
    pub fn are_told(&self) -> bool {
        self.told.load(Ordering::Relaxed)
    }

    /// Begins to wait, as soon as the module is there.
    pub fn wait_for(&mut self, loader: &Loader) {
        if self.began || !self.may_wait {
            return;
        }
        if let Some(module) = loader.loaded() {
            self.began = true;
            let (told, questions) = (self.told.clone(), self.questions.clone());
            std::thread::spawn(move || wait(&module, &told, &questions));
        }
    }
}

fn wait(module: &Module, told: &AtomicBool, questions: &SyncSender<Question>) {
    told.store(true, Ordering::Relaxed);
    while module.pkcs11.wait_for_slot_event().is_ok() {
        // A full queue is worked off, and then the watch has looked.
        let _ = questions.try_send(Question::Changed);
        std::thread::sleep(PAUSE);
    }
    // It lacks that, or has had enough of it.
    told.store(false, Ordering::Relaxed);
    let _ = questions.try_send(Question::Changed);
}
