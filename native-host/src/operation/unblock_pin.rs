//! `unblockPin`: C_InitPIN, after the token's administrator (CKU_SO) has logged in. Keys and certificates stay.

use cryptoki::session::UserType;
use qcert_protocol::{
    ErrorCode,
    workstation::{Failure, OneToken, PinChanged, Stage},
};

use super::{
    Operation,
    login::{Login, Presented, check_usable},
};
use crate::survey;

impl Operation<'_> {
    /// Sets a new PIN, whatever became of the one before. A factory's PIN is no new PIN.
    ///
    /// # Errors
    /// `pin_required`, `pin_length_invalid`, `pin_factory`, `so_pin_incorrect` with `triesLeft`, `so_pin_locked`,
    /// `token_removed`, `token_unsuitable`, `cancelled`, `module_failed`.
    pub(super) fn unblock_pin(&self, params: &OneToken) -> Result<PinChanged, Failure> {
        let found = survey::find(self.loader, &params.token)?;
        check_usable(&found, &[ErrorCode::TokenFull, ErrorCode::PinLocked])?;
        let (administrators, new) = match (&self.authorization.so_pin, &self.authorization.new_pin) {
            (Some(administrators), Some(new)) => {
                self.check_new(new, &found.token)?;
                (Some(Presented::new(administrators.expose())), Presented::new(new.expose()))
            }
            // The reader asks for both.
            _ if found.token.pin.pad => (None, Presented::new("")),
            _ => return Err(ErrorCode::PinRequired.into()),
        };
        self.stage(Stage::LoggingIn)?;
        let _reading = found.module.reading();
        let entered = administrators.is_some();
        let session = Login::open(&found, UserType::So, administrators)?;
        self.check_cancelled()?;
        session.init_pin(&new).map_err(|error| found.failure(&error, ErrorCode::ModuleFailed))?;
        drop(session);
        if entered {
            // Some modules tell of a locked PIN until the new one has opened the token.
            Login::open(&found, UserType::User, Some(new))?;
        }
        Ok(PinChanged {})
    }
}
