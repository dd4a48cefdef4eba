//! Names of keys, compared with those that other programs compute.

use qcert_pki::{Algorithm, CertificationRequest, PublicKey, SignatureAlgorithm};
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
fn a_point_that_is_compressed_is_refused_also_in_a_request_that_openssl_verifies() {
    for curve in ["P-256", "P-384"] {
        let (openssl, _) = key_by_openssl(&format!("-algorithm EC -pkeyopt ec_paramgen_curve:{curve}"));
        openssl.run("ec -in key.pem -pubout -conv_form compressed -outform DER -out short.der").unwrap();
        assert_eq!(PublicKey::from_spki_der(&openssl.read("short.der")), Err(ErrorCode::KeyPointCompressed));
        openssl.run("ec -in key.pem -conv_form compressed -out short.pem").unwrap();
        openssl.run("req -new -key short.pem -subj /CN=x -outform DER -out request.der").unwrap();
        openssl.run("req -inform DER -in request.der -verify -noout").unwrap();
        let refused = CertificationRequest::parse_and_verify(&openssl.read("request.der"));
        assert_eq!(refused, Err(ErrorCode::KeyPointCompressed));
    }
}

#[test]
fn a_point_off_the_curve_at_infinity_or_of_another_form_is_refused() {
    let (_, key) = key_by_openssl("-algorithm EC -pkeyopt ec_paramgen_curve:P-256");
    let mut off = key.spki_der().to_vec();
    *off.last_mut().unwrap() ^= 1;
    assert_eq!(PublicKey::from_spki_der(&off), Err(ErrorCode::KeyPointInvalid));
    // SEQUENCE, its length; at 24 the length of the BIT STRING, the octet of unused bits, the form.
    let with_point = |point: &[u8]| {
        let mut spki = key.spki_der()[..26].to_vec();
        spki[1] = (spki.len() - 2 + point.len()) as u8;
        spki[24] = (point.len() + 1) as u8;
        PublicKey::from_spki_der(&[&spki[..], point].concat())
    };
    let point = &key.spki_der()[26..];
    assert_eq!(with_point(point), Ok(key.clone()));
    assert_eq!(with_point(&[0]), Err(ErrorCode::KeyPointInvalid));
    let parity = 0x06 | point[64] & 1;
    for other in [&[&[parity], &point[1..]].concat()[..], &point[..64], &[point, &[0]].concat(), &[]] {
        assert_eq!(with_point(other), Err(ErrorCode::KeyPointInvalid));
    }
}

/// Anybody can sign anything for the neutral point A: R = s·B answers s·B = R + h·A for every h. `ring` believes it.
#[test]
fn an_edwards_key_of_small_order_is_refused_though_its_signatures_verify() {
    let (_, key) = key_by_openssl("-algorithm ED25519");
    let mut neutral = key.spki_der().to_vec();
    let at = neutral.len() - 32;
    neutral[at..].fill(0);
    neutral[at] = 1;
    // B and s = 1.
    let mut signature = [0x66; 64];
    signature[0] = 0x58;
    signature[32..].fill(0);
    signature[32] = 1;
    let believed = ring::signature::UnparsedPublicKey::new(&ring::signature::ED25519, &neutral[at..]);
    assert!(believed.verify(b"any message", &signature).is_ok());
    assert_eq!(PublicKey::from_spki_der(&neutral), Err(ErrorCode::KeyPointInvalid));
    // 2 is the y of no point.
    neutral[at] = 2;
    assert_eq!(PublicKey::from_spki_der(&neutral), Err(ErrorCode::KeyPointInvalid));
}

#[test]
fn octets_after_a_key_or_fewer_of_them_are_refused() {
    let (_, key) = key_by_openssl("-algorithm EC -pkeyopt ec_paramgen_curve:P-256");
    let longer = [key.spki_der(), &[0]].concat();
    assert_eq!(PublicKey::from_spki_der(&longer), Err(ErrorCode::RequestTrailingBytes));
    let (_, rsa) = key_by_openssl("-algorithm RSA -pkeyopt rsa_keygen_bits:2048");
    // SEQUENCE and BIT STRING one longer, and one octet more inside the BIT STRING, after RSAPublicKey.
    let mut longer = [rsa.spki_der(), &[0]].concat();
    longer[3] += 1;
    longer[22] += 1;
    assert_eq!((longer[19], longer[20]), (0x03, 0x82));
    assert_eq!(PublicKey::from_spki_der(&longer), Err(ErrorCode::RequestTrailingBytes));
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
    assert_eq!(verify(SignatureAlgorithm::RsaSha256, b"message"), Err(ErrorCode::SignatureAlgorithmUnsupported));
}
