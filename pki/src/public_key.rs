//! Public keys: what is taken, how it is named, and the check of a signature.

mod edwards;
mod point;
mod rsa;

use der::asn1::{Any, ObjectIdentifier, UintRef};
use der::{Decode, Sequence, Tag, Tagged};
use qcert_protocol::{ErrorCode, KeyAlgorithm, KeyCode, KeyId};
use ring::{digest, signature as ring_signature};
use x509_cert::spki::SubjectPublicKeyInfoOwned;

use crate::{SignatureAlgorithm, oid, strict};

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
    /// uncompressed point on the curve), RSA of 2048 to 4096 bits with the exponent 65537 and no known weakness,
    /// and Ed25519 with a point of large order.
    ///
    /// # Errors
    /// `request_malformed`, `request_not_der` or `request_trailing_bytes` for what is no key; `key_algorithm_unsupported`
    /// for another algorithm or curve; `key_parameters_explicit`, `key_point_compressed`, `key_point_invalid`;
    /// `key_too_small`, `key_too_large`, `key_exponent_unsafe`, `key_small_factors`, `key_roca`, `key_close_primes`.
    pub fn from_spki_der(spki: &[u8]) -> Result<Self, ErrorCode> {
        let parsed: SubjectPublicKeyInfoOwned = strict::decode(spki)?;
        let bits = parsed.subject_public_key.as_bytes().ok_or(ErrorCode::RequestMalformed)?;
        let parameters = parsed.algorithm.parameters.as_ref();
        let (algorithm, named_by) = match parsed.algorithm.oid {
            oid::EC_PUBLIC_KEY => (elliptic(parameters, bits)?, bits),
            oid::RSA_ENCRYPTION if parameters.is_some_and(Any::is_null) => rsa(bits)?,
            oid::ED25519 if parameters.is_none() => (edwards(bits)?, bits),
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
    /// `signature_algorithm_unsupported` if the algorithm does not go with the key, or is one that cannot be checked
    /// here (ECDSA with SHA-512); `proof_of_possession_failed` if the signature is not this key's.
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
            _ => return Err(ErrorCode::SignatureAlgorithmUnsupported),
        };
        ring_signature::UnparsedPublicKey::new(verification, &self.bits)
            .verify(message, signature)
            .map_err(|_| ErrorCode::ProofOfPossessionFailed)
    }
}

fn elliptic(parameters: Option<&Any>, point: &[u8]) -> Result<Algorithm, ErrorCode> {
    // A curve that is described is an own curve, and a way to forge (CVE-2020-0601).
    if parameters.is_some_and(|parameters| parameters.tag() == Tag::Sequence) {
        return Err(ErrorCode::KeyParametersExplicit);
    }
    let named = parameters.and_then(|parameters| parameters.decode_as::<ObjectIdentifier>().ok());
    let (algorithm, curve) = match named {
        Some(oid::CURVE_P256) => (Algorithm::P256, &point::P256),
        Some(oid::CURVE_P384) => (Algorithm::P384, &point::P384),
        _ => return Err(ErrorCode::KeyAlgorithmUnsupported),
    };
    match point {
        [0x02 | 0x03, x @ ..] if x.len() == curve.octets => Err(ErrorCode::KeyPointCompressed),
        [0x04, coordinates @ ..] if coordinates.len() == 2 * curve.octets && curve.contains(coordinates) => {
            Ok(algorithm)
        }
        // Off the curve, at infinity (one zero), hybrid (0x06, 0x07), or of the length of no point.
        _ => Err(ErrorCode::KeyPointInvalid),
    }
}

fn edwards(point: &[u8]) -> Result<Algorithm, ErrorCode> {
    let point = point.try_into().map_err(|_| ErrorCode::RequestMalformed)?;
    if edwards::is_sound(point) { Ok(Algorithm::Ed25519) } else { Err(ErrorCode::KeyPointInvalid) }
}

fn rsa(bits: &[u8]) -> Result<(Algorithm, &[u8]), ErrorCode> {
    let key = RsaPublicKey::from_der(bits).map_err(|error| strict::refusal(bits, &error))?;
    let modulus = key.modulus.as_bytes();
    let bits = rsa::check(modulus, key.public_exponent.as_bytes())?;
    Ok((Algorithm::Rsa { bits }, modulus))
}

/// SHA-1 as a name, where collisions do no harm.
fn sha1(bytes: &[u8]) -> [u8; 20] {
    let mut name = [0; 20];
    name.copy_from_slice(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref());
    name
}
