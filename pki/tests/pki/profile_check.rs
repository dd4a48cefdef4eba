//! The check before signing finds what the builder must never make.

use proptest::prelude::*;
use qcert_pki::certificate::qualified_to_be_signed;
use qcert_pki::ocsp::ResponderCertificate;
use qcert_pki::profile_check::{check_qualified, check_responder};
use qcert_pki::{Finding, Issuance, Serial, SignatureAlgorithm, ToolClass};
use qcert_protocol::application::IdentificationKind;
use qcert_protocol::holder::Text;
use time::Duration;

use crate::ocsp::responder_parameters;
use crate::support::{Authority, MemorySigner, legal_entity, person, sole_proprietor};

fn places(result: Result<(), Vec<Finding>>) -> Vec<&'static str> {
    result.err().unwrap_or_default().into_iter().map(|finding| finding.place).collect()
}

#[test]
fn what_is_built_for_every_kind_of_holder_and_every_class_passes() {
    let mut authority = Authority::new();
    let (key, serial) = (MemorySigner::generate(&rcgen::PKCS_ECDSA_P384_SHA384), Serial::from_random([1; 20]));
    for class in 1..=6 {
        authority.profile.class = ToolClass::new(class).unwrap();
        for holder in [legal_entity(), sole_proprietor(), person()] {
            let issuance = authority.issuance(&holder, key.public_key(), &serial);
            let tbs = qualified_to_be_signed(&issuance).unwrap();
            assert_eq!(check_qualified(&tbs, &issuance), Ok(()));
        }
    }
}

#[test]
fn one_changed_bit_anywhere_is_found() {
    let authority = Authority::new();
    let (key, serial) = (MemorySigner::generate(&rcgen::PKCS_ECDSA_P256_SHA256), Serial::from_random([1; 20]));
    let holder = legal_entity();
    let issuance = authority.issuance(&holder, key.public_key(), &serial);
    let tbs = qualified_to_be_signed(&issuance).unwrap();
    for bit in 0..tbs.len() * 8 {
        let mut changed = tbs.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(check_qualified(&changed, &issuance).is_err(), "bit {} of octet {}", bit % 8, bit / 8);
    }
}

#[test]
fn a_difference_from_what_was_decided_is_named() {
    let authority = Authority::new();
    let (key, other_key) =
        (MemorySigner::generate(&rcgen::PKCS_ECDSA_P256_SHA256), MemorySigner::generate(&rcgen::PKCS_ED25519));
    let (serial, other_serial) = (Serial::from_random([1; 20]), Serial::from_random([2; 20]));
    let (holder, mut other_holder) = (legal_entity(), legal_entity());
    other_holder.title = Some("бухгалтер").map(|title| qcert_protocol::holder::Text::parse(title).unwrap());
    let mut other_profile = authority.profile.clone();
    other_profile.class = ToolClass::new(1).unwrap();
    other_profile.ocsp_urls.clear();
    other_profile.issuer_sign_tool.ca_tool_certificate = "№ 1".to_owned();
    let decided = authority.issuance(&holder, key.public_key(), &serial);
    let tbs = qualified_to_be_signed(&decided).unwrap();
    let found = |change: &dyn Fn(&mut Issuance<'_>)| {
        // The lifetimes of the others outlive the closure's.
        let mut expected = decided.clone();
        change(&mut expected);
        places(check_qualified(&tbs, &expected))
    };
    assert_eq!(found(&|expected| expected.identification = IdentificationKind::ByPassport), ["identificationKind"]);
    assert_eq!(found(&|expected| expected.signature_algorithm = SignatureAlgorithm::RsaSha256), ["signature"]);
    let later = |expected: &mut Issuance<'_>| expected.not_after += Duration::seconds(1);
    assert_eq!(found(&later), ["validity", "privateKeyUsagePeriod"]);
    let mut expected = decided.clone();
    expected.public_key = other_key.public_key();
    assert_eq!(places(check_qualified(&tbs, &expected)), ["subjectPublicKeyInfo"]);
    let mut expected = decided.clone();
    expected.serial = &other_serial;
    assert_eq!(places(check_qualified(&tbs, &expected)), ["serialNumber"]);
    let mut expected = decided.clone();
    expected.holder = &other_holder;
    assert_eq!(places(check_qualified(&tbs, &expected)), ["title"]);
    let mut expected = decided.clone();
    expected.profile = &other_profile;
    let places = places(check_qualified(&tbs, &expected));
    assert_eq!(places, ["certificatePolicies", "issuerSignTool", "authorityInfoAccess"]);
}

#[test]
fn a_finding_names_the_place_and_never_the_value() {
    let authority = Authority::new();
    let (key, serial) = (MemorySigner::generate(&rcgen::PKCS_ECDSA_P256_SHA256), Serial::from_random([1; 20]));
    let holder = legal_entity();
    let tbs = qualified_to_be_signed(&authority.issuance(&holder, key.public_key(), &serial)).unwrap();
    let findings = check_qualified(&tbs, &authority.issuance(&person(), key.public_key(), &serial)).unwrap_err();
    assert_eq!(findings[0].to_string(), "subject has other attributes than this kind of holder, or in another order");
}

#[test]
fn one_changed_bit_in_a_responders_certificate_is_found() {
    let authority = Authority::new();
    let key = MemorySigner::generate(&rcgen::PKCS_ECDSA_P256_SHA256);
    let (name, serial) = (Text::parse("Ответы УЦ").unwrap(), Serial::from_random([1; 20]));
    let expected = responder_parameters(&authority, key.as_ref(), &name, &serial);
    let tbs = expected.to_be_signed().unwrap();
    assert_eq!(check_responder(&tbs, &expected), Ok(()));
    for bit in 0..tbs.len() * 8 {
        let mut changed = tbs.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(check_responder(&changed, &expected).is_err(), "bit {} of octet {}", bit % 8, bit / 8);
    }
}

#[test]
fn a_certificate_for_anything_else_is_no_responders() {
    let authority = Authority::new();
    let key = MemorySigner::generate(&rcgen::PKCS_ECDSA_P256_SHA256);
    let (name, serial) = (Text::parse("OCSP").unwrap(), Serial::from_random([1; 20]));
    let expected = responder_parameters(&authority, key.as_ref(), &name, &serial);
    let holders = qualified_to_be_signed(&authority.issuance(&person(), key.public_key(), &serial)).unwrap();
    let found = places(check_responder(&holders, &expected));
    for place in ["validity", "subject", "extensions", "keyUsage", "extKeyUsage", "id-pkix-ocsp-nocheck"] {
        assert!(found.contains(&place), "{place} is not among {found:?}");
    }
    assert!(!places(check_responder(authority.issuing.tbs_der(), &expected)).is_empty());
    let other_name = Text::parse("Other").unwrap();
    let renamed = ResponderCertificate { common_name: &other_name, ..expected.clone() };
    assert_eq!(places(check_responder(&expected.to_be_signed().unwrap(), &renamed)), ["subject"]);
    let later = ResponderCertificate { not_after: expected.not_after + Duration::days(1), ..expected.clone() };
    assert_eq!(places(check_responder(&expected.to_be_signed().unwrap(), &later)), ["validity"]);
}

proptest! {
    #[test]
    fn no_bytes_make_the_check_panic(cut in 0usize..1500, noise in proptest::collection::vec(any::<u8>(), 0..64)) {
        thread_local! {
            static BUILT: (Authority, Vec<u8>) = {
                let authority = Authority::new();
                let key = MemorySigner::generate(&rcgen::PKCS_ECDSA_P256_SHA256);
                let serial = Serial::from_random([1; 20]);
                let tbs = qualified_to_be_signed(&authority.issuance(&person(), key.public_key(), &serial)).unwrap();
                (authority, tbs)
            };
        }
        BUILT.with(|(authority, tbs)| {
            let mut bytes = tbs.clone();
            let at = cut.min(bytes.len());
            let end = (at + noise.len()).min(bytes.len());
            bytes.splice(at..end, noise);
            let serial = Serial::from_random([3; 20]);
            let holder = person();
            let key = authority.issuing.public_key();
            assert!(check_qualified(&bytes, &authority.issuance(&holder, key, &serial)).is_err());
        });
    }
}
