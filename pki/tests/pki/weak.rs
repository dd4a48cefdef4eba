//! Requests with keys that somebody could take apart. They are honest otherwise: `openssl` says that each is a good RSA
//! key and a good request, and each is refused for its weakness alone.

use der::asn1::Uint;
use der::{Encode, Sequence};
use num_bigint::BigUint;
use qcert_pki::{Algorithm, CertificationRequest, PublicKey};
use qcert_protocol::ErrorCode;

use crate::support::OpenSsl;

/// RFC 8017, A.1.2.
#[derive(Sequence)]
struct RsaPrivateKey {
    version: u8,
    modulus: Uint,
    public_exponent: Uint,
    private_exponent: Uint,
    prime1: Uint,
    prime2: Uint,
    exponent1: Uint,
    exponent2: Uint,
    coefficient: Uint,
}

/// A request by `openssl`, signed with the key of these primes and the exponent 65537.
fn request(p: &BigUint, q: &BigUint) -> Vec<u8> {
    let uint = |number: &BigUint| Uint::new(&number.to_bytes_be()).unwrap();
    let (e, p_1, q_1) = (BigUint::from(65537u32), p - 1u32, q - 1u32);
    let d = e.modinv(&(&p_1 * &q_1)).unwrap();
    let key = RsaPrivateKey {
        version: 0,
        modulus: uint(&(p * q)),
        public_exponent: uint(&e),
        private_exponent: uint(&d),
        prime1: uint(p),
        prime2: uint(q),
        exponent1: uint(&(&d % p_1)),
        exponent2: uint(&(&d % q_1)),
        coefficient: uint(&q.modinv(p).unwrap()),
    };
    let openssl = OpenSsl::new();
    openssl.write("key.der", key.to_der().unwrap());
    // It asks whether the factors are prime, too.
    let said = openssl.run("rsa -inform DER -in key.der -check -noout").unwrap();
    assert!(said.contains("RSA key ok"), "{said}");
    openssl.run("rsa -inform DER -in key.der -out key.pem").unwrap();
    openssl.run("req -new -sha256 -key key.pem -subj /CN=x -outform DER -out request.der").unwrap();
    openssl.run("req -inform DER -in request.der -verify -noout").unwrap();
    openssl.read("request.der")
}

fn refusal(p: &BigUint, q: &BigUint) -> Result<Algorithm, ErrorCode> {
    CertificationRequest::parse_and_verify(&request(p, q)).map(|request| request.public_key().algorithm())
}

fn power_of_two(exponent: u32) -> BigUint {
    BigUint::from(1u32) << exponent
}

/// A prime of 1024 bits with the two upper ones set.
fn prime() -> BigUint {
    power_of_two(1022) * 3u32 + 1037u32
}

#[test]
fn a_key_of_two_primes_far_from_each_other_is_taken() {
    let other = power_of_two(1021) * 7u32 + 13163u32;
    assert_eq!(refusal(&prime(), &other), Ok(Algorithm::Rsa { bits: 2048 }));
}

#[test]
fn a_key_of_4096_bits_is_taken_and_one_of_4104_is_not() {
    let prime = power_of_two(2046) * 3u32 + 439u32;
    let (other, longer) = (power_of_two(2045) * 7u32 + 263u32, power_of_two(2054) * 3u32 + 1685u32);
    assert_eq!(refusal(&prime, &other), Ok(Algorithm::Rsa { bits: 4096 }));
    assert_eq!(refusal(&prime, &longer), Err(ErrorCode::KeyTooLarge));
}

#[test]
fn primes_that_fermat_finds_in_a_hundred_steps_are_close() {
    // The next prime; then one found after 2 steps, after 10 and after 42.
    let others = [
        power_of_two(1022) * 3u32 + 1697u32,
        prime() + power_of_two(514) + 44u32,
        prime() + power_of_two(515) + 2262u32,
        prime() + power_of_two(516) + 2494u32,
    ];
    for other in others {
        assert_eq!(refusal(&prime(), &other), Err(ErrorCode::KeyClosePrimes));
    }
    // After 170.
    assert_eq!(refusal(&prime(), &(prime() + power_of_two(517) + 1912u32)), Ok(Algorithm::Rsa { bits: 2048 }));
}

#[test]
fn a_modulus_with_a_small_factor_is_refused() {
    let cases = [(3u32, power_of_two(2045) * 3u32 + 2345u32), (4093, power_of_two(2035) * 3u32 + 853u32)];
    for (factor, cofactor) in cases {
        assert_eq!(refusal(&cofactor, &BigUint::from(factor)), Err(ErrorCode::KeySmallFactors), "{factor}");
    }
}

/// p = k·M + (65537ᵃ mod M), where M is the product of the first 126 primes: Nemec and others, 2017.
#[test]
fn a_key_as_the_faulty_generator_of_roca_makes_them_is_refused() {
    let is_prime = |n: &u32| (2..*n).all(|i| !n.is_multiple_of(i));
    let primorial: BigUint = (2u32..).filter(is_prime).take(126).product();
    let prime = |k: u64, a: u32| &primorial * k + BigUint::from(65537u32).modpow(&BigUint::from(a), &primorial);
    let (p, q) = (prime(6_925_650_131_069_450, 1001), prime(6_925_650_131_069_404, 2002));
    assert_eq!((p.bits(), q.bits()), (1024, 1024));
    assert_eq!(refusal(&p, &q), Err(ErrorCode::KeyRoca));
}

/// SubjectPublicKeyInfo of RSA with any numbers at all.
fn spki(modulus: &BigUint, exponent: &BigUint) -> Vec<u8> {
    #[derive(Sequence)]
    struct Numbers {
        modulus: Uint,
        exponent: Uint,
    }
    let uint = |number: &BigUint| Uint::new(&number.to_bytes_be()).unwrap();
    let numbers = Numbers { modulus: uint(modulus), exponent: uint(exponent) }.to_der().unwrap();
    x509_cert::spki::SubjectPublicKeyInfoOwned {
        algorithm: x509_cert::spki::AlgorithmIdentifierOwned {
            oid: "1.2.840.113549.1.1.1".parse().unwrap(),
            parameters: Some(der::asn1::Any::null()),
        },
        subject_public_key: der::asn1::BitString::from_bytes(&numbers).unwrap(),
    }
    .to_der()
    .unwrap()
}

fn parse(modulus: &BigUint, exponent: u64) -> Result<Algorithm, ErrorCode> {
    PublicKey::from_spki_der(&spki(modulus, &BigUint::from(exponent))).map(|key| key.algorithm())
}

#[test]
fn no_exponent_but_65537_is_taken_so_a_modulus_comes_back_with_no_other() {
    let modulus = prime() * (power_of_two(1021) * 7u32 + 13163u32);
    for exponent in [0, 1, 2, 3, 17, 257, 65535, 65536, 65538, 65539, 0x1_ffff_ffff, u64::MAX] {
        assert_eq!(parse(&modulus, exponent), Err(ErrorCode::KeyExponentUnsafe), "{exponent}");
    }
    let long = spki(&modulus, &(power_of_two(2000) + 1u32));
    assert_eq!(PublicKey::from_spki_der(&long), Err(ErrorCode::KeyExponentUnsafe));
    assert_eq!(parse(&modulus, 65537), Ok(Algorithm::Rsa { bits: 2048 }));
}

#[test]
fn a_modulus_has_2048_to_4096_bits() {
    // Odd, and the rest of the checks may find what they want.
    let of_bits = |bits: u32| parse(&(power_of_two(bits - 1) + 1u32), 65537);
    for bits in [1, 2, 512, 1024, 2047] {
        assert_eq!(of_bits(bits), Err(ErrorCode::KeyTooSmall), "{bits}");
    }
    for bits in [4097, 8192, 50_000] {
        assert_eq!(of_bits(bits), Err(ErrorCode::KeyTooLarge), "{bits}");
    }
    for bits in [2048, 2049, 4096] {
        let refused = of_bits(bits);
        assert!(![Err(ErrorCode::KeyTooSmall), Err(ErrorCode::KeyTooLarge)].contains(&refused), "{bits}: {refused:?}");
    }
    assert_eq!(parse(&(power_of_two(2047) + 2u32), 65537), Err(ErrorCode::KeySmallFactors));
}
