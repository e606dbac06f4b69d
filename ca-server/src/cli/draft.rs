//! A folder or file that comes into being whole: written beside its place, synced, then renamed. Nothing that was there is ever overwritten,
//! and nothing is left behind if it is not brought to its end.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::Failure;

/// The folder while it is being written; dropped unkept, it is removed.
#[derive(Debug)]
pub(super) struct Draft {
    folder: PathBuf,
}

impl Draft {
    /// Opens a draft beside `target`, which must not exist or be empty.
    pub(super) fn open(target: &Path) -> Result<Self, Failure> {
        let occupied = match std::fs::read_dir(target) {
            Ok(mut entries) => entries.next().is_some(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
            Err(_) => true,
        };
        if occupied {
            return Err(Failure::Exists(target.to_owned()));
        }
        let mut name = target.file_name().unwrap_or_default().to_owned();
        name.push(format!(".draft-{}", std::process::id()));
        let folder = target.with_file_name(name);
        let draft = Self { folder };
        draft.folder_at(&draft.folder)?;
        Ok(draft)
    }

    /// Where it is while it is being written.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes a file that others of the group may read.
    pub(super) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> Result<(), Failure> {
        self.write(name, content.as_ref(), 0o644)
    }

    /// Writes a file that only its owner may read.
    pub(super) fn secret(&self, name: &str, content: impl AsRef<[u8]>) -> Result<(), Failure> {
        self.write(name, content.as_ref(), 0o600)
    }

    fn write(&self, name: &str, content: &[u8], mode: u32) -> Result<(), Failure> {
        let path = self.folder.join(name);
        let failed = |source| Failure::File { action: "write", path: path.clone(), source };
        if let Some(parent) = path.parent() {
            self.folder_at(parent)?;
        }
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(mode).open(&path).map_err(failed)?;
        file.write_all(content).and_then(|()| file.sync_all()).map_err(failed)
    }

    fn folder_at(&self, path: &Path) -> Result<(), Failure> {
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|source| Failure::File {
            action: "make",
            path: path.to_owned(),
            source,
        })
    }

    /// Puts the folder in its place, once every name in it is durable.
    pub(super) fn keep(self, target: &Path) -> Result<(), Failure> {
        sync_folders(&self.folder).map_err(|source| Failure::File {
            action: "sync",
            path: self.folder.clone(),
            source,
        })?;
        // An empty folder may stand there; a rename replaces it and fails on any other.
        std::fs::rename(&self.folder, target).map_err(|source| Failure::File {
            action: "make",
            path: target.to_owned(),
            source,
        })?;
        // The name is durable when its parent is; where a parent cannot be opened the files are still whole.
        if let Some(Ok(parent)) = target.parent().map(File::open) {
            let _ = parent.sync_all();
        }
        Ok(())
    }
}

/// Syncs a folder and all below it: a synced file is lost with a name that is not.
fn sync_folders(folder: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_folders(&entry.path())?;
        }
    }
    File::open(folder)?.sync_all()
}

impl Drop for Draft {
    fn drop(&mut self) {
        // After `keep` nothing is there any more.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A file while it is being written, for its owner alone; dropped unkept, it is removed.
#[derive(Debug)]
pub(super) struct DraftFile {
    file: File,
    path: PathBuf,
    target: PathBuf,
}

impl DraftFile {
    /// Opens a draft beside `target`, which must not exist.
    pub(super) fn open(target: &Path) -> Result<Self, Failure> {
        if target.symlink_metadata().is_ok() {
            return Err(Failure::FileExists(target.to_owned()));
        }
        let mut name = target.file_name().unwrap_or_default().to_owned();
        name.push(format!(".draft-{}", std::process::id()));
        let path = target.with_file_name(name);
        let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let file = opened.map_err(|source| Failure::File { action: "write", path: path.clone(), source })?;
        Ok(Self { file, path, target: target.to_owned() })
    }

    /// Writes octets that come next.
    pub(super) fn write(&mut self, octets: &[u8]) -> Result<(), Failure> {
        self.file.write_all(octets).map_err(|source| self.failed(source))
    }

    /// Puts it in its place, once it is durable.
    pub(super) fn keep(self) -> Result<(), Failure> {
        let kept = || {
            self.file.sync_all()?;
            rename_to_nothing(&self.path, &self.target)?;
            let parent = self.target.parent().filter(|parent| !parent.as_os_str().is_empty());
            File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
        };
        kept().map_err(|source| self.failed(source))
    }

    fn failed(&self, source: std::io::Error) -> Failure {
        Failure::File { action: "write", path: self.target.clone(), source }
    }
}

/// Renames where nothing stands. Not every file system can make sure of that by itself.
fn rename_to_nothing(from: &Path, to: &Path) -> std::io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use rustix::io::Errno;
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) if !to.exists() => std::fs::rename(from, to),
        renamed => Ok(renamed?),
    }
}

impl Drop for DraftFile {
    fn drop(&mut self) {
        // After `keep` nothing is there any more.
        let _ = std::fs::remove_file(&self.path);
    }
}
