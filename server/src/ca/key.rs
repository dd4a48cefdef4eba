//! The authority's key in a file: PKCS#8 in PEM, for its owner alone.

use std::path::Path;

use anyhow::{Context, anyhow};
use qcert_pki::{PublicKey, SignError, SignatureAlgorithm, Signer};
use qcert_protocol::KeyAlgorithm;
use ring::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair,
    },
};

const LABEL: &str = "PRIVATE KEY";

/// SubjectPublicKeyInfo up to the point, RFC 5480 §2.
const P256_SPKI: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
const P384_SPKI: &[u8] = &[
    0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00,
    0x22, 0x03, 0x62, 0x00,
];

struct Curve {
    signing: &'static EcdsaSigningAlgorithm,
    spki: &'static [u8],
    signature: SignatureAlgorithm,
}

const P256: Curve =
    Curve { signing: &ECDSA_P256_SHA256_ASN1_SIGNING, spki: P256_SPKI, signature: SignatureAlgorithm::EcdsaSha256 };
const P384: Curve =
    Curve { signing: &ECDSA_P384_SHA384_ASN1_SIGNING, spki: P384_SPKI, signature: SignatureAlgorithm::EcdsaSha384 };

/// A key of the authority, in memory.
pub(super) struct FileKey {
    pair: EcdsaKeyPair,
    public_key: PublicKey,
    signature_algorithm: SignatureAlgorithm,
    // ECDSA's nonces are the library's own business; nothing that is stored or tested depends on them.
    randomness: SystemRandom,
}

impl FileKey {
    /// Makes a key; answers it and its PKCS#8 in PEM.
    pub(super) fn generate(algorithm: KeyAlgorithm) -> anyhow::Result<(Self, String)> {
        let curve = if algorithm == KeyAlgorithm::P384 { P384 } else { P256 };
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(curve.signing, &SystemRandom::new())
            .map_err(|_| anyhow!("cannot make a key pair"))?;
        let pem = pem_rfc7468::encode_string(LABEL, pem_rfc7468::LineEnding::LF, pkcs8.as_ref())
            .map_err(|error| anyhow!("cannot write a key as PEM: {error}"))?;
        Ok((Self::from_pkcs8(&curve, pkcs8.as_ref())?, pem))
    }

    /// Reads a key's file.
    pub(super) fn load(path: &Path) -> anyhow::Result<Self> {
        let pem = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let unreadable = || format!("{} is no PKCS#8 key in PEM", path.display());
        let (label, pkcs8) = pem_rfc7468::decode_vec(&pem).map_err(|_| anyhow!(unreadable()))?;
        anyhow::ensure!(label == LABEL, unreadable());
        Self::from_pkcs8(&P256, &pkcs8).or_else(|_| Self::from_pkcs8(&P384, &pkcs8)).with_context(unreadable)
    }

    fn from_pkcs8(curve: &Curve, pkcs8: &[u8]) -> anyhow::Result<Self> {
        let randomness = SystemRandom::new();
        let pair = EcdsaKeyPair::from_pkcs8(curve.signing, pkcs8, &randomness)
            .map_err(|error| anyhow!("the key was refused: {error}"))?;
        let spki = [curve.spki, pair.public_key().as_ref()].concat();
        let public_key = PublicKey::from_spki_der(&spki)?;
        Ok(Self { pair, public_key, signature_algorithm: curve.signature, randomness })
    }
}

impl Signer for FileKey {
    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn signature_algorithm(&self) -> SignatureAlgorithm {
        self.signature_algorithm
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let signature =
            self.pair.sign(&self.randomness, message).map_err(|_| SignError("the key failed".to_owned()))?;
        Ok(signature.as_ref().to_vec())
    }
}
