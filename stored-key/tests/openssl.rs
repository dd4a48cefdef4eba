//! What is written is read and checked by OpenSSL, and what is signed is verified by it.

use std::{
    path::Path,
    process::{Command, Output},
};

use qcert_protocol::KeyAlgorithm;
use qcert_stored_key::{Generator, PrivateKey, SYSTEM_OCTETS, Secrets, verify, verify_pss};
use sha2::{Digest, Sha256};

const ALGORITHMS: [KeyAlgorithm; 3] = [KeyAlgorithm::P256, KeyAlgorithm::P384, KeyAlgorithm::Rsa2048];

fn generator(system: u8) -> Generator {
    Generator::new(&[system; SYSTEM_OCTETS], &[0x5a; 64])
}

// Not a test itself, and its failure is one.
#[allow(clippy::unwrap_used)]
fn openssl(folder: &Path, arguments: &[&str]) -> Output {
    Command::new("openssl").args(arguments).current_dir(folder).output().unwrap()
}

#[test]
fn openssl_reads_a_stored_key_finds_it_sound_and_knows_its_public_half() {
    let folder = tempfile::tempdir().unwrap();
    for algorithm in ALGORITHMS {
        let key = PrivateKey::generate(algorithm, &mut generator(1)).unwrap();
        std::fs::write(folder.path().join("key.der"), key.to_pkcs8().unwrap().as_bytes()).unwrap();
        let read = openssl(
            folder.path(),
            &["pkey", "-inform", "DER", "-in", "key.der", "-check", "-pubout", "-outform", "DER", "-out", "public.der"],
        );
        assert!(read.status.success(), "{algorithm:?}: {read:?}");
        let public = std::fs::read(folder.path().join("public.der")).unwrap();
        let sound = public.strip_prefix(b"Key is valid\n").unwrap_or_else(|| panic!("{read:?}"));
        assert_eq!(sound, key.public_key().unwrap().spki_der());
    }
}

#[test]
fn a_key_is_the_same_after_it_was_written_and_read() {
    for algorithm in ALGORITHMS {
        let key = PrivateKey::generate(algorithm, &mut generator(2)).unwrap();
        let read = PrivateKey::from_pkcs8(key.to_pkcs8().unwrap().as_bytes()).unwrap();
        assert_eq!(read.public_key().unwrap(), key.public_key().unwrap());
        match (key.secrets().unwrap(), read.secrets().unwrap()) {
            (Secrets::Elliptic(made), Secrets::Elliptic(read)) => assert_eq!(made, read),
            (Secrets::Rsa(made), Secrets::Rsa(read)) => assert_eq!(made, read),
            _ => panic!("{algorithm:?} became another"),
        }
    }
}

/// CKM_RSA_PKCS signs a DigestInfo; OpenSSL is given the digest.
#[test]
fn openssl_verifies_what_a_stored_key_signed() {
    let folder = tempfile::tempdir().unwrap();
    let digest = Sha256::digest(b"message");
    std::fs::write(folder.path().join("digest"), digest).unwrap();
    for algorithm in ALGORITHMS {
        let key = PrivateKey::generate(algorithm, &mut generator(3)).unwrap();
        std::fs::write(folder.path().join("public.der"), key.public_key().unwrap().spki_der()).unwrap();
        let input = match algorithm {
            KeyAlgorithm::Rsa2048 => [SHA256_DIGEST_INFO, &digest].concat(),
            KeyAlgorithm::P256 | KeyAlgorithm::P384 => digest.to_vec(),
        };
        let signature = key.sign(&input, &mut generator(4)).unwrap();
        // A token gives r ‖ s, and OpenSSL wants DER.
        let signature = match algorithm {
            KeyAlgorithm::Rsa2048 => signature,
            KeyAlgorithm::P256 => p256::ecdsa::Signature::from_slice(&signature).unwrap().to_der().as_bytes().to_vec(),
            KeyAlgorithm::P384 => p384::ecdsa::Signature::from_slice(&signature).unwrap().to_der().as_bytes().to_vec(),
        };
        std::fs::write(folder.path().join("signature"), signature).unwrap();
        let verify =
            ["pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", "public.der", "-in", "digest", "-sigfile"];
        let digest = if algorithm == KeyAlgorithm::Rsa2048 { &["-pkeyopt", "digest:sha256"][..] } else { &[] };
        let verified = openssl(folder.path(), &[&verify[..], &["signature"], digest].concat());
        assert!(verified.status.success(), "{algorithm:?}: {verified:?}");
    }
}

#[test]
fn openssl_verifies_a_signature_of_pss() {
    let folder = tempfile::tempdir().unwrap();
    let key = PrivateKey::generate(KeyAlgorithm::Rsa2048, &mut generator(5)).unwrap();
    let digest = Sha256::digest(b"message");
    let write = |name: &str, content: &[u8]| std::fs::write(folder.path().join(name), content).unwrap();
    write("public.der", key.public_key().unwrap().spki_der());
    write("digest", &digest);
    write("signature", &key.sign_pss(&digest, &mut generator(6)).unwrap());
    let verify = ["pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", "public.der", "-in", "digest"];
    let pss = ["-sigfile", "signature", "-pkeyopt", "digest:sha256", "-pkeyopt", "rsa_padding_mode:pss"];
    let verified = openssl(folder.path(), &[&verify[..], &pss, &["-pkeyopt", "rsa_pss_saltlen:32"]].concat());
    assert!(verified.status.success(), "{verified:?}");
    assert!(key.sign_pss(b"no digest", &mut generator(7)).is_err());
}

#[test]
fn a_signature_is_taken_for_what_was_signed_by_this_key_and_for_nothing_else() {
    let [digest, other] = [&b"message"[..], b"another"].map(|message| Sha256::digest(message).to_vec());
    for algorithm in ALGORITHMS {
        let [key, stranger] = [8, 9].map(|system| PrivateKey::generate(algorithm, &mut generator(system)).unwrap());
        let [public, strangers] = [&key, &stranger].map(|key| key.public_key().unwrap());
        let signature = key.sign(&digest, &mut generator(10)).unwrap();
        assert_eq!(verify(&public, &digest, &signature), Ok(()), "{algorithm:?}");
        for (key, digest, signature) in [
            (&strangers, &digest, &signature[..]),
            (&public, &other, &signature[..]),
            (&public, &digest, &signature[1..]),
            (&public, &digest, &[&signature[..1], &signature[..signature.len() - 1]].concat()),
        ] {
            assert!(verify(key, digest, signature).is_err(), "{algorithm:?}");
        }
        let pss = key.sign_pss(&digest, &mut generator(11));
        assert_eq!(pss.is_ok(), algorithm == KeyAlgorithm::Rsa2048);
        let pss = pss.unwrap_or(signature);
        assert_eq!(verify_pss(&public, &digest, &pss).is_ok(), algorithm == KeyAlgorithm::Rsa2048);
        assert!(verify_pss(&public, &other, &pss).is_err() && verify_pss(&strangers, &digest, &pss).is_err());
    }
}

/// RFC 8017 §9.2, note 1.
const SHA256_DIGEST_INFO: &[u8] =
    &[0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20];

/// Invariant 2, its second half: the system and the sensor are both in the key, and neither alone makes it.
#[test]
fn a_stored_key_depends_on_the_system_and_on_the_sensor() {
    for algorithm in ALGORITHMS {
        let key = |system: u8, sensor: u8| {
            let mut generator = Generator::new(&[system; SYSTEM_OCTETS], &[sensor; 64]);
            PrivateKey::generate(algorithm, &mut generator).unwrap().public_key().unwrap()
        };
        assert_eq!(key(1, 1), key(1, 1), "the two make the key, and nothing else does");
        assert_ne!(key(1, 1), key(2, 1));
        assert_ne!(key(1, 1), key(1, 2));
    }
}

#[test]
fn what_is_no_key_is_not_read() {
    for other in [&b""[..], b"half a key", &[0x30, 0x00]] {
        assert!(PrivateKey::from_pkcs8(other).is_err());
    }
}
