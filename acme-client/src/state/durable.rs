//! The few file operations the state directory is built from, each one durable before it returns.
//!
//! Files are created 0600 and folders 0700; a file's content is synced before its name is, and a name before the next step.
//! Trusts the filesystem to rename atomically. Must never leave a final name pointing at unsynced content.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, symlink},
    path::{Path, PathBuf},
};

use super::StateError;

/// Names that start so are unfinished work: recovery may remove them, readers must not look at them.
pub(super) const TEMPORARY: &str = ".tmp-";

/// Creates `path` and its missing parents, 0700, and syncs the folder that holds it.
pub(super) fn create_dir(path: &Path) -> Result<(), StateError> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        create_dir(parent)?;
    }
    fault::step().map_err(|source| failed("create", path, source))?;
    match DirBuilder::new().mode(0o700).create(path) {
        // Somebody else was quicker, and may not have synced it yet.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
        made => made.map_err(|source| failed("create", path, source))?,
    }
    sync_parent(path)
}

/// Writes a file that does not exist yet, 0600, and syncs its content (not yet its name).
pub(super) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), StateError> {
    let write = || -> io::Result<()> {
        fault::step()?;
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        let (first, rest) = bytes.split_at(bytes.len() / 2);
        file.write_all(first)?;
        fault::step()?;
        file.write_all(rest)?;
        fault::step()?;
        file.sync_all()
    };
    write().map_err(|source| failed("write", path, source))
}

/// Replaces a file's content in one step: a reader sees the old content or the new, whole.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), StateError> {
    let temporary = temporary_beside(path);
    remove_if_present(&temporary)?;
    write_new(&temporary, bytes)?;
    rename(&temporary, path)
}

/// Makes `link` a symbolic link to `target` in one step, whatever it pointed at before.
pub(super) fn replace_symlink(target: &Path, link: &Path) -> Result<(), StateError> {
    let temporary = temporary_beside(link);
    remove_if_present(&temporary)?;
    fault::step().map_err(|source| failed("link", &temporary, source))?;
    symlink(target, &temporary).map_err(|source| failed("link", &temporary, source))?;
    rename(&temporary, link)
}

/// Renames within one folder and syncs that folder.
pub(super) fn rename(from: &Path, to: &Path) -> Result<(), StateError> {
    fault::step().map_err(|source| failed("rename", from, source))?;
    fs::rename(from, to).map_err(|source| failed("rename", from, source))?;
    sync_parent(to)
}

/// Removes a folder so that no reader sees it half empty: it first loses its name.
pub(super) fn remove_tree(path: &Path) -> Result<(), StateError> {
    if !path.exists() {
        return Ok(());
    }
    let leaving = temporary_beside(path);
    remove_if_present(&leaving)?;
    rename(path, &leaving)?;
    remove_if_present(&leaving)
}

/// Removes a file, link or folder; absence is fine.
pub(super) fn remove_if_present(path: &Path) -> Result<(), StateError> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(failed("look at", path, source)),
    };
    fault::step().map_err(|source| failed("remove", path, source))?;
    let removed = if metadata.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    removed.map_err(|source| failed("remove", path, source))
}

/// Makes the names inside `path` durable.
pub(super) fn sync_dir(path: &Path) -> Result<(), StateError> {
    fault::step().map_err(|source| failed("sync", path, source))?;
    File::open(path).and_then(|folder| folder.sync_all()).map_err(|source| failed("sync", path, source))
}

/// Reads a whole file; `None` when there is none.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, StateError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(failed("read", path, source)),
    }
}

/// The entries of a folder by name; empty when there is no such folder.
pub(super) fn entries(path: &Path) -> Result<Vec<String>, StateError> {
    let listing = match fs::read_dir(path) {
        Ok(listing) => listing,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(failed("list", path, source)),
    };
    let mut names = Vec::new();
    for entry in listing {
        let entry = entry.map_err(|source| failed("list", path, source))?;
        if let Ok(name) = entry.file_name().into_string() {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

pub(super) fn failed(action: &'static str, path: &Path, source: io::Error) -> StateError {
    StateError::Io { action, path: path.to_path_buf(), source }
}

fn sync_parent(path: &Path) -> Result<(), StateError> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync_dir(parent),
        Some(_) | None => sync_dir(Path::new(".")),
    }
}

/// The temporary name that stands in for `path` while it is being made.
fn temporary_beside(path: &Path) -> PathBuf {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    path.with_file_name(format!("{TEMPORARY}{name}"))
}

/// Lets tests stop the sequence of operations after any number of steps, as a kill would.
pub(crate) mod fault {
    use std::io;

    #[cfg(test)]
    thread_local! {
        static STEPS_LEFT: std::cell::Cell<Option<u32>> = const { std::cell::Cell::new(None) };
    }

    /// Passed before each change on disk.
    #[cfg(test)]
    pub(super) fn step() -> io::Result<()> {
        STEPS_LEFT.with(|left| match left.get() {
            Some(0) => Err(io::Error::other("killed by the test")),
            Some(steps) => {
                left.set(Some(steps - 1));
                Ok(())
            }
            None => Ok(()),
        })
    }

    /// Passed before each change on disk.
    #[cfg(not(test))]
    #[expect(clippy::unnecessary_wraps, reason = "the test build stops here")]
    pub(super) fn step() -> io::Result<()> {
        Ok(())
    }

    /// Runs `act` with only `steps` changes allowed on disk; every one after that fails.
    #[cfg(test)]
    pub(crate) fn after<T>(steps: u32, act: impl FnOnce() -> T) -> T {
        arm(Some(steps));
        let outcome = act();
        arm(None);
        outcome
    }

    /// Allows `steps` more changes on this thread; `None` lifts the limit.
    #[cfg(test)]
    pub(crate) fn arm(steps: Option<u32>) {
        STEPS_LEFT.with(|left| left.set(steps));
    }
}
