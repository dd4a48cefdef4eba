//! A revocation list of an outside root.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use qcert_pki::Certificate;
use qcert_pki::crl::CertificateList;
use qcert_pki_fuzz::within_limit;

/// The issuer of the kept lists.
static ISSUER: LazyLock<Certificate> = LazyLock::new(|| {
    Certificate::parse(include_bytes!("../corpus/certificate/issuing.der")).expect("the kept certificate is good")
});

fuzz_target!(|content: &[u8]| within_limit(|| {
    if let Ok(list) = CertificateList::parse_file(content) {
        let _ = (list.issuer_text(), list.this_update(), list.next_update(), list.number().to_string());
        assert!(list.entries().iter().all(|entry| list.entry(&entry.serial).is_some()));
        let _ = list.verify(&ISSUER);
    }
}));
