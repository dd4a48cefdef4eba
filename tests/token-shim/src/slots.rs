//! Readers and tokens: what an application sees before it opens a session.

use std::{
    ptr,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use cryptoki_sys::*;

use crate::{
    control::{Control, Mechanisms, Mischief, crash, hang, leak, tell_of_waiting},
    real,
};

/// Was the token there when somebody was last told of a change? Set at `C_Initialize`.
static LAST_TOLD: Mutex<bool> = Mutex::new(true);
static INITIALIZED: AtomicBool = AtomicBool::new(false);

pub fn install(list: &mut CK_FUNCTION_LIST) {
    list.C_Initialize = Some(initialize);
    list.C_Finalize = Some(finalize);
    list.C_GetSlotList = Some(get_slot_list);
    list.C_GetSlotInfo = Some(get_slot_info);
    list.C_GetTokenInfo = Some(get_token_info);
    list.C_GetMechanismList = Some(get_mechanism_list);
    list.C_GetMechanismInfo = Some(get_mechanism_info);
    list.C_WaitForSlotEvent = Some(wait_for_slot_event);
    list.C_OpenSession = Some(open_session);
}

/// Is the token in its reader? If not, its sessions end now, as they do on a real one.
pub fn token_is_there() -> Result<Control, CK_RV> {
    let control = Control::read()?;
    if control.present() {
        return Ok(control);
    }
    for slot in slots(&control) {
        real!(C_CloseAllSessions(slot));
    }
    Err(CKR_DEVICE_REMOVED)
}

unsafe extern "C" fn initialize(arguments: CK_VOID_PTR) -> CK_RV {
    let rv = real!(C_Initialize(arguments));
    if rv == CKR_OK {
        INITIALIZED.store(true, Ordering::SeqCst);
        let there = Control::read().is_ok_and(|control| control.present());
        *LAST_TOLD.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = there;
    }
    rv
}

unsafe extern "C" fn finalize(reserved: CK_VOID_PTR) -> CK_RV {
    INITIALIZED.store(false, Ordering::SeqCst);
    real!(C_Finalize(reserved))
}

/// The real module's slots, without those whose token was never initialised.
fn slots(control: &Control) -> Vec<CK_SLOT_ID> {
    let mut count: CK_ULONG = 0;
    if real!(C_GetSlotList(CK_FALSE, ptr::null_mut(), &raw mut count)) != CKR_OK {
        return Vec::new();
    }
    let mut all = vec![0; usize::try_from(count).unwrap_or(0)];
    if real!(C_GetSlotList(CK_FALSE, all.as_mut_ptr(), &raw mut count)) != CKR_OK {
        return Vec::new();
    }
    all.truncate(usize::try_from(count).unwrap_or(0));
    all.retain(|&slot| {
        let mut info = CK_TOKEN_INFO::default();
        let rv = real!(C_GetTokenInfo(slot, &raw mut info));
        control.empty_slots || (rv == CKR_OK && info.flags & CKF_TOKEN_INITIALIZED != 0)
    });
    all
}

unsafe extern "C" fn get_slot_list(only_with_token: CK_BBOOL, list: CK_SLOT_ID_PTR, count: CK_ULONG_PTR) -> CK_RV {
    if !INITIALIZED.load(Ordering::SeqCst) {
        return CKR_CRYPTOKI_NOT_INITIALIZED;
    }
    if count.is_null() {
        return CKR_ARGUMENTS_BAD;
    }
    let control = match Control::read() {
        Ok(control) => control,
        Err(rv) => return rv,
    };
    if control.prints {
        println!("qcert-token-shim prints");
        eprintln!("qcert-token-shim prints");
    }
    if !leak(control.leaks) {
        return CKR_HOST_MEMORY;
    }
    match control.mischief {
        Some(Mischief::HangAtSlots) => hang(),
        Some(Mischief::CrashAtSlots) => crash(),
        Some(Mischief::NonsenseAtSlots) => {
            // SAFETY: not null, so by C_GetSlotList's contract it may be written.
            unsafe { *count = CK_ULONG::MAX / 2 };
            return CKR_OK;
        }
        _ => {}
    }
    let hidden = !control.reader || (only_with_token != CK_FALSE && !control.token);
    let slots = if hidden { Vec::new() } else { slots(&control) };
    // SAFETY: count is not null, and by C_GetSlotList's contract it points to the length of list, if there is a list.
    unsafe {
        let room = usize::try_from(*count).unwrap_or(0);
        *count = slots.len() as CK_ULONG;
        if list.is_null() {
            return CKR_OK;
        }
        if room < slots.len() {
            return CKR_BUFFER_TOO_SMALL;
        }
        ptr::copy_nonoverlapping(slots.as_ptr(), list, slots.len());
    }
    CKR_OK
}

unsafe extern "C" fn get_slot_info(slot: CK_SLOT_ID, info: CK_SLOT_INFO_PTR) -> CK_RV {
    let control = match Control::read() {
        Ok(control) if control.reader => control,
        Ok(_) => return CKR_SLOT_ID_INVALID,
        Err(rv) => return rv,
    };
    let rv = real!(C_GetSlotInfo(slot, info));
    if rv == CKR_OK {
        // SAFETY: the real module has just filled it in.
        let info = unsafe { &mut *info };
        info.flags |= CKF_REMOVABLE_DEVICE;
        if !control.token {
            info.flags &= !CKF_TOKEN_PRESENT;
        }
    }
    rv
}

unsafe extern "C" fn get_token_info(slot: CK_SLOT_ID, info: CK_TOKEN_INFO_PTR) -> CK_RV {
    let control = match before_slot_call() {
        Ok(control) => control,
        Err(rv) => return rv,
    };
    let rv = real!(C_GetTokenInfo(slot, info));
    if rv == CKR_OK {
        let flags = [
            (control.pin_low, CKF_USER_PIN_COUNT_LOW),
            (control.pin_final, CKF_USER_PIN_FINAL_TRY),
            (control.pin_locked, CKF_USER_PIN_LOCKED),
            (control.pin_to_be_changed, CKF_USER_PIN_TO_BE_CHANGED),
            (control.pin_pad, CKF_PROTECTED_AUTHENTICATION_PATH),
        ];
        // SAFETY: the real module has just filled it in.
        let info = unsafe { &mut *info };
        // SoftHSM has flags of its own for wrong PINs; only the test's count here.
        for (wanted, flag) in flags {
            info.flags = if wanted { info.flags | flag } else { info.flags & !flag };
        }
        if let Some(bytes) = control.memory.map(CK_ULONG::from) {
            (info.ulFreePublicMemory, info.ulFreePrivateMemory) = (bytes, bytes);
        }
    }
    rv
}

unsafe extern "C" fn get_mechanism_list(slot: CK_SLOT_ID, list: CK_MECHANISM_TYPE_PTR, count: CK_ULONG_PTR) -> CK_RV {
    let control = match before_slot_call() {
        Ok(control) => control,
        Err(rv) => return rv,
    };
    let rv = real!(C_GetMechanismList(slot, list, count));
    if rv == CKR_OK && !list.is_null() {
        // SAFETY: the real module has just written so many mechanisms.
        unsafe {
            let all = std::slice::from_raw_parts(list, usize::try_from(*count).unwrap_or(0));
            let kept: Vec<_> = all.iter().copied().filter(|kind| is_listed(&control, *kind)).collect();
            ptr::copy_nonoverlapping(kept.as_ptr(), list, kept.len());
            *count = kept.len() as CK_ULONG;
        }
    }
    rv
}

fn is_listed(control: &Control, kind: CK_MECHANISM_TYPE) -> bool {
    match control.mechanisms {
        Mechanisms::NoGeneration => !GENERATION.contains(&kind),
        Mechanisms::None => false,
        Mechanisms::Right | Mechanisms::Lie => true,
    }
}

/// All that SoftHSM lists.
const GENERATION: [CK_MECHANISM_TYPE; 5] = [
    CKM_EC_KEY_PAIR_GEN,
    CKM_EC_EDWARDS_KEY_PAIR_GEN,
    CKM_RSA_PKCS_KEY_PAIR_GEN,
    CKM_DSA_KEY_PAIR_GEN,
    CKM_DH_PKCS_KEY_PAIR_GEN,
];

unsafe extern "C" fn get_mechanism_info(
    slot: CK_SLOT_ID,
    mechanism: CK_MECHANISM_TYPE,
    info: CK_MECHANISM_INFO_PTR,
) -> CK_RV {
    match before_slot_call() {
        Ok(control) if !is_listed(&control, mechanism) => CKR_MECHANISM_INVALID,
        Ok(_) => real!(C_GetMechanismInfo(slot, mechanism, info)),
        Err(rv) => rv,
    }
}

unsafe extern "C" fn open_session(
    slot: CK_SLOT_ID,
    flags: CK_FLAGS,
    application: CK_VOID_PTR,
    notify: CK_NOTIFY,
    session: CK_SESSION_HANDLE_PTR,
) -> CK_RV {
    match before_slot_call() {
        Ok(_) => real!(C_OpenSession(slot, flags, application, notify, session)),
        Err(rv) => rv,
    }
}

/// A call that names a slot and not a session says "no token", not "token gone".
fn before_slot_call() -> Result<Control, CK_RV> {
    token_is_there().map_err(|rv| if rv == CKR_DEVICE_REMOVED { CKR_TOKEN_NOT_PRESENT } else { rv })
}

unsafe extern "C" fn wait_for_slot_event(flags: CK_FLAGS, slot: CK_SLOT_ID_PTR, _reserved: CK_VOID_PTR) -> CK_RV {
    if flags & CKF_DONT_BLOCK == 0 {
        tell_of_waiting();
    }
    while INITIALIZED.load(Ordering::SeqCst) {
        let control = match Control::read() {
            Ok(control) => control,
            Err(rv) => return rv,
        };
        let there = control.present();
        let before = std::mem::replace(&mut *LAST_TOLD.lock().unwrap_or_else(|p| p.into_inner()), there);
        if before != there {
            let Some(changed) = slots(&control).first().copied() else { return CKR_GENERAL_ERROR };
            if !slot.is_null() {
                // SAFETY: not null, so by C_WaitForSlotEvent's contract it may be written.
                unsafe { *slot = changed };
            }
            return CKR_OK;
        }
        if flags & CKF_DONT_BLOCK != 0 {
            return CKR_NO_EVENT;
        }
        thread::sleep(Duration::from_millis(20));
    }
    CKR_CRYPTOKI_NOT_INITIALIZED
}
