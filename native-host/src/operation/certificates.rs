//! Certificates of a pair: those with its CKA_ID, and those for its key, wherever else they lie.

use cryptoki::{
    error::Error,
    object::{Attribute, AttributeType, ObjectClass, ObjectHandle},
    session::Session,
};
use der::{Decode, Encode};
use time::OffsetDateTime;

/// A certificate that belongs to a pair, or at least says so.
pub(super) struct Beside {
    pub(super) object: ObjectHandle,
    /// When it ends; none for one that cannot be read, or is for another key.
    ends: Option<OffsetDateTime>,
}

impl Beside {
    /// Is it certainly the pair's, and over? What cannot be told of is not.
    pub(super) fn has_expired(&self, now: OffsetDateTime) -> bool {
        self.ends.is_some_and(|ends| ends < now)
    }
}

/// Finds them by the CKA_IDs that the pair may have and its SubjectPublicKeyInfo.
///
/// # Errors
/// Those of PKCS#11.
pub(super) fn of_pair(session: &Session, ids: &[Vec<u8>], keys: &[Vec<u8>]) -> Result<Vec<Beside>, Error> {
    use AttributeType as T;
    let mut beside = Vec::new();
    for object in session.find_objects(&[Attribute::Class(ObjectClass::CERTIFICATE), Attribute::Token(true)])? {
        let (mut named, mut certified, mut ends) = (false, None, None);
        for attribute in session.get_attributes(object, &[T::Id, T::Value])? {
            match attribute {
                Attribute::Id(id) => named = ids.contains(&id),
                Attribute::Value(der) => (certified, ends) = read(&der).unzip(),
                _ => {}
            }
        }
        let is_for_it = certified.is_some_and(|key| keys.contains(&key));
        if named || is_for_it {
            beside.push(Beside { object, ends: ends.filter(|_| is_for_it) });
        }
    }
    Ok(beside)
}

/// Key and last second. As little as that is read, for a key that is weak by now is to be removed all the same.
fn read(der: &[u8]) -> Option<(Vec<u8>, OffsetDateTime)> {
    let certificate = x509_cert::Certificate::from_der(der).ok()?;
    let tbs = certificate.tbs_certificate();
    let ends = tbs.validity().not_after.to_unix_duration().as_secs();
    let ends = OffsetDateTime::from_unix_timestamp(i64::try_from(ends).ok()?).ok()?;
    Some((tbs.subject_public_key_info().to_der().ok()?, ends))
}
