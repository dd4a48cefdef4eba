//! A question about certificates, and the answer that is written with its parts. What is expected must hold: a panic is
//! a finding.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use qcert_pki::Certificate;
use qcert_pki::ocsp::{IssuerHashes, Request, ResponseData, SingleResponse, Status};
use qcert_pki_fuzz::within_limit;

// A panic is how a target tells of a fault, so what must hold is expected.
static ISSUER: LazyLock<Certificate> = LazyLock::new(|| {
    Certificate::parse(include_bytes!("../corpus/certificate/issuing.der")).expect("the kept certificate is good")
});

fuzz_target!(|der: &[u8]| within_limit(|| {
    let Ok(request) = Request::parse(der) else { return };
    let again = Request::to_der(request.certificates(), request.nonce()).expect("what was read can be written");
    assert_eq!(Request::parse(&again).as_ref(), Ok(&request));
    let issuer = IssuerHashes::of(&ISSUER);
    let single = |certificate: &qcert_pki::ocsp::CertId| SingleResponse {
        certificate: certificate.clone(),
        status: if certificate.is_issued_by(&issuer) { Status::Good } else { Status::Unknown },
        this_update: ISSUER.not_before(),
        next_update: ISSUER.not_after(),
    };
    let responses: Vec<SingleResponse> = request.certificates().iter().map(single).collect();
    let data = ResponseData {
        responder: ISSUER.public_key(),
        produced_at: ISSUER.not_before(),
        responses: &responses,
        nonce: request.nonce(),
    };
    data.to_be_signed().expect("an answer to what was read can be written");
}));
