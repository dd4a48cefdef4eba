//! The person's certificate store, in which browsers and other programs find the certificate. Trust is never given.
//!
//! Every system's store answers: `add_certificate`, `register_module` and `is_registered` (may other programs use the
//! token's key through the store? By which module, a [`Way`] says), and `parts`, what the store consists of and whether
//! that is there.

#[cfg(target_os = "macos")]
mod macos;
#[cfg(unix)]
mod nss;
#[cfg(windows)]
mod windows;

use std::path::{Path, PathBuf};

use qcert_protocol::{
    ErrorCode,
    workstation::{Carrier, StoreState, Token},
};

#[cfg(target_os = "macos")]
pub use macos::{add_certificate, parts};
#[cfg(all(unix, not(target_os = "macos")))]
pub use nss::{add_certificate, parts};
#[cfg(unix)]
pub use nss::{is_registered, register_module, unregister_modules, way_by};
#[cfg(windows)]
pub use windows::{add_certificate, is_registered, parts, register_module};

use crate::{configuration::Configuration, module::name_of};

/// By which module a store reaches the keys of a token.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Way {
    /// The module that shows the token.
    pub vendor: PathBuf,
    /// `qcert-pkcs11`, which stands before it where the token only stores its keys.
    pub ours: Option<PathBuf>,
}

impl Way {
    /// To the keys of a token that this module shows.
    ///
    /// # Errors
    /// `store_tool_missing`: the token only stores them, and `qcert-pkcs11` is not installed.
    pub fn to(token: &Token, module: &Path, configuration: &Configuration) -> Result<Self, ErrorCode> {
        // Windows' own store takes no modules, and there is none of ours for macOS.
        let ours = match token.carrier {
            Some(Carrier::Stores) if cfg!(not(any(windows, target_os = "macos"))) => {
                Some(configuration.stored_key_module().ok_or(ErrorCode::StoreToolMissing)?)
            }
            _ => None,
        };
        Ok(Self { vendor: module.to_owned(), ours })
    }

    /// The module that the store is told of.
    pub fn file(&self) -> &Path {
        self.ours.as_deref().unwrap_or(&self.vendor)
    }
}

/// Can the store use the keys of this token, which this module shows?
pub fn state(token: &Token, module: &Path, configuration: &Configuration) -> StoreState {
    let error = parts().into_iter().find_map(|(_, error)| error);
    match Way::to(token, module, configuration) {
        Ok(way) => StoreState { module_registered: is_registered(&way), module: name_of(way.file()), error },
        Err(code) => StoreState { module_registered: false, module: name_of(module), error: error.or(Some(code)) },
    }
}
