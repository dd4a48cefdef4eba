//! Presenting the PIN. What can be known without the token is checked before it costs a try.

use std::ops::Deref;

use cryptoki::{
    error::{Error, RvError},
    mechanism::Mechanism,
    object::{Attribute, AttributeType, ObjectHandle},
    session::{Session, UserType},
    types::AuthPin,
};
use qcert_protocol::{
    ErrorCode, Pin,
    workstation::{Failure, Stage, Token, TriesLeft},
};

use super::Operation;
use crate::{in_ram::InRam, module::Module, survey::Found};

/// A session of a user who is logged in; logged out when dropped.
pub struct Login {
    session: Session,
    /// None where the reader asks for it.
    pin: Option<Presented>,
}

impl Login {
    /// Opens the token with a PIN; without one the reader asks for it.
    ///
    /// # Errors
    /// What [`refused`] and [`administrator_refused`] say, `token_removed`, `module_failed`.
    pub(super) fn open(found: &Found, who: UserType, pin: Option<Presented>) -> Result<Self, Failure> {
        let failed = |error| found.failure(&error, ErrorCode::ModuleFailed);
        let session = found.module.pkcs11.open_rw_session(found.slot).map_err(failed)?;
        let mut answer = session.login(who, pin.as_deref());
        if let Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn | RvError::UserAnotherAlreadyLoggedIn, _)) = answer {
            // Somebody's login was left behind: this person's PIN has not been checked yet.
            session.logout().map_err(failed)?;
            answer = session.login(who, pin.as_deref());
        }
        let refused = match who {
            UserType::So => administrator_refused,
            _ => refused,
        };
        answer.map_err(|error| refused(found, &error))?;
        Ok(Self { session, pin })
    }

    /// Signs. A key may demand the PIN for each signature (CKA_ALWAYS_AUTHENTICATE).
    ///
    /// # Errors
    /// Those of PKCS#11.
    pub fn sign(
        &self,
        module: &Module,
        mechanism: &Mechanism<'_>,
        private: ObjectHandle,
        input: &[u8],
    ) -> Result<Vec<u8>, Error> {
        // Older modules do not know the attribute.
        let asked = self.session.get_attributes(private, &[AttributeType::AlwaysAuthenticate]).unwrap_or_default();
        if !asked.contains(&Attribute::AlwaysAuthenticate(true)) {
            return self.session.sign(mechanism, private, input);
        }
        self.session.sign_init(mechanism, private)?;
        self.session.login(UserType::ContextSpecific, self.pin.as_deref())?;
        module.functions.sign(&self.session, input)
    }
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
        check_usable(found, &[ErrorCode::TokenFull])?;
        let pin = self.authorization.pin.as_ref();
        if pin.is_none() && !found.token.pin.pad {
            return Err(ErrorCode::PinRequired.into());
        }
        self.check_before_presenting(pin, &found.token)?;
        self.stage(Stage::LoggingIn)?;
        let pin = pin.map(|pin| Presented::new(pin.expose()));
        let login = Login::open(found, UserType::User, pin)?;
        self.orphans.remove_from(found, &login);
        Ok(login)
    }

    /// A PIN that the token would not take is none, and a factory's is no new one.
    pub(super) fn check_new(&self, new: &Pin, token: &Token) -> Result<(), Failure> {
        check_length(new, token)?;
        if self.configuration.is_factory_pin(new.expose()) { Err(ErrorCode::PinFactory.into()) } else { Ok(()) }
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

/// Can the token be worked with? Some can although they cannot be chosen for a new key.
pub(super) fn check_usable(found: &Found, although: &[ErrorCode]) -> Result<(), Failure> {
    found.token.unsuitable.filter(|code| !although.contains(code)).map_or(Ok(()), |code| Err(code.into()))
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
    with_tries_left(found, UserType::User, failure, ErrorCode::PinLocked)
}

/// The token did not take the administrator's PIN. It may call one of a wrong length or with wrong characters by that
/// name; the person is told that it is wrong, for the other PIN has a length, too.
pub(super) fn administrator_refused(found: &Found, error: &Error) -> Failure {
    let failure = found.failure(error, ErrorCode::ModuleFailed);
    match failure.code {
        ErrorCode::PinLocked => Failure { code: ErrorCode::SoPinLocked, ..failure },
        ErrorCode::PinIncorrect | ErrorCode::PinLengthInvalid => {
            let failure = Failure { code: ErrorCode::SoPinIncorrect, ..failure };
            with_tries_left(found, UserType::So, failure, ErrorCode::SoPinLocked)
        }
        _ => failure,
    }
}

fn with_tries_left(found: &Found, who: UserType, failure: Failure, locked: ErrorCode) -> Failure {
    match found.tries_left(who) {
        Some(TriesLeft::None) => Failure { code: locked, ..failure },
        tries_left => Failure { tries_left, ..failure },
    }
}
