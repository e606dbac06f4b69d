//! From `[store] url` to an open store.

use std::path::Path;
use std::sync::Arc;

use super::Store;
use super::memory::Memory;
use super::sled::{Sled, SledConfig, SledOpenError};
use crate::config::StoreConfig;

/// Why the store of a configuration does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL names no store.
    #[error("store.url {url:?} names no store")]
    Url {
        /// What was given.
        url: String,
    },
    /// The embedded store does not open.
    #[error(transparent)]
    Sled(#[from] SledOpenError),
}

impl OpenError {
    /// What the operator can do.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Url { .. } => "write store.url = \"sled:data\", or another folder after \"sled:\"",
            Self::Sled(error) => error.hint(),
        }
    }
}

/// Opens the store of `config`; a relative folder is read against `folder`.
///
/// # Errors
/// If the URL names no store or the store does not open.
pub fn open(config: &StoreConfig, folder: &Path) -> Result<Store, OpenError> {
    match config.url.split_once(':') {
        Some(("memory", "")) => Ok(Store::new(Arc::new(Memory::new()))),
        Some(("sled", path)) if !path.is_empty() => {
            let mut settings = SledConfig::new(&folder.join(path));
            settings.cache = config.cache_mib.max(1) << 20;
            Ok(Store::new(Arc::new(Sled::open(&settings)?)))
        }
        Some(_) | None => Err(OpenError::Url { url: config.url.clone() }),
    }
}
