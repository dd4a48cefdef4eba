//! Public keys: what is taken, how it is named, and the check of a signature.

mod point;

use der::asn1::{ObjectIdentifier, UintRef};
use der::{Decode, Encode, Sequence};
use qcert_protocol::{ErrorCode, KeyAlgorithm, KeyCode, KeyId};
use ring::{digest, signature as ring_signature};
use x509_cert::spki::SubjectPublicKeyInfoOwned;

use crate::{SignatureAlgorithm, oid};

/// The kind of a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// Elliptic curve P-256 (secp256r1).
    P256,
    /// Elliptic curve P-384 (secp384r1).
    P384,
    /// RSA with a modulus of this many bits.
    Rsa {
        /// 2048 to 4096.
        bits: usize,
    },
    /// Edwards curve 25519.
    Ed25519,
}

impl Algorithm {
    /// The protocol's name for it; none for kinds that a token of the portal never makes.
    pub const fn key_algorithm(self) -> Option<KeyAlgorithm> {
        match self {
            Self::P256 => Some(KeyAlgorithm::P256),
            Self::P384 => Some(KeyAlgorithm::P384),
            Self::Rsa { bits: 2048 } => Some(KeyAlgorithm::Rsa2048),
            Self::Rsa { .. } | Self::Ed25519 => None,
        }
    }
}

/// A public key that passed the checks of [`PublicKey::from_spki_der`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PublicKey {
    algorithm: Algorithm,
    spki: Vec<u8>,
    /// Content of subjectPublicKey.
    bits: Vec<u8>,
    /// What CKA_ID is the SHA-1 of: the point, the modulus, or the 32 octets of Ed25519.
    named_by: Vec<u8>,
}

#[derive(Sequence)]
struct RsaPublicKey<'a> {
    modulus: UintRef<'a>,
    public_exponent: UintRef<'a>,
}

impl PublicKey {
    /// Reads a SubjectPublicKeyInfo: strict DER, nothing after it. Taken are P-256 and P-384 (named curve,
    /// uncompressed point on the curve), RSA of 2048 to 4096 bits with an odd exponent from 65537, and Ed25519.
    ///
    /// # Errors
    /// `request_malformed`, `key_algorithm_unsupported` or `key_weak`.
    pub fn from_spki_der(spki: &[u8]) -> Result<Self, ErrorCode> {
        let parsed = SubjectPublicKeyInfoOwned::from_der(spki).map_err(|_| ErrorCode::RequestMalformed)?;
        if parsed.to_der().ok().as_deref() != Some(spki) {
            return Err(ErrorCode::RequestMalformed);
        }
        let bits = parsed.subject_public_key.as_bytes().ok_or(ErrorCode::RequestMalformed)?;
        let parameters = parsed.algorithm.parameters.as_ref();
        let (algorithm, named_by) = match parsed.algorithm.oid {
            oid::EC_PUBLIC_KEY => {
                // Explicit curve parameters are a SEQUENCE: an own curve, and a way to forge (CVE-2020-0601).
                let curve = parameters.and_then(|parameters| parameters.decode_as::<ObjectIdentifier>().ok());
                (elliptic(curve, bits)?, bits)
            }
            oid::RSA_ENCRYPTION if parameters.is_some_and(der::asn1::Any::is_null) => rsa(bits)?,
            oid::ED25519 if parameters.is_none() && bits.len() == 32 => (Algorithm::Ed25519, bits),
            oid::RSA_ENCRYPTION | oid::ED25519 => return Err(ErrorCode::RequestMalformed),
            _ => return Err(ErrorCode::KeyAlgorithmUnsupported),
        };
        Ok(Self { algorithm, spki: spki.to_vec(), bits: bits.to_vec(), named_by: named_by.to_vec() })
    }

    /// The SubjectPublicKeyInfo, DER.
    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }

    /// The content of subjectPublicKey: what identifiers of keys and answers about certificates hash.
    pub fn subject_public_key(&self) -> &[u8] {
        &self.bits
    }

    /// Its kind.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// CKA_ID as NSS computes it (`PK11_MakeIDFromPubKey`): SHA-1 of the curve's point, or of RSA's modulus without
    /// leading zeros.
    pub fn key_id(&self) -> KeyId {
        KeyId::from_bytes(&sha1(&self.named_by))
    }

    /// RFC 5280 §4.2.1.2, method 1: SHA-1 of the content of subjectPublicKey.
    pub fn subject_key_identifier(&self) -> [u8; 20] {
        sha1(&self.bits)
    }

    /// SHA-256 of the SubjectPublicKeyInfo.
    pub fn spki_sha256(&self) -> [u8; 32] {
        let mut digest = [0; 32];
        digest.copy_from_slice(digest::digest(&digest::SHA256, &self.spki).as_ref());
        digest
    }

    /// The code that a person compares.
    pub fn key_code(&self) -> KeyCode {
        KeyCode::from_digest(&self.spki_sha256())
    }

    /// Checks a signature in the encoding of X.509.
    ///
    /// # Errors
    /// `key_algorithm_unsupported` if the algorithm does not go with the key, or is one that cannot be checked here
    /// (ECDSA with SHA-512); `proof_of_possession_failed` if the signature is not this key's.
    pub fn verify(&self, algorithm: SignatureAlgorithm, message: &[u8], signature: &[u8]) -> Result<(), ErrorCode> {
        use SignatureAlgorithm as S;
        let verification: &dyn ring_signature::VerificationAlgorithm = match (self.algorithm, algorithm) {
            (Algorithm::P256, S::EcdsaSha256) => &ring_signature::ECDSA_P256_SHA256_ASN1,
            (Algorithm::P256, S::EcdsaSha384) => &ring_signature::ECDSA_P256_SHA384_ASN1,
            (Algorithm::P384, S::EcdsaSha256) => &ring_signature::ECDSA_P384_SHA256_ASN1,
            (Algorithm::P384, S::EcdsaSha384) => &ring_signature::ECDSA_P384_SHA384_ASN1,
            (Algorithm::Rsa { .. }, S::RsaSha256) => &ring_signature::RSA_PKCS1_2048_8192_SHA256,
            (Algorithm::Rsa { .. }, S::RsaSha384) => &ring_signature::RSA_PKCS1_2048_8192_SHA384,
            (Algorithm::Rsa { .. }, S::RsaSha512) => &ring_signature::RSA_PKCS1_2048_8192_SHA512,
            (Algorithm::Ed25519, S::Ed25519) => &ring_signature::ED25519,
            _ => return Err(ErrorCode::KeyAlgorithmUnsupported),
        };
        ring_signature::UnparsedPublicKey::new(verification, &self.bits)
            .verify(message, signature)
            .map_err(|_| ErrorCode::ProofOfPossessionFailed)
    }
}

fn elliptic(curve: Option<ObjectIdentifier>, point: &[u8]) -> Result<Algorithm, ErrorCode> {
    let (algorithm, curve) = match curve {
        Some(oid::CURVE_P256) => (Algorithm::P256, &point::P256),
        Some(oid::CURVE_P384) => (Algorithm::P384, &point::P384),
        _ => return Err(ErrorCode::KeyAlgorithmUnsupported),
    };
    match point {
        [0x02 | 0x03, ..] => Err(ErrorCode::KeyAlgorithmUnsupported),
        [0x04, coordinates @ ..] if coordinates.len() == 2 * curve.octets => {
            if curve.contains(coordinates) {
                Ok(algorithm)
            } else {
                Err(ErrorCode::KeyWeak)
            }
        }
        _ => Err(ErrorCode::RequestMalformed),
    }
}

fn rsa(bits: &[u8]) -> Result<(Algorithm, &[u8]), ErrorCode> {
    let key = RsaPublicKey::from_der(bits).map_err(|_| ErrorCode::RequestMalformed)?;
    let (modulus, exponent) = (key.modulus.as_bytes(), key.public_exponent.as_bytes());
    let (Some(first), Some(last)) = (modulus.first(), modulus.last()) else {
        return Err(ErrorCode::RequestMalformed);
    };
    let size = modulus.len() * 8 - first.leading_zeros() as usize;
    // Eight octets are more than any exponent in use; longer ones only make verification slow.
    let exponent =
        exponent.iter().fold(0u64, |number, octet| number.saturating_mul(256).saturating_add((*octet).into()));
    match (size, exponent) {
        (..2048, _) | (_, ..65537) => Err(ErrorCode::KeyWeak),
        // The library that checks signatures takes exponents of up to 33 bits.
        (4097.., _) | (_, 0x2_0000_0000..) => Err(ErrorCode::KeyAlgorithmUnsupported),
        _ if last % 2 == 0 || exponent % 2 == 0 => Err(ErrorCode::KeyWeak),
        (bits, _) => Ok((Algorithm::Rsa { bits }, modulus)),
    }
}

/// SHA-1 as a name, where collisions do no harm.
fn sha1(bytes: &[u8]) -> [u8; 20] {
    let mut name = [0; 20];
    name.copy_from_slice(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref());
    name
}
