//! Requests from `openssl` and `rcgen`, honest, broken and hostile.

use proptest::prelude::*;
use qcert_pki::{Algorithm, CertificationRequest, SignatureAlgorithm};
use qcert_protocol::{ErrorCode, portal::MAX_REQUEST_DER};
use rcgen::{Attribute, CertificateParams, KeyPair};

use crate::support::OpenSsl;

fn parse(der: &[u8]) -> Result<CertificationRequest, ErrorCode> {
    CertificationRequest::parse_and_verify(der)
}

/// A request by `openssl req` for a new key of these parameters.
fn made_by_openssl(key: &str, options: &str) -> Vec<u8> {
    let openssl = OpenSsl::new();
    openssl.run(&format!("genpkey -out key.pem {key}")).unwrap();
    openssl.run(&format!("req -new -key key.pem -subj /CN=x -outform DER -out request.der {options}")).unwrap();
    openssl.read("request.der")
}

fn made_by_rcgen(attributes: Vec<Attribute>) -> Vec<u8> {
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let request = CertificateParams::default().serialize_request_with_attributes(&key, attributes).unwrap();
    request.der().to_vec()
}

#[test]
fn requests_of_every_accepted_kind_are_taken() {
    use SignatureAlgorithm as S;
    let cases = [
        ("-algorithm EC -pkeyopt ec_paramgen_curve:P-256", "-sha256", Algorithm::P256, S::EcdsaSha256),
        ("-algorithm EC -pkeyopt ec_paramgen_curve:P-256", "-sha384", Algorithm::P256, S::EcdsaSha384),
        ("-algorithm EC -pkeyopt ec_paramgen_curve:P-384", "-sha384", Algorithm::P384, S::EcdsaSha384),
        // The curve says nothing about the hash.
        ("-algorithm EC -pkeyopt ec_paramgen_curve:P-384", "-sha256", Algorithm::P384, S::EcdsaSha256),
        ("-algorithm RSA -pkeyopt rsa_keygen_bits:2048", "-sha256", Algorithm::Rsa { bits: 2048 }, S::RsaSha256),
        ("-algorithm RSA -pkeyopt rsa_keygen_bits:3072", "-sha512", Algorithm::Rsa { bits: 3072 }, S::RsaSha512),
        ("-algorithm RSA -pkeyopt rsa_keygen_bits:2048", "-sha384", Algorithm::Rsa { bits: 2048 }, S::RsaSha384),
        ("-algorithm ED25519", "", Algorithm::Ed25519, S::Ed25519),
    ];
    for (key, options, algorithm, signature) in cases {
        let request = parse(&made_by_openssl(key, options)).unwrap_or_else(|code| panic!("{key} {options}: {code}"));
        assert_eq!((request.public_key().algorithm(), request.signature_algorithm()), (algorithm, signature));
    }
}

#[test]
fn other_algorithms_and_unsafe_sizes_are_refused_each_with_its_code() {
    let p256 = "-algorithm EC -pkeyopt ec_paramgen_curve:P-256";
    let p384 = "-algorithm EC -pkeyopt ec_paramgen_curve:P-384";
    let rsa = "-algorithm RSA -pkeyopt rsa_keygen_bits:2048";
    let cases = [
        ("-algorithm EC -pkeyopt ec_paramgen_curve:P-521", "-sha512", ErrorCode::KeyAlgorithmUnsupported),
        ("-algorithm EC -pkeyopt ec_paramgen_curve:secp256k1", "-sha256", ErrorCode::KeyAlgorithmUnsupported),
        ("-algorithm ED448", "", ErrorCode::KeyAlgorithmUnsupported),
        (&format!("{p256} -pkeyopt ec_param_enc:explicit"), "-sha256", ErrorCode::KeyParametersExplicit),
        ("-algorithm RSA -pkeyopt rsa_keygen_bits:1024", "-sha256", ErrorCode::KeyTooSmall),
        ("-algorithm RSA -pkeyopt rsa_keygen_bits:2040", "-sha256", ErrorCode::KeyTooSmall),
        (&format!("{rsa} -pkeyopt rsa_keygen_pubexp:3"), "-sha256", ErrorCode::KeyExponentUnsafe),
        (&format!("{rsa} -pkeyopt rsa_keygen_pubexp:8589934593"), "-sha256", ErrorCode::KeyExponentUnsafe),
        // Hashes that are too weak, or that the library does not check with this curve or scheme.
        (p256, "-sha1", ErrorCode::SignatureAlgorithmUnsupported),
        (p256, "-sha512", ErrorCode::SignatureAlgorithmUnsupported),
        (p384, "-sha512", ErrorCode::SignatureAlgorithmUnsupported),
        (rsa, "-sha1", ErrorCode::SignatureAlgorithmUnsupported),
        (rsa, "-sha256 -sigopt rsa_padding_mode:pss", ErrorCode::SignatureAlgorithmUnsupported),
    ];
    for (key, options, code) in cases {
        assert_eq!(parse(&made_by_openssl(key, options)), Err(code), "{key} {options}");
    }
}

#[test]
fn a_request_signed_with_another_key_proves_nothing() {
    let (one, other) = (made_by_rcgen(vec![]), made_by_rcgen(vec![]));
    // The signatures are as long as their integers; a pair of equal length is soon found.
    let other = if one.len() == other.len() {
        other
    } else {
        std::iter::repeat_with(|| made_by_rcgen(vec![])).find(|other| other.len() == one.len()).unwrap()
    };
    let key_of = |der: &[u8]| parse(der).unwrap().public_key().spki_der().to_vec();
    let (own, foreign) = (key_of(&one), key_of(&other));
    let at = one.windows(own.len()).position(|bytes| bytes == own).unwrap();
    let mut swapped = one;
    swapped[at..at + foreign.len()].copy_from_slice(&foreign);
    assert_eq!(parse(&swapped), Err(ErrorCode::ProofOfPossessionFailed));
}

#[test]
fn what_stands_after_a_request_and_what_is_too_long_is_refused() {
    let mut request = made_by_rcgen(vec![]);
    request.push(0);
    assert_eq!(parse(&request), Err(ErrorCode::RequestTrailingBytes));
    assert_eq!(parse(&[]), Err(ErrorCode::RequestMalformed));
    assert_eq!(parse(&[0; MAX_REQUEST_DER]), Err(ErrorCode::RequestMalformed));
    assert_eq!(parse(&[0; MAX_REQUEST_DER + 1]), Err(ErrorCode::RequestTooLarge));
}

/// challengePassword, PKCS#9.
fn challenge(values: &[u8]) -> Attribute {
    Attribute { oid: &[1, 2, 840, 113549, 1, 9, 7], values: values.to_vec() }
}

#[test]
fn an_attribute_that_stands_there_twice_or_without_a_value_is_refused() {
    let (a, b) = ([0x31, 0x03, 0x0c, 0x01, b'a'], [0x31, 0x03, 0x0c, 0x01, b'b']);
    assert!(parse(&made_by_rcgen(vec![challenge(&a)])).is_ok());
    assert_eq!(parse(&made_by_rcgen(vec![challenge(&a), challenge(&b)])), Err(ErrorCode::RequestAttributeRepeated));
    assert_eq!(parse(&made_by_rcgen(vec![challenge(&a), challenge(&a)])), Err(ErrorCode::RequestAttributeRepeated));
    assert_eq!(parse(&made_by_rcgen(vec![challenge(&[0x31, 0x00])])), Err(ErrorCode::RequestMalformed));
}

#[test]
fn a_request_in_ber_is_refused() {
    let request = made_by_rcgen(vec![]);
    let (length, content) = match request[1] {
        0x81 => (u16::from(request[2]), &request[3..]),
        0x82 => (u16::from_be_bytes([request[2], request[3]]), &request[4..]),
        short => (u16::from(short), &request[2..]),
    };
    let [high, low] = length.to_be_bytes();
    // The outer length in one octet more than needed, and as one that an end will tell.
    let long = [&[0x30, 0x83, 0x00, high, low], content].concat();
    let indefinite = [&[0x30, 0x80], content, &[0, 0]].concat();
    for ber in [long, indefinite] {
        assert_eq!(parse(&ber), Err(ErrorCode::RequestNotDer));
    }
}

#[test]
fn what_rcgen_makes_is_what_openssl_verifies() {
    let openssl = OpenSsl::new();
    openssl.write("request.der", made_by_rcgen(vec![]));
    let said = openssl.run("req -inform DER -in request.der -verify -noout").unwrap();
    assert!(said.contains("verify OK"), "{said}");
}

thread_local! {
    static HONEST: Vec<u8> = made_by_rcgen(vec![challenge(&[0x31, 0x03, 0x0c, 0x01, b'a'])]);
}

#[test]
fn one_changed_bit_anywhere_in_a_request_is_refused() {
    HONEST.with(|honest| {
        for bit in 0..honest.len() * 8 {
            let mut changed = honest.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(parse(&changed).is_err(), "bit {} of octet {}", bit % 8, bit / 8);
        }
    });
}

proptest! {
    #[test]
    fn no_damage_to_a_request_makes_the_parser_panic(
        at in 0usize..400,
        removed in 0usize..40,
        noise in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        HONEST.with(|honest| {
            let mut bytes = honest.clone();
            let at = at.min(bytes.len());
            let end = (at + removed).min(bytes.len());
            bytes.splice(at..end, noise);
            assert!(parse(&bytes).is_err() || bytes == *honest);
        });
    }

    #[test]
    fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        assert!(parse(&bytes).is_err());
    }
}
