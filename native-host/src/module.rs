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

use crate::{configuration::Configuration, failure::failure, log::Log};

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

    fn note(&self, log: &Log) {
        match self {
            Self::Works(module) => log.info(format_args!("module {}: {}", module.name, module.description)),
            Self::Broken { failure, .. } => {
                log.error(format_args!("module does not load: {}", failure.detail.as_deref().unwrap_or_default()));
            }
        }
    }
}

/// How often the modules are asked for before one that did not load is tried again: ten seconds, while the tokens are
/// watched. What it needs (the smart card service, a driver) may be there by then.
const REST: u32 = 20;

/// What became of a module, and how often it is asked for before it is tried again.
struct Tried {
    loaded: Loaded,
    rest: u32,
}

/// All modules of this machine.
pub struct Modules {
    configuration: Configuration,
    log: Arc<Log>,
    tried: Mutex<Vec<Tried>>,
}

impl Modules {
    /// Loads nothing yet.
    pub fn new(configuration: Configuration, log: Arc<Log>) -> Self {
        Self { configuration, log, tried: Mutex::default() }
    }

    /// The modules, in the order of preference. One that was installed since the last call is loaded now; one that did
    /// not load is tried again now and then.
    pub fn all(&self) -> Vec<Loaded> {
        let mut tried = self.tried.lock().unwrap_or_else(PoisonError::into_inner);
        let all = self.configuration.module_paths().into_iter().map(|path| {
            if let Some(known) = tried.iter_mut().find(|known| known.loaded.path() == path) {
                return known.again(&self.log);
            }
            let present = path.exists();
            let loaded = load(path);
            if present {
                loaded.note(&self.log);
                tried.push(Tried { loaded: loaded.clone(), rest: REST });
            }
            loaded
        });
        all.collect()
    }
}

impl Tried {
    fn again(&mut self, log: &Log) -> Loaded {
        if let Loaded::Broken { path, .. } = &self.loaded {
            self.rest = self.rest.saturating_sub(1);
            if self.rest == 0 {
                *self = Self { loaded: load(path.clone()), rest: REST };
                if let Loaded::Works(_) = self.loaded {
                    self.loaded.note(log);
                }
            }
        }
        self.loaded.clone()
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
