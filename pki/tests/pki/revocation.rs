//! Revocation lists, seen by `openssl`.

use qcert_pki::crl::{self, Entry, Reason, RevocationList};
use qcert_pki::{BuildError, Certificate, Serial};
use time::Duration;

use crate::support::{Authority, NOW, OpenSsl, now, person, sign};

fn list(authority: &Authority, number: u64, entries: &[Entry]) -> Vec<u8> {
    let list = RevocationList {
        issuer: &authority.issuing,
        signature_algorithm: authority.issuing_key.signature_algorithm(),
        number,
        this_update: now(),
        next_update: now() + Duration::days(7),
        entries,
    };
    sign(&crl::to_be_signed(&list).unwrap(), authority.issuing_key.as_ref())
}

fn verify(authority: &Authority, certificate: &Certificate, list: &[u8]) -> Result<String, String> {
    let openssl = OpenSsl::new();
    openssl.write("root.pem", authority.root.to_pem());
    openssl.write("issuing.pem", authority.issuing.to_pem());
    openssl.write("holder.pem", certificate.to_pem());
    openssl.write("list.der", list);
    openssl.run("crl -inform DER -in list.der -out list.pem").unwrap();
    let at = NOW + 3600;
    openssl.run(&format!(
        "verify -x509_strict -crl_check -attime {at} -CAfile root.pem -untrusted issuing.pem -CRLfile list.pem holder.pem"
    ))
}

#[test]
fn openssl_finds_the_revoked_certificate_and_no_other() {
    let authority = Authority::new();
    let good = authority.issue(&person(), &Serial::from_random([1; 20]));
    let revoked = authority.issue(&person(), &Serial::from_random([2; 20]));
    let entries = [
        Entry { serial: revoked.serial().clone(), revoked_at: now(), reason: Some(Reason::KeyCompromise) },
        Entry { serial: Serial::from_random([3; 20]), revoked_at: now(), reason: None },
    ];
    let list = list(&authority, 2, &entries);
    assert!(verify(&authority, &good, &list).is_ok());
    let said = verify(&authority, &revoked, &list).unwrap_err();
    assert!(said.contains("certificate revoked"), "{said}");
}

#[test]
fn a_list_of_nothing_leaves_the_entries_out() {
    let authority = Authority::new();
    let good = authority.issue(&person(), &Serial::from_random([1; 20]));
    let list = list(&authority, 300, &[]);
    verify(&authority, &good, &list).unwrap();
    let openssl = OpenSsl::new();
    openssl.write("list.der", &list);
    let text = openssl.run("crl -inform DER -in list.der -noout -text").unwrap();
    for shown in
        ["Version 2", "No Revoked Certificates", "X509v3 CRL Number: \n                300", "Authority Key Identifier"]
    {
        assert!(text.contains(shown), "{shown} is not in\n{text}");
    }
    let asn1 = openssl.run("asn1parse -inform DER -in list.der").unwrap();
    assert!(!asn1.contains("l=   0 cons"), "an empty SEQUENCE:\n{asn1}");
}

#[test]
fn a_list_without_time_or_authority_is_refused() {
    let authority = Authority::new();
    let holder = authority.issue(&person(), &Serial::from_random([1; 20]));
    let timeless = RevocationList {
        issuer: &authority.issuing,
        signature_algorithm: authority.issuing_key.signature_algorithm(),
        number: 1,
        this_update: now(),
        next_update: now(),
        entries: &[],
    };
    assert_eq!(crl::to_be_signed(&timeless), Err(BuildError::Validity));
    let by_holder = RevocationList { issuer: &holder, next_update: now() + Duration::days(1), ..timeless };
    assert_eq!(crl::to_be_signed(&by_holder), Err(BuildError::Issuer));
}
