//! Keys in files.

use std::{fs, os::unix::fs::PermissionsExt};

use qcert_pki::{Certificate, crl::CertificateList};
use time::Duration;

use crate::support::{Place, signs};

const ENCRYPTED: &str = "[ca]\npassphrase_file = 'passphrase'";
/// Production, with what it cannot do without.
const PRODUCTION: &str = "environment = 'production'\n[sms.first]\nkind = 'http'\nurl = 'https://sms.example/{{phone}}/{{text}}'\n\
    [server]\norigin = 'https://qcert.example'\n[issuance]\napproval = 'operator'\n";

fn encrypted() -> Place {
    let place = Place::with(ENCRYPTED);
    place.secret("passphrase", "correct horse\n");
    place
}

#[test]
fn an_encrypted_key_is_read_by_openssl_and_by_the_server() {
    let place = encrypted();
    place.done("ca init");
    let key = place.file(".key");
    let mode = fs::metadata(place.path(&key)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    for key in [&key, "data/ca/root.key"] {
        assert!(fs::read_to_string(place.path(key)).unwrap().starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
        place.openssl_does(&format!("pkey -in {key} -passin file:passphrase -noout"));
    }
    assert_eq!(place.serve().chain().len(), 2);
    let kdf = place.openssl_does(&format!("asn1parse -in {key}"));
    assert!(kdf.contains("PBKDF2") && kdf.contains("hmacWithSHA256") && kdf.contains("0927C0"), "{kdf}");
}

#[test]
fn the_roots_key_can_have_a_passphrase_of_its_own() {
    let place = Place::with(&format!("{ENCRYPTED}\nroot_passphrase_file = 'root'"));
    place.secret("passphrase", "correct horse\n");
    place.secret("root", "battery staple\n");
    place.done("ca init");
    place.openssl_does("pkey -in data/ca/root.key -passin file:root -noout");
    place.openssl_does(&format!("pkey -in {} -passin file:passphrase -noout", place.file(".key")));
    fs::remove_file(place.path("root")).unwrap();
    assert_eq!(place.serve().chain().len(), 2, "nothing that serves asks for it");
    assert!(place.refused("ca rollover").contains("cannot read root"));
    place.secret("root", "battery staple\n");
    place.done("ca rollover");
    assert_eq!((place.list().len(), place.serve().chain().len()), (2, 2));
}

#[test]
fn openssl_agrees_with_the_chain_and_the_roots_list() {
    let place = Place::with("");
    place.done("ca init");
    let issuing = place.file(".pem");
    place.openssl_does(&format!("verify -x509_strict -CAfile data/ca/root.pem {issuing}"));
    let list = place.files().into_iter().find(|name| name.ends_with(".crl")).unwrap();
    place.openssl_does(&format!("crl -in data/ca/{list} -CAfile data/ca/root.pem -out root-crl.pem -outform PEM"));
    let crl = "-crl_check -CRLfile root-crl.pem";
    place.openssl_does(&format!("verify -x509_strict {crl} -CAfile data/ca/root.pem {issuing}"));
    let text = place.openssl_does(&format!("x509 -in {issuing} -noout -text"));
    assert!(text.contains("/crl/root.crl"), "{text}");
}

#[tokio::test]
async fn every_kind_of_issuing_key_signs() {
    for kind in ["P-256", "P-384", "RSA-3072", "RSA-4096"] {
        let place = Place::with(&format!("[ca]\nissuing_key = '{kind}'"));
        place.done("ca init");
        signs(&place.load(Duration::ZERO).0.current()).await.unwrap();
        place.openssl_does(&format!("pkey -in {} -noout -check", place.file(".key")));
    }
}

#[test]
fn in_production_no_key_is_plain() {
    let mut place = Place::with(PRODUCTION);
    assert!(place.refused("ca init").contains("ca.passphrase_file"));
    assert!(!place.path("data/ca").exists(), "nothing is left behind");
    place.change("");
    place.done("ca init");
    place.change(PRODUCTION);
    assert!(place.refused("serve").contains("in production a key's file is encrypted"));
}

#[test]
fn a_wrong_passphrase_is_told() {
    let place = encrypted();
    place.done("ca init");
    place.secret("passphrase", "wrong horse\n");
    let told = place.refused("serve");
    assert!(told.contains("the passphrase is wrong") && !told.contains("horse"), "{told}");
}

#[test]
fn a_key_or_passphrase_that_others_can_read_is_refused() {
    let place = encrypted();
    place.done("ca init");
    let key = place.file(".key");
    for file in ["passphrase", &key] {
        fs::set_permissions(place.path(file), fs::Permissions::from_mode(0o644)).unwrap();
        assert!(place.refused("serve").contains("can be read or changed by others"));
        fs::set_permissions(place.path(file), fs::Permissions::from_mode(0o600)).unwrap();
    }
}

#[test]
fn the_passphrase_can_be_a_credential_of_systemd() {
    let mut place = Place::with("[ca]\npassphrase_credential = 'qcert-ca'");
    assert!(place.refused("ca init").contains("LoadCredential"));
    place.environment("CREDENTIALS_DIRECTORY", place.path("credentials").display());
    fs::create_dir(place.path("credentials")).unwrap();
    // systemd gives an access list, which the mode shows as the group's right.
    fs::write(place.path("credentials/qcert-ca"), "correct horse").unwrap();
    place.done("ca init");
    place.serve();
}

#[test]
fn an_authority_is_never_overwritten() {
    let place = Place::with("");
    place.done("ca init");
    let before = place.files();
    assert!(place.refused("ca init").contains("never overwritten"));
    assert!(place.refused("ca init --request again.csr").contains("never overwritten"));
    assert!(!place.path("again.csr").exists());
    assert_eq!(place.files(), before);
    assert_eq!(fs::read_dir(place.path("data")).unwrap().count(), 1, "no temporary directory is left");
}

#[tokio::test]
async fn a_signature_is_in_the_journal_before_it_is_made() {
    let place = Place::with("");
    place.done("ca init");
    let mut settings = place.settings();
    settings.ca.signature_journal = Some(place.path("journal"));
    let clock = std::sync::Arc::new(qcert_server::clock::SystemClock);
    let ca = qcert_server::ca::Ca::load(&settings.ca, crate::support::ORIGIN, clock).unwrap();
    signs(&ca.current()).await.unwrap();
    let journal = fs::read_to_string(place.path("journal")).unwrap();
    let id: String = ca.current().id().iter().map(|octet| format!("{octet:02x}")).collect();
    let fields: Vec<&str> = journal.trim_end().split(' ').collect();
    assert_eq!((fields.len(), fields[1], fields[3].len()), (4, id.as_str(), 64), "{journal}");
}

/// The journal's lines without their times, as (key, kind, digest).
fn journal(place: &Place) -> Vec<(String, String, String)> {
    let text = fs::read_to_string(place.path("journal")).unwrap_or_default();
    let fields = |line: &str| {
        let fields: Vec<String> = line.split(' ').map(str::to_owned).collect();
        assert_eq!(fields.len(), 4, "{line}");
        (fields[1].clone(), fields[2].clone(), fields[3].clone())
    };
    text.lines().map(fields).collect()
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

#[test]
fn what_the_root_signs_is_in_the_journal_too() {
    let place = Place::with("[ca]\nsignature_journal = 'journal'");
    place.done("ca init");
    let chain = |file: &str| Certificate::parse_pem(&fs::read_to_string(place.path(file)).unwrap()).unwrap();
    let root = chain("data/ca/root.pem").remove(0);
    let issuing = chain(&place.file(".pem")).remove(0);
    let by_root = |kind: &str, to_be_signed: &[u8]| {
        let digest = hex(ring::digest::digest(&ring::digest::SHA256, to_be_signed).as_ref());
        (hex(&root.key_identifier()), kind.to_owned(), digest)
    };
    let list = || {
        let name = place.files().into_iter().find(|name| name.ends_with(".crl")).unwrap();
        let der = fs::read(place.path(&format!("data/ca/{name}"))).unwrap();
        CertificateList::parse_file(&der).unwrap()
    };
    let first = [
        by_root("certificate", root.tbs_der()),
        by_root("revocation-list", list().tbs_der()),
        by_root("certificate", issuing.tbs_der()),
    ];
    assert_eq!(journal(&place), first);
    std::thread::sleep(std::time::Duration::from_millis(1100));
    place.done("ca root-crl");
    assert_eq!(journal(&place)[3..], [by_root("revocation-list", list().tbs_der())]);
    place.done("ca rollover");
    let issued = &journal(&place)[4..];
    assert_eq!(
        issued.iter().map(|(key, kind, _)| (key, kind.as_str())).collect::<Vec<_>>(),
        [(&first[0].0, "certificate")]
    );
    place.done("ca rollover --request next.csr");
    let (key, kind, _) = journal(&place).remove(5);
    let requested = place.list().into_iter().find(|(_, state, _)| state == "requested").unwrap().0;
    assert_eq!((key, kind.as_str()), (requested, "request"), "the new key signs its own request");
}

#[test]
fn without_its_journal_the_root_signs_nothing() {
    let place = Place::with("[ca]\nsignature_journal = 'journal'");
    fs::create_dir(place.path("journal")).unwrap();
    assert!(place.refused("ca init").contains("cannot write journal"));
    assert!(!place.path("data/ca").exists());
    fs::remove_dir(place.path("journal")).unwrap();
    place.done("ca init");
    let before = place.list();
    fs::remove_file(place.path("journal")).unwrap();
    fs::create_dir(place.path("journal")).unwrap();
    for line in ["ca rollover", "ca rollover --request next.csr", "ca root-crl"] {
        assert!(place.refused(line).contains("cannot write journal"), "{line}");
    }
    assert_eq!(place.list(), before);
}
