//! `removeKeyPair`: removes an orphan, a pair of ours that has no certificate.

use cryptoki::{
    error::Error,
    object::{Attribute, AttributeType, ObjectClass, ObjectHandle},
    session::Session,
};
use qcert_protocol::{
    ContainerName, ErrorCode,
    workstation::{Failure, RemoveKeyPair, Removed},
};

use super::{Operation, half_made::remove};
use crate::{survey, token_key::find_by_id};

impl Operation<'_> {
    /// Removes the pair, private half first.
    ///
    /// # Errors
    /// `key_not_found` for a pair that is not there or was not made by this portal, `key_in_use` for one with a
    /// certificate, and those of the login.
    pub(super) fn remove_key_pair(&self, params: RemoveKeyPair) -> Result<Removed, Failure> {
        let found = survey::find(self.modules, &params.token)?;
        let session = self.login(&found)?;
        let failed = |error| found.failure(&error, ErrorCode::ModuleFailed);
        let id = params.key_id.to_bytes();
        if !find_by_id(&session, ObjectClass::CERTIFICATE, &id).map_err(failed)?.is_empty() {
            return Err(ErrorCode::KeyInUse.into());
        }
        let mut halves = find_by_id(&session, ObjectClass::PRIVATE_KEY, &id).map_err(failed)?;
        halves.extend(find_by_id(&session, ObjectClass::PUBLIC_KEY, &id).map_err(failed)?);
        let mut all_ours = !halves.is_empty();
        for half in halves {
            all_ours &= is_ours(&session, half).map_err(failed)?;
        }
        if !all_ours {
            return Err(ErrorCode::KeyNotFound.into());
        }
        self.check_cancelled()?;
        remove(&session, &id).map_err(failed)?;
        Ok(Removed { key_id: params.key_id })
    }
}

/// Was this made here? Then its label is a container's name.
fn is_ours(session: &Session, half: ObjectHandle) -> Result<bool, Error> {
    let attributes = session.get_attributes(half, &[AttributeType::Label])?;
    Ok(attributes.iter().any(|attribute| match attribute {
        Attribute::Label(label) => std::str::from_utf8(label).ok().and_then(ContainerName::parse).is_some(),
        _ => false,
    }))
}
