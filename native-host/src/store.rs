//! The person's certificate store, in which browsers and other programs find the certificate. Trust is never given.
//!
//! Every system's store answers: `add_certificate`, `register_module` and `is_registered` (may other programs use the
//! token's key through the store?), and `parts`, what the store consists of and whether that is there.

#[cfg(not(windows))]
mod nss;
#[cfg(windows)]
mod windows;

use qcert_protocol::workstation::StoreState;

#[cfg(not(windows))]
pub use nss::{add_certificate, is_registered, parts, register_module, unregister_modules};
#[cfg(windows)]
pub use windows::{add_certificate, is_registered, parts, register_module};

use crate::module::Module;

/// Can the store use the keys of this module's tokens?
pub fn state(module: &Module) -> StoreState {
    let error = parts().into_iter().find_map(|(_, error)| error);
    StoreState { module_registered: is_registered(&module.path), module: module.name.clone(), error }
}
