//! A PKCS#11 module that shows other programs the keys that a token only stores (Rutoken Lite).
//!
//! It stands before the vendor's module and passes every call on. What it adds: a container in data objects
//! ([`qcert_stored_key::container`]) is a public key object too, and after the login a private key object, which signs:
//! its value is read from the token for each signature, used in this process and wiped. Whatever else is on the token,
//! certificates above all, is the vendor's to show.
//!
//! Which module is the vendor's stands in `pkcs11.conf`, or in the environment: [`qcert_pkcs11_behind::configuration`].

#![cfg(target_os = "linux")]

mod attributes;
mod containers;
mod mechanisms;
mod objects;
mod sessions;
mod signing;
mod state;
mod verifying;

use std::sync::OnceLock;

use cryptoki_sys::{CK_FUNCTION_LIST, CK_FUNCTION_LIST_PTR_PTR, CK_RV, CKR_ARGUMENTS_BAD, CKR_GENERAL_ERROR, CKR_OK};
use qcert_pkcs11_behind::{Behind, configuration};

/// Calls a function of the vendor's module, which is loaded as soon as anybody has our function list.
macro_rules! vendor {
    ($name:ident($($argument:expr),* $(,)?)) => {
        match $crate::vendor_functions().and_then(|functions| functions.$name) {
            // SAFETY: the arguments are the caller's own, who promised to our function what PKCS#11 asks of this one, or
            // handles that the vendor gave and buffers of the length that is said.
            Some(function) => unsafe { function($($argument),*) },
            None => cryptoki_sys::CKR_FUNCTION_NOT_SUPPORTED,
        }
    };
}
pub(crate) use vendor;

/// None if there is no such module; the caller is told CKR_GENERAL_ERROR, and nobody else: stderr is not ours.
fn vendor_functions() -> Option<&'static CK_FUNCTION_LIST> {
    static VENDOR: OnceLock<Option<Behind>> = OnceLock::new();
    VENDOR.get_or_init(|| Behind::open(&configuration::module()).ok()).as_ref().map(|vendor| &vendor.functions)
}

fn functions() -> Option<&'static CK_FUNCTION_LIST> {
    static OURS: OnceLock<Option<CK_FUNCTION_LIST>> = OnceLock::new();
    let ours = || {
        let mut list = *vendor_functions()?;
        list.C_GetFunctionList = Some(C_GetFunctionList);
        mechanisms::install(&mut list);
        objects::install(&mut list);
        sessions::install(&mut list);
        signing::install(&mut list);
        verifying::install(&mut list);
        Some(list)
    };
    OURS.get_or_init(ours).as_ref()
}

/// The one symbol by which a PKCS#11 application finds all functions.
///
/// # Safety
/// `list` is null or points to a pointer that may be written.
#[unsafe(no_mangle)]
#[allow(non_snake_case)] // the name is the standard's
pub unsafe extern "C" fn C_GetFunctionList(list: CK_FUNCTION_LIST_PTR_PTR) -> CK_RV {
    if list.is_null() {
        return CKR_ARGUMENTS_BAD;
    }
    let Some(functions) = functions() else { return CKR_GENERAL_ERROR };
    // SAFETY: not null, so by this function's contract it may be written; nobody writes through what it points to.
    unsafe { *list = std::ptr::from_ref(functions).cast_mut() };
    CKR_OK
}
