//! Certificates of the three kinds of holders, seen by `openssl`.

use qcert_pki::certificate::qualified_to_be_signed;
use qcert_pki::{BuildError, Certificate, CertificationRequest, Serial, ToolClass};
use qcert_protocol::HolderData;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair, KeyUsagePurpose};
use time::Duration;

use crate::support::{Authority, MemorySigner, NOW, OpenSsl, legal_entity, now, person, sole_proprietor};

fn verify(authority: &Authority, certificate: &Certificate) -> Result<String, String> {
    let openssl = OpenSsl::new();
    openssl.write("root.pem", authority.root.to_pem());
    openssl.write("issuing.pem", authority.issuing.to_pem());
    openssl.write("holder.pem", certificate.to_pem());
    let at = NOW + 3600;
    openssl.run(&format!(
        "verify -x509_strict -attime {at} -purpose smimesign -CAfile root.pem -untrusted issuing.pem holder.pem"
    ))
}

fn asn1(certificate: &Certificate) -> String {
    let openssl = OpenSsl::new();
    openssl.write("holder.der", certificate.der());
    openssl.run("asn1parse -inform DER -in holder.der").unwrap()
}

/// The values of one string type, in order.
fn strings<'a>(asn1: &'a str, tag: &str) -> Vec<&'a str> {
    let values = asn1.lines().filter_map(|line| line.split_once(tag));
    values.filter_map(|(_, value)| value.trim_start().strip_prefix(':')).collect()
}

#[test]
fn the_chain_of_every_kind_of_holder_passes_the_strict_verification_of_openssl() {
    let authority = Authority::new();
    for (i, holder) in [legal_entity(), sole_proprietor(), person()].iter().enumerate() {
        let certificate = authority.issue(holder, &Serial::from_random([i as u8; 20]));
        let said = verify(&authority, &certificate).unwrap();
        assert!(said.contains("holder.pem: OK"), "{said}");
    }
}

#[test]
fn an_authority_with_other_algorithms_is_as_good() {
    let authority = Authority::with_keys(&rcgen::PKCS_ED25519, &rcgen::PKCS_ECDSA_P384_SHA384);
    let certificate = authority.issue(&legal_entity(), &Serial::from_random([7; 20]));
    verify(&authority, &certificate).unwrap();
}

#[test]
fn the_numbers_of_the_order_are_numeric_strings_in_its_order() {
    let authority = Authority::new();
    let issue = |holder| asn1(&authority.issue(&holder, &Serial::from_random([9; 20])));
    // The issuer's OGRN and INNLE come first.
    let issuer = ["1234567890127", "6688242590"];
    let legal = issue(legal_entity());
    let numbers = ["1234567890127", "07500122105", "500100732259", "6688242590"];
    assert_eq!(strings(&legal, "NUMERICSTRING"), [&issuer[..], &numbers].concat());
    let proprietor = issue(sole_proprietor());
    let numbers = ["304500116000157", "07500122105", "500100732259"];
    assert_eq!(strings(&proprietor, "NUMERICSTRING"), [&issuer[..], &numbers].concat());
    let person = issue(person());
    assert_eq!(strings(&person, "NUMERICSTRING"), [&issuer[..], &numbers[1..]].concat());
    for text in [legal, proprietor, person] {
        assert_eq!(strings(&text, "PRINTABLESTRING"), ["RU", "RU"]);
        assert_eq!(strings(&text, "IA5STRING"), ["direktor@e.ru"]);
    }
}

#[test]
fn the_name_holds_the_attributes_of_the_table_in_its_order() {
    let authority = Authority::new();
    let subject = |holder: HolderData| authority.issue(&holder, &Serial::from_random([3; 20])).subject_text();
    assert_eq!(
        subject(legal_entity()),
        "C=RU, ST=66 Свердловская область, L=Екатеринбург, STREET=ул. Малопрудная, 5, O=ООО «АвтоСпор», \
         OU=Администрация, T=директор, CN=ООО «АвтоСпор», SN=Иванов, GN=Иван Иванович, OGRN=1234567890127, \
         SNILS=07500122105, INN=500100732259, INNLE=6688242590, FSS=6601234567, E=direktor@e.ru"
    );
    assert_eq!(
        subject(sole_proprietor()),
        "C=RU, ST=66 Свердловская область, L=Екатеринбург, CN=Иванов Иван Иванович, SN=Иванов, GN=Иван Иванович, \
         OGRNIP=304500116000157, SNILS=07500122105, INN=500100732259, FSS=6612345678, E=direktor@e.ru"
    );
    assert_eq!(
        subject(person()),
        "C=RU, ST=66 Свердловская область, L=Екатеринбург, CN=Иванов Иван Иванович, SN=Иванов, GN=Иван Иванович, \
         SNILS=07500122105, INN=500100732259, E=direktor@e.ru"
    );
}

#[test]
fn openssl_shows_the_extensions_of_the_profile() {
    let authority = Authority::new();
    let certificate = authority.issue(&legal_entity(), &Serial::from_random([4; 20]));
    let openssl = OpenSsl::new();
    openssl.write("holder.pem", certificate.to_pem());
    let text = openssl.run("x509 -in holder.pem -noout -text -nameopt utf8,sep_comma_plus_space").unwrap();
    for shown in [
        "Version: 3 (0x2)",
        "X509v3 Key Usage: critical\n                Digital Signature, Non Repudiation\n",
        "TLS Web Client Authentication, E-mail Protection",
        "X509v3 Subject Alternative Name: \n                email:direktor@e.ru\n",
        "X509v3 Subject Key Identifier:",
        "X509v3 Authority Key Identifier:",
        "Policy: Class of Signing Tool KC1\n                Policy: Class of Signing Tool KC2\n",
        "Signing Tool of Subject: \n                Токен с неизвлекаемым ключом\n",
        "signTool    : Средство электронной подписи\n",
        "cATool      : Средство удостоверяющего центра Qcert\n",
        "signToolCert: не сертифицировано\n",
        "cAToolCert  : не сертифицировано\n",
        "URI:http://ca.example.ru/crl/issuing.crl",
        "CA Issuers - URI:http://ca.example.ru/ca/issuing.cer",
        "OCSP - URI:http://ca.example.ru/ocsp",
        "Not Before: Jan  1 00:00:00 2026 GMT, Not After: Jan  1 00:00:00 2027 GMT",
        "X509v3 Private Key Usage Period:",
    ] {
        assert!(text.contains(shown), "{shown} is not in\n{text}");
    }
    assert!(!text.contains("KC3") && !text.contains("Basic Constraints"), "{text}");
    assert_eq!(text.matches("critical").count(), 1);
    // identificationKind, which openssl has no name for: INTEGER 0, in person.
    let asn1 = asn1(&certificate);
    let (_, after) = asn1.split_once("1.2.643.100.114").unwrap();
    assert!(after.lines().nth(1).unwrap().ends_with("[HEX DUMP]:020100"), "{after}");
}

/// Invariant 4: what the request says of itself — another name, an authority, other usages — is nowhere.
#[test]
fn a_certificate_is_built_from_the_application_and_the_request_gives_only_the_public_key() {
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let modest = CertificateParams::default().serialize_request(&key).unwrap();
    let mut greedy = CertificateParams::new(vec!["bank.example.ru".to_owned()]).unwrap();
    greedy.distinguished_name.push(DnType::CommonName, "Somebody Else");
    greedy.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    greedy.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let greedy = greedy.serialize_request(&key).unwrap();
    assert_ne!(modest.der(), greedy.der());

    let authority = Authority::new();
    let (holder, serial) = (legal_entity(), Serial::from_random([5; 20]));
    let built = [modest, greedy].map(|request| {
        let request = CertificationRequest::parse_and_verify(request.der()).unwrap();
        qualified_to_be_signed(&authority.issuance(&holder, request.public_key(), &serial)).unwrap()
    });
    assert_eq!(built[0], built[1]);
}

#[test]
fn nothing_is_issued_beyond_the_issuers_validity() {
    let authority = Authority::new();
    let (holder, serial) = (person(), Serial::from_random([6; 20]));
    let key = MemorySigner::generate(&rcgen::PKCS_ECDSA_P256_SHA256);
    let issuance = authority.issuance(&holder, key.public_key(), &serial);
    let mut beyond = issuance.clone();
    beyond.not_after = authority.issuing.not_after() + Duration::seconds(1);
    assert_eq!(qualified_to_be_signed(&beyond), Err(BuildError::Validity));
    let mut before = issuance.clone();
    before.not_before = authority.issuing.not_before() - Duration::seconds(1);
    assert_eq!(qualified_to_be_signed(&before), Err(BuildError::Validity));
    let mut empty = issuance;
    empty.not_after = now();
    assert_eq!(qualified_to_be_signed(&empty), Err(BuildError::Validity));
}

#[test]
fn incomplete_data_and_unfit_settings_are_refused_by_name() {
    let mut authority = Authority::new();
    let serial = Serial::from_random([8; 20]);
    let key = MemorySigner::generate(&rcgen::PKCS_ECDSA_P256_SHA256);
    let mut holder = legal_entity();
    holder.ogrn = None;
    let refused = qualified_to_be_signed(&authority.issuance(&holder, key.public_key(), &serial));
    assert_eq!(refused, Err(BuildError::HolderData("holder.ogrn".to_owned())));
    authority.profile.subject_sign_tool = "х".repeat(201);
    let refused = qualified_to_be_signed(&authority.issuance(&person(), key.public_key(), &serial));
    assert_eq!(refused, Err(BuildError::Setting("subject_sign_tool")));
    authority.profile.subject_sign_tool = "х".repeat(200);
    authority.profile.crl_urls = vec!["ftp://ca.example.ru/".to_owned()];
    assert_eq!(authority.profile.check(), Err(BuildError::Setting("crl_urls")));
    assert_eq!((ToolClass::new(0), ToolClass::new(7)), (None, None));
}

#[test]
fn a_holder_is_no_issuer() {
    let authority = Authority::new();
    let serial = Serial::from_random([1; 20]);
    let certificate = authority.issue(&person(), &serial);
    let key = MemorySigner::generate(&rcgen::PKCS_ECDSA_P256_SHA256);
    let holder = person();
    let mut issuance = authority.issuance(&holder, key.public_key(), &serial);
    issuance.issuer = &certificate;
    assert_eq!(qualified_to_be_signed(&issuance), Err(BuildError::Issuer));
}
