//! The PKCS#11 module of a worker: loaded when it is first needed, and kept for the life of the worker.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use cryptoki::{
    context::{CInitializeArgs, CInitializeFlags, Pkcs11},
    error::{Error, RvError},
};
use qcert_protocol::{ErrorCode, workstation::Failure};

use crate::{failure::failure, functions::Functions, log::Log};

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
    /// The same by themselves.
    pub functions: Functions,
    /// C_Login lets no administrator in while there are sessions that only read, and while one is in there can be none.
    reading: Mutex<()>,
}

impl Module {
    /// Held for as long as a session is open that only reads, or an administrator is logged in.
    pub fn reading(&self) -> MutexGuard<'_, ()> {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What became of the module: why it does not work, if it does not.
type Loaded = Result<Arc<Module>, Failure>;

/// How often a module is asked for before one that did not load is tried again: ten seconds, while the tokens are
/// watched. What it needs (the smart card service, a driver) may be there by then.
const REST: u32 = 20;

/// What became of a module, and how often it is asked for before it is tried again.
struct Tried {
    loaded: Loaded,
    rest: u32,
}

/// Loads the module of this process.
pub struct Loader {
    path: PathBuf,
    log: Arc<Log>,
    tried: Mutex<Option<Tried>>,
}

impl Loader {
    /// Loads nothing yet.
    pub fn new(path: PathBuf, log: Arc<Log>) -> Self {
        Self { path, log, tried: Mutex::default() }
    }

    /// The module's name, which it has before it is loaded.
    pub fn name(&self) -> String {
        name_of(&self.path)
    }

    /// The module, if it is there already.
    pub fn loaded(&self) -> Option<Arc<Module>> {
        let tried = self.tried.lock().unwrap_or_else(PoisonError::into_inner);
        tried.as_ref().and_then(|tried| tried.loaded.clone().ok())
    }

    /// The module. One that did not load is tried again now and then.
    ///
    /// # Errors
    /// `module_failed`.
    pub fn module(&self) -> Loaded {
        let mut tried = self.tried.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Tried { loaded, rest }) = tried.as_mut() {
            *rest = rest.saturating_sub(1);
            if loaded.is_ok() || *rest > 0 {
                return loaded.clone();
            }
        }
        let loaded = load(&self.path);
        if loaded.is_ok() || tried.is_none() {
            note(&loaded, &self.log);
        }
        *tried = Some(Tried { loaded: loaded.clone(), rest: REST });
        loaded
    }
}

/// File name without its ending: what a module is called everywhere.
pub fn name_of(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn note(loaded: &Loaded, log: &Log) {
    match loaded {
        Ok(module) => log.info(format_args!("module {}: {}", module.name, module.description)),
        Err(failure) => {
            log.error(format_args!("module does not load: {}", failure.detail.as_deref().unwrap_or_default()));
        }
    }
}

fn load(path: &Path) -> Loaded {
    let name = name_of(path);
    match initialize(path) {
        Ok((pkcs11, functions, description)) => {
            let (path, reading) = (path.to_owned(), Mutex::default());
            Ok(Arc::new(Module { name, path, description, pkcs11, functions, reading }))
        }
        Err(error) => {
            let failure = failure(&name, &error, ErrorCode::ModuleFailed);
            Err(Failure { code: ErrorCode::ModuleFailed, ..failure })
        }
    }
}

fn initialize(path: &Path) -> Result<(Pkcs11, Functions, String), Error> {
    let pkcs11 = Pkcs11::new(path)?;
    let functions = Functions::of(path)?;
    // The operation and the watch run in two threads.
    match pkcs11.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
        Err(error) => return Err(error),
    }
    let info = pkcs11.get_library_info()?;
    let version = info.library_version();
    let description = format!("{} {}.{}", info.library_description().trim(), version.major(), version.minor());
    Ok((pkcs11, functions, description))
}
