//! Calls on a session: they are passed on while the token is there.

use cryptoki_sys::*;

use std::sync::atomic::{AtomicU32, Ordering};

use crate::{
    control::{Control, Pull, crash, hang, pull_token},
    real,
    slots::token_is_there,
};

/// Calls on a session, while the control file counts them.
static CALLS: AtomicU32 = AtomicU32::new(0);

/// Makes a call, unless the token is not there or leaves at it.
pub fn call(make: impl FnOnce() -> CK_RV) -> CK_RV {
    let control = match token_is_there() {
        Ok(control) => control,
        Err(rv) => return rv,
    };
    let (at, before, crashes) = match control.pull {
        Some(Pull::BeforeCall(n)) => (n, true, false),
        Some(Pull::AfterCall(n)) => (n, false, false),
        Some(Pull::CrashBeforeCall(n)) => (n, true, true),
        Some(Pull::CrashAfterCall(n)) => (n, false, true),
        _ => return make(),
    };
    if CALLS.fetch_add(1, Ordering::SeqCst) + 1 != at {
        return make();
    }
    if !before {
        make();
    }
    if crashes {
        crash();
    }
    pulled()
}

/// Calls of C_Sign that hang or have hung.
static HUNG: AtomicU32 = AtomicU32::new(0);

/// C_Sign, which may hang first.
unsafe extern "C" fn sign(
    session: CK_SESSION_HANDLE,
    data: CK_BYTE_PTR,
    length: CK_ULONG,
    signature: CK_BYTE_PTR,
    room: CK_ULONG_PTR,
) -> CK_RV {
    let hangs = |hung: u32| Control::read().is_ok_and(|control| hung < control.hanging).then_some(hung + 1);
    if HUNG.fetch_update(Ordering::SeqCst, Ordering::SeqCst, hangs).is_ok() {
        hang();
    }
    call(|| real!(C_Sign(session, data, length, signature, room)))
}

unsafe extern "C" fn seed_random(session: CK_SESSION_HANDLE, seed: CK_BYTE_PTR, length: CK_ULONG) -> CK_RV {
    call(|| match Control::read() {
        Ok(control) if control.seed_refused => CKR_RANDOM_SEED_NOT_SUPPORTED,
        _ => real!(C_SeedRandom(session, seed, length)),
    })
}

/// What nobody who is not logged in is to see is looked for under a class that no object has.
unsafe extern "C" fn find_objects_init(
    session: CK_SESSION_HANDLE,
    template: CK_ATTRIBUTE_PTR,
    count: CK_ULONG,
) -> CK_RV {
    let mut class: CK_OBJECT_CLASS = CKO_VENDOR_DEFINED;
    let length = size_of::<CK_OBJECT_CLASS>() as CK_ULONG;
    let mut nothing = CK_ATTRIBUTE { type_: CKA_CLASS, pValue: (&raw mut class).cast(), ulValueLen: length };
    let hidden = Control::read().is_ok_and(|control| control.objects_hidden) && !is_logged_in(session);
    let (template, count) = if hidden { (&raw mut nothing, 1) } else { (template, count) };
    call(|| real!(C_FindObjectsInit(session, template, count)))
}

fn is_logged_in(session: CK_SESSION_HANDLE) -> bool {
    let mut info = CK_SESSION_INFO::default();
    let rv = real!(C_GetSessionInfo(session, &raw mut info));
    rv == CKR_OK && matches!(info.state, CKS_RO_USER_FUNCTIONS | CKS_RW_USER_FUNCTIONS)
}

/// Gives values as they are, or a byte too short.
unsafe extern "C" fn get_attribute_value(
    session: CK_SESSION_HANDLE,
    object: CK_OBJECT_HANDLE,
    template: CK_ATTRIBUTE_PTR,
    count: CK_ULONG,
) -> CK_RV {
    let rv = call(|| real!(C_GetAttributeValue(session, object, template, count)));
    if rv == CKR_OK && !template.is_null() && Control::read().is_ok_and(|control| control.short_attributes) {
        // SAFETY: not null, so by C_GetAttributeValue's contract it points to `count` attributes.
        let attributes = unsafe { std::slice::from_raw_parts_mut(template, usize::try_from(count).unwrap_or(0)) };
        for attribute in attributes.iter_mut().filter(|attribute| !attribute.pValue.is_null()) {
            attribute.ulValueLen = attribute.ulValueLen.saturating_sub(1);
        }
    }
    rv
}

/// Takes the token out and answers as a call does whose token has left.
pub fn pulled() -> CK_RV {
    pull_token();
    token_is_there().err().unwrap_or(CKR_DEVICE_REMOVED)
}

/// For each function: one that looks whether the token is there and passes the call on; then `install`, which puts
/// them all into a function list. The arguments' names are of no interest, their types are PKCS#11's.
macro_rules! pass_on {
    ($($name:ident($($argument:ident: $kind:ty),*);)*) => {
        pub fn install(list: &mut CK_FUNCTION_LIST) {
            list.C_Sign = Some(sign);
            list.C_SeedRandom = Some(seed_random);
            list.C_GetAttributeValue = Some(get_attribute_value);
            list.C_FindObjectsInit = Some(find_objects_init);
            $({
                #[allow(non_snake_case)] // the name is the standard's
                unsafe extern "C" fn $name(session: CK_SESSION_HANDLE, $($argument: $kind),*) -> CK_RV {
                    call(|| real!($name(session $(, $argument)*)))
                }
                list.$name = Some($name);
            })*
        }
    };
}

pass_on! {
    C_InitPIN(a: CK_UTF8CHAR_PTR, b: CK_ULONG);
    C_CloseSession();
    C_GetSessionInfo(a: CK_SESSION_INFO_PTR);
    C_GetOperationState(a: CK_BYTE_PTR, b: CK_ULONG_PTR);
    C_SetOperationState(a: CK_BYTE_PTR, b: CK_ULONG, c: CK_OBJECT_HANDLE, d: CK_OBJECT_HANDLE);
    C_Logout();
    C_CopyObject(a: CK_OBJECT_HANDLE, b: CK_ATTRIBUTE_PTR, c: CK_ULONG, d: CK_OBJECT_HANDLE_PTR);
    C_DestroyObject(a: CK_OBJECT_HANDLE);
    C_GetObjectSize(a: CK_OBJECT_HANDLE, b: CK_ULONG_PTR);
    C_SetAttributeValue(a: CK_OBJECT_HANDLE, b: CK_ATTRIBUTE_PTR, c: CK_ULONG);
    C_FindObjects(a: CK_OBJECT_HANDLE_PTR, b: CK_ULONG, c: CK_ULONG_PTR);
    C_FindObjectsFinal();
    C_EncryptInit(a: CK_MECHANISM_PTR, b: CK_OBJECT_HANDLE);
    C_Encrypt(a: CK_BYTE_PTR, b: CK_ULONG, c: CK_BYTE_PTR, d: CK_ULONG_PTR);
    C_EncryptUpdate(a: CK_BYTE_PTR, b: CK_ULONG, c: CK_BYTE_PTR, d: CK_ULONG_PTR);
    C_EncryptFinal(a: CK_BYTE_PTR, b: CK_ULONG_PTR);
    C_DecryptInit(a: CK_MECHANISM_PTR, b: CK_OBJECT_HANDLE);
    C_Decrypt(a: CK_BYTE_PTR, b: CK_ULONG, c: CK_BYTE_PTR, d: CK_ULONG_PTR);
    C_DecryptUpdate(a: CK_BYTE_PTR, b: CK_ULONG, c: CK_BYTE_PTR, d: CK_ULONG_PTR);
    C_DecryptFinal(a: CK_BYTE_PTR, b: CK_ULONG_PTR);
    C_DigestInit(a: CK_MECHANISM_PTR);
    C_Digest(a: CK_BYTE_PTR, b: CK_ULONG, c: CK_BYTE_PTR, d: CK_ULONG_PTR);
    C_DigestUpdate(a: CK_BYTE_PTR, b: CK_ULONG);
    C_DigestKey(a: CK_OBJECT_HANDLE);
    C_DigestFinal(a: CK_BYTE_PTR, b: CK_ULONG_PTR);
    C_SignInit(a: CK_MECHANISM_PTR, b: CK_OBJECT_HANDLE);
    C_SignUpdate(a: CK_BYTE_PTR, b: CK_ULONG);
    C_SignFinal(a: CK_BYTE_PTR, b: CK_ULONG_PTR);
    C_SignRecoverInit(a: CK_MECHANISM_PTR, b: CK_OBJECT_HANDLE);
    C_SignRecover(a: CK_BYTE_PTR, b: CK_ULONG, c: CK_BYTE_PTR, d: CK_ULONG_PTR);
    C_VerifyInit(a: CK_MECHANISM_PTR, b: CK_OBJECT_HANDLE);
    C_Verify(a: CK_BYTE_PTR, b: CK_ULONG, c: CK_BYTE_PTR, d: CK_ULONG);
    C_VerifyUpdate(a: CK_BYTE_PTR, b: CK_ULONG);
    C_VerifyFinal(a: CK_BYTE_PTR, b: CK_ULONG);
    C_VerifyRecoverInit(a: CK_MECHANISM_PTR, b: CK_OBJECT_HANDLE);
    C_VerifyRecover(a: CK_BYTE_PTR, b: CK_ULONG, c: CK_BYTE_PTR, d: CK_ULONG_PTR);
    C_DigestEncryptUpdate(a: CK_BYTE_PTR, b: CK_ULONG, c: CK_BYTE_PTR, d: CK_ULONG_PTR);
    C_DecryptDigestUpdate(a: CK_BYTE_PTR, b: CK_ULONG, c: CK_BYTE_PTR, d: CK_ULONG_PTR);
    C_SignEncryptUpdate(a: CK_BYTE_PTR, b: CK_ULONG, c: CK_BYTE_PTR, d: CK_ULONG_PTR);
    C_DecryptVerifyUpdate(a: CK_BYTE_PTR, b: CK_ULONG, c: CK_BYTE_PTR, d: CK_ULONG_PTR);
    C_GenerateKey(a: CK_MECHANISM_PTR, b: CK_ATTRIBUTE_PTR, c: CK_ULONG, d: CK_OBJECT_HANDLE_PTR);
    C_WrapKey(a: CK_MECHANISM_PTR, b: CK_OBJECT_HANDLE, c: CK_OBJECT_HANDLE, d: CK_BYTE_PTR, e: CK_ULONG_PTR);
    C_UnwrapKey(a: CK_MECHANISM_PTR, b: CK_OBJECT_HANDLE, c: CK_BYTE_PTR, d: CK_ULONG, e: CK_ATTRIBUTE_PTR, f: CK_ULONG, g: CK_OBJECT_HANDLE_PTR);
    C_DeriveKey(a: CK_MECHANISM_PTR, b: CK_OBJECT_HANDLE, c: CK_ATTRIBUTE_PTR, d: CK_ULONG, e: CK_OBJECT_HANDLE_PTR);
    C_GenerateRandom(a: CK_BYTE_PTR, b: CK_ULONG);
    C_GetFunctionStatus();
    C_CancelFunction();
}
