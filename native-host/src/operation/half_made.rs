//! A key pair that is being made, and what becomes of it when the rest fails.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cryptoki::{
    context::Function,
    error::{Error, RvError},
    mechanism::Mechanism,
    object::{Attribute, AttributeType, ObjectClass, ObjectHandle},
    session::{Session, SessionState},
};
use qcert_protocol::{
    Base64, ErrorCode, KeyId,
    workstation::{CreateRequest, Failure},
};

use crate::{
    link::{Notice, Orphan},
    messaging::Outbox,
    stored,
    survey::Found,
    token_key::{PublicHalf, curve_parameters, find_by_id, id_of},
};

/// Pairs that are being made, or could not be removed, for their token was pulled out: removed when it is opened again.
/// The host is told of each, and tells the next worker if this one ends. What is still here when the host ends stays on
/// its token as a container without a certificate, and `removeKeyPair` removes it.
pub struct Orphans {
    known: Mutex<Vec<Orphan>>,
    outbox: Arc<Outbox>,
}

impl Orphans {
    /// Those that the host knows of.
    pub fn new(known: Vec<Orphan>, outbox: Arc<Outbox>) -> Self {
        Self { known: Mutex::new(known), outbox }
    }

    /// Removes the orphans of a token that was opened.
    pub(super) fn remove_from(&self, found: &Found, session: &Session) {
        let here: Vec<_> = self.known().iter().filter(|orphan| orphan.token == found.token.name).cloned().collect();
        for orphan in here {
            if remove(session, &orphan.id.0).is_ok() {
                self.settle(found, &orphan.id.0);
            }
        }
    }

    /// From now on there may be a pair with this CKA_ID.
    fn begin(&self, found: &Found, id: &[u8]) {
        let orphan = Orphan { token: found.token.name.clone(), id: Base64(id.to_vec()) };
        self.known().push(orphan.clone());
        self.outbox.send(&Notice::HalfMade(orphan));
    }

    /// A pair is kept, whichever of these CKA_IDs it has.
    pub(super) fn keep(&self, found: &Found, ids: &[Vec<u8>]) {
        ids.iter().for_each(|id| self.settle(found, id));
    }

    /// It is kept, or gone.
    fn settle(&self, found: &Found, id: &[u8]) {
        let orphan = Orphan { token: found.token.name.clone(), id: Base64(id.to_vec()) };
        self.known().retain(|known| *known != orphan);
        self.outbox.send(&Notice::Settled(orphan));
    }

    fn known(&self) -> MutexGuard<'_, Vec<Orphan>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes both halves of a pair, of whatever kind, the private one first. A session whose login the token forgot does not see private
/// keys: not to find one there is not to have removed it, and without its public half nobody would find it again.
pub(super) fn remove(session: &Session, id: &[u8]) -> Result<(), Error> {
    if session.get_session_info()?.session_state() != SessionState::RwUser {
        return Err(Error::Pkcs11(RvError::UserNotLoggedIn, Function::DestroyObject));
    }
    for class in [ObjectClass::PRIVATE_KEY, ObjectClass::PUBLIC_KEY] {
        for half in find_by_id(session, class, id)? {
            session.destroy_object(half)?;
        }
    }
    for half in stored::find(session, id)? {
        session.destroy_object(half)?;
    }
    Ok(())
}

/// A pair that was just made, or perhaps was: removed again when dropped, unless it is kept.
pub(super) struct HalfMade<'a> {
    found: &'a Found,
    session: &'a Session,
    orphans: &'a Orphans,
    /// Every CKA_ID that it may have by now. A token that is pulled out while it makes the pair does not say whether
    /// it did; then this is all there is to find it by.
    ids: Vec<Vec<u8>>,
    /// The public and the private half.
    halves: Option<(ObjectHandle, ObjectHandle)>,
}

impl<'a> HalfMade<'a> {
    /// Nothing is on the token yet.
    pub(super) fn begin(found: &'a Found, session: &'a Session, orphans: &'a Orphans) -> Self {
        Self { found, session, orphans, ids: Vec::new(), halves: None }
    }

    /// Makes a pair on the token.
    ///
    /// # Errors
    /// `key_generation_failed`, `token_removed`, `token_full`, `token_unsuitable`.
    pub(super) fn generate(
        found: &'a Found,
        session: &'a Session,
        orphans: &'a Orphans,
        params: &CreateRequest,
    ) -> Result<Self, Failure> {
        // Some modules let the identifier be set only here, and the key's own name is not known before the key.
        let mut id = vec![0; 20];
        getrandom::fill(&mut id).map_err(|_| ErrorCode::KeyGenerationFailed)?;
        let label = Attribute::Label(params.container.as_str().into());
        let both = [Attribute::Token(true), label, Attribute::Id(id.clone())];
        let (mechanism, kind) = match curve_parameters(params.algorithm) {
            Some(curve) => (Mechanism::EccKeyPairGen, vec![Attribute::EcParams(curve.to_vec())]),
            None => (
                Mechanism::RsaPkcsKeyPairGen,
                vec![Attribute::ModulusBits(2048.into()), Attribute::PublicExponent(vec![1, 0, 1])],
            ),
        };
        let public = [&both[..], &kind, &[Attribute::Private(false), Attribute::Verify(true)]].concat();
        let secret = [
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Sign(true),
        ];
        let private = [&both[..], &secret].concat();
        let mut pair = Self::begin(found, session, orphans);
        pair.may_have(id);
        let halves = session.generate_key_pair(&mechanism, &public, &private);
        pair.halves = Some(halves.map_err(|error| pair.failed(&error))?);
        Ok(pair)
    }

    /// From now on it may be there by this CKA_ID.
    pub(super) fn may_have(&mut self, id: Vec<u8>) {
        self.orphans.begin(self.found, &id);
        self.ids.push(id);
    }

    fn failed(&self, error: &Error) -> Failure {
        self.found.failure(error, ErrorCode::KeyGenerationFailed)
    }

    fn halves(&self) -> Result<(ObjectHandle, ObjectHandle), Failure> {
        self.halves.ok_or_else(|| ErrorCode::KeyGenerationFailed.into())
    }

    /// The private half.
    pub(super) fn private(&self) -> Result<ObjectHandle, Failure> {
        Ok(self.halves()?.1)
    }

    /// Gives both halves the name that follows from the key; a token that refuses keeps the one it has.
    pub(super) fn name(&mut self) -> Result<(PublicHalf, KeyId), Failure> {
        let (public, private) = self.halves()?;
        let half = PublicHalf::read(self.session, public).map_err(|error| self.failed(&error))?;
        let half = half.ok_or(ErrorCode::KeyGenerationFailed)?;
        let key = half.public_key().map_err(|_| ErrorCode::KeyGenerationFailed)?;
        let name = key.key_id().to_bytes().to_vec();
        self.may_have(name.clone());
        let name = [Attribute::Id(name)];
        // If only the public half refuses, the two differ now, and are made equal again.
        if self.session.update_attributes(private, &name).is_ok()
            && self.session.update_attributes(public, &name).is_err()
        {
            let id = id_of(self.session, public).map_err(|error| self.failed(&error))?;
            self.session.update_attributes(private, &[Attribute::Id(id)]).map_err(|error| self.failed(&error))?;
        }
        let id = id_of(self.session, private).map_err(|error| self.failed(&error))?;
        let id = <[u8; 20]>::try_from(id).map_err(|_| ErrorCode::KeyGenerationFailed)?;
        Ok((half, KeyId::from_bytes(&id)))
    }

    /// All is well: it stays. [`Orphans::keep`] is told when nothing can go wrong any more.
    pub(super) fn keep(mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.ids)
    }
}

/// Invariant 2: a token may silently ignore what the template asked for. One that was `handed_over` was not always there.
pub(super) fn check_private(session: &Session, private: ObjectHandle, handed_over: bool) -> Result<bool, Error> {
    use AttributeType as T;
    let asked = [T::Sensitive, T::Extractable, T::AlwaysSensitive, T::NeverExtractable];
    let attributes = session.get_attributes(private, &asked)?;
    let never_seen = !attributes.contains(&Attribute::AlwaysSensitive(false))
        && !attributes.contains(&Attribute::NeverExtractable(false));
    Ok(attributes.contains(&Attribute::Sensitive(true))
        && attributes.contains(&Attribute::Extractable(false))
        && (handed_over || never_seen))
}

impl Drop for HalfMade<'_> {
    fn drop(&mut self) {
        // The last one first: if the halves differ it is the private one's, and that goes before the public one.
        for id in std::mem::take(&mut self.ids).into_iter().rev() {
            if remove(self.session, &id).is_ok() {
                self.orphans.settle(self.found, &id);
            }
        }
    }
}
