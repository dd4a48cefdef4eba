//! Signature algorithms as values.

use der::asn1::{Any, ObjectIdentifier};
use der::{Decode, Encode};
use qcert_protocol::ErrorCode;
use x509_cert::spki::AlgorithmIdentifierOwned;

use crate::{Algorithm, oid};

/// An algorithm of signatures: hash and scheme. Which key it goes with is the key's matter, so a key on P-384 may sign
/// with SHA-256. More will come; a `match` needs an arm for the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SignatureAlgorithm {
    /// ecdsa-with-SHA256, RFC 5758.
    EcdsaSha256,
    /// ecdsa-with-SHA384, RFC 5758.
    EcdsaSha384,
    /// ecdsa-with-SHA512, RFC 5758.
    EcdsaSha512,
    /// sha256WithRSAEncryption, RFC 4055.
    RsaSha256,
    /// sha384WithRSAEncryption, RFC 4055.
    RsaSha384,
    /// sha512WithRSAEncryption, RFC 4055.
    RsaSha512,
    /// Ed25519, RFC 8410.
    Ed25519,
}

impl SignatureAlgorithm {
    /// All that are known.
    pub const ALL: [Self; 7] = [
        Self::EcdsaSha256,
        Self::EcdsaSha384,
        Self::EcdsaSha512,
        Self::RsaSha256,
        Self::RsaSha384,
        Self::RsaSha512,
        Self::Ed25519,
    ];

    /// The usual one for a key.
    pub const fn usual_for(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::P256 => Self::EcdsaSha256,
            Algorithm::P384 => Self::EcdsaSha384,
            Algorithm::Rsa { .. } => Self::RsaSha256,
            Algorithm::Ed25519 => Self::Ed25519,
        }
    }

    /// Its object identifier.
    pub const fn oid(self) -> ObjectIdentifier {
        match self {
            Self::EcdsaSha256 => oid::ECDSA_WITH_SHA256,
            Self::EcdsaSha384 => oid::ECDSA_WITH_SHA384,
            Self::EcdsaSha512 => oid::ECDSA_WITH_SHA512,
            Self::RsaSha256 => oid::SHA256_WITH_RSA,
            Self::RsaSha384 => oid::SHA384_WITH_RSA,
            Self::RsaSha512 => oid::SHA512_WITH_RSA,
            Self::Ed25519 => oid::ED25519,
        }
    }

    /// The AlgorithmIdentifier, DER.
    pub fn to_der(self) -> Vec<u8> {
        // An object identifier and at most a NULL: far from every limit of the encoder.
        #[allow(clippy::expect_used)]
        self.to_identifier().to_der().expect("a short sequence")
    }

    /// Reads an AlgorithmIdentifier.
    ///
    /// # Errors
    /// `request_malformed` if it is not DER or its parameters are not those of the standard,
    /// `signature_algorithm_unsupported` if the algorithm is none of these.
    pub fn from_der(der: &[u8]) -> Result<Self, ErrorCode> {
        let identifier = AlgorithmIdentifierOwned::from_der(der).map_err(|_| ErrorCode::RequestMalformed)?;
        Self::from_identifier(&identifier)
    }

    pub(crate) fn to_identifier(self) -> AlgorithmIdentifierOwned {
        // RFC 4055 §5: NULL for RSA; RFC 5758 §3.2 and RFC 8410 §3: absent for the others.
        AlgorithmIdentifierOwned { oid: self.oid(), parameters: self.is_rsa().then(Any::null) }
    }

    pub(crate) fn from_identifier(identifier: &AlgorithmIdentifierOwned) -> Result<Self, ErrorCode> {
        let known = Self::ALL.into_iter().find(|algorithm| algorithm.oid() == identifier.oid);
        let algorithm = known.ok_or(ErrorCode::SignatureAlgorithmUnsupported)?;
        if algorithm.to_identifier() == *identifier { Ok(algorithm) } else { Err(ErrorCode::RequestMalformed) }
    }

    const fn is_rsa(self) -> bool {
        matches!(self, Self::RsaSha256 | Self::RsaSha384 | Self::RsaSha512)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_algorithm_survives_the_way_through_der() {
        for algorithm in SignatureAlgorithm::ALL {
            assert_eq!(SignatureAlgorithm::from_der(&algorithm.to_der()), Ok(algorithm));
        }
    }

    #[test]
    fn sha1_is_not_known_and_wrong_parameters_are_refused() {
        // ecdsa-with-SHA1, then ecdsa-with-SHA256 with a NULL.
        let sha1 = [0x30, 0x09, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01];
        assert_eq!(SignatureAlgorithm::from_der(&sha1), Err(ErrorCode::SignatureAlgorithmUnsupported));
        let with_null = [0x30, 0x0c, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02, 0x05, 0x00];
        assert_eq!(SignatureAlgorithm::from_der(&with_null), Err(ErrorCode::RequestMalformed));
    }
}
