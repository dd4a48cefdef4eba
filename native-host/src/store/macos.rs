//! The person's keychain, which Safari and Chromium and its kin read on macOS, and the databases of Firefox.
//!
//! A certificate in a keychain is no more trusted than before: trust settings are a list of their own, which is not
//! opened. A keychain loads no PKCS#11 modules. Its programs reach a token's key if the vendor has an extension for
//! CryptoTokenKit, which shows them the certificate beside the key by itself; so of modules only Firefox is told.

use std::path::Path;

use qcert_protocol::ErrorCode;
use security_framework::{certificate::SecCertificate, os::macos::keychain::SecKeychain};

use super::nss;

/// errSecDuplicateItem: the keychain has this certificate.
const IS_THERE: i32 = -25299;

/// Adds a certificate to the person's default keychain, which is that of their login unless they chose another, and to
/// Firefox's databases. Doing it twice is as good as once. A keychain shows it under its subject's name.
///
/// # Errors
/// `store_failed`; for Firefox also `store_tool_missing`. One that refuses keeps the others from nothing.
pub fn add_certificate(container: &str, der: &[u8], module: &Path) -> Result<(), ErrorCode> {
    let in_keychain = add_to_keychain(der);
    let in_firefox = nss::add_certificate(container, der, module);
    in_keychain.and(in_firefox)
}

fn add_to_keychain(der: &[u8]) -> Result<(), ErrorCode> {
    let added = SecCertificate::from_der(der).and_then(|certificate| certificate.add_to_keychain(None));
    match added {
        Err(error) if error.code() != IS_THERE => Err(ErrorCode::StoreFailed),
        _ => Ok(()),
    }
}

/// The keychain, and whether there is one; what Firefox's databases need, if there are any.
pub fn parts() -> Vec<(String, Option<ErrorCode>)> {
    let keychain = SecKeychain::default().err().map(|_| ErrorCode::StoreFailed);
    let mut parts = vec![("Keychain".to_owned(), keychain)];
    if nss::has_databases() {
        parts.extend(nss::parts());
    }
    parts
}
