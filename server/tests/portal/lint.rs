//! What `pkilint` finds in what a running portal hands out: nothing but the NumericStrings of the order of the FSB no.
//! 795. The issuer's name has two of them, the director's certificate four.

use axum::{body::Body, http::Request};
use qcert_pki::{
    Serial,
    crl::Reason,
    ocsp::{CertId, HashAlgorithm, IssuerHashes, Request as Question},
};
use qcert_server::publication::lists::shard_of;

use crate::{
    pkilint,
    support::{ORIGIN, Workplace},
};

const ISSUER: usize = 2;
const HOLDER: usize = 4;

/// Without those about the addresses: `pkilint` wants a dot in a host's name, and this one is `localhost`.
fn findings(words: &str, der: &[u8]) -> (usize, Vec<String>) {
    let (numeric, mut others) = pkilint::findings(words, der);
    let address = format!("pkix.invalid_uri_syntax (ERROR): Invalid URI syntax: \"{ORIGIN}/");
    others.retain(|finding| !finding.starts_with(&address));
    (numeric, others)
}

#[tokio::test]
async fn pkilint_finds_nothing_but_numeric_strings_in_what_the_portal_hands_out() {
    let workplace = Workplace::with("[ca]\ncrl_shards = 8").await;
    let (mut browser, view) = workplace.with_certificate().await;
    let certificate = browser.get(&format!("/certificates/{}/file", view.id)).await;
    assert_eq!(certificate.headers["content-type"], "application/pkix-cert");
    assert_eq!(findings("lint_pkix_cert", &certificate.body), (ISSUER + HOLDER, vec![]));

    workplace.revoked_by_operator(&view.serial, Reason::Superseded).await.unwrap();
    workplace.publish().await;
    let serial = Serial::parse(&view.serial).unwrap();
    let list = workplace.public(&workplace.list_path(&shard_of(&serial, 8)), &[]).await;
    assert!(list.body.windows(16).any(|bytes| serial.as_bytes().ends_with(bytes)), "it is on its list");
    assert_eq!(findings("lint_crl -t CRL -p PKIX", &list.body), (ISSUER, vec![]));

    let current = workplace.portal.ca.current();
    let issuer = current.certificate();
    let id = |serial| CertId::new(&IssuerHashes::of(issuer), HashAlgorithm::Sha1, serial).unwrap();
    let ids = [id(&serial), id(&Serial::parse("4001020304").unwrap())];
    for nonce in [None, Some(&[7; 32][..])] {
        let question = Question::to_der(&ids, nonce).unwrap();
        let answer = browser.send(Request::post("/ocsp").body(Body::from(question)).unwrap()).await;
        // Those of the responder's certificate in it.
        assert_eq!(findings("lint_ocsp_response", &answer.body), (2 * ISSUER, vec![]));
    }
}
