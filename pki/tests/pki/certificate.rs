//! The parsed view of certificates, and the authority's own.

use proptest::prelude::*;
use qcert_pki::{AuthorityCertificate, BuildError, Certificate, Serial, authority};
use qcert_protocol::ErrorCode;
use time::Duration;

use crate::support::{Authority, MemorySigner, OpenSsl, authority_name, legal_entity, now, person};

#[test]
fn the_parsed_view_says_what_was_built() {
    let authority = Authority::new();
    let serial = Serial::from_random([0xc3; 20]);
    let certificate = authority.issue(&legal_entity(), &serial);
    assert_eq!(certificate.serial(), &serial);
    assert_eq!(certificate.not_before(), now());
    assert_eq!(certificate.not_after(), now() + Duration::days(365));
    assert_eq!(certificate.issuer_text(), authority.issuing.subject_text());
    assert!(!certificate.is_authority());
    assert_eq!(certificate.public_key().spki_der(), certificate.spki_der());
    assert!(certificate.der().windows(certificate.tbs_der().len()).any(|bytes| bytes == certificate.tbs_der()));
    assert_eq!((authority.root.path_length(), authority.issuing.path_length()), (Some(1), Some(0)));
}

#[test]
fn a_certificate_is_believed_only_with_its_own_issuer() {
    let (authority, other) = (Authority::new(), Authority::new());
    let certificate = authority.issue(&person(), &Serial::from_random([1; 20]));
    assert_eq!(certificate.verify_issued_by(&authority.issuing), Ok(()));
    assert_eq!(authority.issuing.verify_issued_by(&authority.root), Ok(()));
    assert_eq!(authority.root.verify_issued_by(&authority.root), Ok(()));
    // The same names, another key.
    assert_eq!(certificate.verify_issued_by(&other.issuing), Err(ErrorCode::CertificateInvalid));
    assert_eq!(certificate.verify_issued_by(&authority.root), Err(ErrorCode::CertificateInvalid));
    assert_eq!(certificate.verify_issued_by(&certificate), Err(ErrorCode::CertificateInvalid));
}

#[test]
fn a_chain_survives_the_way_through_pem_with_words_around() {
    let authority = Authority::new();
    let text = format!("issuing:\n{}\r\nroot:\n{}", authority.issuing.to_pem(), authority.root.to_pem());
    assert_eq!(Certificate::parse_pem(&text), Ok(vec![authority.issuing.clone(), authority.root.clone()]));
    let windows = text.replace('\n', "\r\n");
    assert_eq!(Certificate::parse_pem(&windows).map(|chain| chain.len()), Ok(2));
    for broken in ["", "no certificate", &text[..text.len() - 10], &text.replace("MII", "M!I")] {
        assert_eq!(Certificate::parse_pem(broken), Err(ErrorCode::CertificateInvalid));
    }
}

#[test]
fn octets_after_a_certificate_are_refused() {
    let authority = Authority::new();
    let longer = [authority.root.der(), &[0]].concat();
    assert_eq!(Certificate::parse(&longer), Err(ErrorCode::CertificateInvalid));
}

#[test]
fn openssl_shows_the_authoritys_constraints() {
    let authority = Authority::new();
    let openssl = OpenSsl::new();
    for (certificate, path_length) in [(&authority.root, 1), (&authority.issuing, 0)] {
        openssl.write("ca.pem", certificate.to_pem());
        let text = openssl.run("x509 -in ca.pem -noout -text").unwrap();
        assert!(text.contains(&format!("critical\n                CA:TRUE, pathlen:{path_length}")), "{text}");
        assert!(text.contains("X509v3 Key Usage: critical\n                Certificate Sign, CRL Sign"), "{text}");
        openssl.write("ca.der", certificate.der());
        let asn1 = openssl.run("asn1parse -inform DER -in ca.der").unwrap();
        assert_eq!(asn1.matches("NUMERICSTRING").count(), 4, "{asn1}");
    }
}

#[test]
fn an_authority_is_not_made_below_one_that_may_have_none() {
    let authority = Authority::new();
    let key = MemorySigner::generate(&rcgen::PKCS_ECDSA_P256_SHA256);
    let (name, serial) = (authority_name("УЦ третьего ряда"), Serial::from_random([1; 20]));
    let third = AuthorityCertificate {
        name: &name,
        public_key: key.public_key(),
        signature_algorithm: authority.issuing_key.signature_algorithm(),
        serial: &serial,
        not_before: now(),
        not_after: now() + Duration::days(30),
        path_length: Some(0),
        class: None,
        crl_urls: &[],
        ca_issuers_urls: &[],
    };
    assert_eq!(authority::issuing_to_be_signed(&authority.issuing, &third), Err(BuildError::Issuer));
    assert!(authority::issuing_to_be_signed(&authority.root, &third).is_ok());
    let endless = AuthorityCertificate { path_length: None, ..third.clone() };
    assert_eq!(authority::issuing_to_be_signed(&authority.root, &endless), Err(BuildError::Issuer));
    let long = AuthorityCertificate { not_after: now() + Duration::days(36500), ..third };
    assert_eq!(authority::issuing_to_be_signed(&authority.root, &long), Err(BuildError::Validity));
}

#[test]
fn times_from_2050_on_are_generalized() {
    let key = MemorySigner::generate(&rcgen::PKCS_ECDSA_P256_SHA256);
    let (name, serial) = (authority_name("Корневой УЦ"), Serial::from_random([1; 20]));
    let root = AuthorityCertificate {
        name: &name,
        public_key: key.public_key(),
        signature_algorithm: key.signature_algorithm(),
        serial: &serial,
        not_before: now(),
        not_after: now() + Duration::days(365 * 30),
        path_length: None,
        class: None,
        crl_urls: &[],
        ca_issuers_urls: &[],
    };
    let tbs = authority::root_to_be_signed(&root).unwrap();
    let openssl = OpenSsl::new();
    openssl.write("tbs.der", &tbs);
    let asn1 = openssl.run("asn1parse -inform DER -in tbs.der").unwrap();
    assert_eq!((asn1.matches("UTCTIME").count(), asn1.matches("GENERALIZEDTIME").count()), (1, 1));
}

proptest! {
    #[test]
    fn no_damage_to_a_certificate_makes_the_parser_panic(
        at in 0usize..1200,
        removed in 0usize..40,
        noise in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        thread_local! {
            static HONEST: (Certificate, Certificate) = {
                let authority = Authority::new();
                (authority.issue(&person(), &Serial::from_random([1; 20])), authority.issuing)
            };
        }
        HONEST.with(|(honest, issuer)| {
            let mut bytes = honest.der().to_vec();
            let at = at.min(bytes.len());
            let end = (at + removed).min(bytes.len());
            bytes.splice(at..end, noise);
            if let Ok(certificate) = Certificate::parse(&bytes) {
                let _ = (certificate.subject_text(), certificate.key_identifier());
                assert!(certificate.verify_issued_by(issuer).is_err() || bytes == honest.der());
            }
        });
    }
}
