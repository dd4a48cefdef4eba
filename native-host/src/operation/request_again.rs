//! `requestAgain`: a PKCS#10 request by a pair that waits on the token for its certificate. The pair stays, whatever
//! fails: it is the person's to remove.

use cryptoki::{object::Attribute, session::Session};
use qcert_protocol::{
    ErrorCode, KeyId,
    workstation::{CreatedRequest, Failure, RequestAgain, Stage},
};

use super::{
    Operation, certificates,
    create_request::{check_common_name, requested},
    half_made::check_private,
    our_pair::{self, OurPair},
};
use crate::{
    survey::{self, Found},
    token_key::{Private, TokenKey},
};

impl Operation<'_> {
    /// Has the pair sign another request.
    ///
    /// # Errors
    /// `key_not_found` for a pair that is not there whole, was not made by this portal, or has another name than this
    /// container's; `key_in_use` for one with a certificate; `key_weak` for one that could leave the token; those of the
    /// login and of a signature.
    pub(super) fn request_again(&self, params: &RequestAgain) -> Result<CreatedRequest, Failure> {
        check_common_name(&params.common_name)?;
        let found = survey::find(self.loader, &params.token)?;
        let session = self.login(&found)?;
        let failed = |error| found.failure(&error, ErrorCode::ModuleFailed);
        let id = params.key_id.to_bytes();
        let wanted = |seen: &our_pair::Seen| seen.id == id && seen.container == params.container;
        let pair = our_pair::find(&session, &params.key_id, wanted).map_err(failed)?;
        let pair = pair.ok_or(ErrorCode::KeyNotFound)?;
        check_unused(&found, &session, &pair)?;
        self.stage(Stage::Signing)?;
        let key_id = same_name(&found, &session, &pair)?;
        let key = TokenKey::new(&found, &session, pair.private, pair.half);
        let created = requested(&key, &params.common_name, key_id, false)?;
        self.check_cancelled()?;
        Ok(created)
    }
}

/// It has no certificate, and keeps invariant 2: whoever can write to the token may have put another key there.
fn check_unused(found: &Found, session: &Session, pair: &OurPair) -> Result<(), Failure> {
    let failed = |error| found.failure(&error, ErrorCode::ModuleFailed);
    let ids = [pair.seen.id.clone(), pair.private.id(session).map_err(failed)?];
    if !certificates::of_pair(session, &ids, &[pair.seen.key.spki_der().to_vec()]).map_err(failed)?.is_empty() {
        return Err(ErrorCode::KeyInUse.into());
    }
    if let Private::Object(private) = pair.private {
        let handed_over = found.token.carrier.is_some();
        if !check_private(session, private, handed_over).map_err(failed)? {
            return Err(ErrorCode::KeyWeak.into());
        }
    }
    Ok(())
}

/// CKA_ID of the private half, by which its certificate will be written. The public half gets the same, if it has not.
fn same_name(found: &Found, session: &Session, pair: &OurPair) -> Result<KeyId, Failure> {
    let id = pair.private.id(session).map_err(|error| found.failure(&error, ErrorCode::ModuleFailed))?;
    if let Some(public) = pair.public.filter(|_| pair.seen.id != id) {
        // A token that refuses shows the container by its public half's, as before.
        let _ = session.update_attributes(public, &[Attribute::Id(id.clone())]);
    }
    let id = <[u8; 20]>::try_from(id).map_err(|_| ErrorCode::KeyNotFound)?;
    Ok(KeyId::from_bytes(&id))
}
