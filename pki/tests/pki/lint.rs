//! What `pkilint` finds in all that an authority signs: nothing but the NumericStrings of the order of the FSB no. 795,
//! where X.520 has a DirectoryString.

use qcert_pki::crl::{Entry, Reason};
use qcert_pki::ocsp::{CertId, HashAlgorithm, IssuerHashes, Request, Status};
use qcert_pki::{Certificate, Serial};
use time::Duration;

use crate::ocsp::Responder;
use crate::pkilint::findings;
use crate::revocation::{issuing_point, list_at};
use crate::support::{Authority, legal_entity, now, person, sole_proprietor};

fn certificate_findings(certificate: &Certificate) -> (usize, Vec<String>) {
    findings("lint_pkix_cert", certificate.der())
}

/// The issuer's name has OGRN and INNLE.
const ISSUER: usize = 2;

#[test]
fn pkilint_finds_nothing_but_numeric_strings_in_a_holders_certificate() {
    let authority = Authority::new();
    for (holder, numbers) in [(legal_entity(), 4), (sole_proprietor(), 3), (person(), 2)] {
        let certificate = authority.issue(&holder, &Serial::from_random([1; 20]));
        assert_eq!(certificate_findings(&certificate), (ISSUER + numbers, vec![]), "{:?}", holder.kind);
    }
}

#[test]
fn pkilint_finds_nothing_but_numeric_strings_in_the_authoritys_certificates() {
    let authority = Authority::new();
    let responder = Responder::new(&authority);
    for certificate in [&authority.root, &authority.issuing, &responder.certificate] {
        assert_eq!(certificate_findings(certificate), (2 * ISSUER, vec![]), "{}", certificate.subject_text());
    }
}

#[test]
fn pkilint_finds_nothing_but_numeric_strings_in_a_revocation_list() {
    let authority = Authority::new();
    let entry = |reason: &Reason| Entry {
        serial: Serial::from_random([reason.code(); 20]),
        revoked_at: now() - Duration::days(1),
        reason: *reason,
    };
    let entries: Vec<Entry> = Reason::ALL.iter().map(entry).collect();
    let point = issuing_point();
    for (entries, point) in [(&[][..], None), (&entries, None), (&entries, Some(&point))] {
        let list = list_at(&authority, 17, entries, point);
        assert_eq!(findings("lint_crl -t CRL -p PKIX", &list), (ISSUER, vec![]));
    }
}

#[test]
fn pkilint_finds_nothing_but_numeric_strings_in_an_answer_about_certificates() {
    let authority = Authority::new();
    let responder = Responder::new(&authority);
    let issuer = IssuerHashes::of(&authority.issuing);
    let id = |number: u8| CertId::new(&issuer, HashAlgorithm::Sha1, &Serial::from_random([number; 20])).unwrap();
    for nonce in [None, Some(&[7; 32][..])] {
        let request = Request::parse(&Request::to_der(&[id(0), id(1), id(2)], nonce).unwrap()).unwrap();
        let answer = responder.answer(&request, |asked| match asked.serial().map(|serial| serial.as_bytes()[1]) {
            Some(0) => Status::Good,
            Some(1) => Status::Revoked { at: now(), reason: Reason::KeyCompromise },
            _ => Status::Unknown,
        });
        // Those of the responder's certificate in it.
        assert_eq!(findings("lint_ocsp_response", &answer), (2 * ISSUER, vec![]));
    }
}
