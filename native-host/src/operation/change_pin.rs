//! `changePin`: C_SetPIN.

use qcert_protocol::{
    ErrorCode,
    workstation::{Failure, OneToken, PinChanged, Stage},
};

use super::{
    Operation,
    login::{Presented, check_length, check_usable, refused},
};
use crate::survey;

impl Operation<'_> {
    /// Changes the PIN. A factory's PIN is no new PIN.
    ///
    /// # Errors
    /// `pin_required`, `pin_length_invalid`, `pin_factory`, `pin_incorrect` with `triesLeft`, `pin_locked`,
    /// `token_removed`, `token_unsuitable`, `module_failed`.
    pub(super) fn change_pin(&self, params: &OneToken) -> Result<PinChanged, Failure> {
        let found = survey::find(self.loader, &params.token)?;
        check_usable(&found, &[ErrorCode::TokenFull])?;
        let (old, new) = match (&self.authorization.pin, &self.authorization.new_pin) {
            (Some(old), Some(new)) => {
                check_length(old, &found.token)?;
                self.check_new(new, &found.token)?;
                (Presented::new(old.expose()), Presented::new(new.expose()))
            }
            // The reader asks for both; PKCS#11 §5.5.9 wants nothing then.
            _ if found.token.pin.pad => (Presented::new(""), Presented::new("")),
            _ => return Err(ErrorCode::PinRequired.into()),
        };
        self.stage(Stage::LoggingIn)?;
        let session = found.module.pkcs11.open_rw_session(found.slot);
        let session = session.map_err(|error| found.failure(&error, ErrorCode::ModuleFailed))?;
        session.set_pin(&old, &new).map_err(|error| refused(&found, &error))?;
        Ok(PinChanged {})
    }
}
