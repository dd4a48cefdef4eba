//! Revocation lists, seen by `openssl`.

use qcert_pki::crl::{self, CertificateList, DistributionPoint, Entry, Number, Reason, RevocationList};
use qcert_pki::{BuildError, Certificate, ReadError, Serial};
use time::Duration;

use crate::support::{Authority, NOW, OpenSsl, now, person, sign};

fn list(authority: &Authority, number: u64, entries: &[Entry]) -> Vec<u8> {
    list_at(authority, number, entries, None)
}

pub fn list_at(authority: &Authority, number: u64, entries: &[Entry], point: Option<&DistributionPoint>) -> Vec<u8> {
    let list = RevocationList {
        issuer: &authority.issuing,
        signature_algorithm: authority.issuing_key.signature_algorithm(),
        number,
        this_update: now(),
        next_update: now() + Duration::days(7),
        distribution_point: point,
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
        Entry { serial: revoked.serial().clone(), revoked_at: now(), reason: Reason::KeyCompromise },
        Entry { serial: Serial::from_random([3; 20]), revoked_at: now(), reason: Reason::Unspecified },
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
        distribution_point: None,
        entries: &[],
    };
    assert_eq!(crl::to_be_signed(&timeless), Err(BuildError::Validity));
    let by_holder = RevocationList { issuer: &holder, next_update: now() + Duration::days(1), ..timeless };
    assert_eq!(crl::to_be_signed(&by_holder), Err(BuildError::Issuer));
}

/// The distribution point that the certificates of [`Authority`] name.
pub fn issuing_point() -> DistributionPoint {
    DistributionPoint { urls: vec!["http://ca.example.ru/crl/issuing.crl".to_owned()], only_user_certificates: true }
}

#[test]
fn a_list_for_one_distribution_point_is_taken_for_its_certificates_and_for_no_others() {
    let authority = Authority::new();
    let revoked = authority.issue(&person(), &Serial::from_random([2; 20]));
    let entries = [Entry { serial: revoked.serial().clone(), revoked_at: now(), reason: Reason::CessationOfOperation }];
    let own = list_at(&authority, 5, &entries, Some(&issuing_point()));
    let said = verify(&authority, &revoked, &own).unwrap_err();
    assert!(said.contains("certificate revoked"), "{said}");
    let elsewhere = DistributionPoint { urls: vec!["http://ca.example.ru/crl/4-2.crl".to_owned()], ..issuing_point() };
    let said = verify(&authority, &revoked, &list_at(&authority, 5, &entries, Some(&elsewhere))).unwrap_err();
    assert!(said.contains("different CRL scope"), "{said}");
    let openssl = OpenSsl::new();
    openssl.write("list.der", &own);
    let text = openssl.run("crl -inform DER -in list.der -noout -text").unwrap();
    for shown in
        ["Issuing Distribution Point: critical", "URI:http://ca.example.ru/crl/issuing.crl", "Only User Certificates"]
    {
        assert!(text.contains(shown), "{shown} is not in\n{text}");
    }
    let nowhere = DistributionPoint { urls: vec![], only_user_certificates: true };
    let list = RevocationList {
        issuer: &authority.issuing,
        signature_algorithm: authority.issuing_key.signature_algorithm(),
        number: 1,
        this_update: now(),
        next_update: now() + Duration::days(1),
        distribution_point: Some(&nowhere),
        entries: &[],
    };
    assert_eq!(crl::to_be_signed(&list), Err(BuildError::Setting("crl_urls")));
}

#[test]
fn every_reason_is_shown_by_openssl_in_the_order_given() {
    let authority = Authority::new();
    let reasons = Reason::ALL.iter().copied().enumerate();
    let entries: Vec<Entry> = reasons
        .map(|(i, reason)| Entry { serial: Serial::from_random([9 - i as u8; 20]), revoked_at: now(), reason })
        .collect();
    let openssl = OpenSsl::new();
    openssl.write("list.der", list(&authority, 1, &entries));
    openssl.write("issuing.pem", authority.issuing.to_pem());
    let text = openssl.run("crl -inform DER -in list.der -noout -text -CAfile issuing.pem -verify").unwrap();
    assert!(text.contains("verify OK"), "{text}");
    let shown: Vec<&str> = text.lines().map(str::trim).collect();
    let serials: Vec<&str> = shown.iter().filter_map(|line| line.strip_prefix("Serial Number: ")).collect();
    assert_eq!(serials, entries.iter().map(|entry| entry.serial.to_string()).collect::<Vec<_>>());
    let after = |line: &usize| shown[line + 1];
    let codes: Vec<&str> =
        (0..shown.len()).filter(|i| shown[*i] == "X509v3 CRL Reason Code:").map(|i| after(&i)).collect();
    // Without a word for "unspecified", which is not written.
    assert_eq!(
        codes,
        [
            "Key Compromise",
            "CA Compromise",
            "Affiliation Changed",
            "Superseded",
            "Cessation Of Operation",
            "Certificate Hold",
            "Privilege Withdrawn",
        ]
    );
}

#[test]
fn the_parsed_view_of_a_list_says_what_was_built() {
    let (authority, other) = (Authority::new(), Authority::new());
    let entries = [
        Entry { serial: Serial::from_random([7; 20]), revoked_at: now(), reason: Reason::Superseded },
        Entry { serial: Serial::from_random([3; 20]), revoked_at: now(), reason: Reason::Unspecified },
    ];
    let point = issuing_point();
    let der = list_at(&authority, 70_000, &entries, Some(&point));
    let list = CertificateList::parse(&der).unwrap();
    assert_eq!((list.this_update(), list.next_update()), (now(), now() + Duration::days(7)));
    assert_eq!(list.number(), &Number::from(70_000));
    assert!(list.number() > &Number::from(69_999) && list.number() < &Number::from(70_001));
    assert_eq!((list.entries(), list.entry(&entries[1].serial)), (&entries[..], Some(&entries[1])));
    assert_eq!(list.entry(&Serial::from_random([4; 20])), None);
    assert_eq!(list.authority_key_identifier(), Some(&authority.issuing.key_identifier()[..]));
    assert_eq!(list.distribution_point(), Some(&point));
    assert_eq!(list.issuer_text(), authority.issuing.subject_text());
    assert_eq!(list.verify(&authority.issuing), Ok(()));
    // The same names, another key; and an authority of another name.
    assert_eq!(list.verify(&other.issuing), Err(ReadError::Issuer));
    assert_eq!(list.verify(&authority.root), Err(ReadError::Issuer));
}

#[test]
fn a_list_is_read_from_der_and_from_pem_with_words_before_it() {
    let authority = Authority::new();
    let der = list(&authority, 1, &[]);
    let openssl = OpenSsl::new();
    openssl.write("list.der", &der);
    openssl.run("crl -inform DER -in list.der -out list.pem").unwrap();
    let pem = String::from_utf8(openssl.read("list.pem")).unwrap();
    let read = CertificateList::parse(&der);
    assert!(read.is_ok());
    for file in [der.clone(), pem.clone().into_bytes(), format!("root's list:\r\n{}", pem.replace('\n', "\r\n")).into()]
    {
        assert_eq!(CertificateList::parse_file(&file), read);
    }
    for broken in [&b""[..], b"-----BEGIN X509 CRL-----", &pem.as_bytes()[..60], &[&der[..], &[0]].concat()] {
        assert!(CertificateList::parse_file(broken).is_err());
    }
}

#[test]
fn no_changed_bit_of_a_list_is_believed() {
    let authority = Authority::new();
    let entries = [Entry { serial: Serial::from_random([7; 20]), revoked_at: now(), reason: Reason::Superseded }];
    let der = list_at(&authority, 1, &entries, Some(&issuing_point()));
    for bit in 0..der.len() * 8 {
        let mut changed = der.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let believed = CertificateList::parse(&changed).and_then(|list| list.verify(&authority.issuing));
        assert!(believed.is_err(), "bit {} of octet {}", bit % 8, bit / 8);
    }
}
