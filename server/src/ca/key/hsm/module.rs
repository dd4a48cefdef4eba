//! The PKCS#11 module: loaded once, started again when the HSM was away, and logged in with a PIN that is tried once.

use std::{
    sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, TryLockError},
    time::Duration,
};

use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Pkcs11},
    error::{Error, RvError},
    session::{Session, UserType},
    slot::Slot,
    types::AuthPin,
};
use zeroize::Zeroizing;

use crate::{ca::secret, config::Hsm as Settings};

/// How often something that another thread holds is looked for.
const POLL: Duration = Duration::from_millis(20);

/// Why the HSM did not do what it was asked, by what may help.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// Nothing but the operator: the PIN is wrong, or locked.
    #[error("the HSM refuses: {0}")]
    Refused(String),
    /// Another session.
    #[error("the HSM failed: {0}")]
    Session(String),
    /// To start the module again, when the token is there.
    #[error("the HSM is not there: {0}")]
    Away(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        use RvError as R;
        match &error {
            Error::Pkcs11(
                R::PinIncorrect | R::PinLocked | R::PinExpired | R::PinInvalid | R::UserPinNotInitialized,
                _,
            ) => Self::Refused(error.to_string()),
            Error::Pkcs11(
                R::CryptokiNotInitialized
                | R::DeviceError
                | R::DeviceRemoved
                | R::DeviceMemory
                | R::FunctionFailed
                | R::GeneralError
                | R::SlotIdInvalid
                | R::TokenNotPresent
                | R::TokenNotRecognized,
                _,
            )
            | Error::LibraryLoading(_) => Self::Away(error.to_string()),
            _ => Self::Session(error.to_string()),
        }
    }
}

/// The module while it is loaded. Sessions of an earlier generation are gone, and their handles may be others' by now.
pub(super) struct Started {
    pub(super) pkcs11: Pkcs11,
    pub(super) generation: u64,
}

pub(super) struct Module {
    pub(super) settings: Settings,
    /// Whoever calls the module reads; whoever starts it again, during which nobody may call it, writes.
    started: RwLock<Option<Started>>,
    /// The PIN that the token refused. It is not tried again: a few wrong tries lock a token for good.
    refused: Mutex<Option<Zeroizing<String>>>,
}

impl Module {
    pub(super) fn new(settings: Settings) -> Self {
        Self { settings, started: RwLock::new(None), refused: Mutex::new(None) }
    }

    /// Does something with the module, which is loaded if it was not.
    pub(super) fn with<T>(&self, run: impl FnOnce(&Started) -> Result<T, Failure>) -> Result<T, Failure> {
        if let Some(started) = &*self.read() {
            return run(started);
        }
        {
            let mut started = self.started.write().unwrap_or_else(PoisonError::into_inner);
            if started.is_none() {
                *started = Some(Started { pkcs11: self.load()?, generation: 0 });
            }
        }
        match &*self.read() {
            Some(started) => run(started),
            None => Err(Failure::Away("the module is not loaded".to_owned())),
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Option<Started>> {
        self.started.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn load(&self) -> Result<Pkcs11, Failure> {
        let pkcs11 = Pkcs11::new(&self.settings.module)?;
        initialize(&pkcs11)?;
        Ok(pkcs11)
    }

    /// Starts the module again, unless another thread has done it since `generation`: a module that lost its HSM
    /// often finds it only so. A call that hangs in it keeps that from happening, for then it would be undefined.
    pub(super) fn restart(&self, generation: u64) -> Result<(), Failure> {
        const TRIES: u32 = 50;
        for _ in 0..TRIES {
            let mut started = match self.started.try_write() {
                Ok(started) => started,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => {
                    std::thread::sleep(POLL);
                    continue;
                }
            };
            return match &mut *started {
                Some(started) if started.generation == generation => {
                    started.generation += 1;
                    // What was not started cannot be ended; either way it is to be started now.
                    let _ = started.pkcs11.clone().finalize();
                    Ok(initialize(&started.pkcs11)?)
                }
                _ => Ok(()),
            };
        }
        Err(Failure::Away("calls hang in the module".to_owned()))
    }

    /// The slot whose token has the label and the serial number of the settings.
    pub(super) fn slot(&self, pkcs11: &Pkcs11) -> Result<Slot, Failure> {
        let wanted =
            |value: &str, setting: &Option<String>| setting.as_ref().is_none_or(|wanted| wanted == value.trim());
        for slot in pkcs11.get_slots_with_token()? {
            // Another reader's token may fail; it is not ours.
            let Ok(token) = pkcs11.get_token_info(slot) else { continue };
            if wanted(token.label(), &self.settings.token) && wanted(token.serial_number(), &self.settings.token_serial)
            {
                return Ok(slot);
            }
        }
        Err(Failure::Away("no token has the label and serial number of hsm.token and hsm.token_serial".to_owned()))
    }

    /// Waits as long as a signature may take, so that a login that hangs keeps no other thread for good.
    fn refused(&self) -> Result<MutexGuard<'_, Option<Zeroizing<String>>>, Failure> {
        let tries = self.settings.patience.as_millis() / POLL.as_millis();
        for _ in 0..tries.max(1) {
            match self.refused.try_lock() {
                Ok(refused) => return Ok(refused),
                Err(TryLockError::Poisoned(poisoned)) => return Ok(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) => std::thread::sleep(POLL),
            }
        }
        Err(Failure::Session("another login hangs in the module".to_owned()))
    }

    /// Logs in, for all sessions of this process at once.
    pub(super) fn log_in(&self, session: &Session) -> Result<(), Failure> {
        // Held until the token has answered: threads that start together must not try a wrong PIN each.
        let mut refused = self.refused()?;
        let pin = secret::read(&self.settings.pin).map_err(|error| Failure::Refused(format!("no PIN: {error:#}")))?;
        if refused.as_ref() == Some(&pin) {
            let text = "the token refused this PIN before, and it is not tried again; write the right one in its place";
            return Err(Failure::Refused(text.to_owned()));
        }
        match session.login(UserType::User, Some(&AuthPin::new(pin.as_str().into()))) {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(()),
            Err(error) => {
                if matches!(error, Error::Pkcs11(RvError::PinIncorrect, _)) {
                    *refused = Some(pin);
                }
                Err(error.into())
            }
        }
    }
}

fn initialize(pkcs11: &Pkcs11) -> Result<(), Error> {
    match pkcs11.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(()),
        Err(error) => Err(error),
    }
}
