//! Frames to the browser. The real stdout is known to this module alone.

use std::{
    io::{self, Write},
    sync::{Mutex, PoisonError},
};

use qcert_protocol::{
    ErrorCode,
    workstation::{Failure, MAX_MESSAGE_FROM_HOST, Outcome, Reply},
};
use serde::Serialize;
use serde_json::Value;

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

    /// Takes stdout away from everybody else: whatever a PKCS#11 module prints goes to stderr from now on.
    ///
    /// # Errors
    /// Those of duplicating descriptors.
    #[cfg(unix)]
    pub fn over_stdout() -> io::Result<Self> {
        use std::os::fd::AsFd;
        // Closed when a child is started, so certutil and its kin cannot write here either.
        let pipe = io::stdout().as_fd().try_clone_to_owned()?;
        rustix::stdio::dup2_stdout(io::stderr())?;
        Ok(Self::over(std::fs::File::from(pipe)))
    }

    /// Takes a handle of its own; modules on Windows print to the console, which a browser's child has not.
    ///
    /// # Errors
    /// Those of duplicating handles.
    #[cfg(windows)]
    pub fn over_stdout() -> io::Result<Self> {
        use std::os::windows::io::AsHandle;
        Ok(Self::over(std::fs::File::from(io::stdout().as_handle().try_clone_to_owned()?)))
    }

    /// Sends an event. A browser that went away is noticed where frames are read.
    pub fn send(&self, message: &impl Serialize) {
        let _ = self.write(message);
    }

    /// Answers a request.
    pub fn reply(&self, id: &str, outcome: Result<Value, Failure>) {
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
        self.send(&Reply::<Value> { id: id.to_owned(), outcome: Outcome::Error(failure) });
    }

    fn write(&self, message: &impl Serialize) -> io::Result<()> {
        let mut pipe = self.pipe.lock().unwrap_or_else(PoisonError::into_inner);
        frame::write(&mut *pipe, message, MAX_MESSAGE_FROM_HOST)
    }
}
