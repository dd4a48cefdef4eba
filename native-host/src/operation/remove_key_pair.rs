//! `removeKeyPair`: removes a pair of ours that nobody uses any more: an orphan, or one whose certificates are over.

use cryptoki::{
    error::Error,
    object::{ObjectClass, ObjectHandle},
    session::Session,
};
use qcert_protocol::{
    ErrorCode,
    workstation::{Failure, RemoveKeyPair, Removed},
};
use rcgen::PublicKeyData;

use super::{Operation, certificates, half_made::remove, our_pair::container_of};
use crate::{
    stored, survey,
    token_key::{PublicHalf, find_by_id},
};

impl Operation<'_> {
    /// Removes the pair, and before it its certificates: whoever is interrupted leaves an orphan, which is removed as
    /// such.
    ///
    /// # Errors
    /// `key_not_found` for a pair that is not there or was not made by this portal, `key_in_use` for one with a
    /// certificate that has not expired, cannot be read or is for another key, and those of the login.
    pub(super) fn remove_key_pair(&self, params: RemoveKeyPair) -> Result<Removed, Failure> {
        let found = survey::find(self.loader, &params.token)?;
        let session = self.login(&found)?;
        let failed = |error| found.failure(&error, ErrorCode::ModuleFailed);
        let id = params.key_id.to_bytes();
        let public = public_halves(&session, &id).map_err(failed)?;
        let mut ids = names_of_private(&public, &id);
        ids.push(id.to_vec());
        let mut halves = Vec::new();
        for id in &ids {
            halves.extend(find_by_id(&session, ObjectClass::PRIVATE_KEY, id).map_err(failed)?);
            halves.extend(find_by_id(&session, ObjectClass::PUBLIC_KEY, id).map_err(failed)?);
            halves.extend(stored::find(&session, id).map_err(failed)?);
        }
        let keys: Vec<_> = public.iter().map(PublicHalf::subject_public_key_info).collect();
        let certificates = certificates::of_pair(&session, &ids, &keys).map_err(failed)?;
        if !certificates.iter().all(|certificate| certificate.has_expired(self.now)) {
            return Err(ErrorCode::KeyInUse.into());
        }
        if halves.is_empty() || !all_ours(&session, &halves).map_err(failed)? {
            return Err(ErrorCode::KeyNotFound.into());
        }
        self.check_cancelled()?;
        for certificate in certificates {
            session.destroy_object(certificate.object).map_err(failed)?;
        }
        for id in &ids {
            remove(&session, id).map_err(failed)?;
        }
        Ok(Removed { key_id: params.key_id })
    }
}

/// The public halves of this name, in whichever form.
fn public_halves(session: &Session, id: &[u8; 20]) -> Result<Vec<PublicHalf>, Error> {
    let mut halves = Vec::new();
    for public in find_by_id(session, ObjectClass::PUBLIC_KEY, id)? {
        halves.extend(PublicHalf::read(session, public)?);
    }
    let stored = stored::public_halves(session)?.into_iter().map(|(key, _)| key);
    halves.extend(stored.filter(|key| key.key_id().to_bytes() == *id).filter_map(|key| PublicHalf::of(&key)));
    Ok(halves)
}

/// A token that was pulled out while a pair got its name has it on the private half alone: the names that follow from
/// the public halves with this CKA_ID.
fn names_of_private(public: &[PublicHalf], id: &[u8; 20]) -> Vec<Vec<u8>> {
    let keys = public.iter().filter_map(|half| half.public_key().ok());
    keys.map(|key| key.key_id().to_bytes()).filter(|name| name != id).map(|name| name.to_vec()).collect()
}

/// Were all of them made here?
fn all_ours(session: &Session, halves: &[ObjectHandle]) -> Result<bool, Error> {
    for half in halves {
        if container_of(session, *half)?.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}
