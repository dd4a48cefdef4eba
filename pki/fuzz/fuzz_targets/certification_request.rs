//! What a person's program uploads.

#![no_main]

use libfuzzer_sys::fuzz_target;
use qcert_pki::{CertificationRequest, PublicKey};
use qcert_pki_fuzz::within_limit;

fuzz_target!(|der: &[u8]| within_limit(|| {
    if let Ok(request) = CertificationRequest::parse_and_verify(der) {
        let key = request.public_key();
        assert_eq!(PublicKey::from_spki_der(key.spki_der()).as_ref(), Ok(key));
    }
}));
