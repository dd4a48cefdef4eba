//! Which certificate is asked about: CertID, RFC 6960 §4.1.1.

use der::Sequence;
use der::asn1::{Any, Int, ObjectIdentifier, OctetString};
use ring::digest;
use x509_cert::spki::AlgorithmIdentifierOwned;

use crate::{Certificate, Serial, oid};

/// A hash by which a CertID may name the issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HashAlgorithm {
    /// What nearly every client uses; a name here, where collisions do no harm.
    Sha1,
    /// SHA-256.
    Sha256,
}

impl HashAlgorithm {
    const fn oid(self) -> ObjectIdentifier {
        match self {
            Self::Sha1 => oid::SHA1,
            Self::Sha256 => oid::SHA256,
        }
    }

    fn hash(self, bytes: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
        };
        digest::digest(algorithm, bytes).as_ref().to_vec()
    }
}

/// An issuer as CertIDs name it, computed once for many questions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerHashes {
    sha1: (Vec<u8>, Vec<u8>),
    sha256: (Vec<u8>, Vec<u8>),
}

impl IssuerHashes {
    /// Those of an issuing certificate.
    pub fn of(issuer: &Certificate) -> Self {
        let (name, key) = (issuer.subject_der(), issuer.public_key().subject_public_key());
        let both = |hash: HashAlgorithm| (hash.hash(&name), hash.hash(key));
        Self { sha1: both(HashAlgorithm::Sha1), sha256: both(HashAlgorithm::Sha256) }
    }

    /// Hashes of name and key.
    fn by(&self, algorithm: HashAlgorithm) -> &(Vec<u8>, Vec<u8>) {
        match algorithm {
            HashAlgorithm::Sha1 => &self.sha1,
            HashAlgorithm::Sha256 => &self.sha256,
        }
    }
}

/// `CertID` as it is written. The number is any INTEGER: who asks about a certificate that nobody can have issued
/// gets the answer "unknown", and not an error.
#[derive(Clone, Debug, PartialEq, Eq, Sequence)]
pub(super) struct Written {
    hash_algorithm: AlgorithmIdentifierOwned,
    issuer_name_hash: OctetString,
    issuer_key_hash: OctetString,
    serial_number: Int,
}

/// A certificate that somebody asks about, written back into the answer octet by octet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertId {
    written: Written,
    hash_algorithm: Option<HashAlgorithm>,
    serial: Option<Serial>,
}

impl CertId {
    /// The certificate of this issuer and number.
    ///
    /// # Errors
    /// [`crate::BuildError::Encoding`]: never, as far as is known; every part is short.
    pub fn new(issuer: &IssuerHashes, hash: HashAlgorithm, serial: &Serial) -> Result<Self, crate::BuildError> {
        let (name, key) = issuer.by(hash);
        // A set first bit would make the number negative.
        let positive = if serial.as_bytes()[0] < 0x80 { vec![] } else { vec![0] };
        Ok(Self::from(Written {
            hash_algorithm: AlgorithmIdentifierOwned { oid: hash.oid(), parameters: Some(Any::null()) },
            issuer_name_hash: OctetString::new(&name[..])?,
            issuer_key_hash: OctetString::new(&key[..])?,
            serial_number: Int::new(&[&positive[..], serial.as_bytes()].concat())?,
        }))
    }

    /// The hash by which the issuer is named; none if it is not known here, and then neither is the issuer.
    pub fn hash_algorithm(&self) -> Option<HashAlgorithm> {
        self.hash_algorithm
    }

    /// Its number; none if no certificate can have it (not positive, or longer than 20 octets).
    pub fn serial(&self) -> Option<&Serial> {
        self.serial.as_ref()
    }

    /// Is this the issuer that is meant?
    pub fn is_issued_by(&self, issuer: &IssuerHashes) -> bool {
        self.hash_algorithm.is_some_and(|algorithm| {
            let (name, key) = issuer.by(algorithm);
            self.written.issuer_name_hash.as_bytes() == name && self.written.issuer_key_hash.as_bytes() == key
        })
    }

    pub(super) fn written(&self) -> &Written {
        &self.written
    }
}

impl From<Written> for CertId {
    fn from(written: Written) -> Self {
        let known = [HashAlgorithm::Sha1, HashAlgorithm::Sha256].into_iter();
        let parameters = written.hash_algorithm.parameters.as_ref();
        let usual = parameters.is_none_or(Any::is_null);
        let hash_algorithm = known.filter(|_| usual).find(|known| known.oid() == written.hash_algorithm.oid);
        let number = written.serial_number.as_bytes();
        let positive = number.first().is_some_and(|first| *first < 0x80);
        let serial = if positive { Serial::from_bytes(number) } else { None };
        Self { written, hash_algorithm, serial }
    }
}
