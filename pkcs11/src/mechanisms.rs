//! Mechanisms: the vendor's, and those with which stored keys sign.

use cryptoki_sys::*;

use crate::{containers::answered, vendor};

pub fn install(list: &mut CK_FUNCTION_LIST) {
    list.C_GetMechanismList = Some(get_mechanism_list);
    list.C_GetMechanismInfo = Some(get_mechanism_info);
}

/// With the sizes of the keys that the portal makes.
const OURS: [(CK_MECHANISM_TYPE, CK_ULONG, CK_ULONG, CK_FLAGS); 3] = [
    (CKM_ECDSA, 256, 384, CKF_SIGN | CKF_VERIFY | CKF_EC_F_P | CKF_EC_NAMEDCURVE | CKF_EC_UNCOMPRESS),
    (CKM_RSA_PKCS, 2048, 2048, CKF_SIGN | CKF_VERIFY),
    (CKM_RSA_PKCS_PSS, 2048, 2048, CKF_SIGN | CKF_VERIFY),
];

unsafe extern "C" fn get_mechanism_list(slot: CK_SLOT_ID, list: CK_MECHANISM_TYPE_PTR, count: CK_ULONG_PTR) -> CK_RV {
    if count.is_null() {
        return CKR_ARGUMENTS_BAD;
    }
    let mut all = match vendors(slot) {
        Ok(all) => all,
        Err(refused) => return refused,
    };
    for (mechanism, ..) in OURS {
        if !all.contains(&mechanism) {
            all.push(mechanism);
        }
    }
    // SAFETY: count is not null, and by C_GetMechanismList's contract it points to the length of list, if there is a list.
    unsafe {
        let room = usize::try_from(*count).unwrap_or(0);
        *count = all.len() as CK_ULONG;
        if list.is_null() {
            return CKR_OK;
        }
        if room < all.len() {
            return CKR_BUFFER_TOO_SMALL;
        }
        list.copy_from(all.as_ptr(), all.len());
    }
    CKR_OK
}

fn vendors(slot: CK_SLOT_ID) -> Result<Vec<CK_MECHANISM_TYPE>, CK_RV> {
    let mut count = 0;
    answered(vendor!(C_GetMechanismList(slot, std::ptr::null_mut(), &raw mut count)))?;
    // No standard and no vendor has as many as that.
    let room = usize::try_from(count).ok().filter(|room| *room < 4096).ok_or(CKR_GENERAL_ERROR)?;
    let mut all = vec![0; room];
    answered(vendor!(C_GetMechanismList(slot, all.as_mut_ptr(), &raw mut count)))?;
    all.truncate(usize::try_from(count).unwrap_or(0));
    Ok(all)
}

unsafe extern "C" fn get_mechanism_info(
    slot: CK_SLOT_ID,
    mechanism: CK_MECHANISM_TYPE,
    info: CK_MECHANISM_INFO_PTR,
) -> CK_RV {
    let answer = vendor!(C_GetMechanismInfo(slot, mechanism, info));
    let ours = OURS.iter().find(|(kind, ..)| *kind == mechanism);
    let Some((_, least, most, flags)) = ours else { return answer };
    // SAFETY: by C_GetMechanismInfo's contract it is null or may be written.
    let Some(info) = (unsafe { info.as_mut() }) else { return CKR_ARGUMENTS_BAD };
    match answer {
        CKR_OK => info.flags |= flags & (CKF_SIGN | CKF_VERIFY),
        CKR_MECHANISM_INVALID => {
            *info = CK_MECHANISM_INFO { ulMinKeySize: *least, ulMaxKeySize: *most, flags: *flags };
        }
        refused => return refused,
    }
    CKR_OK
}
