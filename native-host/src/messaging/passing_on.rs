//! Operations that a person authorized: they are passed on to the worker of the token's module, which works with it.
//! The host waits, for as long as the module shows signs of life.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use qcert_protocol::{
    Base64, ErrorCode,
    workstation::{Cancel, Event, Failure, InstallCertificate, Outcome, TokenId},
};
use serde_json::value::RawValue;

use super::desk::Shared;
use crate::{
    in_ram::SecretBytes,
    link::{FIND_KEY, FindKey},
    workers::{Heard, Reached, Workers},
};

/// How long the other modules are asked whether they have the key.
const ELSEWHERE: Duration = Duration::from_secs(3);

/// What the host has to know of an operation.
pub struct Task {
    /// The command.
    pub name: &'static str,
    token: TokenId,
    /// The one to install.
    certificate: Option<Base64>,
}

impl Task {
    /// A command whose token is all that the host has to know.
    pub fn on(name: &'static str, token: TokenId) -> Self {
        Self { name, token, certificate: None }
    }

    /// `installCertificate`.
    pub fn install(params: InstallCertificate) -> Self {
        Self { name: "installCertificate", token: params.token, certificate: Some(params.certificate) }
    }
}

/// Has an operation done by its worker.
///
/// # Errors
/// Those of the command; `module_hangs`, `module_crashed`.
pub fn pass_on(
    shared: &Shared,
    id: &str,
    task: &Task,
    frame: SecretBytes,
    cancelled: &AtomicBool,
) -> Result<Box<RawValue>, Failure> {
    let workers = &shared.workers;
    let reached = workers.reach(&task.token)?;
    if let Some(certificate) = &task.certificate {
        check_right_token(workers, &reached, task, certificate)?;
    }
    if cancelled.load(Ordering::Acquire) {
        return Err(ErrorCode::Cancelled.into());
    }
    workers.busy(&reached, true);
    shared.runs_in(&reached.process);
    let heard = reached.process.pass_on(id, &frame);
    // The PIN is in it.
    drop(frame);
    if cancelled.load(Ordering::Acquire) {
        // Said too early to be heard, perhaps.
        drop(reached.process.ask("cancel", Cancel { request: id.to_owned() }));
    }
    let outcome = workers.outcome(&reached, &heard, |stage| {
        shared.outbox.send(&Event::Progress { id: id.to_owned(), stage });
    });
    workers.busy(&reached, false);
    outcome
}

/// Before a PIN is presented: is the key perhaps on another token?
fn check_right_token(workers: &Workers, reached: &Reached, task: &Task, certificate: &Base64) -> Result<(), Failure> {
    let find = || FindKey { certificate: certificate.clone() };
    let here: Vec<TokenId> = read(&workers.answer(reached, &reached.process.ask(FIND_KEY, find()))?)?;
    if here.contains(&task.token) {
        return Ok(());
    }
    let others: Vec<_> = workers.others(reached).iter().map(|process| process.ask(FIND_KEY, find())).collect();
    let end = crate::clock::monotonic() + ELSEWHERE;
    let elsewhere = others.iter().any(|heard| {
        let left = end.saturating_duration_since(crate::clock::monotonic());
        let Ok(Heard::Answer(Outcome::Result(tokens))) = heard.recv_timeout(left) else { return false };
        // The same token under another module may show what it hides here.
        let another = |token: &TokenId| !workers.are_one(token, &task.token);
        read::<Vec<TokenId>>(&tokens).is_ok_and(|tokens| tokens.iter().any(another))
    });
    // Else the login decides: a token may hide its public keys from strangers.
    if elsewhere || !here.is_empty() { Err(ErrorCode::TokenMismatch.into()) } else { Ok(()) }
}

fn read<T: serde::de::DeserializeOwned>(answer: &RawValue) -> Result<T, Failure> {
    serde_json::from_str(answer.get()).map_err(|_| ErrorCode::ModuleFailed.into())
}
