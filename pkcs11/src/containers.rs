//! The containers that the vendor's module shows to a session, as key objects.

use cryptoki_sys::*;
use qcert_pki::PublicKey;
use qcert_stored_key::container::{PRIVATE, PUBLIC};

use crate::{
    attributes::{Attributes, Half},
    state::Object,
    vendor,
};

/// The longest value that is read: a private RSA key of 4096 bits has some 2400 octets.
const LONGEST: usize = 16 * 1024;

/// Both halves of each container, the private ones as far as the session sees them.
///
/// # Errors
/// The vendor's.
pub fn objects(session: CK_SESSION_HANDLE, slot: CK_SLOT_ID) -> Result<Vec<Object>, CK_RV> {
    let object_id = |object: &CK_OBJECT_HANDLE| Some((*object, value(session, *object, CKA_OBJECT_ID).ok()?));
    let private: Vec<_> = find(session, PRIVATE)?.iter().filter_map(object_id).collect();
    let mut objects = Vec::new();
    for (public, id) in find(session, PUBLIC)?.iter().filter_map(object_id) {
        let Ok(spki) = value(session, public, CKA_VALUE) else { continue };
        let Ok(key) = PublicKey::from_spki_der(&spki) else { continue };
        let label = value(session, public, CKA_LABEL).unwrap_or_default();
        let others = private.iter().filter(|(_, other)| *other == id);
        let both = others.map(|(private, _)| (Half::Private, *private)).chain([(Half::Public, public)]);
        objects.extend(both.filter_map(|(half, data)| {
            let attributes = Attributes::of(half, &key, &label)?;
            Some(Object { slot, half, attributes, data })
        }));
    }
    Ok(objects)
}

/// Data objects of this application.
fn find(session: CK_SESSION_HANDLE, application: &str) -> Result<Vec<CK_OBJECT_HANDLE>, CK_RV> {
    let mut class: CK_OBJECT_CLASS = CKO_DATA;
    let mut application = application.as_bytes().to_vec();
    let class_length = size_of::<CK_OBJECT_CLASS>() as CK_ULONG;
    let mut template = [
        CK_ATTRIBUTE { type_: CKA_CLASS, pValue: (&raw mut class).cast(), ulValueLen: class_length },
        CK_ATTRIBUTE {
            type_: CKA_APPLICATION,
            pValue: application.as_mut_ptr().cast(),
            ulValueLen: application.len() as CK_ULONG,
        },
    ];
    answered(vendor!(C_FindObjectsInit(session, template.as_mut_ptr(), 2)))?;
    let mut found = Vec::new();
    let outcome = loop {
        let (mut some, mut count) = ([0; 16], 0);
        let answer = vendor!(C_FindObjects(session, some.as_mut_ptr(), 16, &raw mut count));
        let told = usize::try_from(count).unwrap_or(0).min(some.len());
        if answer != CKR_OK || told == 0 {
            break answered(answer);
        }
        found.extend_from_slice(&some[..told]);
    };
    answered(vendor!(C_FindObjectsFinal(session)))?;
    outcome.map(|()| found)
}

/// An attribute's value.
///
/// # Errors
/// The vendor's; CKR_GENERAL_ERROR for a length that cannot be.
pub fn value(session: CK_SESSION_HANDLE, object: CK_OBJECT_HANDLE, kind: CK_ATTRIBUTE_TYPE) -> Result<Vec<u8>, CK_RV> {
    let mut attribute = CK_ATTRIBUTE { type_: kind, pValue: std::ptr::null_mut(), ulValueLen: 0 };
    answered(vendor!(C_GetAttributeValue(session, object, &raw mut attribute, 1)))?;
    let length = usize::try_from(attribute.ulValueLen).ok().filter(|length| *length <= LONGEST);
    let mut value = vec![0; length.ok_or(CKR_GENERAL_ERROR)?];
    attribute.pValue = value.as_mut_ptr().cast();
    answered(vendor!(C_GetAttributeValue(session, object, &raw mut attribute, 1)))?;
    value.truncate(usize::try_from(attribute.ulValueLen).unwrap_or(0));
    Ok(value)
}

/// The vendor's answer as a result.
///
/// # Errors
/// Everything but CKR_OK.
pub fn answered(answer: CK_RV) -> Result<(), CK_RV> {
    if answer == CKR_OK { Ok(()) } else { Err(answer) }
}
