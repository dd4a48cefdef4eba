//! A key alone: the checks of numbers and points behind it, and signatures that are none.

#![no_main]

use libfuzzer_sys::fuzz_target;
use qcert_pki::{PublicKey, SignatureAlgorithm};
use qcert_pki_fuzz::within_limit;

fuzz_target!(|spki: &[u8]| within_limit(|| {
    if let Ok(key) = PublicKey::from_spki_der(spki) {
        assert_eq!(key.spki_der(), spki);
        let _ = (key.key_id(), key.key_code(), key.subject_key_identifier(), key.algorithm().key_algorithm());
        for algorithm in SignatureAlgorithm::ALL {
            assert!(key.verify(algorithm, b"message", &[0x30; 70]).is_err());
        }
    }
}));
