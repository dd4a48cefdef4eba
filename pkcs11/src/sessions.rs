//! Sessions that end take with them what was begun in them.

use cryptoki_sys::*;

use crate::{state::locked, vendor};

pub fn install(list: &mut CK_FUNCTION_LIST) {
    list.C_CloseSession = Some(close_session);
    list.C_CloseAllSessions = Some(close_all_sessions);
    list.C_Finalize = Some(finalize);
}

unsafe extern "C" fn close_session(session: CK_SESSION_HANDLE) -> CK_RV {
    locked().forget(session);
    vendor!(C_CloseSession(session))
}

unsafe extern "C" fn close_all_sessions(slot: CK_SLOT_ID) -> CK_RV {
    locked().forget_all(slot);
    vendor!(C_CloseAllSessions(slot))
}

unsafe extern "C" fn finalize(reserved: CK_VOID_PTR) -> CK_RV {
    locked().clear();
    vendor!(C_Finalize(reserved))
}
