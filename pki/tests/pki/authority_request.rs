//! An issuing authority below a root that is somebody else's: here one of `openssl x509 -req`.

use qcert_pki::authority::{self, Unfit};
use qcert_pki::{Certificate, Signer, assemble};
use time::Duration;

use crate::support::{Authority, MemorySigner, OpenSsl, authority_name, now, sign};

/// A directory with `root.pem` and its key, and `request.der` of an issuing authority.
fn requested(signer: &dyn Signer) -> OpenSsl {
    let name = authority_name("УЦ «Пример»");
    let info = authority::request_to_be_signed(&name, signer.public_key()).unwrap();
    let request = assemble(&info, signer.signature_algorithm(), &signer.sign(&info).unwrap()).unwrap();
    let openssl = OpenSsl::new();
    openssl.write("request.pem", authority::request_to_pem(&request).unwrap());
    openssl.run("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out root.key").unwrap();
    root(&openssl, "basicConstraints=critical,CA:TRUE,pathlen:1");
    openssl
}

fn root(openssl: &OpenSsl, constraints: &str) {
    openssl.write(
        "root.cnf",
        format!("[req]\ndistinguished_name=dn\n[dn]\n[root]\n{constraints}\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n"),
    );
    openssl
        .run(
            "req -new -x509 -config root.cnf -extensions root -key root.key -subj /O=Ministry -days 3650 -out root.pem",
        )
        .unwrap();
}

/// The chain that the outside root answers with; without words of its own it copies what was asked for.
fn answered(openssl: &OpenSsl, extensions: Option<&str>) -> Vec<Certificate> {
    let words = match extensions {
        None => "-copy_extensions copyall".to_owned(),
        Some(extensions) => {
            openssl.write("issuing.cnf", extensions);
            "-extfile issuing.cnf".to_owned()
        }
    };
    openssl
        .run(&format!("x509 -req -in request.pem -CA root.pem -CAkey root.key -days 365 {words} -out issuing.pem"))
        .unwrap();
    let pem = [openssl.read("issuing.pem"), openssl.read("root.pem")].concat();
    Certificate::parse_pem(&String::from_utf8(pem).unwrap()).unwrap()
}

/// The clock of `openssl x509 -req` is the machine's.
fn valid(chain: &[Certificate]) -> time::OffsetDateTime {
    chain[0].not_before() + Duration::hours(1)
}

#[test]
fn an_outside_root_answers_the_request_with_a_certificate_to_issue_with() {
    let signer = MemorySigner::generate(&rcgen::PKCS_ECDSA_P256_SHA256);
    let openssl = requested(signer.as_ref());
    let text = openssl.run("req -in request.pem -noout -text -verify").unwrap();
    for shown in ["verify OK", "CA:TRUE, pathlen:0", "Certificate Sign, CRL Sign", "X509v3 Subject Key Identifier"] {
        assert!(text.contains(shown), "{shown} is not in\n{text}");
    }
    let chain = answered(&openssl, None);
    assert_eq!(authority::check_chain(&chain, signer.public_key(), valid(&chain)), Ok(()));
    assert_eq!(chain[0].path_length(), Some(0));
    assert!(chain[0].subject_text().contains("CN=УЦ «Пример»"));
}

#[test]
fn a_certificate_that_may_not_issue_is_not_taken() {
    let signer = MemorySigner::generate(&rcgen::PKCS_ECDSA_P256_SHA256);
    let openssl = requested(signer.as_ref());
    let usage = "keyUsage=critical,keyCertSign,cRLSign";
    let authority = "basicConstraints=critical,CA:TRUE,pathlen:0";
    let cases = [
        (format!("{authority}\n{usage}"), Ok(())),
        (format!("basicConstraints=critical,CA:TRUE\n{usage}"), Ok(())),
        (format!("basicConstraints=critical,CA:FALSE\n{usage}"), Err(Unfit::NotAuthority(0))),
        (usage.to_owned(), Err(Unfit::NotAuthority(0))),
        (format!("{authority}\nkeyUsage=critical,digitalSignature"), Err(Unfit::NotAuthority(0))),
        (format!("{authority}\nkeyUsage=critical,keyCertSign"), Err(Unfit::Lists)),
        (
            format!("{authority}\n{usage}\nnameConstraints=critical,permitted;email:.example.ru"),
            Err(Unfit::Extension(0)),
        ),
    ];
    for (extensions, expected) in cases {
        let chain = answered(&openssl, Some(&extensions));
        assert_eq!(authority::check_chain(&chain, signer.public_key(), valid(&chain)), expected, "{extensions}");
    }
}

#[test]
fn a_chain_is_taken_only_for_its_key_whole_and_in_its_time() {
    let signer = MemorySigner::generate(&rcgen::PKCS_ECDSA_P256_SHA256);
    let other = MemorySigner::generate(&rcgen::PKCS_ECDSA_P256_SHA256);
    let openssl = requested(signer.as_ref());
    let chain = answered(&openssl, None);
    let check = |chain: &[Certificate], at| authority::check_chain(chain, signer.public_key(), at);
    assert_eq!(authority::check_chain(&chain, other.public_key(), valid(&chain)), Err(Unfit::Key));
    assert_eq!(check(&[], now()), Err(Unfit::Empty));
    let hour = Duration::hours(1);
    assert_eq!(check(&chain, chain[0].not_before() - hour), Err(Unfit::Validity(0)));
    assert_eq!(check(&chain, chain[0].not_after() + hour), Err(Unfit::Validity(0)));
    // Without its root, and with that of somebody else.
    assert_eq!(check(&chain[..1], valid(&chain)), Err(Unfit::Signature(0)));
    let strange = [chain[0].clone(), Authority::new().root];
    assert_eq!(check(&strange, valid(&chain)), Err(Unfit::Signature(0)));
    // A root that wants no authority below it.
    root(&openssl, "basicConstraints=critical,CA:TRUE,pathlen:0");
    let chain = answered(&openssl, None);
    assert_eq!(check(&chain, valid(&chain)), Err(Unfit::NotAuthority(1)));
}

#[test]
fn the_own_hierarchy_is_a_chain_to_issue_with_too() {
    let authority = Authority::new();
    let chain = [authority.issuing.clone(), authority.root.clone()];
    assert_eq!(authority::check_chain(&chain, authority.issuing_key.public_key(), now()), Ok(()));
    let signer = MemorySigner::generate(&rcgen::PKCS_ECDSA_P256_SHA256);
    assert!(authority::request_to_pem(&sign(authority.root.tbs_der(), signer.as_ref())).is_err());
}
