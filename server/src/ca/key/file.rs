//! A key in a file: PKCS#8 in PEM, encrypted by a passphrase as `openssl pkey -in` reads it, or plain.

use anyhow::{Context, anyhow, ensure};
use async_trait::async_trait;
use pkcs8::{EncryptedPrivateKeyInfoRef, LineEnding, PrivateKeyInfoRef, der::pem, pkcs5::pbes2::Parameters};
use qcert_pki::{Algorithm, PublicKey};
use ring::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair,
        RSA_PKCS1_SHA256, RsaKeyPair,
    },
};
use rsa::pkcs8::EncodePrivateKey;
use zeroize::Zeroizing;

use super::{Key, algorithm_identifier, public_key};
use crate::randomness::{self, Randomness};

const PLAIN: &str = "PRIVATE KEY";
const ENCRYPTED: &str = "ENCRYPTED PRIVATE KEY";

/// PBKDF2-HMAC-SHA256: what OWASP recommends, and a fifth of a second.
const ITERATIONS: u32 = 600_000;

enum Pair {
    Ecdsa(Box<EcdsaKeyPair>),
    Rsa(std::sync::Arc<RsaKeyPair>),
}

/// A key of the authority, in memory.
pub(super) struct FileKey {
    pair: Pair,
    public_key: PublicKey,
    // ECDSA's nonces are the library's own business; nothing that is stored or tested depends on them.
    randomness: SystemRandom,
}

impl FileKey {
    /// Makes a key; answers it and its PKCS#8.
    pub(super) fn generate(
        algorithm: Algorithm,
        randomness: &dyn Randomness,
    ) -> anyhow::Result<(Self, Zeroizing<Vec<u8>>)> {
        let pkcs8 = match algorithm {
            Algorithm::P256 => elliptic(&ECDSA_P256_SHA256_ASN1_SIGNING)?,
            Algorithm::P384 => elliptic(&ECDSA_P384_SHA384_ASN1_SIGNING)?,
            Algorithm::Rsa { bits } => {
                let key =
                    rsa::RsaPrivateKey::new(&mut Generator(randomness), bits).context("cannot make a key pair")?;
                Zeroizing::new(key.to_pkcs8_der().context("cannot write a key")?.as_bytes().to_vec())
            }
            Algorithm::Ed25519 => anyhow::bail!("the authority has no keys of this kind"),
        };
        Ok((Self::from_pkcs8(&pkcs8)?, pkcs8))
    }

    /// Reads a plain key.
    pub(super) fn from_pem(pem: &[u8]) -> anyhow::Result<Self> {
        Self::from_pkcs8(&Zeroizing::new(decoded(pem, PLAIN)?))
    }

    /// Reads an encrypted key.
    pub(super) fn from_encrypted_pem(pem: &[u8], passphrase: &str) -> anyhow::Result<Self> {
        let der = decoded(pem, ENCRYPTED)?;
        let encrypted = EncryptedPrivateKeyInfoRef::try_from(&der[..]).context("it is no encrypted PKCS#8 key")?;
        // Which of the two it was cannot be told: the padding does not say.
        let plain =
            encrypted.decrypt(passphrase).map_err(|_| anyhow!("the passphrase is wrong, or the file damaged"))?;
        Self::from_pkcs8(plain.as_bytes())
    }

    fn from_pkcs8(pkcs8: &[u8]) -> anyhow::Result<Self> {
        let randomness = SystemRandom::new();
        let elliptic = |curve| EcdsaKeyPair::from_pkcs8(curve, pkcs8, &randomness);
        let (pair, public_key) = if let Ok(pair) = elliptic(&ECDSA_P256_SHA256_ASN1_SIGNING) {
            let public = public_key(algorithm_identifier(Algorithm::P256)?, pair.public_key().as_ref())?;
            (Pair::Ecdsa(pair.into()), public)
        } else if let Ok(pair) = elliptic(&ECDSA_P384_SHA384_ASN1_SIGNING) {
            let public = public_key(algorithm_identifier(Algorithm::P384)?, pair.public_key().as_ref())?;
            (Pair::Ecdsa(pair.into()), public)
        } else {
            let pair = RsaKeyPair::from_pkcs8(pkcs8)
                .map_err(|error| anyhow!("it is no key of P-256, P-384 or RSA: {error}"))?;
            // Of the size nothing else depends: the identifier is that of all RSA keys.
            let public = public_key(algorithm_identifier(Algorithm::Rsa { bits: 0 })?, pair.public_key().as_ref())?;
            (Pair::Rsa(pair.into()), public)
        };
        Ok(Self { pair, public_key, randomness })
    }
}

#[async_trait]
impl Key for FileKey {
    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn sign_here(&self, message: &[u8]) -> anyhow::Result<Vec<u8>> {
        match &self.pair {
            Pair::Ecdsa(pair) => {
                let signature = pair.sign(&self.randomness, message).map_err(|_| anyhow!("the key failed"))?;
                Ok(signature.as_ref().to_vec())
            }
            Pair::Rsa(pair) => rsa_signature(pair, message),
        }
    }

    async fn sign(&self, message: &[u8]) -> anyhow::Result<Vec<u8>> {
        match &self.pair {
            // Twenty microseconds: to send them elsewhere would cost more.
            Pair::Ecdsa(_) => self.sign_here(message),
            // Milliseconds, which other tasks of this thread must not wait for.
            Pair::Rsa(pair) => {
                let (pair, message) = (std::sync::Arc::clone(pair), message.to_vec());
                tokio::task::spawn_blocking(move || rsa_signature(&pair, &message)).await?
            }
        }
    }
}

fn rsa_signature(pair: &RsaKeyPair, message: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
        .map_err(|_| anyhow!("the key failed"))?;
    Ok(signature)
}

/// Is this PEM an encrypted key?
pub(super) fn is_encrypted(pem: &[u8]) -> bool {
    pem::decode_label(pem) == Ok(ENCRYPTED)
}

/// Writes a PKCS#8 key as PEM: with a passphrase encrypted by PBES2 (RFC 8018 §6.2), PBKDF2 with HMAC-SHA-256 and
/// AES-256-CBC.
pub(super) fn to_pem(
    pkcs8: &[u8],
    passphrase: Option<&str>,
    randomness: &dyn Randomness,
) -> anyhow::Result<Zeroizing<String>> {
    let unwritable = |error| anyhow!("cannot write a key as PEM: {error}");
    let Some(passphrase) = passphrase else {
        return pem::encode_string(PLAIN, LineEnding::LF, pkcs8).map(Zeroizing::new).map_err(unwritable);
    };
    let (salt, iv) = (randomness::bytes::<16>(randomness)?, randomness::bytes(randomness)?);
    let parameters = Parameters::generate_pbkdf2_sha256_aes256cbc(ITERATIONS, &salt, iv);
    let parameters = parameters.map_err(|error| anyhow!("cannot encrypt a key: {error}"))?;
    let plain = PrivateKeyInfoRef::try_from(pkcs8)?;
    let encrypted = plain.encrypt_with_params(parameters, passphrase)?;
    Ok(encrypted.to_pem(ENCRYPTED, LineEnding::LF)?)
}

fn decoded(pem: &[u8], label: &str) -> anyhow::Result<Vec<u8>> {
    let (found, der) = pem::decode_vec(pem).map_err(|_| anyhow!("it is no PKCS#8 key in PEM"))?;
    ensure!(found == label, "it is no PKCS#8 key in PEM");
    Ok(der)
}

fn elliptic(curve: &'static EcdsaSigningAlgorithm) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(curve, &SystemRandom::new());
    let pkcs8 = pkcs8.map_err(|_| anyhow!("cannot make a key pair"))?;
    Ok(Zeroizing::new(pkcs8.as_ref().to_vec()))
}

/// Our randomness, for the crate that searches primes.
struct Generator<'a>(&'a dyn Randomness);

impl rsa::rand_core::RngCore for Generator<'_> {
    fn next_u32(&mut self) -> u32 {
        rsa::rand_core::impls::next_u32_via_fill(self)
    }

    fn next_u64(&mut self) -> u64 {
        rsa::rand_core::impls::next_u64_via_fill(self)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        // The trait has no other way to say it, and a key of guessable numbers must not be.
        #[allow(clippy::expect_used)]
        self.try_fill_bytes(bytes).expect("the system's random generator works");
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rsa::rand_core::Error> {
        self.0.fill(bytes).map_err(rsa::rand_core::Error::new)
    }
}

impl rsa::rand_core::CryptoRng for Generator<'_> {}
