//! The PIN, and the making of a key pair: calls that a test can make fail in their own ways.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::Duration,
};

use cryptoki_sys::*;

use crate::{
    control::{Control, Mechanisms, Mischief, Pull, count_wrong_pin, crash, forget_wrong_pins, hang},
    real,
    sessions::{call, pulled},
    slots::token_is_there,
};

/// How often a delayed call looks whether the token was pulled.
const LOOK: Duration = Duration::from_millis(10);

pub fn install(list: &mut CK_FUNCTION_LIST) {
    list.C_Login = Some(login);
    list.C_SetPIN = Some(set_pin);
    list.C_GenerateKeyPair = Some(generate_key_pair);
    list.C_CreateObject = Some(create_object);
}

unsafe extern "C" fn login(
    session: CK_SESSION_HANDLE,
    user: CK_USER_TYPE,
    pin: CK_UTF8CHAR_PTR,
    length: CK_ULONG,
) -> CK_RV {
    if Control::read().is_ok_and(|control| control.mischief == Some(Mischief::HangAtLogin)) {
        hang();
    }
    match token_is_there() {
        Ok(control) if user == CKU_USER && control.pin_locked => CKR_PIN_LOCKED,
        Ok(Control { pad_entry: Some(mut entry), .. }) if user != CKU_SO && pin.is_null() => {
            let length = entry.len() as CK_ULONG;
            // SAFETY: a PIN is bytes, and the real module only reads them.
            let entered = unsafe { entry.as_bytes_mut() }.as_mut_ptr();
            counted(call(|| real!(C_Login(session, user, entered, length))))
        }
        Ok(_) if user != CKU_SO => counted(call(|| real!(C_Login(session, user, pin, length)))),
        Ok(_) => call(|| real!(C_Login(session, user, pin, length))),
        Err(rv) => rv,
    }
}

unsafe extern "C" fn set_pin(
    session: CK_SESSION_HANDLE,
    old: CK_UTF8CHAR_PTR,
    old_length: CK_ULONG,
    new: CK_UTF8CHAR_PTR,
    new_length: CK_ULONG,
) -> CK_RV {
    match token_is_there() {
        Ok(control) if control.pin_locked => CKR_PIN_LOCKED,
        Ok(_) => counted(call(|| real!(C_SetPIN(session, old, old_length, new, new_length)))),
        Err(rv) => rv,
    }
}

/// Counts a wrong PIN, and forgets them all after a right one.
fn counted(rv: CK_RV) -> CK_RV {
    match rv {
        CKR_PIN_INCORRECT => count_wrong_pin(),
        CKR_OK => forget_wrong_pins(),
        _ => {}
    }
    rv
}

unsafe extern "C" fn generate_key_pair(
    session: CK_SESSION_HANDLE,
    mechanism: CK_MECHANISM_PTR,
    public_template: CK_ATTRIBUTE_PTR,
    public_count: CK_ULONG,
    private_template: CK_ATTRIBUTE_PTR,
    private_count: CK_ULONG,
    public_key: CK_OBJECT_HANDLE_PTR,
    private_key: CK_OBJECT_HANDLE_PTR,
) -> CK_RV {
    let pull = match wait_for_delay() {
        Ok(pull) => pull,
        Err(rv) => return rv,
    };
    if pull == Some(Pull::BeforeGeneration) {
        return pulled();
    }
    let control = Control::read().unwrap_or_default();
    if control.mischief == Some(Mischief::CrashBeforeGeneration) {
        crash();
    }
    if control.full {
        return CKR_DEVICE_MEMORY;
    }
    if control.mechanisms == Mechanisms::Lie {
        return CKR_MECHANISM_INVALID;
    }
    let mut demanding = Vec::new();
    let (private_template, private_count) = if control.login_always && !private_template.is_null() {
        let length = usize::try_from(private_count).unwrap_or(0);
        // SAFETY: not null, so by C_GenerateKeyPair's contract it points to `private_count` attributes.
        demanding.extend_from_slice(unsafe { std::slice::from_raw_parts(private_template, length) });
        demanding.push(always_authenticate());
        (demanding.as_mut_ptr(), private_count + 1)
    } else {
        (private_template, private_count)
    };
    let rv = call(|| {
        real!(C_GenerateKeyPair(
            session,
            mechanism,
            public_template,
            public_count,
            private_template,
            private_count,
            public_key,
            private_key
        ))
    });
    if control.mischief == Some(Mischief::CrashAfterGeneration) {
        crash();
    }
    match pull {
        Some(Pull::AfterGeneration) => pulled(),
        Some(Pull::LogOutAfterGeneration) => {
            real!(C_Logout(session));
            rv
        }
        _ => rv,
    }
}

/// CKA_ALWAYS_AUTHENTICATE, true.
fn always_authenticate() -> CK_ATTRIBUTE {
    static YES: CK_BBOOL = CK_TRUE;
    CK_ATTRIBUTE {
        type_: CKA_ALWAYS_AUTHENTICATE,
        // The real module only reads it.
        pValue: (&raw const YES).cast_mut().cast(),
        ulValueLen: size_of::<CK_BBOOL>() as CK_ULONG,
    }
}

/// Objects that were to be written, while the control file counts them.
static CREATED: AtomicU32 = AtomicU32::new(0);

/// The label of what is written loses its last byte, if the control file says so.
unsafe extern "C" fn create_object(
    session: CK_SESSION_HANDLE,
    template: CK_ATTRIBUTE_PTR,
    count: CK_ULONG,
    object: CK_OBJECT_HANDLE_PTR,
) -> CK_RV {
    let control = Control::read().unwrap_or_default();
    let fits = |room| CREATED.fetch_add(1, Ordering::SeqCst) < room;
    if control.full || !control.room.is_none_or(fits) {
        return CKR_DEVICE_MEMORY;
    }
    if control.keys_refused && is_private_key(template, count) {
        return CKR_ATTRIBUTE_VALUE_INVALID;
    }
    let corrupt = token_is_there().is_ok_and(|control| control.corrupt_objects);
    let length = usize::try_from(count).unwrap_or(0);
    if template.is_null() || !corrupt {
        return call(|| real!(C_CreateObject(session, template, count, object)));
    }
    // SAFETY: not null, so by C_CreateObject's contract it points to `count` attributes.
    let mut changed = unsafe { std::slice::from_raw_parts(template, length) }.to_vec();
    for attribute in changed.iter_mut().filter(|attribute| attribute.type_ == CKA_LABEL) {
        attribute.ulValueLen = attribute.ulValueLen.saturating_sub(1);
    }
    call(|| real!(C_CreateObject(session, changed.as_mut_ptr(), count, object)))
}

/// Does the template say CKO_PRIVATE_KEY?
fn is_private_key(template: CK_ATTRIBUTE_PTR, count: CK_ULONG) -> bool {
    if template.is_null() {
        return false;
    }
    // SAFETY: not null, so by C_CreateObject's contract it points to `count` attributes.
    let attributes = unsafe { std::slice::from_raw_parts(template, usize::try_from(count).unwrap_or(0)) };
    attributes.iter().any(|attribute| {
        attribute.type_ == CKA_CLASS
            && attribute.ulValueLen == size_of::<CK_OBJECT_CLASS>() as CK_ULONG
            // SAFETY: it has a value of this length, wherever that begins.
            && unsafe { attribute.pValue.cast::<CK_OBJECT_CLASS>().read_unaligned() } == CKO_PRIVATE_KEY
    })
}

/// Waits for as long as the control file asks, unless the token leaves first.
fn wait_for_delay() -> Result<Option<Pull>, CK_RV> {
    let mut waited = Duration::ZERO;
    loop {
        let control = token_is_there()?;
        if waited >= control.generation_delay {
            return Ok(control.pull);
        }
        thread::sleep(LOOK);
        waited += LOOK;
    }
}
