//! PKCS#11 modules: loaded when they are first needed, and kept for the life of the host.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Pkcs11},
    error::{Error, RvError},
};
use qcert_protocol::{ErrorCode, workstation::Failure};

use crate::{configuration::Configuration, failure::failure};

/// A module that works.
pub struct Module {
    /// File name without its ending.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// CK_INFO.libraryDescription and version.
    pub description: String,
    /// Its functions.
    pub pkcs11: Pkcs11,
}

/// A module that is configured or was found, and what became of it.
#[derive(Clone)]
pub enum Loaded {
    /// It works.
    Works(Arc<Module>),
    /// It does not.
    Broken {
        /// File name without its ending.
        name: String,
        /// The file.
        path: PathBuf,
        /// Why.
        failure: Failure,
    },
}

impl Loaded {
    fn path(&self) -> &Path {
        match self {
            Self::Works(module) => &module.path,
            Self::Broken { path, .. } => path,
        }
    }
}

/// All modules of this machine.
pub struct Modules {
    configuration: Configuration,
    loaded: Mutex<Vec<Loaded>>,
}

impl Modules {
    /// Loads nothing yet.
    pub fn new(configuration: Configuration) -> Self {
        Self { configuration, loaded: Mutex::default() }
    }

    /// The modules, in the order of preference. One that was installed since the last call is loaded now.
    pub fn all(&self) -> Vec<Loaded> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let all = self.configuration.module_paths().into_iter().map(|path| {
            if let Some(known) = loaded.iter().find(|known| known.path() == path) {
                return known.clone();
            }
            let present = path.exists();
            let module = load(path);
            if present {
                loaded.push(module.clone());
            }
            module
        });
        all.collect()
    }
}

fn load(path: PathBuf) -> Loaded {
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    match initialize(&path) {
        Ok((pkcs11, description)) => Loaded::Works(Arc::new(Module { name, path, description, pkcs11 })),
        Err(error) => {
            let failure = failure(&name, &error, ErrorCode::ModuleFailed);
            Loaded::Broken { name, path, failure: Failure { code: ErrorCode::ModuleFailed, ..failure } }
        }
    }
}

fn initialize(path: &Path) -> Result<(Pkcs11, String), Error> {
    let pkcs11 = Pkcs11::new(path)?;
    // The operation and the watch run in two threads.
    match pkcs11.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
        Err(error) => return Err(error),
    }
    let info = pkcs11.get_library_info()?;
    let version = info.library_version();
    let description = format!("{} {}.{}", info.library_description().trim(), version.major(), version.minor());
    Ok((pkcs11, description))
}
