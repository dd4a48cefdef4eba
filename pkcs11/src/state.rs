//! What this module remembers between two calls.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use cryptoki_sys::*;

use crate::{
    attributes::{Attributes, Half},
    vendor,
};

/// Handles from here on are ours: far above those that modules count from one.
const FIRST_HANDLE: CK_OBJECT_HANDLE = 0x5143_0000;

/// A key object that the token does not have.
#[derive(Clone, PartialEq, Eq)]
pub struct Object {
    pub slot: CK_SLOT_ID,
    pub half: Half,
    pub attributes: Attributes,
    /// The data object in which it is.
    pub data: CK_OBJECT_HANDLE,
}

/// A signature that was begun with a stored key, or its checking.
pub struct Signing {
    pub data: CK_OBJECT_HANDLE,
    pub mechanism: CK_MECHANISM_TYPE,
    /// The signature's, in octets.
    pub length: usize,
}

/// What belongs to a session.
#[derive(Default)]
pub struct Session {
    slot: CK_SLOT_ID,
    /// Objects of a search that were not told yet.
    pub pending: Vec<CK_OBJECT_HANDLE>,
    pub signing: Option<Signing>,
    pub verifying: Option<Signing>,
}

/// All of it.
#[derive(Default)]
pub struct State {
    /// By handle, less [`FIRST_HANDLE`]. A handle means the same as long as the module is initialized.
    objects: Vec<Object>,
    sessions: HashMap<CK_SESSION_HANDLE, Session>,
}

static STATE: Mutex<Option<State>> = Mutex::new(None);

/// For one call.
pub struct Locked(MutexGuard<'static, Option<State>>);

/// Nobody else looks meanwhile. A call of the vendor's is not made under it.
pub fn locked() -> Locked {
    Locked(STATE.lock().unwrap_or_else(PoisonError::into_inner))
}

impl Locked {
    fn state(&mut self) -> &mut State {
        self.0.get_or_insert_default()
    }

    /// The object of one of our handles.
    pub fn object(&mut self, handle: CK_OBJECT_HANDLE) -> Option<Object> {
        let place = handle.checked_sub(FIRST_HANDLE)?;
        self.state().objects.get(usize::try_from(place).ok()?).cloned()
    }

    /// The handle of an object, the same each time.
    pub fn handle(&mut self, object: Object) -> CK_OBJECT_HANDLE {
        let objects = &mut self.state().objects;
        let place = objects.iter().position(|known| *known == object).unwrap_or_else(|| {
            objects.push(object);
            objects.len() - 1
        });
        FIRST_HANDLE + place as CK_OBJECT_HANDLE
    }

    /// What belongs to a session, which is remembered from now on.
    pub fn session(&mut self, session: CK_SESSION_HANDLE, slot: CK_SLOT_ID) -> &mut Session {
        self.state().sessions.entry(session).or_insert(Session { slot, ..Session::default() })
    }

    /// What belongs to a session that has begun something.
    pub fn known(&mut self, session: CK_SESSION_HANDLE) -> Option<&mut Session> {
        self.state().sessions.get_mut(&session)
    }

    /// A session was closed.
    pub fn forget(&mut self, session: CK_SESSION_HANDLE) {
        self.state().sessions.remove(&session);
    }

    /// All sessions of a slot were closed.
    pub fn forget_all(&mut self, slot: CK_SLOT_ID) {
        self.state().sessions.retain(|_, session| session.slot != slot);
    }

    /// The module was finalized.
    pub fn clear(&mut self) {
        *self.0 = None;
    }
}

/// What the vendor says of a session.
pub fn info(session: CK_SESSION_HANDLE) -> Result<CK_SESSION_INFO, CK_RV> {
    let mut info = CK_SESSION_INFO::default();
    match vendor!(C_GetSessionInfo(session, &raw mut info)) {
        CKR_OK => Ok(info),
        refused => Err(refused),
    }
}

/// One of our objects, if this session may see it: private ones need a login.
pub fn visible(session: CK_SESSION_HANDLE, handle: CK_OBJECT_HANDLE) -> Option<Result<Object, CK_RV>> {
    let object = locked().object(handle)?;
    Some(info(session).and_then(|info| {
        let logged_in = matches!(info.state, CKS_RO_USER_FUNCTIONS | CKS_RW_USER_FUNCTIONS);
        let seen = info.slotID == object.slot && (object.half == Half::Public || logged_in);
        if seen { Ok(object) } else { Err(CKR_OBJECT_HANDLE_INVALID) }
    }))
}
