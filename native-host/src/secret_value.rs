//! Values that must not stay in memory: read from a token into memory that is locked and wiped, and given to it from such.

use std::ptr;

use cryptoki::{
    context::Function,
    error::{Error, Rv},
    object::{Attribute, ObjectHandle},
    session::Session,
};
use cryptoki_sys::{CK_ATTRIBUTE, CK_ULONG, CKA_VALUE};
use zeroize::Zeroize;

use crate::{
    in_ram::{InRam, SecretBytes},
    module::Module,
};

/// The longest value that is read: an RSA key of 4096 bits has some 2400 octets.
const LONGEST: usize = 16 * 1024;

/// CKA_VALUE of an object. `cryptoki` reads it into a buffer that it copies and gives back as it is.
///
/// # Errors
/// Those of C_GetAttributeValue.
pub fn read(module: &Module, session: &Session, object: ObjectHandle) -> Result<SecretBytes, Error> {
    let get = module.functions.list().C_GetAttributeValue.ok_or(Error::NullFunctionPointer)?;
    let mut attribute = CK_ATTRIBUTE { type_: CKA_VALUE, pValue: ptr::null_mut(), ulValueLen: 0 };
    // SAFETY: session and object are the module's own handles, and the template has one attribute.
    let ask = |attribute: &mut CK_ATTRIBUTE| {
        let answer = unsafe { get(session.handle(), object.handle(), ptr::from_mut(attribute), 1) };
        Rv::from(answer).into_result(Function::GetAttributeValue)
    };
    ask(&mut attribute)?;
    let length = usize::try_from(attribute.ulValueLen).ok().filter(|length| *length <= LONGEST);
    let mut value = SecretBytes::zeros(length.ok_or(Error::InvalidValue)?);
    attribute.pValue = value.buffer().as_mut_ptr().cast();
    ask(&mut attribute)?;
    // A module may say less the second time, and what it says more it has no room for.
    if attribute.ulValueLen == value.len() as CK_ULONG { Ok(value) } else { Err(Error::InvalidValue) }
}

/// A template with secrets in it: in RAM, and wiped when dropped.
pub struct SecretTemplate {
    /// Dropped before `attributes`, for they are of their memory.
    _in_ram: Vec<InRam>,
    attributes: Vec<Attribute>,
}

impl SecretTemplate {
    /// Takes over what is in them.
    pub fn new(mut attributes: Vec<Attribute>) -> Self {
        let in_ram = attributes.iter_mut().filter_map(secret).map(|octets| InRam::keep(octets)).collect();
        Self { _in_ram: in_ram, attributes }
    }

    /// For the call that needs it.
    pub fn attributes(&self) -> &[Attribute] {
        &self.attributes
    }
}

impl Drop for SecretTemplate {
    fn drop(&mut self) {
        self.attributes.iter_mut().filter_map(secret).for_each(Zeroize::zeroize);
    }
}

/// The octets of an attribute that may be secret.
fn secret(attribute: &mut Attribute) -> Option<&mut Vec<u8>> {
    use Attribute as A;
    match attribute {
        A::Value(octets)
        | A::PrivateExponent(octets)
        | A::Prime1(octets)
        | A::Prime2(octets)
        | A::Exponent1(octets)
        | A::Exponent2(octets)
        | A::Coefficient(octets) => Some(octets),
        _ => None,
    }
}
