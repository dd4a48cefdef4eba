//! A root that is somebody else's: openssl's.

use std::fs;

use qcert_pki::Certificate;

use crate::support::{Place, now};

const EXTENSIONS: &str = "[issuing]\nbasicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\n\
    subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n[holder]\nbasicConstraints=critical,CA:FALSE\n\
    [ca]\ndefault_ca=root\n[root]\ndatabase=index.txt\ncrlnumber=number\ndefault_md=sha256\nx509_extensions=issuing\n\
    new_certs_dir=.\nserial=serial\npolicy=any\ncrl_extensions=list\n[any]\n[list]\nauthorityKeyIdentifier=keyid\n";

/// An outside root, and our request to it.
fn asked() -> Place {
    let place = Place::with("[ca]\nissuing_key = 'P-384'");
    fs::write(place.path("openssl.cnf"), EXTENSIONS).unwrap();
    fs::write(place.path("index.txt"), "").unwrap();
    fs::write(place.path("number"), "10\n").unwrap();
    place.openssl_does("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out outside.key");
    let usage = "keyUsage=critical,keyCertSign,cRLSign";
    place.openssl_does(&format!(
        "req -x509 -key outside.key -subj /CN=Outside -days 3650 -addext {usage} -out outside.pem"
    ));
    place.done("ca init --request issuing.csr");
    place
}

/// Has the root sign our request.
fn answer(place: &Place, extensions: &str, file: &str) {
    let by = "-CA outside.pem -CAkey outside.key -CAcreateserial -days 1000";
    let with = format!("-extfile openssl.cnf -extensions {extensions}");
    place.openssl_does(&format!("x509 -req -in issuing.csr {by} {with} -out {file}"));
}

fn list_of_the_root(place: &Place, days: u32, file: &str) {
    let by = "-config openssl.cnf -cert outside.pem -keyfile outside.key";
    place.openssl_does(&format!("ca -gencrl {by} -crldays {days} -out {file}"));
}

#[test]
fn the_request_proves_its_key_and_asks_for_an_authority() {
    let place = asked();
    let text = place.openssl_does("req -in issuing.csr -verify -noout -text");
    assert!(text.contains("CA:TRUE") && text.contains("Certificate Sign"), "{text}");
    assert_eq!(place.states(), ["requested"]);
    assert!(place.refused("serve").contains("there is no authority"));
    assert_eq!(fs::read(place.path("issuing.csr")).unwrap(), fs::read(place.path(&place.file(".csr"))).unwrap());
}

#[test]
fn the_roots_answer_issues() {
    let place = asked();
    answer(&place, "issuing", "issuing.pem");
    place.done("ca import issuing.pem outside.pem");
    assert_eq!(place.states(), ["issuing"]);
    let serving = place.serve();
    let chain = serving.chain();
    let outside = fs::read_to_string(place.path("outside.pem")).unwrap();
    assert_eq!(chain[1..], Certificate::parse_pem(&outside).unwrap());
    chain[0].verify_issued_by(&chain[1]).unwrap();
    let id: String = chain[0].key_identifier().iter().map(|octet| format!("{octet:02x}")).collect();
    let (head, body) = serving.get(&format!("/ca/{id}.cer"));
    assert!(head.contains("application/pkix-cert") && body == chain[0].der(), "{head}");
    assert!(serving.get("/ca/00.cer").0.starts_with("HTTP/1.1 404"));
    assert!(serving.get("/crl/root.crl").0.starts_with("HTTP/1.1 404"), "none was imported");
    assert!(place.refused("ca import issuing.pem outside.pem").contains("no key waits"));
}

#[test]
fn a_certificate_that_may_not_issue_or_is_not_ours_is_refused() {
    let place = asked();
    answer(&place, "holder", "holder.pem");
    assert!(place.refused("ca import holder.pem outside.pem").contains("may not issue"));
    answer(&place, "issuing", "issuing.pem");
    assert!(place.refused("ca import issuing.pem").contains("is missing"));
    assert!(place.refused("ca import outside.pem").contains("answers a request"));
    let not_ours = asked();
    answer(&not_ours, "issuing", "issuing.pem");
    fs::copy(not_ours.path("issuing.pem"), place.path("other.pem")).unwrap();
    assert!(place.refused("ca import other.pem outside.pem").contains("answers a request"));
    assert_eq!(place.states(), ["requested"]);
}

#[test]
fn the_roots_list_is_served_and_never_goes_back() {
    let place = asked();
    answer(&place, "issuing", "issuing.pem");
    list_of_the_root(&place, 30, "first.crl");
    assert!(place.refused("ca import-crl first.crl").contains("no authority above ours"));
    place.done("ca import issuing.pem outside.pem");
    list_of_the_root(&place, 30, "second.crl");
    let serving = place.serve();
    place.done("ca import-crl second.crl");
    let (head, body) = serving.get("/crl/root.crl");
    assert!(head.contains("application/pkix-crl"), "{head}");
    fs::write(place.path("served.crl"), &body).unwrap();
    place.openssl_does("crl -in served.crl -CAfile outside.pem -noout");
    place.done("ca import-crl second.crl");
    assert!(place.refused("ca import-crl first.crl").contains("is not greater"));
    assert_eq!(serving.get("/crl/root.crl").1, body);
}

#[test]
fn a_list_of_somebody_else_or_of_another_time_is_refused() {
    let place = asked();
    answer(&place, "issuing", "issuing.pem");
    place.done("ca import issuing.pem outside.pem");
    let other = asked();
    list_of_the_root(&other, 30, "other.crl");
    fs::copy(other.path("other.crl"), place.path("other.crl")).unwrap();
    assert!(place.refused("ca import-crl other.crl").contains("no authority above ours"));
    let by = "-config openssl.cnf -cert outside.pem -keyfile outside.key";
    let past = "-crl_lastupdate 20200101000000Z -crl_nextupdate 20200201000000Z";
    place.openssl_does(&format!("ca -gencrl {by} {past} -out past.crl"));
    assert!(place.refused("ca import-crl past.crl").contains("expired"));
}

#[test]
fn what_the_root_revoked_issues_no_more() {
    let place = asked();
    answer(&place, "issuing", "issuing.pem");
    place.done("ca import issuing.pem outside.pem");
    let (ca, clock) = place.load(time::Duration::ZERO);
    ca.check_good(&ca.current()).unwrap();
    assert!(ca.concerns(qcert_server::clock::Clock::now(&*clock)).is_empty());
    place.openssl_does("ca -config openssl.cnf -cert outside.pem -keyfile outside.key -revoke issuing.pem");
    list_of_the_root(&place, 30, "revoked.crl");
    assert!(place.done("ca import-crl revoked.crl").contains("it issues no more"));
    assert!(ca.check_good(&ca.current()).unwrap_err().to_string().contains("was revoked"));
    assert_eq!(place.states(), ["revoked"]);
    let serving = place.serve();
    serving.get("/healthz");
    let log = serving.log();
    assert!(log.contains("nothing is issued"), "{log}");
}

#[test]
fn a_list_that_ends_soon_is_told_in_time() {
    let place = asked();
    answer(&place, "issuing", "issuing.pem");
    place.done("ca import issuing.pem outside.pem");
    list_of_the_root(&place, 30, "root.crl");
    place.done("ca import-crl root.crl");
    let (ca, _) = place.load(time::Duration::ZERO);
    let concerned = |days| ca.concerns(now() + time::Duration::days(days));
    assert!(concerned(20).is_empty(), "{:?}", concerned(20));
    assert!(concerned(25)[0].contains("expires at"));
    assert!(concerned(31)[0].contains("expired at"));
}
