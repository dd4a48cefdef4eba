//! A pair of ours that is on the token already: made here, for an application, and with both its halves.

use cryptoki::{
    error::Error,
    object::{Attribute, AttributeType, ObjectClass, ObjectHandle},
    session::Session,
};
use qcert_pki::PublicKey;
use qcert_protocol::{ContainerName, KeyId};

use crate::{
    stored,
    token_key::{Private, PublicHalf, find_by_id, id_of},
};

/// What can be seen of a public half without its private one.
pub(super) struct Seen {
    /// CKA_LABEL.
    pub(super) container: ContainerName,
    /// CKA_ID.
    pub(super) id: Vec<u8>,
    pub(super) key: PublicKey,
}

/// Both halves.
pub(super) struct OurPair {
    pub(super) seen: Seen,
    /// None for a container in data objects.
    pub(super) public: Option<ObjectHandle>,
    pub(super) private: Private,
    pub(super) half: PublicHalf,
}

/// Looks for a pair in a session that is logged in: first among what has this CKA_ID, then among everything, for a
/// token may have given another one. What others made is passed over, whatever its CKA_ID is.
///
/// # Errors
/// Those of PKCS#11.
pub(super) fn find(
    session: &Session,
    key_id: &KeyId,
    wanted: impl Fn(&Seen) -> bool,
) -> Result<Option<OurPair>, Error> {
    let named = find_by_id(session, ObjectClass::PUBLIC_KEY, &key_id.to_bytes())?;
    if let Some(pair) = among(session, named, &wanted)? {
        return Ok(Some(pair));
    }
    let all = session.find_objects(&[Attribute::Class(ObjectClass::PUBLIC_KEY), Attribute::Token(true)])?;
    if let Some(pair) = among(session, all, &wanted)? {
        return Ok(Some(pair));
    }
    for (key, label) in stored::public_halves(session)? {
        let Some(container) = ContainerName::parse(&label) else { continue };
        let Some(half) = PublicHalf::of(&key) else { continue };
        let id = key.key_id().to_bytes();
        let seen = Seen { container, id: id.to_vec(), key };
        if wanted(&seen) && stored::has_private(session, &id)? {
            return Ok(Some(OurPair { seen, public: None, private: Private::Stored(id), half }));
        }
    }
    Ok(None)
}

fn among(
    session: &Session,
    objects: Vec<ObjectHandle>,
    wanted: &impl Fn(&Seen) -> bool,
) -> Result<Option<OurPair>, Error> {
    for public in objects {
        let Some(container) = container_of(session, public)? else { continue };
        let Some(half) = PublicHalf::read(session, public)? else { continue };
        let Ok(key) = half.public_key() else { continue };
        let seen = Seen { container, id: id_of(session, public)?, key };
        if !wanted(&seen) {
            continue;
        }
        if let Some(private) = private_of(session, &seen)? {
            return Ok(Some(OurPair { seen, public: Some(public), private: Private::Object(private), half }));
        }
    }
    Ok(None)
}

/// The private half: by the same CKA_ID, or by the one that follows from the key, where only that half has it (a token that
/// was pulled out while a pair got its name).
fn private_of(session: &Session, seen: &Seen) -> Result<Option<ObjectHandle>, Error> {
    for id in [&seen.id[..], &seen.key.key_id().to_bytes()] {
        for private in find_by_id(session, ObjectClass::PRIVATE_KEY, id)? {
            if container_of(session, private)?.is_some() {
                return Ok(Some(private));
            }
        }
    }
    Ok(None)
}

/// The name that a half has if it was made here.
///
/// # Errors
/// Those of C_GetAttributeValue.
pub(super) fn container_of(session: &Session, half: ObjectHandle) -> Result<Option<ContainerName>, Error> {
    let attributes = session.get_attributes(half, &[AttributeType::Label])?;
    Ok(attributes.iter().find_map(|attribute| match attribute {
        Attribute::Label(label) => std::str::from_utf8(label).ok().and_then(ContainerName::parse),
        _ => None,
    }))
}
