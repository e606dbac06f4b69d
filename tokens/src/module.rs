//! The shared libraries that speak to tokens, each loaded and initialised once in this process.
//!
//! A module is initialised again only while nobody uses it, and every session of the time before is then void: its number may be that of another
//! one. Whoever holds sessions compares [`Running::run`]. A module is never unloaded.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};

use super::TokenError;
use super::fault::reason;

static MODULES: Mutex<BTreeMap<PathBuf, Arc<Module>>> = Mutex::new(BTreeMap::new());

/// One module.
pub(crate) struct Module {
    path: PathBuf,
    running: RwLock<Running>,
}

/// It, between two initialisations.
pub(crate) struct Running {
    /// The library.
    pub(crate) library: Pkcs11,
    /// How often it was initialised.
    pub(crate) run: u64,
}

impl Module {
    /// The module at this path, loaded if it is not yet.
    pub(crate) fn at(path: &Path) -> Result<Arc<Self>, TokenError> {
        let mut modules = MODULES.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(module) = modules.get(path) {
            return Ok(Arc::clone(module));
        }
        let unusable = |reason: String| TokenError::Module { path: path.to_owned(), reason };
        // The loader's own words for a missing file name every place where it looked.
        std::fs::metadata(path).map_err(|error| unusable(error.to_string()))?;
        let library = Pkcs11::new(path).map_err(|error| unusable(reason(&error)))?;
        initialize(&library).map_err(|error| unusable(reason(&error)))?;
        let module =
            Arc::new(Self { path: path.to_owned(), running: RwLock::new(Running { library, run: 0 }) });
        modules.insert(path.to_owned(), Arc::clone(&module));
        Ok(module)
    }

    /// It, and nobody initialises it again meanwhile.
    pub(crate) fn running(&self) -> RwLockReadGuard<'_, Running> {
        self.running.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Initialises it again, unless somebody else did since `run`: many modules see tokens that came back only then.
    pub(crate) fn restart(&self, run: u64) -> Result<(), TokenError> {
        let mut running = self.running.write().unwrap_or_else(PoisonError::into_inner);
        if running.run != run {
            return Ok(());
        }
        running.run += 1;
        tracing::warn!(module = %self.path.display(), "the PKCS#11 module is initialised again");
        if let Err(error) = running.library.clone().finalize() {
            tracing::debug!(module = %self.path.display(), reason = reason(&error), "the PKCS#11 module was not finalised");
        }
        initialize(&running.library)
            .map_err(|error| TokenError::Module { path: self.path.clone(), reason: reason(&error) })
    }
}

/// Threads of ours call it at the same time.
fn initialize(library: &Pkcs11) -> Result<(), Error> {
    match library.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(()),
        other => other,
    }
}
