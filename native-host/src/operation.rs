//! Operations that a person authorized: they open a token. One at a time, in a thread of its own, so that the host
//! goes on answering; a cancellation is honoured between two calls of PKCS#11.

mod certificates;
mod chain;
mod change_pin;
mod create_request;
mod half_made;
mod hand_over;
mod install_certificate;
mod login;
mod our_pair;
mod proof;
mod remove_key_pair;
mod request_again;
mod unblock_pin;

use std::sync::atomic::{AtomicBool, Ordering};

use qcert_protocol::{
    ErrorCode,
    workstation::{
        Authorization, CreateRequest, Event, Failure, InstallCertificate, OneToken, RemoveKeyPair, RenewRequest,
        RequestAgain, Stage,
    },
};
use serde_json::value::RawValue;
use time::OffsetDateTime;

pub use half_made::Orphans;
pub use install_certificate::holds_key;
pub use login::Login;

use crate::{configuration::Configuration, messaging::Outbox, module::Loader};

/// What a person authorized.
pub enum Task {
    /// A key pair and a request.
    CreateRequest(CreateRequest),
    /// The same, vouched for by the key that it follows.
    RenewRequest(RenewRequest),
    /// A request by a pair that is there.
    RequestAgain(RequestAgain),
    /// A certificate beside its key.
    InstallCertificate(InstallCertificate),
    /// The removal of a pair that nobody uses.
    RemoveKeyPair(RemoveKeyPair),
    /// Another PIN.
    ChangePin(OneToken),
    /// A new PIN in place of a locked one.
    UnblockPin(OneToken),
}

/// One operation, while it runs.
pub struct Operation<'a> {
    /// The request's `id`, for [`Event::Progress`].
    pub id: &'a str,
    /// The site, as the browser told it.
    pub origin: &'a str,
    /// What the person entered.
    pub authorization: &'a Authorization,
    /// Now, by this computer's clock.
    pub now: OffsetDateTime,
    /// The administrator's rules.
    pub configuration: &'a Configuration,
    /// The module.
    pub loader: &'a Loader,
    /// Pairs that wait for their token, to be removed from it.
    pub orphans: &'a Orphans,
    /// The way to the browser.
    pub outbox: &'a Outbox,
    /// Set by `cancel`, and when the browser goes away.
    pub cancelled: &'a AtomicBool,
}

impl Operation<'_> {
    /// Does it.
    ///
    /// # Errors
    /// Those of the command.
    pub fn run(&self, task: Task) -> Result<Box<RawValue>, Failure> {
        match task {
            Task::CreateRequest(params) => self.create_request(&params).map(value),
            Task::RenewRequest(params) => self.renew_request(params).map(value),
            Task::RequestAgain(params) => self.request_again(&params).map(value),
            Task::InstallCertificate(params) => self.install_certificate(&params).map(value),
            Task::RemoveKeyPair(params) => self.remove_key_pair(params).map(value),
            Task::ChangePin(params) => self.change_pin(&params).map(value),
            Task::UnblockPin(params) => self.unblock_pin(&params).map(value),
        }
    }

    /// Begins a step: tells the person, unless the person cancelled.
    fn stage(&self, stage: Stage) -> Result<(), Failure> {
        self.check_cancelled()?;
        self.outbox.send(&Event::Progress { id: self.id.to_owned(), stage });
        Ok(())
    }

    fn check_cancelled(&self) -> Result<(), Failure> {
        if self.cancelled.load(Ordering::Acquire) { Err(ErrorCode::Cancelled.into()) } else { Ok(()) }
    }
}

/// A result as JSON; [`Outbox`] sends results of many types through one door.
pub(crate) fn value(result: impl serde::Serialize) -> Box<RawValue> {
    // Strings, numbers and lists of them: nothing that JSON cannot say.
    #[allow(clippy::expect_used)]
    serde_json::value::to_raw_value(&result).expect("a result of the protocol is JSON")
}
