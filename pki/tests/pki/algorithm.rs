//! Hash and curve need not be the textbook pair, and an authority's key may be of RSA: `openssl` reads and believes it all.

use qcert_pki::certificate::qualified_to_be_signed;
use qcert_pki::crl::{self, CertificateList, RevocationList};
use qcert_pki::{Certificate, CertificationRequest, Serial, SignatureAlgorithm as S, profile_check};
use time::Duration;

use crate::support::{Authority, MemorySigner, NOW, OpenSsl, OpenSslSigner, now, person, sign};

const P256: &str = "-algorithm EC -pkeyopt ec_paramgen_curve:P-256";
const P384: &str = "-algorithm EC -pkeyopt ec_paramgen_curve:P-384";

/// Certificate and list of an authority with this key, as `openssl verify` sees them.
fn issue_and_verify(key: &str, algorithm: S) {
    let root = MemorySigner::generate(&rcgen::PKCS_ECDSA_P384_SHA384);
    let authority = Authority::with_signers(root.as_ref(), OpenSslSigner::generate(key, algorithm));
    let certificate = authority.issue(&person(), &Serial::from_random([1; 20]));
    assert_eq!(certificate.signature_algorithm(), algorithm);
    let list = RevocationList {
        issuer: &authority.issuing,
        signature_algorithm: algorithm,
        number: 1,
        this_update: now(),
        next_update: now() + Duration::days(1),
        distribution_point: None,
        entries: &[],
    };
    let list = sign(&crl::to_be_signed(&list).unwrap(), authority.issuing_key.as_ref());
    let openssl = OpenSsl::new();
    openssl.write("root.pem", authority.root.to_pem());
    openssl.write("issuing.pem", authority.issuing.to_pem());
    openssl.write("holder.pem", certificate.to_pem());
    openssl.write("list.der", &list);
    openssl.run("crl -inform DER -in list.der -out list.pem").unwrap();
    let at = NOW + 3600;
    let said = openssl.run(&format!(
        "verify -x509_strict -crl_check -attime {at} -CAfile root.pem -untrusted issuing.pem -CRLfile list.pem holder.pem"
    ));
    assert!(said.as_ref().is_ok_and(|said| said.contains("holder.pem: OK")), "{algorithm:?}: {said:?}");
    // Our own check is the library's, which has no ECDSA with SHA-512.
    if algorithm != S::EcdsaSha512 {
        assert_eq!(certificate.verify_issued_by(&authority.issuing), Ok(()));
        assert_eq!(CertificateList::parse(&list).unwrap().verify(&authority.issuing), Ok(()));
    }
}

#[test]
fn an_authority_may_sign_with_any_pair_of_curve_and_hash() {
    for (key, algorithm) in [
        (P256, S::EcdsaSha256),
        (P256, S::EcdsaSha384),
        (P256, S::EcdsaSha512),
        (P384, S::EcdsaSha256),
        (P384, S::EcdsaSha384),
        (P384, S::EcdsaSha512),
    ] {
        issue_and_verify(key, algorithm);
    }
}

#[test]
fn an_authority_may_sign_with_rsa_and_any_hash() {
    for (bits, algorithm) in [(3072, S::RsaSha256), (2048, S::RsaSha384), (2048, S::RsaSha512)] {
        issue_and_verify(&format!("-algorithm RSA -pkeyopt rsa_keygen_bits:{bits}"), algorithm);
    }
}

/// A library that took the curve from the hash made certificates here that nobody could read.
#[test]
fn the_key_of_a_request_with_an_unusual_pair_is_readable_in_its_certificate() {
    let authority = Authority::new();
    for (key, hash, curve) in [(P384, "sha256", "secp384r1"), (P256, "sha384", "prime256v1")] {
        let openssl = OpenSsl::new();
        openssl.run(&format!("genpkey -out key.pem {key}")).unwrap();
        openssl.run(&format!("req -new -key key.pem -{hash} -subj /CN=x -outform DER -out request.der")).unwrap();
        let request = CertificationRequest::parse_and_verify(&openssl.read("request.der")).unwrap();
        let (holder, serial) = (person(), Serial::from_random([2; 20]));
        let issuance = authority.issuance(&holder, request.public_key(), &serial);
        let tbs = qualified_to_be_signed(&issuance).unwrap();
        profile_check::check_qualified(&tbs, &issuance).unwrap();
        let certificate = Certificate::parse(&sign(&tbs, authority.issuing_key.as_ref())).unwrap();
        openssl.write("holder.pem", certificate.to_pem());
        let shown = openssl.run("x509 -in holder.pem -noout -pubkey").unwrap();
        assert_eq!(shown, openssl.run("pkey -in key.pem -pubout").unwrap());
        let text = openssl.run("x509 -in holder.pem -noout -text").unwrap();
        assert!(text.contains(&format!("ASN1 OID: {curve}")), "{text}");
    }
}
