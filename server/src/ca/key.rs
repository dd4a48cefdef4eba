//! The authority's keys, wherever they are: in a file or in an HSM.

mod file;
pub(super) mod hsm;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, bail};
use async_trait::async_trait;
use pkcs8::{
    der::{Decode, Encode},
    spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfo},
};
use qcert_pki::{Algorithm, PublicKey, SignatureAlgorithm};
use zeroize::Zeroizing;

use super::secret;
use crate::{
    config::{Authority, SecretSource},
    files::write_new_private,
    randomness::Randomness,
};
use file::FileKey;
use hsm::{Hsm, HsmKey};

/// A private key that signs for the authority.
#[async_trait]
pub(super) trait Key: Send + Sync {
    /// The public half.
    fn public_key(&self) -> &PublicKey;

    /// The algorithm of every signature that it makes.
    fn signature_algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::usual_for(self.public_key().algorithm())
    }

    /// Signs a message (not a digest of it), however long it takes; the signature is as X.509 wants it.
    ///
    /// # Errors
    /// When the key cannot be used now.
    fn sign_here(&self, message: &[u8]) -> anyhow::Result<Vec<u8>>;

    /// The same, where other tasks must not wait for it.
    ///
    /// # Errors
    /// When the key cannot be used now, or does not answer in time.
    async fn sign(&self, message: &[u8]) -> anyhow::Result<Vec<u8>>;

    /// Is it there? Nothing is signed to find out.
    ///
    /// # Errors
    /// When it cannot be used now.
    async fn look_for(&self) -> anyhow::Result<()> {
        Ok(())
    }
}

/// Where keys are kept, as the settings say.
pub(super) struct Keys<'a> {
    settings: &'a Authority,
    passphrase: Option<&'a SecretSource>,
    hsm: Option<Arc<Hsm>>,
}

impl<'a> Keys<'a> {
    pub(super) fn new(settings: &'a Authority) -> Self {
        Self::with(settings, settings.hsm.clone().map(|settings| Arc::new(Hsm::new(settings))))
    }

    /// The same with the HSM that the process talks to already: a module is started once.
    pub(super) fn with(settings: &'a Authority, hsm: Option<Arc<Hsm>>) -> Self {
        Self { settings, passphrase: settings.passphrase.as_ref(), hsm }
    }

    /// Where an own root's key is: in a file, for it is taken away.
    pub(super) fn of_the_root(settings: &'a Authority) -> Self {
        let passphrase = settings.root_passphrase.as_ref().or(settings.passphrase.as_ref());
        Self { settings, passphrase, hsm: None }
    }

    /// Are issuing keys in an HSM, but for those that have a file?
    pub(super) fn in_hsm(&self) -> bool {
        self.hsm.is_some()
    }

    /// Makes a key in the HSM, if there is one.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(super) fn generate_hsm(&self, algorithm: Algorithm) -> Option<anyhow::Result<Arc<dyn Key>>> {
        let hsm = self.hsm.as_ref()?;
        let made = hsm.generate(algorithm);
        Some(made.map(|key| Arc::new(HsmKey::new(Arc::clone(hsm), key)) as Arc<dyn Key>))
    }

    /// The key in a file.
    ///
    /// # Errors
    /// When it cannot be read, or not be used as the settings are.
    pub(super) fn open_file(&self, path: &Path) -> anyhow::Result<Arc<dyn Key>> {
        let unusable = || format!("cannot use the key {}", path.display());
        secret::check_private(path)?;
        let pem = Zeroizing::new(std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?);
        let key = if file::is_encrypted(&pem) {
            let Some(source) = self.passphrase else {
                bail!(
                    "{}: it is encrypted, and neither ca.passphrase_file nor ca.passphrase_credential is set",
                    unusable()
                );
            };
            FileKey::from_encrypted_pem(&pem, &secret::read(source)?)
        } else {
            self.check_plain().with_context(unusable)?;
            FileKey::from_pem(&pem)
        };
        Ok(Arc::new(key.with_context(unusable)?))
    }

    /// The key in the HSM with this public half; it is looked for when it is needed.
    pub(super) fn open_hsm(&self, public_key: &PublicKey) -> Option<Arc<dyn Key>> {
        let hsm = self.hsm.as_ref()?;
        Some(Arc::new(HsmKey::new(Arc::clone(hsm), public_key.clone())))
    }

    /// Makes a key and writes its file, encrypted if there is a passphrase.
    ///
    /// # Errors
    /// When it cannot be made or written, or the file is there already.
    pub(super) fn generate_file(
        &self,
        algorithm: Algorithm,
        path: impl FnOnce(&PublicKey) -> PathBuf,
        randomness: &dyn Randomness,
    ) -> anyhow::Result<Arc<dyn Key>> {
        let passphrase = self.passphrase.map(secret::read).transpose()?;
        if passphrase.is_none() {
            self.check_plain().context("cannot make a key")?;
        }
        let (key, pkcs8) = FileKey::generate(algorithm, randomness)?;
        let pem = file::to_pem(&pkcs8, passphrase.as_ref().map(|text| text.as_str()), randomness)?;
        write_new_private(&path(key.public_key()), pem.as_bytes())?;
        Ok(Arc::new(key))
    }

    fn check_plain(&self) -> anyhow::Result<()> {
        if self.settings.plain_keys {
            return Ok(());
        }
        bail!(
            "in production a key's file is encrypted: set ca.passphrase_file or ca.passphrase_credential, \
             or keep the key in an HSM (hsm.module)"
        )
    }
}

/// A SubjectPublicKeyInfo of its two parts, checked.
fn public_key(algorithm: &[u8], bits: &[u8]) -> anyhow::Result<PublicKey> {
    let spki = SubjectPublicKeyInfo {
        algorithm: AlgorithmIdentifierRef::from_der(algorithm)?,
        subject_public_key: pkcs8::der::asn1::BitStringRef::from_bytes(bits)?,
    };
    Ok(PublicKey::from_spki_der(&spki.to_der()?)?)
}

/// AlgorithmIdentifier of a public key: RFC 5480 §2.1.1, RFC 3279 §2.3.1.
fn algorithm_identifier(algorithm: Algorithm) -> anyhow::Result<&'static [u8]> {
    const P256: &[u8] = &[
        0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d,
        0x03, 0x01, 0x07,
    ];
    const P384: &[u8] =
        &[0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22];
    const RSA: &[u8] = &[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
    match algorithm {
        Algorithm::P256 => Ok(P256),
        Algorithm::P384 => Ok(P384),
        Algorithm::Rsa { .. } => Ok(RSA),
        Algorithm::Ed25519 => bail!("the authority has no keys of this kind"),
    }
}
