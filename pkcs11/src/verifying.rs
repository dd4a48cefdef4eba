//! Signatures of stored keys are checked here, too: a program that makes one often looks at it by the public half.

use std::slice;

use cryptoki_sys::*;
use qcert_pki::PublicKey;
use qcert_stored_key::{verify, verify_pss};

use crate::{
    attributes::Half,
    containers,
    signing::begin,
    state::{Signing, locked, visible},
    vendor,
};

pub fn install(list: &mut CK_FUNCTION_LIST) {
    list.C_VerifyInit = Some(verify_init);
    list.C_Verify = Some(check);
}

unsafe extern "C" fn verify_init(
    session: CK_SESSION_HANDLE,
    mechanism: CK_MECHANISM_PTR,
    key: CK_OBJECT_HANDLE,
) -> CK_RV {
    if let Some(session) = locked().known(session) {
        session.verifying = None;
    }
    let object = match visible(session, key) {
        None => return vendor!(C_VerifyInit(session, mechanism, key)),
        Some(Err(_)) => return CKR_KEY_HANDLE_INVALID,
        Some(Ok(object)) => object,
    };
    // SAFETY: by C_VerifyInit's contract it is null or points to a mechanism.
    let Some(mechanism) = (unsafe { mechanism.as_ref() }) else { return CKR_ARGUMENTS_BAD };
    match begin(&object, mechanism, Half::Public) {
        Ok(verifying) => {
            locked().session(session, object.slot).verifying = Some(verifying);
            CKR_OK
        }
        Err(refused) => refused,
    }
}

unsafe extern "C" fn check(
    session: CK_SESSION_HANDLE,
    data: CK_BYTE_PTR,
    length: CK_ULONG,
    signature: CK_BYTE_PTR,
    signature_length: CK_ULONG,
) -> CK_RV {
    let begun = locked().known(session).and_then(|session| session.verifying.take());
    let Some(verifying) = begun else { return vendor!(C_Verify(session, data, length, signature, signature_length)) };
    if data.is_null() || signature.is_null() {
        return CKR_ARGUMENTS_BAD;
    }
    // SAFETY: not null, so by C_Verify's contract both have their lengths.
    let (data, signature) = unsafe {
        let octets = |at: CK_BYTE_PTR, length| slice::from_raw_parts(at, usize::try_from(length).unwrap_or(0));
        (octets(data, length), octets(signature, signature_length))
    };
    if signature.len() != verifying.length {
        return CKR_SIGNATURE_LEN_RANGE;
    }
    outcome(session, &verifying, data, signature).err().unwrap_or(CKR_OK)
}

fn outcome(session: CK_SESSION_HANDLE, verifying: &Signing, data: &[u8], signature: &[u8]) -> Result<(), CK_RV> {
    let spki = containers::value(session, verifying.data, CKA_VALUE)?;
    let key = PublicKey::from_spki_der(&spki).map_err(|_| CKR_FUNCTION_FAILED)?;
    let good = match verifying.mechanism {
        CKM_RSA_PKCS_PSS => verify_pss(&key, data, signature),
        _ => verify(&key, data, signature),
    };
    good.map_err(|_| CKR_SIGNATURE_INVALID)
}
