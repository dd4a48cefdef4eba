//! The operator's block list: keys that no request may bring again, by SHA-256 of their SubjectPublicKeyInfo.

use qcert_pki::{Certificate, CertificationRequest, PublicKey};
use ring::digest::{SHA256, digest};

/// The digest of the key that somebody named: 64 hexadecimal digits, or the content of a file that is a certificate, a
/// certificate request or a public key (SubjectPublicKeyInfo), DER or PEM.
///
/// # Errors
/// What it could not be read as, for a person.
pub fn key_digest(content: &[u8]) -> Result<[u8; 32], &'static str> {
    if let Some(digest) = std::str::from_utf8(content).ok().and_then(hexadecimal) {
        return Ok(digest);
    }
    let pem = pem_rfc7468::decode_vec(content).ok();
    let (label, der) = pem.as_ref().map_or(("", content), |(label, der)| (*label, &der[..]));
    let spki = match label {
        "" => certificate(der).or_else(|| request(der)).or_else(|| public_key(der)),
        "CERTIFICATE" => certificate(der),
        "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => request(der),
        "PUBLIC KEY" => public_key(der),
        _ => None,
    };
    let spki = spki.ok_or("is no digest, certificate, certificate request or public key that can be read")?;
    let mut result = [0; 32];
    result.copy_from_slice(digest(&SHA256, &spki).as_ref());
    Ok(result)
}

/// Reads SHA-256 as programs print it, with or without colons.
fn hexadecimal(text: &str) -> Option<[u8; 32]> {
    let digits: String = text.trim().chars().filter(|c| *c != ':').collect();
    if digits.len() != 64 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let mut digest = [0; 32];
    for (octet, pair) in digest.iter_mut().zip(digits.as_bytes().chunks(2)) {
        *octet = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(digest)
}

fn certificate(der: &[u8]) -> Option<Vec<u8>> {
    Certificate::parse(der).ok().map(|certificate| certificate.spki_der().to_vec())
}

fn request(der: &[u8]) -> Option<Vec<u8>> {
    CertificationRequest::parse_and_verify(der).ok().map(|request| request.public_key().spki_der().to_vec())
}

fn public_key(der: &[u8]) -> Option<Vec<u8>> {
    PublicKey::from_spki_der(der).ok().map(|key| key.spki_der().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_read_as_programs_print_it() {
        let colons = vec!["AB"; 32].join(":");
        for text in ["ab".repeat(32), colons, format!("{}\n", "AB".repeat(32))] {
            assert_eq!(key_digest(text.as_bytes()), Ok([0xab; 32]), "{text}");
        }
        for text in ["", "ab", &"g".repeat(64), &"+1".repeat(32)] {
            assert!(key_digest(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn request_and_public_key_of_one_pair_give_one_digest() {
        let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        let request = rcgen::CertificateParams::default().serialize_request(&pair).unwrap();
        let digest = key_digest(request.der()).unwrap();
        assert_eq!(key_digest(request.pem().unwrap().as_bytes()), Ok(digest));
        assert_eq!(key_digest(pair.public_key_pem().as_bytes()), Ok(digest));
    }
}
