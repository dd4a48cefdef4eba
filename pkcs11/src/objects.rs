//! Objects: the vendor's, and ours beside them.

use std::slice;

use cryptoki_sys::*;

use crate::{
    attributes::copied,
    containers,
    state::{info, locked, visible},
    vendor,
};

pub fn install(list: &mut CK_FUNCTION_LIST) {
    list.C_FindObjectsInit = Some(find_objects_init);
    list.C_FindObjects = Some(find_objects);
    list.C_FindObjectsFinal = Some(find_objects_final);
    list.C_GetAttributeValue = Some(get_attribute_value);
    list.C_SetAttributeValue = Some(set_attribute_value);
    list.C_CopyObject = Some(copy_object);
    list.C_DestroyObject = Some(destroy_object);
    list.C_GetObjectSize = Some(get_object_size);
}

/// Ours are looked for first: a session has one search at a time, and the caller's begins here.
unsafe extern "C" fn find_objects_init(
    session: CK_SESSION_HANDLE,
    template: CK_ATTRIBUTE_PTR,
    count: CK_ULONG,
) -> CK_RV {
    // SAFETY: C_FindObjectsInit promises what this needs.
    let wanted = unsafe { copied(template, count) };
    let found = info(session).and_then(|info| Ok((info.slotID, containers::objects(session, info.slotID)?)));
    let (slot, objects) = match found {
        Ok(found) => found,
        Err(refused) => return refused,
    };
    let answer = vendor!(C_FindObjectsInit(session, template, count));
    if answer == CKR_OK {
        let mut locked = locked();
        let matching = objects.into_iter().filter(|object| object.attributes.match_all(&wanted));
        let handles = matching.map(|object| locked.handle(object)).collect();
        locked.session(session, slot).pending = handles;
    }
    answer
}

unsafe extern "C" fn find_objects(
    session: CK_SESSION_HANDLE,
    list: CK_OBJECT_HANDLE_PTR,
    room: CK_ULONG,
    count: CK_ULONG_PTR,
) -> CK_RV {
    let answer = vendor!(C_FindObjects(session, list, room, count));
    if answer != CKR_OK || list.is_null() || count.is_null() {
        return answer;
    }
    // SAFETY: the vendor has just written the count, and by C_FindObjects's contract the list has this room.
    let (told, list) = unsafe { (&mut *count, slice::from_raw_parts_mut(list, usize::try_from(room).unwrap_or(0))) };
    let Some(free) = usize::try_from(*told).ok().and_then(|told| list.get_mut(told..)) else { return answer };
    let mut locked = locked();
    let Some(pending) = locked.known(session).map(|session| &mut session.pending) else { return answer };
    for place in free {
        let Some(handle) = pending.pop() else { break };
        *place = handle;
        *told += 1;
    }
    answer
}

unsafe extern "C" fn find_objects_final(session: CK_SESSION_HANDLE) -> CK_RV {
    if let Some(session) = locked().known(session) {
        session.pending.clear();
    }
    vendor!(C_FindObjectsFinal(session))
}

unsafe extern "C" fn get_attribute_value(
    session: CK_SESSION_HANDLE,
    object: CK_OBJECT_HANDLE,
    template: CK_ATTRIBUTE_PTR,
    count: CK_ULONG,
) -> CK_RV {
    match visible(session, object) {
        None => vendor!(C_GetAttributeValue(session, object, template, count)),
        Some(Err(refused)) => refused,
        Some(Ok(_)) if template.is_null() => CKR_ARGUMENTS_BAD,
        Some(Ok(object)) => {
            // SAFETY: not null, so by C_GetAttributeValue's contract it points to `count` attributes.
            let template = unsafe { slice::from_raw_parts_mut(template, usize::try_from(count).unwrap_or(0)) };
            // SAFETY: C_GetAttributeValue promises what this needs.
            unsafe { object.attributes.fill(template) }
        }
    }
}

/// What is shown here is changed by its own program alone.
fn prohibited(session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE) -> Option<CK_RV> {
    visible(session, object).map(|object| object.err().unwrap_or(CKR_ACTION_PROHIBITED))
}

unsafe extern "C" fn set_attribute_value(
    session: CK_SESSION_HANDLE,
    object: CK_OBJECT_HANDLE,
    template: CK_ATTRIBUTE_PTR,
    count: CK_ULONG,
) -> CK_RV {
    prohibited(session, object).unwrap_or_else(|| vendor!(C_SetAttributeValue(session, object, template, count)))
}

unsafe extern "C" fn copy_object(
    session: CK_SESSION_HANDLE,
    object: CK_OBJECT_HANDLE,
    template: CK_ATTRIBUTE_PTR,
    count: CK_ULONG,
    copy: CK_OBJECT_HANDLE_PTR,
) -> CK_RV {
    prohibited(session, object).unwrap_or_else(|| vendor!(C_CopyObject(session, object, template, count, copy)))
}

unsafe extern "C" fn destroy_object(session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE) -> CK_RV {
    prohibited(session, object).unwrap_or_else(|| vendor!(C_DestroyObject(session, object)))
}

/// Of a key that is shown: what its data object takes.
unsafe extern "C" fn get_object_size(
    session: CK_SESSION_HANDLE,
    object: CK_OBJECT_HANDLE,
    size: CK_ULONG_PTR,
) -> CK_RV {
    match visible(session, object) {
        None => vendor!(C_GetObjectSize(session, object, size)),
        Some(Err(refused)) => refused,
        Some(Ok(object)) => vendor!(C_GetObjectSize(session, object.data, size)),
    }
}
