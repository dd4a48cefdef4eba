//! Proofs: what a key signs to show that it is here, and nothing else than this (invariant 3).
//!
//! `qcert-proof-v1` ‖ origin ‖ name of the key ‖ 32 bytes: what nobody could foresee where the host asks, and where a
//! new key is to be vouched for the digest of the portal's nonce and of that key. Who could choose these bytes would
//! have to find them by their digest, and a proof for one key is none for another.

use qcert_pki::PublicKey;
use qcert_protocol::{
    Base64, ErrorCode,
    workstation::{Failure, OldKey, PROOF_NONCE_BYTES},
};
use sha2::{Digest, Sha256};

use super::Operation;
use crate::token_key::TokenKey;

/// What stands before the bytes of every proof: no signature of another meaning begins like this.
const PREFIX: &[u8] = b"qcert-proof-v1";

impl Operation<'_> {
    /// The private half proves that it belongs to this public key, and to whom it is asked for.
    ///
    /// # Errors
    /// `key_not_found` if it belongs to another; `token_removed`, `signing_failed`.
    pub(super) fn prove(&self, key: &TokenKey<'_>, public: &PublicKey, last: &[u8; 32]) -> Result<Vec<u8>, Failure> {
        let message = [PREFIX, self.origin.as_bytes(), &public.key_id().to_bytes(), last].concat();
        let signature = key.sign_message(&message)?;
        let proved = public.verify(key.signature_algorithm(), &message, &signature);
        proved.map_err(|_| ErrorCode::KeyNotFound)?;
        Ok(signature)
    }

    /// The old key vouches for the new one.
    ///
    /// # Errors
    /// Those of [`Self::prove`].
    pub(super) fn vouch(&self, old: &TokenKey<'_>, renews: &OldKey, new: &PublicKey) -> Result<Base64, Failure> {
        let public = old.public.public_key().map_err(|_| ErrorCode::KeyNotFound)?;
        let digest = Sha256::new().chain_update(&renews.nonce.0).chain_update(new.spki_der()).finalize();
        self.prove(old, &public, &digest.into()).map(Base64)
    }
}

/// Bytes that nobody could foresee, for a proof that stays here.
///
/// # Errors
/// `signing_failed` where the system gives none.
pub(super) fn unforeseen() -> Result<[u8; 32], ErrorCode> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|_| ErrorCode::SigningFailed)?;
    Ok(bytes)
}

/// A nonce of another length could reach into the key that is digested after it.
///
/// # Errors
/// `frame_malformed`.
pub(super) fn check_nonce(renews: &OldKey) -> Result<(), ErrorCode> {
    if renews.nonce.0.len() == PROOF_NONCE_BYTES { Ok(()) } else { Err(ErrorCode::FrameMalformed) }
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_request_for_a_certificate_can_begin_like_a_proof() {
        // PKCS#10 and certificates are SEQUENCEs.
        assert_ne!(super::PREFIX[0], 0x30);
    }
}
