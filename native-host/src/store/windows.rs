//! The store "My" of the person who runs this (`certmgr.msc`: "Personal"), which Windows, Chrome and Edge read.
//!
//! A certificate there is no more trusted than before: trust is given by other stores, which are not opened. The link
//! from it to its key (CERT_KEY_PROV_INFO_PROP_ID) names a container of a cryptographic provider; PKCS#11 does not know
//! how the vendor's provider calls it, so none is made, and one that the provider made is kept.

use std::{ffi::c_void, path::Path, ptr::null_mut};

use qcert_protocol::{ErrorCode, KeyId};
use windows_sys::{
    Win32::Security::Cryptography::{
        CERT_CONTEXT, CERT_FRIENDLY_NAME_PROP_ID, CERT_STORE_ADD_USE_EXISTING, CERT_STORE_PROV_SYSTEM_W,
        CERT_SYSTEM_STORE_CURRENT_USER, CRYPT_INTEGER_BLOB, CertAddEncodedCertificateToStore, CertCloseStore,
        CertFreeCertificateContext, CertOpenStore, CertSetCertificateContextProperty, HCERTSTORE, X509_ASN_ENCODING,
    },
    w,
};

use super::Way;

/// Adds a certificate, and names it as the container. Doing it twice is as good as once.
///
/// # Errors
/// `store_failed`.
pub fn add_certificate(container: &str, der: &[u8], _module: &Path) -> Result<(), ErrorCode> {
    let store = Store::open()?;
    let certificate = store.add(der)?;
    certificate.name(container)
}

/// Nothing to do: the store finds keys through the vendors' own providers.
///
/// # Errors
/// None.
pub fn register_module(_way: &Way, _keys: &[KeyId]) -> Result<(), ErrorCode> {
    Ok(())
}

/// As far as this can be told, which is whether there is a store.
pub fn is_registered(_way: &Way) -> bool {
    true
}

/// The store, and whether it opens.
pub fn parts() -> Vec<(String, Option<ErrorCode>)> {
    vec![("My".to_owned(), Store::open().err())]
}

/// The person's store, open.
struct Store(HCERTSTORE);

impl Store {
    fn open() -> Result<Self, ErrorCode> {
        let name: *const u16 = w!("MY");
        // SAFETY: this provider takes the name of a store as a string that ends with zero.
        let store =
            unsafe { CertOpenStore(CERT_STORE_PROV_SYSTEM_W, 0, 0, CERT_SYSTEM_STORE_CURRENT_USER, name.cast()) };
        if store.is_null() { Err(ErrorCode::StoreFailed) } else { Ok(Self(store)) }
    }

    /// The certificate as it is in the store, where it was put if it was not there.
    fn add(&self, der: &[u8]) -> Result<InStore, ErrorCode> {
        let length = u32::try_from(der.len()).map_err(|_| ErrorCode::StoreFailed)?;
        let mut certificate = null_mut();
        // SAFETY: the store is open, the bytes are as long as is said, the result is written to a variable of its type.
        let added = unsafe {
            CertAddEncodedCertificateToStore(
                self.0,
                X509_ASN_ENCODING,
                der.as_ptr(),
                length,
                CERT_STORE_ADD_USE_EXISTING,
                &mut certificate,
            )
        };
        if added == 0 { Err(ErrorCode::StoreFailed) } else { Ok(InStore(certificate)) }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // SAFETY: it was opened by `open` and is closed once.
        unsafe { CertCloseStore(self.0, 0) };
    }
}

/// A certificate in a store.
struct InStore(*const CERT_CONTEXT);

impl InStore {
    /// What Windows shows as "friendly name".
    fn name(&self, name: &str) -> Result<(), ErrorCode> {
        let mut text: Vec<u16> = name.encode_utf16().chain([0]).collect();
        let length = u32::try_from(size_of_val(text.as_slice())).map_err(|_| ErrorCode::StoreFailed)?;
        let value = CRYPT_INTEGER_BLOB { cbData: length, pbData: text.as_mut_ptr().cast() };
        let value: *const c_void = (&raw const value).cast();
        // SAFETY: for this property the value is a blob with a string that ends with zero; it is copied.
        let set = unsafe { CertSetCertificateContextProperty(self.0, CERT_FRIENDLY_NAME_PROP_ID, 0, value) };
        if set == 0 { Err(ErrorCode::StoreFailed) } else { Ok(()) }
    }
}

impl Drop for InStore {
    fn drop(&mut self) {
        // SAFETY: it was made by `add` and is freed once.
        unsafe { CertFreeCertificateContext(self.0) };
    }
}

#[cfg(test)]
mod tests {
    use windows_sys::Win32::Security::Cryptography::{
        CERT_FIND_EXISTING, CertCreateCertificateContext, CertDeleteCertificateFromStore,
        CertDuplicateCertificateContext, CertEnumCertificatesInStore, CertFindCertificateInStore,
        CertGetCertificateContextProperty,
    };

    use super::*;

    /// Of an invented person.
    const CERTIFICATE: &[u8] = include_bytes!("../../../pki/fuzz/corpus/certificate/holder.der");

    /// The friendly names of this certificate, however often it is in the store.
    fn names() -> Vec<String> {
        let store = Store::open().unwrap();
        let (mut names, mut certificate) = (Vec::new(), null_mut());
        loop {
            // SAFETY: the store is open; the one before was given by this function, which frees it.
            certificate = unsafe { CertEnumCertificatesInStore(store.0, certificate) };
            if certificate.is_null() {
                return names;
            }
            // SAFETY: a certificate is as many bytes as it says.
            let der = unsafe {
                std::slice::from_raw_parts((*certificate).pbCertEncoded, (*certificate).cbCertEncoded as usize)
            };
            if der == CERTIFICATE {
                let (mut text, mut bytes) = ([0_u16; 200], 400);
                let place = text.as_mut_ptr().cast();
                // SAFETY: the place is as long as is said.
                let told = unsafe {
                    CertGetCertificateContextProperty(certificate, CERT_FRIENDLY_NAME_PROP_ID, place, &mut bytes)
                };
                assert_ne!(told, 0);
                names.push(String::from_utf16_lossy(&text).trim_end_matches('\0').to_owned());
            }
        }
    }

    fn remove() {
        let store = Store::open().unwrap();
        let length = u32::try_from(CERTIFICATE.len()).unwrap();
        // SAFETY: the bytes are as long as is said; what is found is a copy of its own, which deleting frees.
        unsafe {
            let ours = CertCreateCertificateContext(X509_ASN_ENCODING, CERTIFICATE.as_ptr(), length);
            let found =
                CertFindCertificateInStore(store.0, X509_ASN_ENCODING, 0, CERT_FIND_EXISTING, ours.cast(), null_mut());
            assert_ne!(CertDeleteCertificateFromStore(CertDuplicateCertificateContext(found)), 0);
            CertFreeCertificateContext(found);
            CertFreeCertificateContext(ours);
        }
    }

    #[test]
    fn a_certificate_is_in_the_store_once_under_the_containers_name() {
        let container = "67092365@2013-04-11-ООО «АвтоСпор»";
        for _ in 0..2 {
            add_certificate(container, CERTIFICATE, Path::new("module.dll")).unwrap();
        }
        let found = names();
        remove();
        assert_eq!(found, [container]);
    }

    #[test]
    fn what_is_no_certificate_is_refused() {
        assert_eq!(
            add_certificate("container", b"no certificate", Path::new("module.dll")),
            Err(ErrorCode::StoreFailed)
        );
    }
}
