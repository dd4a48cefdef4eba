//! A key pair on a token: found, described, and used to sign. The token signs, and the private key never comes here,
//! unless the token only stores it.

use std::cell::RefCell;

use cryptoki::{
    error::Error,
    mechanism::Mechanism,
    object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle},
    session::Session,
};
use der::{Decode, Encode, Sequence, asn1::OctetStringRef, asn1::UintRef};
use qcert_pki::{Algorithm, PublicKey, SignatureAlgorithm};
use qcert_protocol::{ErrorCode, KeyAlgorithm, workstation::Failure};
use rcgen::PublicKeyData;
use sha2::{Digest, Sha256, Sha384};

use crate::{operation::Login, stored, survey::Found};

/// RFC 5480 §2.1.1.1: named curves, as CKA_EC_PARAMS.
const P256_PARAMETERS: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384_PARAMETERS: &[u8] = &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22];

/// RFC 8017 §9.2, note 1: what stands before a SHA-256 in a DigestInfo.
const SHA256_DIGEST_INFO: &[u8] =
    &[0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20];

/// CKA_EC_PARAMS of a curve; none for RSA.
pub fn curve_parameters(algorithm: KeyAlgorithm) -> Option<&'static [u8]> {
    match algorithm {
        KeyAlgorithm::P256 => Some(P256_PARAMETERS),
        KeyAlgorithm::P384 => Some(P384_PARAMETERS),
        KeyAlgorithm::Rsa2048 => None,
    }
}

/// The public half as the token shows it.
pub struct PublicHalf {
    algorithm: KeyAlgorithm,
    /// Content of subjectPublicKey: the point, or RSAPublicKey (RFC 8017 §A.1.1).
    bits: Vec<u8>,
}

#[derive(Sequence)]
struct RsaPublicKey<'a> {
    modulus: UintRef<'a>,
    public_exponent: UintRef<'a>,
}

#[derive(Sequence)]
struct EcdsaSignature<'a> {
    r: UintRef<'a>,
    s: UintRef<'a>,
}

impl PublicHalf {
    /// Reads a public key object; none if it is of a kind that the portal does not use.
    ///
    /// # Errors
    /// Those of C_GetAttributeValue.
    pub fn read(session: &Session, object: ObjectHandle) -> Result<Option<Self>, Error> {
        use AttributeType as T;
        let (mut curve, mut point, mut modulus, mut exponent) = (None, None, None, None);
        let asked = match key_type(session, object)? {
            Some(KeyType::EC) => [T::EcParams, T::EcPoint],
            Some(KeyType::RSA) => [T::Modulus, T::PublicExponent],
            _ => return Ok(None),
        };
        for attribute in session.get_attributes(object, &asked)? {
            match attribute {
                Attribute::EcParams(value) => curve = Some(value),
                Attribute::EcPoint(value) => point = Some(value),
                Attribute::Modulus(value) => modulus = Some(value),
                Attribute::PublicExponent(value) => exponent = Some(value),
                _ => {}
            }
        }
        let half = match (curve, point, modulus, exponent) {
            (Some(curve), Some(point), _, _) => elliptic(&curve, &point),
            (_, _, Some(modulus), Some(exponent)) => rsa(&modulus, &exponent),
            _ => None,
        };
        Ok(half)
    }

    /// The public half of a key that was not read from a public key object; none as [`Self::read`].
    pub fn of(key: &PublicKey) -> Option<Self> {
        Some(Self { algorithm: key.algorithm().key_algorithm()?, bits: key.subject_public_key().to_vec() })
    }

    /// The same key, checked.
    ///
    /// # Errors
    /// Those of [`PublicKey::from_spki_der`].
    pub fn public_key(&self) -> Result<PublicKey, ErrorCode> {
        PublicKey::from_spki_der(&self.subject_public_key_info())
    }
}

impl PublicKeyData for PublicHalf {
    fn der_bytes(&self) -> &[u8] {
        &self.bits
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        match self.algorithm {
            KeyAlgorithm::P256 => &rcgen::PKCS_ECDSA_P256_SHA256,
            KeyAlgorithm::P384 => &rcgen::PKCS_ECDSA_P384_SHA384,
            KeyAlgorithm::Rsa2048 => &rcgen::PKCS_RSA_SHA256,
        }
    }
}

fn key_type(session: &Session, object: ObjectHandle) -> Result<Option<KeyType>, Error> {
    let attributes = session.get_attributes(object, &[AttributeType::KeyType]);
    // A kind of key that the library does not know (GOST) is not one of ours.
    match attributes.map(|attributes| attributes.into_iter().next()) {
        Ok(Some(Attribute::KeyType(key_type))) => Ok(Some(key_type)),
        Ok(_) | Err(Error::NotSupported | Error::InvalidValue) => Ok(None),
        Err(error) => Err(error),
    }
}

fn elliptic(curve: &[u8], point: &[u8]) -> Option<PublicHalf> {
    let algorithm =
        [KeyAlgorithm::P256, KeyAlgorithm::P384].into_iter().find(|a| curve_parameters(*a) == Some(curve))?;
    let length = if algorithm == KeyAlgorithm::P256 { 65 } else { 97 };
    // PKCS#11 §2.3.3: CKA_EC_POINT is the DER of an OCTET STRING; some modules give the point as it is, and that may
    // look like an OCTET STRING that is two bytes shorter.
    let wrapped = <&OctetStringRef>::from_der(point).ok().map(OctetStringRef::as_bytes);
    let bits = wrapped.filter(|bits| bits.len() == length).unwrap_or(point);
    (bits.len() == length).then(|| PublicHalf { algorithm, bits: bits.to_vec() })
}

fn rsa(modulus: &[u8], exponent: &[u8]) -> Option<PublicHalf> {
    let key = RsaPublicKey { modulus: UintRef::new(modulus).ok()?, public_exponent: UintRef::new(exponent).ok()? };
    (key.modulus.as_bytes().len() == 256).then_some(())?;
    Some(PublicHalf { algorithm: KeyAlgorithm::Rsa2048, bits: key.to_der().ok()? })
}

/// Where the private half of a pair is.
#[derive(Clone, Copy)]
pub enum Private {
    /// A private key object, which the token uses itself.
    Object(ObjectHandle),
    /// A data object of the container of this key, which is read and wiped.
    Stored([u8; 20]),
}

impl Private {
    /// CKA_ID of the pair.
    ///
    /// # Errors
    /// Those of C_GetAttributeValue.
    pub fn id(self, session: &Session) -> Result<Vec<u8>, Error> {
        match self {
            Self::Object(object) => id_of(session, object),
            Self::Stored(key_id) => Ok(key_id.to_vec()),
        }
    }
}

/// A pair on a token, ready to sign.
pub struct TokenKey<'a> {
    /// Where.
    pub found: &'a Found,
    /// A session of a user who is logged in.
    pub session: &'a Login,
    /// The private half.
    pub private: Private,
    /// The public half.
    pub public: PublicHalf,
    /// What went wrong inside `rcgen`, whose errors have no room for it.
    pub failure: RefCell<Option<Failure>>,
}

impl<'a> TokenKey<'a> {
    /// A pair by its halves.
    pub fn new(found: &'a Found, session: &'a Login, private: Private, public: PublicHalf) -> Self {
        Self { found, session, private, public, failure: RefCell::default() }
    }

    /// Signs a message; the signature is as X.509 wants it.
    ///
    /// # Errors
    /// `token_removed` or `signing_failed`.
    pub fn sign_message(&self, message: &[u8]) -> Result<Vec<u8>, Failure> {
        let (mechanism, input) = match self.public.algorithm {
            KeyAlgorithm::P256 => (Mechanism::Ecdsa, Sha256::digest(message).to_vec()),
            KeyAlgorithm::P384 => (Mechanism::Ecdsa, Sha384::digest(message).to_vec()),
            KeyAlgorithm::Rsa2048 => (Mechanism::RsaPkcs, [SHA256_DIGEST_INFO, &Sha256::digest(message)].concat()),
        };
        let failed = |error| self.found.failure(&error, ErrorCode::SigningFailed);
        let signature = match self.private {
            Private::Object(object) => {
                self.session.sign(&self.found.module, &mechanism, object, &input).map_err(failed)?
            }
            Private::Stored(key_id) => stored::sign(self.found, self.session, &key_id, &input)?,
        };
        match self.public.algorithm {
            KeyAlgorithm::Rsa2048 => Ok(signature),
            KeyAlgorithm::P256 | KeyAlgorithm::P384 => {
                ecdsa_der(&signature).ok_or_else(|| ErrorCode::SigningFailed.into())
            }
        }
    }

    /// The algorithm of [`Self::sign_message`].
    pub fn signature_algorithm(&self) -> SignatureAlgorithm {
        match self.public.algorithm {
            KeyAlgorithm::P256 => SignatureAlgorithm::usual_for(Algorithm::P256),
            KeyAlgorithm::P384 => SignatureAlgorithm::usual_for(Algorithm::P384),
            KeyAlgorithm::Rsa2048 => SignatureAlgorithm::usual_for(Algorithm::Rsa { bits: 2048 }),
        }
    }
}

/// PKCS#11 §2.3.1 gives r ‖ s, X.509 wants `SEQUENCE { r, s }` (RFC 5758 §3.2).
fn ecdsa_der(signature: &[u8]) -> Option<Vec<u8>> {
    let (r, s) = signature.split_at_checked(signature.len() / 2)?;
    EcdsaSignature { r: UintRef::new(r).ok()?, s: UintRef::new(s).ok()? }.to_der().ok()
}

impl PublicKeyData for TokenKey<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.public.der_bytes()
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        PublicKeyData::algorithm(&self.public)
    }
}

impl rcgen::SigningKey for TokenKey<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        self.sign_message(message).map_err(|failure| {
            self.failure.replace(Some(failure));
            rcgen::Error::RemoteKeyError
        })
    }
}

/// Finds the public key object that holds this key. Needs no PIN.
///
/// # Errors
/// Those of PKCS#11.
pub fn find_public(session: &Session, key: &PublicKey) -> Result<Option<(ObjectHandle, PublicHalf)>, Error> {
    // By the name that our pairs have; and if it is not there, among all of them: a full token is slow to read.
    let named = find_by_id(session, ObjectClass::PUBLIC_KEY, &key.key_id().to_bytes())?;
    let all = || session.find_objects(&[Attribute::Class(ObjectClass::PUBLIC_KEY), Attribute::Token(true)]);
    match public_among(session, key, named)? {
        None => public_among(session, key, all()?),
        found => Ok(found),
    }
}

fn public_among(
    session: &Session,
    key: &PublicKey,
    objects: Vec<ObjectHandle>,
) -> Result<Option<(ObjectHandle, PublicHalf)>, Error> {
    for object in objects {
        if let Some(half) = PublicHalf::read(session, object)?
            && half.subject_public_key_info() == key.spki_der()
        {
            return Ok(Some((object, half)));
        }
    }
    Ok(None)
}

/// CKA_ID of an object; empty if it has none.
///
/// # Errors
/// Those of C_GetAttributeValue.
pub fn id_of(session: &Session, object: ObjectHandle) -> Result<Vec<u8>, Error> {
    let id = session.get_attributes(object, &[AttributeType::Id])?.into_iter().find_map(|attribute| match attribute {
        Attribute::Id(id) => Some(id),
        _ => None,
    });
    Ok(id.unwrap_or_default())
}

/// Objects of a class with this CKA_ID.
///
/// # Errors
/// Those of PKCS#11.
pub fn find_by_id(session: &Session, class: ObjectClass, id: &[u8]) -> Result<Vec<ObjectHandle>, Error> {
    session.find_objects(&[Attribute::Class(class), Attribute::Token(true), Attribute::Id(id.to_vec())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_raw_signature_becomes_a_sequence_of_two_integers() {
        let der = ecdsa_der(&[0x80, 0x01, 0x00, 0x02]).unwrap();
        assert_eq!(der, [0x30, 0x08, 0x02, 0x03, 0x00, 0x80, 0x01, 0x02, 0x01, 0x02]);
    }

    #[test]
    fn a_point_is_taken_with_and_without_its_wrapping() {
        for first in [7, 63] {
            let point = [&[0x04, first][..], &[7; 63]].concat();
            let wrapped = [&[0x04, 65][..], &point].concat();
            for given in [&point, &wrapped] {
                assert_eq!(elliptic(P256_PARAMETERS, given).unwrap().bits, point);
            }
        }
    }
}
