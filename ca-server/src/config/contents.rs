//! The files that the configuration names: read as they are, or, where they hold secrets, only if nobody else on this machine may.
//!
//! Decides who else may read a secret by the mode of the very file that is open, and trusts the system for it. Must never put what a file holds into
//! a fault.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use zeroize::Zeroizing;

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileFault {
    /// It cannot be read.
    #[error("{path}: {source}")]
    Unreadable {
        /// Which.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It holds a secret, and others may read it.
    #[error("{0} may be read by others")]
    Public(String),
}

impl FileFault {
    /// What the operator can do.
    #[must_use]
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "name a file that the server may read",
            Self::Public(_) => "chmod 600 it",
        }
    }

    /// The same, about the path as the operator wrote it.
    #[must_use]
    pub fn named(self, path: &Path) -> Self {
        let path = path.display().to_string();
        match self {
            Self::Unreadable { source, .. } => Self::Unreadable { path, source },
            Self::Public(_) => Self::Public(path),
        }
    }
}

/// What a file holds.
///
/// # Errors
/// [`FileFault::Unreadable`].
pub fn read(path: &Path) -> Result<Vec<u8>, FileFault> {
    std::fs::read(path).map_err(|source| unreadable(path, source))
}

/// The text of a file that holds a secret; nothing is read of one that others may read.
///
/// # Errors
/// [`FileFault`].
pub fn read_secret(path: &Path) -> Result<Zeroizing<String>, FileFault> {
    let failed = |source| unreadable(path, source);
    let mut file = File::open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.permissions().mode() & 0o077 != 0 {
        return Err(FileFault::Public(path.display().to_string()));
    }
    let mut text = Zeroizing::new(String::new());
    file.read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

fn unreadable(path: &Path, source: io::Error) -> FileFault {
    FileFault::Unreadable { path: path.display().to_string(), source }
}
