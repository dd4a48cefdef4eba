//! The functions of a module by themselves, for what `cryptoki` does otherwise than is wanted here.

use std::{path::Path, ptr};

use cryptoki::{
    context::Function,
    error::{Error, Rv},
    session::Session,
};
use cryptoki_sys::{CK_FUNCTION_LIST, CK_FUNCTION_LIST_PTR, CK_ULONG, Pkcs11};

/// The longest signature: of an RSA key of 4096 bits.
const LONGEST_SIGNATURE: usize = 512;

/// All functions of a module.
pub struct Functions {
    list: CK_FUNCTION_LIST,
    /// Loaded for as long as its functions may be called.
    _library: Pkcs11,
}

impl Functions {
    /// Of a module that was just loaded.
    ///
    /// # Errors
    /// It is not a PKCS#11 module.
    pub fn of(module: &Path) -> Result<Self, Error> {
        // SAFETY: it is loaded already, so it is only counted here and no code of it runs.
        let library = unsafe { Pkcs11::new(module) }.map_err(Error::LibraryLoading)?;
        if library.C_GetFunctionList.is_err() {
            return Err(Error::MissingSymbol("C_GetFunctionList"));
        }
        let mut list: CK_FUNCTION_LIST_PTR = ptr::null_mut();
        // SAFETY: the function is there, and the pointer may be written.
        let answer = unsafe { library.C_GetFunctionList(&raw mut list) };
        Rv::from(answer).into_result(Function::GetFunctionList)?;
        // SAFETY: the list is null, or as long there as the library, which is loaded now.
        let list = *unsafe { list.as_ref() }.ok_or(Error::NullFunctionPointer)?;
        Ok(Self { list, _library: library })
    }

    /// The list.
    pub fn list(&self) -> &CK_FUNCTION_LIST {
        &self.list
    }

    /// Signs, as C_SignInit has begun to in this session. `cryptoki` has the two together only, and a key that demands
    /// the PIN for each signature wants C_Login between them.
    ///
    /// # Errors
    /// Those of C_Sign.
    pub fn sign(&self, session: &Session, input: &[u8]) -> Result<Vec<u8>, Error> {
        let sign = self.list.C_Sign.ok_or(Error::NullFunctionPointer)?;
        let mut signature = vec![0; LONGEST_SIGNATURE];
        let mut length = LONGEST_SIGNATURE as CK_ULONG;
        let (input, input_length) = (input.as_ptr().cast_mut(), input.len() as CK_ULONG);
        // SAFETY: the session is open, the module only reads the input, and both lengths are those of their memory.
        let answer = unsafe { sign(session.handle(), input, input_length, signature.as_mut_ptr(), &raw mut length) };
        Rv::from(answer).into_result(Function::Sign)?;
        signature.truncate(usize::try_from(length).unwrap_or(0));
        Ok(signature)
    }
}
