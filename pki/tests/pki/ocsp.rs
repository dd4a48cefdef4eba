//! Questions and answers about certificates' states: `openssl ocsp` asks and believes.

use qcert_pki::crl::Reason;
use qcert_pki::ocsp::{
    CertId, HashAlgorithm, IssuerHashes, MAX_CERTIFICATES, Refusal, Request, ResponderCertificate, ResponseData,
    SingleResponse, Status, successful,
};
use qcert_pki::{BuildError, Certificate, Serial, Signer};
use qcert_protocol::holder::Text;
use time::Duration;

use crate::support::{Authority, MemorySigner, NOW, OpenSsl, now, person, sign};

/// A responder for an authority, with a certificate of three days.
pub struct Responder {
    pub key: Box<dyn Signer>,
    pub certificate: Certificate,
}

/// What its certificate is to say.
pub fn responder_parameters<'a>(
    authority: &'a Authority,
    key: &'a dyn Signer,
    name: &'a Text<64>,
    serial: &'a Serial,
) -> ResponderCertificate<'a> {
    ResponderCertificate {
        issuer: &authority.issuing,
        signature_algorithm: authority.issuing_key.signature_algorithm(),
        common_name: name,
        public_key: key.public_key(),
        serial,
        not_before: now(),
        not_after: now() + Duration::days(3),
    }
}

impl Responder {
    pub fn new(authority: &Authority) -> Self {
        let key = MemorySigner::generate(&rcgen::PKCS_ECDSA_P256_SHA256);
        let (name, serial) = (Text::parse("OCSP").unwrap(), Serial::from_random([0x77; 20]));
        let tbs = responder_parameters(authority, key.as_ref(), &name, &serial).to_be_signed().unwrap();
        let certificate = Certificate::parse(&sign(&tbs, authority.issuing_key.as_ref())).unwrap();
        Self { key, certificate }
    }

    /// The whole answer to a question.
    pub fn answer(&self, request: &Request, status: impl Fn(&CertId) -> Status) -> Vec<u8> {
        let single = |id: &CertId| SingleResponse {
            certificate: id.clone(),
            status: status(id),
            this_update: now(),
            next_update: now() + Duration::hours(12),
        };
        let responses: Vec<SingleResponse> = request.certificates().iter().map(single).collect();
        let data = ResponseData {
            responder: self.key.public_key(),
            produced_at: now(),
            responses: &responses,
            nonce: request.nonce(),
        };
        let tbs = data.to_be_signed().unwrap();
        let signature = self.key.sign(&tbs).unwrap();
        successful(&tbs, self.key.signature_algorithm(), &signature, self.certificate.der()).unwrap()
    }
}

/// A directory with the chain, the certificates `0.pem`, `1.pem`… and a question about them in `request.der`.
fn asked(authority: &Authority, certificates: &[&Certificate], options: &str) -> (OpenSsl, Request) {
    let openssl = OpenSsl::new();
    openssl.write("root.pem", authority.root.to_pem());
    openssl.write("issuing.pem", authority.issuing.to_pem());
    let mut words = format!("ocsp {options} -issuer issuing.pem");
    for (i, certificate) in certificates.iter().enumerate() {
        openssl.write(&format!("{i}.pem"), certificate.to_pem());
        words += &format!(" -cert {i}.pem");
    }
    openssl.run(&format!("{words} -reqout request.der")).unwrap();
    let request = Request::parse(&openssl.read("request.der")).unwrap();
    (openssl, request)
}

/// What `openssl ocsp` says to an answer. The nonce is the one in the file: without `-no_nonce` it would take another.
fn believed(openssl: &OpenSsl, answer: &[u8], certificates: usize, hash: &str) -> Result<String, String> {
    openssl.write("answer.der", answer);
    let about: String = (0..certificates).map(|i| format!(" -cert {i}.pem")).collect();
    openssl.run(&format!(
        "ocsp {hash} -no_nonce -reqin request.der -respin answer.der -CAfile root.pem -verify_other issuing.pem \
         -issuer issuing.pem{about} -attime {} -validity_period 999999999",
        NOW + 60
    ))
}

#[test]
fn openssl_believes_an_answer_about_several_certificates_with_its_nonce() {
    let authority = Authority::new();
    let certificates = [1, 2, 3].map(|i| authority.issue(&person(), &Serial::from_random([i; 20])));
    let (openssl, request) = asked(&authority, &certificates.each_ref(), "-nonce");
    assert!(request.nonce().is_some_and(|nonce| nonce.len() >= 16));
    assert_eq!(request.certificates().len(), 3);
    let issuer = IssuerHashes::of(&authority.issuing);
    let other = IssuerHashes::of(&authority.root);
    assert!(request.certificates().iter().all(|id| id.is_issued_by(&issuer) && !id.is_issued_by(&other)));
    let answer = Responder::new(&authority).answer(&request, |id| match id.serial() {
        Some(serial) if serial == certificates[0].serial() => Status::Good,
        Some(serial) if serial == certificates[1].serial() => {
            Status::Revoked { at: now() - Duration::hours(1), reason: Reason::AffiliationChanged }
        }
        _ => Status::Unknown,
    });
    let said = believed(&openssl, &answer, 3, "-sha1").unwrap();
    for shown in [
        "Response verify OK",
        "0.pem: good",
        "1.pem: revoked",
        "Reason: affiliationChanged",
        "2.pem: unknown",
        "Revocation Time: Dec 31 23:00:00 2025 GMT",
    ] {
        assert!(said.contains(shown), "{shown} is not in\n{said}");
    }
    assert!(!said.contains("no nonce"), "{said}");
}

#[test]
fn a_question_by_sha256_without_a_nonce_is_answered_so() {
    let authority = Authority::new();
    let certificate = authority.issue(&person(), &Serial::from_random([1; 20]));
    let (openssl, request) = asked(&authority, &[&certificate], "-no_nonce -sha256");
    assert_eq!(request.nonce(), None);
    let id = &request.certificates()[0];
    assert_eq!((id.hash_algorithm(), id.serial()), (Some(HashAlgorithm::Sha256), Some(certificate.serial())));
    assert!(id.is_issued_by(&IssuerHashes::of(&authority.issuing)));
    let answer =
        Responder::new(&authority).answer(&request, |_| Status::Revoked { at: now(), reason: Reason::Unspecified });
    let said = believed(&openssl, &answer, 1, "-sha256").unwrap();
    assert!(said.contains("Response verify OK") && said.contains("0.pem: revoked"), "{said}");
    assert!(!said.contains("Reason:"), "{said}");
}

#[test]
fn an_answer_of_a_responder_of_another_authority_is_not_believed() {
    let (authority, other) = (Authority::new(), Authority::new());
    let certificate = authority.issue(&person(), &Serial::from_random([1; 20]));
    let (openssl, request) = asked(&authority, &[&certificate], "-no_nonce");
    let said = believed(&openssl, &Responder::new(&other).answer(&request, |_| Status::Good), 1, "-sha1");
    let text = said.unwrap_or_else(|text| text);
    assert!(text.contains("Response Verify Failure"), "{text}");
}

#[test]
fn openssl_reads_every_refusal() {
    let openssl = OpenSsl::new();
    let refusals = [
        (Refusal::MalformedRequest, "malformedrequest"),
        (Refusal::InternalError, "internalerror"),
        (Refusal::TryLater, "trylater"),
        (Refusal::Unauthorized, "unauthorized"),
    ];
    for (refusal, name) in refusals {
        openssl.write("answer.der", refusal.to_der());
        let said = openssl.run("ocsp -respin answer.der -noverify -text").unwrap_or_else(|text| text);
        assert!(said.to_lowercase().contains(name), "{said}");
    }
}

#[test]
fn a_responders_certificate_is_for_answers_alone_and_is_not_looked_up() {
    let authority = Authority::new();
    let responder = Responder::new(&authority);
    assert_eq!(responder.certificate.verify_issued_by(&authority.issuing), Ok(()));
    assert!(!responder.certificate.is_authority() && !responder.certificate.may_sign_lists());
    let subject = responder.certificate.subject_text();
    assert_eq!(subject, authority.issuing.subject_text().replace("CN=УЦ «Пример»", "CN=OCSP"));
    let openssl = OpenSsl::new();
    openssl.write("responder.pem", responder.certificate.to_pem());
    let text = openssl.run("x509 -in responder.pem -noout -text").unwrap();
    for shown in [
        "X509v3 Key Usage: critical\n                Digital Signature\n",
        "X509v3 Extended Key Usage: \n                OCSP Signing\n",
        "OCSP No Check",
        "X509v3 Subject Key Identifier",
        "X509v3 Authority Key Identifier",
    ] {
        assert!(text.contains(shown), "{shown} is not in\n{text}");
    }
    assert!(!text.contains("Basic Constraints"), "{text}");
}

#[test]
fn a_responder_is_not_certified_beyond_its_issuer_nor_by_a_holder() {
    let authority = Authority::new();
    let key = MemorySigner::generate(&rcgen::PKCS_ECDSA_P256_SHA256);
    let (name, serial) = (Text::parse("OCSP").unwrap(), Serial::from_random([1; 20]));
    let good = responder_parameters(&authority, key.as_ref(), &name, &serial);
    let beyond =
        ResponderCertificate { not_after: authority.issuing.not_after() + Duration::seconds(1), ..good.clone() };
    assert_eq!(beyond.to_be_signed(), Err(BuildError::Validity));
    let empty = ResponderCertificate { not_after: good.not_before, ..good.clone() };
    assert_eq!(empty.to_be_signed(), Err(BuildError::Validity));
    let holder = authority.issue(&person(), &serial);
    assert_eq!(ResponderCertificate { issuer: &holder, ..good }.to_be_signed(), Err(BuildError::Issuer));
}

fn id(authority: &Authority, first: u8) -> CertId {
    let serial = Serial::from_bytes(&[first, 1]).unwrap();
    CertId::new(&IssuerHashes::of(&authority.issuing), HashAlgorithm::Sha1, &serial).unwrap()
}

#[test]
fn a_question_survives_the_way_through_der() {
    let authority = Authority::new();
    for first in [1, 0x7f, 0x80, 0xff] {
        let asked = [id(&authority, first), id(&authority, 9)];
        let request = Request::parse(&Request::to_der(&asked, Some(&[5; 32])).unwrap()).unwrap();
        assert_eq!((request.certificates(), request.nonce()), (&asked[..], Some(&[5; 32][..])));
        assert_eq!(request.certificates()[0].serial(), Serial::from_bytes(&[first, 1]).as_ref());
    }
}

/// RFC 9654 §2.1.
#[test]
fn a_nonce_has_one_to_128_octets() {
    let authority = Authority::new();
    let parse = |nonce: &[u8]| Request::parse(&Request::to_der(&[id(&authority, 1)], Some(nonce)).unwrap());
    for length in [1, 16, 32, 127, 128] {
        assert_eq!(parse(&vec![3; length]).unwrap().nonce(), Some(&vec![3; length][..]));
    }
    for length in [0, 129, 1000] {
        assert_eq!(parse(&vec![3; length]), Err(Refusal::MalformedRequest), "{length}");
    }
}

#[test]
fn a_question_is_about_one_certificate_at_least_and_not_too_many() {
    let authority = Authority::new();
    let ask = |count| Request::parse(&Request::to_der(&vec![id(&authority, 1); count], None).unwrap());
    assert_eq!(ask(MAX_CERTIFICATES).unwrap().certificates().len(), MAX_CERTIFICATES);
    assert_eq!(ask(0), Err(Refusal::MalformedRequest));
    assert_eq!(ask(MAX_CERTIFICATES + 1), Err(Refusal::MalformedRequest));
}

/// `openssl` writes extensions of its own; each case changes a good question in one place.
#[test]
fn what_is_critical_and_unknown_or_not_der_is_malformed() {
    let authority = Authority::new();
    let good = Request::to_der(&[id(&authority, 1)], Some(&[0xaa; 8])).unwrap();
    assert!(Request::parse(&good).is_ok());
    // The nonce's extension: SEQUENCE { OID …1.2, OCTET STRING }; another last arc is another extension.
    let oid = [0x06, 0x09, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x02];
    let at = good.windows(oid.len()).position(|bytes| bytes == oid).unwrap();
    let insert = |extension: &[u8], last_arc: u8| {
        // The lengths of everything around: OCSPRequest, TBSRequest, [2], Extensions, Extension.
        let mut der = good.clone();
        der[at + 10] = last_arc;
        der.splice(at + 11..at + 11, extension.iter().copied());
        for length in [at - 1, at - 3, at - 5, 3, 1] {
            der[length] += extension.len() as u8;
        }
        Request::parse(&der)
    };
    assert_eq!(insert(&[], 9).map(|request| request.nonce().is_none()), Ok(true));
    assert_eq!(insert(&[0x01, 0x01, 0xff], 2).map(|request| request.nonce().is_some()), Ok(true));
    assert_eq!(insert(&[0x01, 0x01, 0xff], 9), Err(Refusal::MalformedRequest));
    // A default that is written, and a BOOLEAN of BER.
    assert_eq!(insert(&[0x01, 0x01, 0x00], 9), Err(Refusal::MalformedRequest));
    assert_eq!(insert(&[0x01, 0x01, 0x01], 2), Err(Refusal::MalformedRequest));
    assert_eq!(Request::parse(&[&good[..], &[0]].concat()), Err(Refusal::MalformedRequest));
    for length in 0..good.len() {
        assert_eq!(Request::parse(&good[..length]), Err(Refusal::MalformedRequest));
    }
}

#[test]
fn a_number_that_no_certificate_has_is_asked_about_and_found_nowhere() {
    let authority = Authority::new();
    let good = Request::to_der(&[id(&authority, 0x41)], None).unwrap();
    let at = good.len() - 2;
    assert_eq!(good[at - 2..], [0x02, 0x02, 0x41, 0x01]);
    let mut negative = good.clone();
    negative[at] = 0x81;
    let request = Request::parse(&negative).unwrap();
    assert_eq!(request.certificates()[0].serial(), None);
    let mut padded = good;
    padded[at] = 0;
    assert_eq!(Request::parse(&padded), Err(Refusal::MalformedRequest));
    let (openssl, _) = asked(&authority, &[&authority.issue(&person(), &Serial::from_random([1; 20]))], "-no_nonce");
    openssl.write("request.der", &negative);
    let answer = Responder::new(&authority).answer(&request, |_| Status::Unknown);
    openssl.write("answer.der", &answer);
    let text = openssl.run("ocsp -respin answer.der -noverify -resp_text").unwrap();
    assert!(text.contains("Cert Status: unknown") && text.contains("Serial Number: -7E"), "{text}");
}
