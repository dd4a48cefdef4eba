//! Signatures checked by the public half, over what [`crate::PrivateKey`] signs: a digest, or a DigestInfo.

use p256::ecdsa::signature::hazmat::PrehashVerifier;
use qcert_pki::{Algorithm, PublicKey};
use rsa::{Pkcs1v15Sign, Pss, pkcs1::DecodeRsaPublicKey, traits::SignatureScheme};
use sha2::{Sha256, Sha384, Sha512};

use crate::Unusable;

/// Checks as CKM_ECDSA and CKM_RSA_PKCS do.
///
/// # Errors
/// [`Unusable`], if it is not this key's signature of this input.
pub fn verify(key: &PublicKey, input: &[u8], signature: &[u8]) -> Result<(), Unusable> {
    let point = key.subject_public_key();
    match key.algorithm() {
        Algorithm::P256 => {
            let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(point).map_err(|_| Unusable)?;
            let signature = p256::ecdsa::Signature::from_slice(signature).map_err(|_| Unusable)?;
            key.verify_prehash(input, &signature).map_err(|_| Unusable)
        }
        Algorithm::P384 => {
            let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(point).map_err(|_| Unusable)?;
            let signature = p384::ecdsa::Signature::from_slice(signature).map_err(|_| Unusable)?;
            key.verify_prehash(input, &signature).map_err(|_| Unusable)
        }
        Algorithm::Rsa { .. } => verify_rsa(key, Pkcs1v15Sign::new_unprefixed(), input, signature),
        Algorithm::Ed25519 => Err(Unusable),
    }
}

/// Checks as CKM_RSA_PKCS_PSS does, with its hash function everywhere and a salt of its length.
///
/// # Errors
/// As [`verify`]; for another key, and for what is no digest of SHA-256, SHA-384 or SHA-512.
pub fn verify_pss(key: &PublicKey, digest: &[u8], signature: &[u8]) -> Result<(), Unusable> {
    match digest.len() {
        32 => verify_rsa(key, Pss::<Sha256>::new(), digest, signature),
        48 => verify_rsa(key, Pss::<Sha384>::new(), digest, signature),
        64 => verify_rsa(key, Pss::<Sha512>::new(), digest, signature),
        _ => Err(Unusable),
    }
}

fn verify_rsa(key: &PublicKey, scheme: impl SignatureScheme, input: &[u8], signature: &[u8]) -> Result<(), Unusable> {
    let Algorithm::Rsa { .. } = key.algorithm() else { return Err(Unusable) };
    let key = rsa::PublicKey::from_pkcs1_der(key.subject_public_key()).map_err(|_| Unusable)?;
    key.verify(scheme, input, signature).map_err(|_| Unusable)
}
