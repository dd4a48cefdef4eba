//! Presenting the PIN. What can be known without the token is checked before it costs a try.

use std::ops::Deref;

use cryptoki::{
    error::{Error, RvError},
    session::{Session, UserType},
    types::AuthPin,
};
use qcert_protocol::{
    ErrorCode, Pin,
    workstation::{Failure, Stage, Token, TriesLeft},
};

use super::Operation;
use crate::{in_ram::InRam, survey::Found};

/// A session of a user who is logged in; logged out when dropped.
pub struct Login {
    session: Session,
}

impl Deref for Login {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

impl Drop for Login {
    fn drop(&mut self) {
        // A token that was pulled out has logged out by itself.
        let _ = self.session.logout();
    }
}

impl Operation<'_> {
    /// Opens the token with the PIN that the person entered.
    ///
    /// # Errors
    /// `pin_required`, `pin_factory`, `pin_length_invalid`, `pin_incorrect` with `triesLeft`, `pin_locked`,
    /// `token_removed`, `token_unsuitable`, `cancelled`, `module_failed`.
    pub(super) fn login(&self, found: &Found) -> Result<Login, Failure> {
        if let Some(code) = found.token.unsuitable.filter(|code| *code != ErrorCode::TokenFull) {
            return Err(code.into());
        }
        let pin = self.authorization.pin.as_ref();
        if pin.is_none() && !found.token.pin.pad {
            return Err(ErrorCode::PinRequired.into());
        }
        self.check_before_presenting(pin, &found.token)?;
        self.stage(Stage::LoggingIn)?;
        let failed = |error| found.failure(&error, ErrorCode::ModuleFailed);
        let session = found.module.pkcs11.open_rw_session(found.slot).map_err(failed)?;
        let pin = pin.map(|pin| Presented::new(pin.expose()));
        let mut answer = session.login(UserType::User, pin.as_deref());
        if let Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) = answer {
            // Somebody's login was left behind: this person's PIN has not been checked yet.
            session.logout().map_err(failed)?;
            answer = session.login(UserType::User, pin.as_deref());
        }
        answer.map_err(|error| refused(found, &error))?;
        self.orphans.remove_from(found, &session);
        Ok(Login { session })
    }

    /// The factory's PIN and PINs that the token would not take are told apart without trying them. What is typed on
    /// a reader's own PIN pad is known to the token alone, and to its flag.
    fn check_before_presenting(&self, pin: Option<&Pin>, token: &Token) -> Result<(), Failure> {
        let factory = token.pin.to_be_changed || pin.is_some_and(|pin| self.configuration.is_factory_pin(pin.expose()));
        if factory && !self.authorization.keep_factory_pin {
            return Err(ErrorCode::PinFactory.into());
        }
        pin.map_or(Ok(()), |pin| check_length(pin, token))
    }
}

/// PKCS#11 counts a PIN's bytes.
pub(super) fn check_length(pin: &Pin, token: &Token) -> Result<(), Failure> {
    let length = u32::try_from(pin.expose().len()).unwrap_or(u32::MAX);
    let good = (token.pin.min_length.max(1)..=token.pin.max_length).contains(&length);
    if good { Ok(()) } else { Err(ErrorCode::PinLengthInvalid.into()) }
}

/// The PIN in the library's own wiped type: one copy, made at its full size, in RAM.
pub(super) struct Presented {
    /// Dropped before `pin`, for it is of its memory.
    _in_ram: InRam,
    pin: AuthPin,
}

impl Presented {
    pub(super) fn new(pin: &str) -> Self {
        let copy = Box::<str>::from(pin);
        Self { _in_ram: InRam::keep(copy.as_bytes()), pin: AuthPin::new(copy) }
    }
}

impl Deref for Presented {
    type Target = AuthPin;

    fn deref(&self) -> &AuthPin {
        &self.pin
    }
}

/// The token did not take the PIN: what it says of further tries.
pub(super) fn refused(found: &Found, error: &Error) -> Failure {
    let failure = found.failure(error, ErrorCode::ModuleFailed);
    if failure.code != ErrorCode::PinIncorrect {
        return failure;
    }
    match found.tries_left() {
        Some(TriesLeft::None) => Failure { code: ErrorCode::PinLocked, ..failure },
        tries_left => Failure { tries_left, ..failure },
    }
}
