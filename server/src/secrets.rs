//! The portal's own secret: it hashes one-time passwords and client addresses, seals text messages that wait in the
//! database, and closes the audit's chain. A copy of the database alone gives away none of them.

use std::path::Path;

use anyhow::{Context, ensure};
use qcert_protocol::ActivationCode;
use ring::{aead, hmac};
use uuid::Uuid;

use crate::{
    audit,
    files::write_new_private,
    hex::hex,
    randomness::{self, Randomness, RandomnessFailed},
};

/// Keys derived from the portal's secret.
pub struct Secrets {
    passwords: hmac::Key,
    subjects: hmac::Key,
    operators: hmac::Key,
    activations: hmac::Key,
    messages: aead::LessSafeKey,
    reports: hmac::Key,
    renewals: hmac::Key,
    audit: audit::Key,
}

impl Secrets {
    /// Derives the keys, one for each use.
    ///
    /// # Panics
    /// Never: the derived key has the length that the cipher takes.
    pub fn new(secret: &[u8; 32]) -> Self {
        let secret = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let derived = |purpose: &str| hmac::sign(&secret, purpose.as_bytes());
        let hmac_key = |purpose: &str| hmac::Key::new(hmac::HMAC_SHA256, derived(purpose).as_ref());
        let sealing = aead::UnboundKey::new(&aead::CHACHA20_POLY1305, derived("messages").as_ref());
        Self {
            passwords: hmac_key("passwords"),
            subjects: hmac_key("subjects"),
            operators: hmac_key("operators"),
            activations: hmac_key("activations"),
            reports: hmac_key("reports"),
            renewals: hmac_key("renewals"),
            audit: audit::Key::new(derived("audit").as_ref()),
            // HMAC-SHA-256 gives 32 bytes, which is what ChaCha20-Poly1305 takes.
            #[allow(clippy::expect_used)]
            messages: aead::LessSafeKey::new(sealing.expect("a key of 32 bytes")),
        }
    }

    /// Reads the secret's file; makes it at the first start.
    ///
    /// # Errors
    /// When the file cannot be read or written, or is not 32 bytes long.
    pub fn load_or_make(path: &Path, randomness: &dyn Randomness) -> anyhow::Result<Self> {
        if !path.exists() {
            write_new_private(path, &randomness::bytes::<32>(randomness)?)?;
        }
        Self::load(path)
    }

    /// Reads the secret's file.
    ///
    /// # Errors
    /// When the file cannot be read, or is not 32 bytes long.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        ensure!(bytes.len() == 32, "{} is not a secret of 32 bytes", path.display());
        let mut secret = [0; 32];
        secret.copy_from_slice(&bytes);
        Ok(Self::new(&secret))
    }

    /// What is stored of a one-time password; `binding` is everything that it is good for.
    pub fn password_hash(&self, binding: &[&[u8]], password: &str) -> [u8; 32] {
        let mut hash = [0; 32];
        hash.copy_from_slice(hmac::sign(&self.passwords, &joined(binding, password)).as_ref());
        hash
    }

    /// Does a password fit what is stored? Takes the same time whether it does or not.
    pub fn password_fits(&self, binding: &[&[u8]], password: &str, hash: &[u8; 32]) -> bool {
        hmac::verify(&self.passwords, &joined(binding, password), hash).is_ok()
    }

    /// What is stored of an operator's token.
    pub fn operator_hash(&self, token: &str) -> [u8; 32] {
        let mut hash = [0; 32];
        hash.copy_from_slice(hmac::sign(&self.operators, token.as_bytes()).as_ref());
        hash
    }

    /// What the audit's chain is under.
    pub fn audit_key(&self) -> audit::Key {
        self.audit.clone()
    }

    /// What is stored of an application's activation code.
    pub fn activation_hash(&self, application: Uuid, code: &ActivationCode) -> [u8; 32] {
        let mut hash = [0; 32];
        let tag = hmac::sign(&self.activations, &joined(&[application.as_bytes()], &code.to_string()));
        hash.copy_from_slice(tag.as_ref());
        hash
    }

    /// What the old key signs with the new one, so that a proof is good for one application in one session.
    pub fn renewal_nonce(&self, application: Uuid, session: Uuid) -> [u8; 32] {
        let mut nonce = [0; 32];
        let both = [application.as_bytes().as_slice(), session.as_bytes()].concat();
        nonce.copy_from_slice(hmac::sign(&self.renewals, &both).as_ref());
        nonce
    }

    /// A name for a phone or an address in the table of rates.
    pub fn subject(&self, kind: &str, value: &str) -> String {
        let tag = hmac::sign(&self.subjects, format!("{kind}\0{value}").as_bytes());
        format!("{kind}:{}", hex(&tag.as_ref()[..16]))
    }

    /// What a gateway's reports are let in by.
    pub fn report_token(&self, gateway: &str) -> String {
        hex(&hmac::sign(&self.reports, gateway.as_bytes()).as_ref()[..16])
    }

    /// Is it that of the gateway? Takes the same time whether it is or not.
    pub fn report_token_fits(&self, gateway: &str, token: &str) -> bool {
        let of = |token: &str| hmac::sign(&self.reports, token.as_bytes());
        hmac::verify(&self.reports, self.report_token(gateway).as_bytes(), of(token).as_ref()).is_ok()
    }

    /// Seals a message: nonce, then ciphertext and tag.
    ///
    /// # Errors
    /// When there is no randomness for the nonce.
    pub fn seal(&self, message: &[u8], randomness: &dyn Randomness) -> Result<Vec<u8>, RandomnessFailed> {
        let nonce = randomness::bytes::<12>(randomness)?;
        let mut sealed = message.to_vec();
        self.messages
            .seal_in_place_append_tag(aead::Nonce::assume_unique_for_key(nonce), aead::Aad::empty(), &mut sealed)
            .map_err(|_| RandomnessFailed)?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Opens what [`Self::seal`] made; `None` if it was made with another secret or changed since.
    pub fn open(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = sealed.split_at_checked(12)?;
        let nonce = aead::Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut message = sealed.to_vec();
        let length = self.messages.open_in_place(nonce, aead::Aad::empty(), &mut message).ok()?.len();
        message.truncate(length);
        Some(message)
    }
}

/// Each part with its length, so that no two lists give the same bytes.
fn joined(binding: &[&[u8]], password: &str) -> Vec<u8> {
    let parts = binding.iter().copied().chain([password.as_bytes()]);
    parts.flat_map(|part| (part.len() as u64).to_be_bytes().into_iter().chain(part.iter().copied())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::randomness::SystemRandomness;

    #[test]
    fn a_sealed_message_opens_with_the_same_secret_only() {
        let sealed = Secrets::new(&[1; 32]).seal(b"text", &SystemRandomness::new()).unwrap();
        assert_eq!(Secrets::new(&[1; 32]).open(&sealed).unwrap(), b"text");
        assert!(Secrets::new(&[2; 32]).open(&sealed).is_none());
        assert!(Secrets::new(&[1; 32]).open(&sealed[..8]).is_none());
    }

    #[test]
    fn a_password_bound_to_something_else_has_another_hash() {
        let secrets = Secrets::new(&[1; 32]);
        assert_ne!(secrets.password_hash(&[b"ab", b"c"], "123456"), secrets.password_hash(&[b"a", b"bc"], "123456"));
    }

    #[test]
    fn an_activation_code_of_another_application_has_another_hash() {
        let (secrets, code) = (Secrets::new(&[1; 32]), ActivationCode::from_bits([5; 7]));
        let [one, other] = [1, 2].map(|number| secrets.activation_hash(Uuid::from_u128(number), &code));
        assert_ne!(one, other);
        assert_ne!(one, Secrets::new(&[2; 32]).activation_hash(Uuid::from_u128(1), &code));
    }

    #[test]
    fn the_secret_is_made_once_and_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret.key");
        let first = Secrets::load_or_make(&path, &SystemRandomness::new()).unwrap();
        let second = Secrets::load_or_make(&path, &SystemRandomness::new()).unwrap();
        assert_eq!(first.subject("phone", "x"), second.subject("phone", "x"));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
