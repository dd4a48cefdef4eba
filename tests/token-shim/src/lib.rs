//! A PKCS#11 module for tests that lets a file plug, pull and lock a SoftHSM token.
//!
//! SoftHSM never locks a PIN and its slots are fixed at `C_Initialize`. This module stands before it, passes every
//! call on, and first reads what the test wants of the token now. Two environment variables name the files:
//!
//! - `QCERT_SHIM_MODULE`: the real module, by default `/usr/lib/softhsm/libsofthsm2.so`;
//! - `QCERT_SHIM_CONTROL`: the control file, read again at each call. No file, or an empty one: an ordinary token.
//!
//! Each line of the control file is one command; empty lines and those that begin with `#` say nothing.
//!
//! | line | effect |
//! |---|---|
//! | `token out` | no token in the reader; its sessions are gone and answer `CKR_DEVICE_REMOVED` |
//! | `reader out` | no reader at all |
//! | `pin locked` | `CKF_USER_PIN_LOCKED`, and `C_Login` answers `CKR_PIN_LOCKED` |
//! | `pin low`, `pin final` | `CKF_USER_PIN_COUNT_LOW`, `CKF_USER_PIN_FINAL_TRY` |
//! | `pin to-be-changed` | `CKF_USER_PIN_TO_BE_CHANGED` |
//! | `pin pad` | `CKF_PROTECTED_AUTHENTICATION_PATH` |
//! | `lock-after N` | wrong PINs are counted (in `<control file>.wrong-pins`); the flags follow, the Nth locks |
//! | `generation-delay MS` | `C_GenerateKeyPair` waits so long before it begins; pulling the token ends it |
//! | `pull before-generation` | the token leaves the reader when `C_GenerateKeyPair` is called; no pair is made |
//! | `pull after-generation` | the pair is made, then the token leaves and the caller is told `CKR_DEVICE_REMOVED` |
//! | `pull before-call N` | the token leaves at the Nth call on a session of this process, which does nothing |
//! | `pull after-call N` | the Nth call does its work, then the token leaves and the caller is told `CKR_DEVICE_REMOVED` |
//! | `crash before-call N`, `crash after-call N` | the process ends there, and the control file is emptied before |
//! | `logout after-generation` | the pair is made, then nobody is logged in, as when another program resets the card |
//! | `hang sign N` | N calls of `C_Sign`, counted while the file says so, do not return until it says `hang end` |
//! | `hang slots`, `hang login` | `C_GetSlotList`, `C_Login` do not return until it says `hang end` |
//! | `hang end` | calls that hang return, with what the real module answers |
//! | `crash slots` | `C_GetSlotList` ends the process, and empties the control file before |
//! | `crash before-generation`, `crash after-generation` | so does `C_GenerateKeyPair`, before or after the pair is made |
//! | `nonsense slots` | `C_GetSlotList` says that there are more slots than memory |
//! | `print always` | `C_GetSlotList` writes to stdout and stderr |
//! | `leak MIB` | `C_GetSlotList` takes so much memory and never gives it back; `CKR_HOST_MEMORY` where it gets none |
//! | `seed refused` | `C_SeedRandom` answers `CKR_RANDOM_SEED_NOT_SUPPORTED` |
//! | `pad-entry PIN` | where `C_Login` is given no PIN, this is what the person enters on the PIN pad |
//! | `login always` | key pairs that are made demand a login for each signature (`CKA_ALWAYS_AUTHENTICATE`) |
//! | `token full` | `C_GenerateKeyPair` and `C_CreateObject` answer `CKR_DEVICE_MEMORY` |
//! | `room N` | N calls of `C_CreateObject` of this process, counted while the file says so, find room; then `CKR_DEVICE_MEMORY` |
//! | `mechanisms no-generation` | no mechanism is listed that generates a key pair |
//! | `mechanisms none` | no mechanism at all is listed |
//! | `keys refused` | `C_CreateObject` answers `CKR_ATTRIBUTE_VALUE_INVALID` for a private key |
//! | `objects hidden` | `C_FindObjectsInit` finds nothing before a login |
//! | `memory BYTES` | so much memory is free, of both kinds |
//! | `mechanisms lie` | they are listed, and `C_GenerateKeyPair` answers `CKR_MECHANISM_INVALID` |
//! | `short attributes` | `C_GetAttributeValue` gives each value without its last byte |
//! | `corrupt objects` | `C_CreateObject` writes a label that is a byte shorter |
//! | `show empty-slots` | also SoftHSM's last slot, whose token is not initialised and which is else hidden |
//!
//! Calls are counted only while the file has a line with `N` that counts them. The `pull` commands replace the control file's text by `token out`, so the token stays out until the test puts
//! it back. A line that is none of these makes every call fail with `CKR_GENERAL_ERROR`, and stderr says why.

mod control;
mod sessions;
mod slots;
mod users;

use std::{path::Path, sync::OnceLock};

use cryptoki_sys::{CK_FUNCTION_LIST, CK_FUNCTION_LIST_PTR_PTR, CK_RV, CKR_ARGUMENTS_BAD, CKR_GENERAL_ERROR, CKR_OK};
use qcert_pkcs11_behind::Behind;

/// Calls a function of the real module, which is loaded as soon as anybody has our function list.
macro_rules! real {
    ($name:ident($($argument:expr),*)) => {
        match $crate::real_functions().and_then(|functions| functions.$name) {
            // SAFETY: the arguments are the caller's own, who promised to our function what PKCS#11 asks of this one.
            Some(function) => unsafe { function($($argument),*) },
            None => cryptoki_sys::CKR_FUNCTION_NOT_SUPPORTED,
        }
    };
}
pub(crate) use real;

fn real_functions() -> Option<&'static CK_FUNCTION_LIST> {
    static REAL: OnceLock<Option<Behind>> = OnceLock::new();
    REAL.get_or_init(load).as_ref().map(|real| &real.functions)
}

fn load() -> Option<Behind> {
    let path = std::env::var("QCERT_SHIM_MODULE").unwrap_or_else(|_| "/usr/lib/softhsm/libsofthsm2.so".to_owned());
    let module = Behind::open(Path::new(&path));
    module.inspect_err(|error| eprintln!("qcert-token-shim: {path}: {error}")).ok()
}

fn functions() -> Option<&'static CK_FUNCTION_LIST> {
    static OURS: OnceLock<Option<CK_FUNCTION_LIST>> = OnceLock::new();
    let ours = || {
        let mut list = *real_functions()?;
        list.C_GetFunctionList = Some(C_GetFunctionList);
        slots::install(&mut list);
        users::install(&mut list);
        sessions::install(&mut list);
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
