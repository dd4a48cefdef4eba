//! What `pkilint` finds in all that an authority signs: nothing but the NumericStrings of the order of the FSB no. 795,
//! where X.520 has a DirectoryString.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use qcert_pki::crl::{Entry, Reason};
use qcert_pki::ocsp::{CertId, HashAlgorithm, IssuerHashes, Request, Status};
use qcert_pki::{Certificate, Serial};
use time::Duration;

use crate::ocsp::Responder;
use crate::revocation::{issuing_point, list_at};
use crate::support::{Authority, legal_entity, now, person, sole_proprietor};

/// OGRN, SNILS, INNLE, OGRNIP, INN of a person.
const NUMERIC: [&str; 5] = ["1.2.643.100.1", "1.2.643.100.3", "1.2.643.100.4", "1.2.643.100.5", "1.2.643.3.131.1.1"];

/// On PATH, as `cargo xtask test` runs it; else where that keeps its tools.
fn program(name: &str) -> PathBuf {
    let on_path = env::var_os("PATH").map(|path| env::split_paths(&path).collect::<Vec<_>>()).unwrap_or_default();
    let caches = [env::var_os("XDG_CACHE_HOME").map(PathBuf::from), env::home_dir().map(|home| home.join(".cache"))];
    let tools = caches.into_iter().flatten().filter_map(|cache| cache.join("qcert/tools").read_dir().ok()).flatten();
    let kept = tools.filter_map(|tool| Some(tool.ok()?.path().join("programs")));
    let found = on_path.into_iter().chain(kept).map(|directory| directory.join(name)).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("this test needs {name} of pkilint: `cargo xtask setup` installs it"))
}

/// The findings from notices on, as `<code> (<severity>)<: words>`; those about the numbers of the order are counted.
fn findings(words: &str, der: &[u8]) -> (usize, Vec<String>) {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("file.der"), der).unwrap();
    let mut words = words.split(' ');
    let mut command = Command::new(program(words.next().unwrap()));
    command.args(["lint", "-s", "NOTICE"]).args(words).arg("file.der").current_dir(directory.path());
    let output = command.output().unwrap();
    let [text, complaint] = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert_eq!(complaint, "");
    let is_numeric = |line: &&str| {
        line.starts_with("itu.invalid_asn1_syntax (FATAL)")
            && line.contains("\"DirectoryString\"")
            && NUMERIC.iter().any(|oid| line.contains(&format!("type OID {oid}:")))
    };
    let lines = text.lines().filter(|line| line.starts_with("    ")).map(str::trim_start);
    let (numeric, others): (Vec<&str>, Vec<&str>) = lines.partition(is_numeric);
    // Each of its findings makes it fail: nothing was overlooked.
    assert_eq!(output.status.success(), numeric.is_empty() && others.is_empty(), "{text}");
    (numeric.len(), others.into_iter().map(str::to_owned).collect())
}

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
