//! Names of keys: algorithm, CKA_ID, and the short code a person compares.

use serde::{Deserialize, Deserializer, Serialize, de::Error};

/// Which kind of key pair is made on the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum KeyAlgorithm {
    /// ECDSA on NIST P-256 (secp256r1), signed with SHA-256.
    #[serde(rename = "P-256")]
    P256,
    /// ECDSA on NIST P-384 (secp384r1), signed with SHA-384.
    #[serde(rename = "P-384")]
    P384,
    /// RSA with a modulus of 2048 bits, PKCS#1 v1.5 with SHA-256.
    #[serde(rename = "RSA-2048")]
    Rsa2048,
}

impl KeyAlgorithm {
    /// The name on the wire and in configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::Rsa2048 => "RSA-2048",
        }
    }
}

/// CKA_ID of a key pair and its certificate: SHA-1 of the public key, 20 bytes, as lower-case hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct KeyId(String);

impl KeyId {
    /// Writes an identifier as hexadecimal.
    pub fn from_bytes(id: &[u8; 20]) -> Self {
        Self(id.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Reads 40 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let hex = text.len() == 40 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        hex.then(|| Self(text.to_owned()))
    }

    /// 40 lower-case hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The 20 bytes.
    pub fn to_bytes(&self) -> [u8; 20] {
        let digit = |b: u8| if b.is_ascii_digit() { b - b'0' } else { b - b'a' + 10 };
        let hex = self.0.as_bytes();
        std::array::from_fn(|i| digit(hex[2 * i]) << 4 | digit(hex[2 * i + 1]))
    }
}

impl<'de> Deserialize<'de> for KeyId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("not a key identifier"))
    }
}

/// The key's code: the first ten characters of the base32 (RFC 4648 §6) of SHA-256 of the public key
/// (SubjectPublicKeyInfo, DER), shown as `ABCDE-FGHIJ`. The text message names it and the extension's window shows
/// it, so a page that swapped the request is found out.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct KeyCode(String);

impl KeyCode {
    /// The code of a public key whose SHA-256 is `digest`.
    pub fn from_digest(digest: &[u8; 32]) -> Self {
        const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        let bits = digest[..7].iter().fold(0u64, |bits, byte| bits << 8 | u64::from(*byte));
        let character = |i: usize| char::from(ALPHABET[(bits >> (51 - 5 * i) & 31) as usize]);
        let code: String = (0..10).map(character).collect();
        Self(format!("{}-{}", &code[..5], &code[5..]))
    }

    /// Reads `ABCDE-FGHIJ`.
    pub fn parse(text: &str) -> Option<Self> {
        let base32 = |b: u8| b.is_ascii_uppercase() || (b'2'..=b'7').contains(&b);
        let bytes = text.as_bytes();
        let good =
            bytes.len() == 11 && bytes.iter().enumerate().all(|(i, b)| if i == 5 { *b == b'-' } else { base32(*b) });
        good.then(|| Self(text.to_owned()))
    }

    /// `ABCDE-FGHIJ`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for KeyCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("not a key code"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_code_is_the_start_of_the_base32_of_the_digest() {
        // RFC 4648 §10: base32("foobar") = "MZXW6YTBOI======"
        let mut digest = [0; 32];
        digest[..6].copy_from_slice(b"foobar");
        assert_eq!(KeyCode::from_digest(&digest).as_str(), "MZXW6-YTBOI");
    }

    #[test]
    fn a_key_identifier_survives_the_way_there_and_back() {
        let bytes: [u8; 20] = std::array::from_fn(|i| (i * 13) as u8);
        let id = KeyId::from_bytes(&bytes);
        assert_eq!(KeyId::parse(id.as_str()).unwrap().to_bytes(), bytes);
        assert!(KeyId::parse(&id.as_str().to_uppercase()).is_none());
    }
}
