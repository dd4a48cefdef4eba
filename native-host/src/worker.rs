//! A worker: the process in which one PKCS#11 module lives. The module is somebody else's code, so this process holds
//! nothing but it: it may print, hang or crash, and hurts nobody else.
//!
//! Four threads: this one reads frames, and so can always take a cancellation; one looks at the module's tokens; one,
//! while there is something to do that a person authorized, works with a token; one waits for C_WaitForSlotEvent.

mod changes;
mod desk;

use std::{fs::File, path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use qcert_protocol::{
    ErrorCode,
    workstation::{Command, Failure, MAX_MESSAGE_TO_HOST, Request},
};

use crate::{
    confinement::confine,
    frame::{self, Incoming},
    link::{Beginning, FIND_KEY},
    log::Log,
    memory_limit,
    messaging::Outbox,
    streams,
};

use desk::Desk;

/// Argument by which the host starts itself as a worker; the module's file follows.
pub const ARGUMENT: &str = "module-worker";

/// How long a worker whose host is gone may clean up: a slow token is making a pair, which is to be removed.
const CLEANING: Duration = Duration::from_secs(60);

/// Serves the host that started this process.
///
/// # Errors
/// There is no way to speak, or the host's first frame is none.
pub fn run(module: PathBuf) -> Result<ExitCode> {
    // Before the module is loaded; the host has said what could not be given up.
    confine();
    let mut pipe = streams::take_stdin().context("the way from the host")?;
    let outbox = Arc::new(Outbox::over(streams::take_stdout().context("the way to the host")?));
    let Some(beginning) = frame::read_open(&mut pipe, MAX_MESSAGE_TO_HOST)? else { return Ok(ExitCode::SUCCESS) };
    let beginning: Beginning = serde_json::from_slice(&beginning).context("the host's first frame")?;
    let log = Arc::new(Log::of_person(beginning.log));
    if let Err(error) = memory_limit::set(beginning.memory_limit) {
        log.info(format_args!("a module has no limit of memory: {error}"));
    }
    let mut desk = Desk::open(module, beginning, outbox.clone(), log);
    serve(&mut pipe, &outbox, &mut desk);
    std::thread::spawn(|| {
        std::thread::sleep(CLEANING);
        leave(0);
    });
    desk.close();
    leave(0)
}

/// Ends the process. Nobody waits for threads that may hang in the module, nor for what it does at an exit.
fn leave(status: i32) -> ! {
    #[cfg(unix)]
    // SAFETY: it does not return, so nothing can be wrong afterwards.
    unsafe {
        libc::_exit(status)
    }
    #[cfg(not(unix))]
    std::process::exit(status)
}

fn serve(pipe: &mut File, outbox: &Arc<Outbox>, desk: &mut Desk) {
    while let Ok(Incoming::Frame(frame)) = frame::read(pipe, MAX_MESSAGE_TO_HOST) {
        if let Err((id, code)) = take(&frame, desk) {
            outbox.fail(&id, Failure::from(code));
        }
    }
}

fn take(frame: &[u8], desk: &mut Desk) -> Result<(), (String, ErrorCode)> {
    // The host has understood it already.
    let malformed = |id: &str| (id.to_owned(), ErrorCode::FrameMalformed);
    let request: Request<'_> = serde_json::from_slice(frame).map_err(|_| malformed(""))?;
    let taken = if request.command == FIND_KEY {
        let find = request.params.and_then(|params| serde_json::from_str(params.get()).ok());
        desk.find_key(&request.id, find.ok_or_else(|| malformed(&request.id))?)
    } else {
        let command = Command::parse(&request.command, request.params).map_err(|_| malformed(&request.id))?;
        desk.take(&request.id, request.origin, command, request.authorization)
    };
    taken.map_err(|code| (request.id, code))
}
