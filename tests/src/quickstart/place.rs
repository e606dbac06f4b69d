//! The folder where everything is: temporary and removed at the end, or the person's own and kept.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::Failure;

/// The folder.
#[derive(Debug)]
pub(super) struct Place {
    path: PathBuf,
    temporary: Option<tempfile::TempDir>,
}

impl Place {
    /// Opens `wanted`, which must not exist or be empty, or a temporary folder.
    pub(super) fn open(wanted: Option<&Path>) -> Result<Self, Failure> {
        let Some(wanted) = wanted else {
            let temporary =
                tempfile::Builder::new().prefix("rollcall-").tempdir().map_err(Failure::System)?;
            return Ok(Self { path: temporary.path().to_owned(), temporary: Some(temporary) });
        };
        let failed = |source| Failure::File { action: "use", path: wanted.to_owned(), source };
        let path = std::path::absolute(wanted).map_err(failed)?;
        fs::create_dir_all(&path).map_err(failed)?;
        if fs::read_dir(&path).map_err(failed)?.next().is_some() {
            return Err(Failure::Occupied(path));
        }
        Ok(Self { path, temporary: None })
    }

    /// The folder.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A path in it.
    pub(super) fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// What becomes of it, in words.
    pub(super) fn fate(&self) -> &'static str {
        if self.temporary.is_some() { ", removed at the end" } else { "" }
    }

    /// Writes a file that only its owner may read.
    pub(super) fn secret(&self, name: &str, text: &str) -> Result<PathBuf, Failure> {
        let path = self.join(name);
        let written = || -> io::Result<()> {
            let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
            file.write_all(text.as_bytes())
        };
        match written() {
            Ok(()) => Ok(path),
            Err(source) => Err(Failure::File { action: "write", path, source }),
        }
    }

    /// Removes it if it is temporary.
    pub(super) fn close(self) -> Result<(), Failure> {
        let Self { path, temporary } = self;
        match temporary {
            Some(temporary) => {
                temporary.close().map_err(|source| Failure::File { action: "remove", path, source })
            }
            None => Ok(()),
        }
    }
}
