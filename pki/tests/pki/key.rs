//! Names of keys, compared with those that other programs compute.

use qcert_pki::{Algorithm, PublicKey, SignatureAlgorithm};
use qcert_protocol::{ErrorCode, KeyAlgorithm, KeyCode, KeyId};
use ring::digest;

use crate::support::{MemorySigner, OpenSsl};

fn key_by_openssl(parameters: &str) -> (OpenSsl, PublicKey) {
    let openssl = OpenSsl::new();
    openssl.run(&format!("genpkey -out key.pem {parameters}")).unwrap();
    openssl.run("pkey -in key.pem -pubout -outform DER -out key.der").unwrap();
    let key = PublicKey::from_spki_der(&openssl.read("key.der")).unwrap();
    (openssl, key)
}

fn sha1(bytes: &[u8]) -> KeyId {
    let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, bytes);
    KeyId::from_bytes(digest.as_ref().try_into().unwrap())
}

#[test]
fn the_identifier_of_a_key_is_the_one_that_openssl_writes_into_a_certificate() {
    for parameters in ["-algorithm EC -pkeyopt ec_paramgen_curve:P-384", "-algorithm RSA -pkeyopt rsa_keygen_bits:2048"]
    {
        let (openssl, key) = key_by_openssl(parameters);
        openssl.run("req -new -x509 -key key.pem -subj /CN=x -addext subjectKeyIdentifier=hash -out x.pem").unwrap();
        let text = openssl.run("x509 -in x.pem -noout -ext subjectKeyIdentifier").unwrap();
        let identifier = KeyId::from_bytes(&key.subject_key_identifier());
        assert!(text.replace(':', "").to_lowercase().contains(identifier.as_str()), "{text}");
    }
}

#[test]
fn cka_id_is_the_digest_of_the_point_or_of_the_modulus_without_leading_zeros() {
    let (_, key) = key_by_openssl("-algorithm EC -pkeyopt ec_paramgen_curve:P-256");
    let point = &key.spki_der()[key.spki_der().len() - 65..];
    assert_eq!(key.key_id(), sha1(point));

    let (openssl, key) = key_by_openssl("-algorithm RSA -pkeyopt rsa_keygen_bits:2048");
    let modulus = openssl.run("rsa -in key.pem -noout -modulus").unwrap();
    let hex = modulus.trim().strip_prefix("Modulus=").unwrap();
    let octets: Vec<u8> = (0..256).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap()).collect();
    assert_eq!(key.key_id(), sha1(&octets));
    assert_eq!(key.algorithm().key_algorithm(), Some(KeyAlgorithm::Rsa2048));
}

#[test]
fn the_key_code_is_of_the_whole_subject_public_key_info() {
    let (_, key) = key_by_openssl("-algorithm ED25519");
    let digest = digest::digest(&digest::SHA256, key.spki_der());
    assert_eq!(key.key_code(), KeyCode::from_digest(digest.as_ref().try_into().unwrap()));
}

#[test]
fn every_generated_key_is_taken() {
    for algorithm in [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ECDSA_P384_SHA384] {
        (0..200).for_each(|_| drop(MemorySigner::generate(algorithm)));
    }
}

#[test]
fn points_that_are_compressed_or_off_the_curve_are_refused() {
    let (openssl, key) = key_by_openssl("-algorithm EC -pkeyopt ec_paramgen_curve:P-256");
    let mut off = key.spki_der().to_vec();
    *off.last_mut().unwrap() ^= 1;
    assert_eq!(PublicKey::from_spki_der(&off), Err(ErrorCode::KeyWeak));
    openssl.run("ec -in key.pem -pubout -conv_form compressed -outform DER -out short.der").unwrap();
    assert_eq!(PublicKey::from_spki_der(&openssl.read("short.der")), Err(ErrorCode::KeyAlgorithmUnsupported));
    let mut infinity = key.spki_der()[..26].to_vec();
    infinity[1] = 25;
    infinity[24] = 2;
    infinity.push(0);
    assert_eq!(PublicKey::from_spki_der(&infinity), Err(ErrorCode::RequestMalformed));
}

#[test]
fn octets_after_a_key_or_fewer_of_them_are_refused() {
    let (_, key) = key_by_openssl("-algorithm EC -pkeyopt ec_paramgen_curve:P-256");
    let longer = [key.spki_der(), &[0]].concat();
    assert_eq!(PublicKey::from_spki_der(&longer), Err(ErrorCode::RequestMalformed));
    for length in 0..key.spki_der().len() {
        assert!(PublicKey::from_spki_der(&key.spki_der()[..length]).is_err());
    }
}

#[test]
fn a_signature_is_checked_with_the_algorithm_that_is_named() {
    let signer = MemorySigner::generate(&rcgen::PKCS_ECDSA_P256_SHA256);
    let signature = signer.sign(b"message").unwrap();
    let verify = |algorithm, message: &[u8]| signer.public_key().verify(algorithm, message, &signature);
    assert_eq!(signer.public_key().algorithm(), Algorithm::P256);
    assert_eq!(verify(SignatureAlgorithm::EcdsaSha256, b"message"), Ok(()));
    assert_eq!(verify(SignatureAlgorithm::EcdsaSha256, b"massage"), Err(ErrorCode::ProofOfPossessionFailed));
    assert_eq!(verify(SignatureAlgorithm::EcdsaSha384, b"message"), Err(ErrorCode::ProofOfPossessionFailed));
    assert_eq!(verify(SignatureAlgorithm::RsaSha256, b"message"), Err(ErrorCode::KeyAlgorithmUnsupported));
}
