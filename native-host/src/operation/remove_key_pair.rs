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
use crate::{
    stored, survey,
    token_key::{PublicHalf, find_by_id},
};

impl Operation<'_> {
    /// Removes the pair, private half first.
    ///
    /// # Errors
    /// `key_not_found` for a pair that is not there or was not made by this portal, `key_in_use` for one with a
    /// certificate, and those of the login.
    pub(super) fn remove_key_pair(&self, params: RemoveKeyPair) -> Result<Removed, Failure> {
        let found = survey::find(self.loader, &params.token)?;
        let session = self.login(&found)?;
        let failed = |error| found.failure(&error, ErrorCode::ModuleFailed);
        let mut ids = names_of_private(&session, &params.key_id.to_bytes()).map_err(failed)?;
        ids.push(params.key_id.to_bytes().to_vec());
        let mut halves = Vec::new();
        for id in &ids {
            if !find_by_id(&session, ObjectClass::CERTIFICATE, id).map_err(failed)?.is_empty() {
                return Err(ErrorCode::KeyInUse.into());
            }
            halves.extend(find_by_id(&session, ObjectClass::PRIVATE_KEY, id).map_err(failed)?);
            halves.extend(find_by_id(&session, ObjectClass::PUBLIC_KEY, id).map_err(failed)?);
            halves.extend(stored::find(&session, id).map_err(failed)?);
        }
        let mut all_ours = !halves.is_empty();
        for half in halves {
            all_ours &= is_ours(&session, half).map_err(failed)?;
        }
        if !all_ours {
            return Err(ErrorCode::KeyNotFound.into());
        }
        self.check_cancelled()?;
        for id in &ids {
            remove(&session, id).map_err(failed)?;
        }
        Ok(Removed { key_id: params.key_id })
    }
}

/// A token that was pulled out while a pair got its name has it on the private half alone: the names that follow from
/// the public halves with this CKA_ID.
fn names_of_private(session: &Session, id: &[u8]) -> Result<Vec<Vec<u8>>, Error> {
    let mut names = Vec::new();
    for public in find_by_id(session, ObjectClass::PUBLIC_KEY, id)? {
        let key = PublicHalf::read(session, public)?.and_then(|half| half.public_key().ok());
        names.extend(key.map(|key| key.key_id().to_bytes().to_vec()).filter(|name| name != id));
    }
    Ok(names)
}

/// Was this made here? Then its label is a container's name.
fn is_ours(session: &Session, half: ObjectHandle) -> Result<bool, Error> {
    let attributes = session.get_attributes(half, &[AttributeType::Label])?;
    Ok(attributes.iter().any(|attribute| match attribute {
        Attribute::Label(label) => std::str::from_utf8(label).ok().and_then(ContainerName::parse).is_some(),
        _ => false,
    }))
}
