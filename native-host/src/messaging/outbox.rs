//! Frames to the browser.

use std::{
    io::{self, Write},
    sync::{Mutex, PoisonError},
};

use qcert_protocol::{
    ErrorCode,
    workstation::{Failure, MAX_MESSAGE_FROM_HOST, Outcome, Reply},
};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::frame;

/// The way to the browser; whole frames, from any thread.
pub struct Outbox {
    pipe: Mutex<Box<dyn Write + Send>>,
}

impl Outbox {
    /// Sends frames wherever it is told.
    pub fn over(pipe: impl Write + Send + 'static) -> Self {
        Self { pipe: Mutex::new(Box::new(pipe)) }
    }

    /// Sends an event. A browser that went away is noticed where frames are read.
    pub fn send(&self, message: &impl Serialize) {
        let _ = self.write(message);
    }

    /// Answers a request.
    pub fn reply(&self, id: &str, outcome: Result<Box<RawValue>, Failure>) {
        let outcome = match outcome {
            Ok(result) => Outcome::Result(result),
            Err(failure) => Outcome::Error(failure),
        };
        let written = self.write(&Reply { id: id.to_owned(), outcome });
        if written.is_err_and(|error| error.kind() == io::ErrorKind::InvalidData) {
            self.fail(id, ErrorCode::FrameTooLarge.into());
        }
    }

    /// Answers a request with an error.
    pub fn fail(&self, id: &str, failure: Failure) {
        self.send(&Reply::<()> { id: id.to_owned(), outcome: Outcome::Error(failure) });
    }

    fn write(&self, message: &impl Serialize) -> io::Result<()> {
        let mut pipe = self.pipe.lock().unwrap_or_else(PoisonError::into_inner);
        frame::write(&mut *pipe, message, MAX_MESSAGE_FROM_HOST)
    }
}
