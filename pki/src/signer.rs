//! Who signs: a file's key, an HSM's, a token's. The key itself never comes here.

use crate::{PublicKey, SignatureAlgorithm};

/// Why nothing was signed. The text is for the operator's log and holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot sign: {0}")]
pub struct SignError(pub String);

/// A private key that somebody else holds.
pub trait Signer: Send + Sync {
    /// The public half.
    fn public_key(&self) -> &PublicKey;

    /// The algorithm of every signature that it makes.
    fn signature_algorithm(&self) -> SignatureAlgorithm;

    /// Signs `message` (not a digest of it). The signature is as X.509 wants it: for ECDSA the DER of
    /// `SEQUENCE { r, s }` (RFC 5758 §3.2), for RSA the octets of PKCS#1, for Ed25519 the 64 octets.
    ///
    /// # Errors
    /// [`SignError`] when the key cannot be used.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError>;
}
