//! A certificate, as DER and as PEM: from an outside root, from a token, from a file.

#![no_main]

use libfuzzer_sys::fuzz_target;
use qcert_pki::Certificate;
use qcert_pki_fuzz::within_limit;

fn look_at(certificate: &Certificate) {
    let _ = (certificate.subject_text(), certificate.issuer_text(), certificate.key_identifier(), certificate.to_pem());
    let _ = (certificate.is_authority(), certificate.may_sign_lists(), certificate.path_length());
    let _ = certificate.verify_issued_by(certificate);
    let chain = std::slice::from_ref(certificate);
    let _ = qcert_pki::authority::check_chain(chain, certificate.public_key(), certificate.not_before());
}

fuzz_target!(|content: &[u8]| within_limit(|| {
    if let Ok(certificate) = Certificate::parse(content) {
        assert_eq!(certificate.der(), content);
        look_at(&certificate);
    }
    if let Ok(chain) = Certificate::parse_pem(&String::from_utf8_lossy(content)) {
        chain.iter().for_each(look_at);
    }
}));
