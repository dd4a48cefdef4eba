//! The private half, while it is in memory: as PKCS#8, in parts for a token that takes them, and to sign as a token does.

use p256::{
    ecdsa::signature::hazmat::RandomizedPrehashSigner,
    elliptic_curve::{
        Curve, SecretKey,
        array::typenum::Unsigned,
        pkcs8::{
            DecodePrivateKey, EncodePrivateKey, EncodePublicKey, Error, SecretDocument,
            der::{Decode, Document},
        },
    },
};
use qcert_pki::PublicKey;
use qcert_protocol::KeyAlgorithm;
use rsa::{
    Pkcs1v15Sign, Pss,
    pkcs1::{EncodeRsaPrivateKey, RsaPrivateKeyRef, UintRef},
};
use sha2::{Sha256, Sha384, Sha512};
use zeroize::Zeroizing;

use crate::Generator;

/// The key cannot be made, read or used. What it is, an error must not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the stored key cannot be used")]
pub struct Unusable;

impl From<Error> for Unusable {
    fn from(_: Error) -> Self {
        Self
    }
}

/// A private key. Each kind wipes itself when dropped.
pub enum PrivateKey {
    /// On P-256.
    P256(SecretKey<p256::NistP256>),
    /// On P-384.
    P384(SecretKey<p384::NistP384>),
    /// RSA of 2048 bits.
    Rsa(Box<rsa::PrivateKey>),
}

/// What `C_CreateObject` of a private key wants, wiped when dropped (PKCS#11 §6.3.4 and §6.1.3).
pub enum Secrets {
    /// CKA_VALUE.
    Elliptic(Zeroizing<Vec<u8>>),
    /// CKA_MODULUS, CKA_PUBLIC_EXPONENT, CKA_PRIVATE_EXPONENT, CKA_PRIME_1, CKA_PRIME_2, CKA_EXPONENT_1, CKA_EXPONENT_2,
    /// CKA_COEFFICIENT, without leading zeros.
    Rsa([Zeroizing<Vec<u8>>; 8]),
}

impl PrivateKey {
    /// Makes a key of the generator's next octets.
    ///
    /// # Errors
    /// [`Unusable`], if no prime number is found.
    pub fn generate(algorithm: KeyAlgorithm, generator: &mut Generator) -> Result<Self, Unusable> {
        Ok(match algorithm {
            KeyAlgorithm::P256 => Self::P256(scalar(generator)),
            KeyAlgorithm::P384 => Self::P384(scalar(generator)),
            KeyAlgorithm::Rsa2048 => Self::Rsa(rsa::PrivateKey::new(generator, 2048).map_err(|_| Unusable)?.into()),
        })
    }

    /// Reads OneAsymmetricKey (RFC 5958), DER.
    ///
    /// # Errors
    /// [`Unusable`] for what is none, and for a key that the portal does not use.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, Unusable> {
        SecretKey::from_pkcs8_der(der)
            .map(Self::P256)
            .or_else(|_| SecretKey::from_pkcs8_der(der).map(Self::P384))
            .or_else(|_| rsa::PrivateKey::from_pkcs8_der(der).map(|key| Self::Rsa(key.into())))
            .map_err(Unusable::from)
    }

    /// Writes OneAsymmetricKey, DER, which is wiped when dropped.
    ///
    /// # Errors
    /// [`Unusable`].
    pub fn to_pkcs8(&self) -> Result<SecretDocument, Unusable> {
        Ok(match self {
            Self::P256(key) => key.to_pkcs8_der(),
            Self::P384(key) => key.to_pkcs8_der(),
            Self::Rsa(key) => key.to_pkcs8_der(),
        }?)
    }

    /// The public half, checked as that of any other key.
    ///
    /// # Errors
    /// [`Unusable`] for one that the authority would not take.
    pub fn public_key(&self) -> Result<PublicKey, Unusable> {
        let spki: Result<Document, _> = match self {
            Self::P256(key) => key.public_key().to_public_key_der(),
            Self::P384(key) => key.public_key().to_public_key_der(),
            Self::Rsa(key) => key.to_public_key().to_public_key_der(),
        };
        PublicKey::from_spki_der(spki.map_err(|_| Unusable)?.as_bytes()).map_err(|_| Unusable)
    }

    /// Its parts.
    ///
    /// # Errors
    /// [`Unusable`].
    pub fn secrets(&self) -> Result<Secrets, Unusable> {
        let key = match self {
            Self::P256(key) => return Ok(Secrets::Elliptic(Zeroizing::new(key.to_bytes().to_vec()))),
            Self::P384(key) => return Ok(Secrets::Elliptic(Zeroizing::new(key.to_bytes().to_vec()))),
            Self::Rsa(key) => key.to_pkcs1_der().map_err(|_| Unusable)?,
        };
        let parts = RsaPrivateKeyRef::from_der(key.as_bytes()).map_err(|_| Unusable)?;
        let part = |part: UintRef<'_>| Zeroizing::new(part.as_bytes().to_vec());
        Ok(Secrets::Rsa([
            part(parts.modulus),
            part(parts.public_exponent),
            part(parts.private_exponent),
            part(parts.prime1),
            part(parts.prime2),
            part(parts.exponent1),
            part(parts.exponent2),
            part(parts.coefficient),
        ]))
    }

    /// Signs a digest as CKM_RSA_PKCS_PSS does, with its hash function everywhere and a salt of its length.
    ///
    /// # Errors
    /// [`Unusable`] for another key, and for what is no digest of SHA-256, SHA-384 or SHA-512.
    pub fn sign_pss(&self, digest: &[u8], generator: &mut Generator) -> Result<Vec<u8>, Unusable> {
        let Self::Rsa(key) = self else { return Err(Unusable) };
        let signed = match digest.len() {
            32 => key.sign_with_rng(generator, Pss::<Sha256>::new_blinded(), digest),
            48 => key.sign_with_rng(generator, Pss::<Sha384>::new_blinded(), digest),
            64 => key.sign_with_rng(generator, Pss::<Sha512>::new_blinded(), digest),
            _ => return Err(Unusable),
        };
        signed.map_err(|_| Unusable)
    }

    /// Signs as CKM_ECDSA and CKM_RSA_PKCS do: a digest, for r ‖ s; a DigestInfo, for the number in which it is.
    ///
    /// # Errors
    /// [`Unusable`] for an input of a wrong length.
    pub fn sign(&self, input: &[u8], generator: &mut Generator) -> Result<Vec<u8>, Unusable> {
        match self {
            Self::P256(key) => {
                let key = p256::ecdsa::SigningKey::from(key);
                let signature: Result<p256::ecdsa::Signature, _> = key.sign_prehash_with_rng(generator, input);
                signature.map(|signature| signature.to_bytes().to_vec()).map_err(|_| Unusable)
            }
            Self::P384(key) => {
                let key = p384::ecdsa::SigningKey::from(key);
                let signature: Result<p384::ecdsa::Signature, _> = key.sign_prehash_with_rng(generator, input);
                signature.map(|signature| signature.to_bytes().to_vec()).map_err(|_| Unusable)
            }
            Self::Rsa(key) => key.sign_with_rng(generator, Pkcs1v15Sign::new_unprefixed(), input).map_err(|_| Unusable),
        }
    }
}

/// FIPS 186-5 §A.2.2: octets that are no scalar are thrown away, so each scalar is as likely as another.
fn scalar<C: Curve>(generator: &mut Generator) -> SecretKey<C>
where
    SecretKey<C>: Sized,
{
    let mut octets = Zeroizing::new(vec![0; C::FieldBytesSize::USIZE]);
    loop {
        generator.fill(&mut octets);
        if let Ok(key) = SecretKey::from_slice(&octets) {
            return key;
        }
    }
}
