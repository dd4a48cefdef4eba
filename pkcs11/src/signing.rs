//! Signatures with stored keys: the key is read when its signature is made, and wiped when it is.

use std::slice;

use cryptoki_sys::*;
use qcert_stored_key::{Generator, PrivateKey, SYSTEM_OCTETS};
use zeroize::Zeroizing;

use crate::{
    attributes::Half,
    containers,
    state::{Object, Signing, locked, visible},
    vendor,
};

pub fn install(list: &mut CK_FUNCTION_LIST) {
    list.C_SignInit = Some(sign_init);
    list.C_Sign = Some(sign);
}

unsafe extern "C" fn sign_init(
    session: CK_SESSION_HANDLE,
    mechanism: CK_MECHANISM_PTR,
    key: CK_OBJECT_HANDLE,
) -> CK_RV {
    if let Some(session) = locked().known(session) {
        session.signing = None;
    }
    let object = match visible(session, key) {
        None => return vendor!(C_SignInit(session, mechanism, key)),
        Some(Err(_)) => return CKR_KEY_HANDLE_INVALID,
        Some(Ok(object)) => object,
    };
    // SAFETY: by C_SignInit's contract it is null or points to a mechanism.
    let Some(mechanism) = (unsafe { mechanism.as_ref() }) else { return CKR_ARGUMENTS_BAD };
    match begin(&object, mechanism, Half::Private) {
        Ok(signing) => {
            locked().session(session, object.slot).signing = Some(signing);
            CKR_OK
        }
        Err(refused) => refused,
    }
}

/// A signature's making, or with the public half its checking.
///
/// # Errors
/// Those of C_SignInit and C_VerifyInit.
pub fn begin(object: &Object, mechanism: &CK_MECHANISM, half: Half) -> Result<Signing, CK_RV> {
    if object.half != half {
        return Err(CKR_KEY_FUNCTION_NOT_PERMITTED);
    }
    let modulus = object.attributes.get(CKA_MODULUS).map(<[u8]>::len);
    match mechanism.mechanism {
        CKM_ECDSA if modulus.is_some() => return Err(CKR_KEY_TYPE_INCONSISTENT),
        CKM_RSA_PKCS | CKM_RSA_PKCS_PSS if modulus.is_none() => return Err(CKR_KEY_TYPE_INCONSISTENT),
        CKM_RSA_PKCS_PSS if !is_usual_pss(mechanism) => return Err(CKR_MECHANISM_PARAM_INVALID),
        CKM_ECDSA | CKM_RSA_PKCS | CKM_RSA_PKCS_PSS => {}
        _ => return Err(CKR_MECHANISM_INVALID),
    }
    // r ‖ s: as long as the two coordinates of the point, before which stand three octets.
    let point = object.attributes.get(CKA_EC_POINT).map_or(0, |point| point.len().saturating_sub(3));
    Ok(Signing { data: object.data, mechanism: mechanism.mechanism, length: modulus.unwrap_or(point) })
}

/// PSS as TLS 1.3 and X.509 use it: one hash function everywhere, and a salt of its length (RFC 8446 §4.2.3).
fn is_usual_pss(mechanism: &CK_MECHANISM) -> bool {
    let length = size_of::<CK_RSA_PKCS_PSS_PARAMS>() as CK_ULONG;
    if mechanism.pParameter.is_null() || mechanism.ulParameterLen != length {
        return false;
    }
    // SAFETY: not null, and by its length it is what CKM_RSA_PKCS_PSS wants, wherever that begins.
    let parameters = unsafe { mechanism.pParameter.cast::<CK_RSA_PKCS_PSS_PARAMS>().read_unaligned() };
    matches!(
        (parameters.hashAlg, parameters.mgf, parameters.sLen),
        (CKM_SHA256, CKG_MGF1_SHA256, 32) | (CKM_SHA384, CKG_MGF1_SHA384, 48) | (CKM_SHA512, CKG_MGF1_SHA512, 64)
    )
}

unsafe extern "C" fn sign(
    session: CK_SESSION_HANDLE,
    data: CK_BYTE_PTR,
    length: CK_ULONG,
    signature: CK_BYTE_PTR,
    room: CK_ULONG_PTR,
) -> CK_RV {
    let begun = locked().known(session).and_then(|session| session.signing.take());
    let Some(signing) = begun else { return vendor!(C_Sign(session, data, length, signature, room)) };
    if room.is_null() || data.is_null() {
        return CKR_ARGUMENTS_BAD;
    }
    // SAFETY: not null, so by C_Sign's contract it may be read and written.
    let room = unsafe { &mut *room };
    let has_room = usize::try_from(*room).is_ok_and(|room| room >= signing.length);
    *room = signing.length as CK_ULONG;
    if signature.is_null() || !has_room {
        // PKCS#11 §5.2: whoever asks for the length goes on with the same signature.
        if let Some(session) = locked().known(session) {
            session.signing = Some(signing);
        }
        return if signature.is_null() { CKR_OK } else { CKR_BUFFER_TOO_SMALL };
    }
    // SAFETY: not null, so by C_Sign's contract it has this length.
    let data = unsafe { slice::from_raw_parts(data, usize::try_from(length).unwrap_or(0)) };
    match make(session, &signing, data) {
        Ok(made) => {
            // SAFETY: not null, and there is room for it.
            unsafe { signature.copy_from(made.as_ptr(), made.len()) };
            CKR_OK
        }
        Err(refused) => refused,
    }
}

/// A signature of the length that was promised.
fn make(session: CK_SESSION_HANDLE, signing: &Signing, data: &[u8]) -> Result<Vec<u8>, CK_RV> {
    let value = Zeroizing::new(containers::value(session, signing.data, CKA_VALUE)?);
    let key = PrivateKey::from_pkcs8(&value).map_err(|_| CKR_FUNCTION_FAILED)?;
    let mut system = Zeroizing::new([0; SYSTEM_OCTETS]);
    getrandom::fill(&mut *system).map_err(|_| CKR_FUNCTION_FAILED)?;
    // No key is made of it: it blinds.
    let mut generator = Generator::new(&system, &[]);
    let made = match signing.mechanism {
        CKM_RSA_PKCS_PSS => key.sign_pss(data, &mut generator),
        _ => key.sign(data, &mut generator),
    };
    let made = made.map_err(|_| CKR_DATA_LEN_RANGE)?;
    if made.len() == signing.length { Ok(made) } else { Err(CKR_FUNCTION_FAILED) }
}
