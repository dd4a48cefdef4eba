//! A module that stands before another one: how the one behind is opened, and for `qcert-pkcs11`, which one that is.

#![cfg(unix)]

pub mod configuration;

use std::{path::Path, ptr};

use cryptoki_sys::{CK_FUNCTION_LIST, CK_FUNCTION_LIST_PTR, CK_FUNCTION_LIST_PTR_PTR, CK_RV, CKR_OK};
use libloading::Library;

/// Why a file does not serve.
#[derive(Debug, thiserror::Error)]
pub enum NoModule {
    /// It is no library, or no PKCS#11 module.
    #[error(transparent)]
    NotLoadable(#[from] libloading::Error),
    /// C_GetFunctionList refused.
    #[error("gives no function list")]
    NoFunctions,
}

/// The functions of the module behind; its library stays loaded as long as this lives.
pub struct Behind {
    /// Its list, copied: whoever stands before it changes what is theirs.
    pub functions: CK_FUNCTION_LIST,
    _library: Library,
}

impl Behind {
    /// Loads a module, and asks it for its functions.
    ///
    /// # Errors
    /// [`NoModule`].
    pub fn open(module: &Path) -> Result<Self, NoModule> {
        type GetFunctionList = unsafe extern "C" fn(CK_FUNCTION_LIST_PTR_PTR) -> CK_RV;
        let mut list: CK_FUNCTION_LIST_PTR = ptr::null_mut();
        // SAFETY: the file is a PKCS#11 module by the word of whoever named it, so its C_GetFunctionList has this
        // signature and fills in the pointer.
        let (library, answer) = unsafe {
            let library = Library::new(module)?;
            let answer = library.get::<GetFunctionList>(b"C_GetFunctionList\0")?(&raw mut list);
            (library, answer)
        };
        if answer != CKR_OK {
            return Err(NoModule::NoFunctions);
        }
        // SAFETY: C_GetFunctionList gave a list that lives as long as the library, which we keep.
        let functions = *unsafe { list.as_ref() }.ok_or(NoModule::NoFunctions)?;
        Ok(Self { functions, _library: library })
    }
}
