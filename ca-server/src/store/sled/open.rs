//! Opening the embedded store so that what it will promise can be kept.
//!
//! Takes a lock of its own first, removes what a crash may have left half made, makes the database file durable before sled writes a
//! snapshot of it, afterwards every directory entry, and then moves what the write-ahead log holds into the tree. sled 0.34 syncs a
//! snapshot before it renames it but takes a half-written `snap.*.generating` for a snapshot; without any snapshot it reads its whole
//! log again, so snapshots may be set aside when they are damaged, the log never.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sled::Db;

use super::ahead::{Ahead, AheadError, Unplayed};
use super::view::Rows;
use super::view::View;
use super::{SledConfig, SledFailure, fold, reach};
use crate::log::chain::{Chain, Entry, EntryError};
use crate::store::evaluate::{bounds, stored_key};
use crate::store::{Range, StoreError, Table};

/// sled's segments. A quarter of one is the largest page that stays in the database file; see `MOST_VALUE`.
const SEGMENT: usize = 4 << 20;
/// Its presence says that a sync of the database failed.
const UNSYNCED: &str = "unsynced";
/// Version of the layout of keys and values.
const LAYOUT: &[u8] = b"2";
/// The one before, whose tree does not say how far it reaches.
const WITHOUT_REACH: &[u8] = b"1";

/// Why the store does not open.
#[derive(Debug, thiserror::Error)]
pub enum SledOpenError {
    /// Another process has it open.
    #[error("the store in {} is in use by another process", folder.display())]
    InUse {
        /// The folder.
        folder: PathBuf,
    },
    /// A file or folder could not be made, read or synced.
    #[error("{} could not be {doing}", path.display())]
    File {
        /// What was tried.
        doing: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The database does not open.
    #[error("the store in {} does not open", folder.display())]
    Database {
        /// The folder.
        folder: PathBuf,
        /// What it said.
        #[source]
        source: sled::Error,
    },
    /// It was written by a version of this program with another layout.
    #[error("the store in {} has layout {found:?}, not \"2\"", folder.display())]
    Layout {
        /// The folder.
        folder: PathBuf,
        /// The layout that was found.
        found: String,
    },
    /// The database opens but cannot be read.
    #[error("the store in {} cannot be read", folder.display())]
    Unreadable {
        /// The folder.
        folder: PathBuf,
        /// What failed.
        #[source]
        source: StoreError,
    },
    /// The write-ahead log has a record that was acknowledged and does not count.
    #[error("the write-ahead log {} is damaged", path.display())]
    Ahead {
        /// The file.
        path: PathBuf,
    },
    /// The tree is not where the write-ahead log was told it is: something on the disk changed or is missing.
    #[error(
        "the database in {} is damaged: it reaches generation {found} of the write-ahead log, and {} was acknowledged",
        folder.display(),
        wanted.start()
    )]
    Reach {
        /// The folder.
        folder: PathBuf,
        /// How far the tree reaches.
        found: u64,
        /// How far it should.
        wanted: RangeInclusive<u64>,
    },
    /// What the write-ahead log holds could not be moved into the tree; it stands in the log as before.
    #[error("what was committed last could not be moved into the store in {}", folder.display())]
    CatchUp {
        /// The folder.
        folder: PathBuf,
        /// What failed.
        #[source]
        source: StoreError,
    },
    /// The last journal entry does not parse.
    #[error("the journal's last entry does not parse")]
    Journal(#[source] EntryError),
    /// The committer thread could not be started.
    #[error("the store's committer could not be started")]
    Thread {
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl SledOpenError {
    /// What the operator can do.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::InUse { .. } => "stop the other server first, or ask it through its admin socket",
            Self::CatchUp { .. } => {
                "look at the disk, free some space on it, then start again; nothing is lost, do not restore a backup"
            }
            Self::File { source, .. } | Self::Database { source: sled::Error::Io(source), .. }
                if source.kind() == io::ErrorKind::StorageFull =>
            {
                "free some space on the disk, then start again; nothing is lost, do not restore a backup"
            }
            Self::File { .. } => {
                "the folder of [store] url must exist and belong to the user that runs the server"
            }
            Self::Database { .. } | Self::Unreadable { .. } | Self::Ahead { .. } => {
                "restore the folder from a backup; do not delete files in it"
            }
            Self::Reach { .. } => {
                "what was acknowledged is missing from it: keep a copy of the folder, then restore it from a backup"
            }
            Self::Layout { .. } => "use the version of ca-server that wrote it",
            Self::Journal(_) => "keep a copy of the folder for inquiry, then restore it from a backup",
            Self::Thread { .. } => "raise the limit of processes for the user that runs the server",
        }
    }
}

/// An open store.
pub(super) struct Opened {
    pub(super) view: View,
    pub(super) ahead: Ahead,
    /// The database file, for `fdatasync`.
    pub(super) database: File,
    pub(super) lock: File,
    pub(super) chain: Chain,
}

pub(super) fn open(config: &SledConfig) -> Result<Opened, SledOpenError> {
    let folder = &config.folder;
    make_folder(folder)?;
    let lock = lock(folder)?;
    let path = folder.join("db");
    discard_half_made(folder, &path)?;
    if path.exists() {
        sync(&path)?;
        if folder.join(UNSYNCED).exists() {
            forget_cached(&path)?;
        }
    }
    let db = open_database(config)?;
    // Without its configuration a database that has rows does not open.
    sync(&folder.join("conf"))?;
    let database = OpenOptions::new().read(true).write(true).open(&path);
    let database = database.map_err(|source| failed("opened", &path, source))?;
    let (log, rows) = open_log(config)?;
    if check_layout(&db, folder)? == Layout::Present {
        check_reach(&db, folder, &log.reach())?;
    }
    let ahead = catch_up(folder, (&db, &database), log, &rows)?;
    write_layout(&db, folder, &database)?;
    remove_if_there(&folder.join(UNSYNCED))?;
    make_entries_durable(folder)?;
    let view = View::new(db);
    let chain = last_entry(&view, folder)?;
    Ok(Opened { view, ahead, database, lock, chain })
}

fn open_log(config: &SledConfig) -> Result<(Unplayed, Rows), SledOpenError> {
    Ahead::open(&config.folder, config.ahead.saturating_mul(3)).map_err(|error| match error {
        AheadError::File { path, source } => failed("opened", &path, source),
        AheadError::Damaged { path } => SledOpenError::Ahead { path },
    })
}

/// Refuses a tree that does not reach as far as the log says.
pub(super) fn check_reach(db: &Db, folder: &Path, wanted: &RangeInclusive<u64>) -> Result<(), SledOpenError> {
    let folder = folder.to_owned();
    match reach::elsewhere(db, wanted) {
        Ok(None) => Ok(()),
        Ok(Some(found)) => Err(SledOpenError::Reach { folder, found, wanted: wanted.clone() }),
        Err(failure) => Err(SledOpenError::Unreadable { folder, source: failure.into() }),
    }
}

/// Moves what the write-ahead log holds into the tree.
fn catch_up(
    folder: &Path,
    (db, database): (&Db, &File),
    log: Unplayed,
    rows: &Rows,
) -> Result<Ahead, SledOpenError> {
    fold::into_tree(db, database, rows, log.generation()).map_err(|failure| {
        note(folder, &failure);
        let folder = folder.to_owned();
        match failure {
            SledFailure::Write(_) | SledFailure::Sync(_) | SledFailure::Read(sled::Error::Io(_)) => {
                SledOpenError::CatchUp { folder, source: failure.into() }
            }
            _ => SledOpenError::Unreadable { folder, source: failure.into() },
        }
    })?;
    log.caught_up().map_err(|source| failed("written", folder, source))
}

fn failed(doing: &'static str, path: &Path, source: io::Error) -> SledOpenError {
    SledOpenError::File { doing, path: path.to_owned(), source }
}

/// Makes the folder, for this user alone, and its entry in each folder above durable.
fn make_folder(folder: &Path) -> Result<(), SledOpenError> {
    use std::os::unix::fs::DirBuilderExt as _;
    if folder.is_dir() {
        return Ok(());
    }
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(parent) = parent {
        make_folder(parent)?;
    }
    let made = fs::DirBuilder::new().mode(0o700).create(folder);
    made.map_err(|source| failed("made", folder, source))?;
    sync(parent.unwrap_or(Path::new(".")))
}

fn lock(folder: &Path) -> Result<File, SledOpenError> {
    let path = folder.join("lock");
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
    let file = file.map_err(|source| failed("opened", &path, source))?;
    // A process that was killed holds its locks until its last write has ended.
    let mut patience = 50;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(fs::TryLockError::WouldBlock) if patience > 0 => {
                patience -= 1;
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(fs::TryLockError::WouldBlock) => {
                return Err(SledOpenError::InUse { folder: folder.to_owned() });
            }
            Err(fs::TryLockError::Error(source)) => return Err(failed("locked", &path, source)),
        }
    }
}

fn sync(path: &Path) -> Result<(), SledOpenError> {
    let synced = File::open(path).and_then(|file| file.sync_all());
    synced.map_err(|source| failed("synced to disk", path, source))
}

/// Leaves word of a sync of the database that failed, for the next opening. Where that fails too, the disk will not open again anyway.
pub(super) fn note(folder: &Path, failure: &SledFailure) {
    if matches!(failure, SledFailure::Sync(_))
        && let Err(error) = File::create(folder.join(UNSYNCED))
    {
        tracing::error!(%error, "that a sync failed could not be noted");
    }
}

fn remove_if_there(path: &Path) -> Result<(), SledOpenError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(failed("removed", path, source)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Has the file read from the disk itself from now on: after a sync that failed, memory may hold octets that the disk does not.
fn forget_cached(path: &Path) -> Result<(), SledOpenError> {
    let file = File::open(path).map_err(|source| failed("opened", path, source))?;
    let told = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed);
    told.map_err(|error| failed("read anew", path, error.into()))
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, SledOpenError> {
    let listed = fs::read_dir(folder).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
    listed.map_err(|source| failed("listed", folder, source))
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

/// Removes snapshots that were being written at a crash, and a configuration without a database: both were promised to nobody.
fn discard_half_made(folder: &Path, database: &Path) -> Result<(), SledOpenError> {
    let empty = fs::metadata(database).map_or(true, |data| data.len() == 0);
    for path in entries(folder)? {
        let half_made = name(&path).ends_with(".generating") || (empty && name(&path) == "conf");
        if half_made {
            fs::remove_file(&path).map_err(|source| failed("removed", &path, source))?;
        }
    }
    Ok(())
}

/// Opens a database that this process has just closed, and makes the snapshot that sled writes then durable.
pub(super) fn reopen(config: &SledConfig) -> Result<Db, SledOpenError> {
    sync(&config.folder.join("db"))?;
    let db = open_database(config)?;
    make_entries_durable(&config.folder)?;
    Ok(db)
}

/// Opens sled itself; the folder must be locked and prepared.
fn open_database(config: &SledConfig) -> Result<Db, SledOpenError> {
    let settings = sled::Config::new()
        .path(&config.folder)
        .cache_capacity(config.cache)
        .segment_size(SEGMENT)
        .flush_every_ms(None);
    match open_unlocked(&settings) {
        Ok(db) => Ok(db),
        Err(first) => {
            let database = |source| SledOpenError::Database { folder: config.folder.clone(), source };
            let aside =
                matches!(first, sled::Error::Corruption { .. }) && set_snapshots_aside(&config.folder)?;
            if !aside {
                return Err(database(first));
            }
            tracing::warn!("the store's snapshot is damaged; its whole log is read instead");
            open_unlocked(&settings).map_err(database)
        }
    }
}

/// Opens sled, waiting a while for its own lock: one of its threads may still hold the file of an instance closed just before. That
/// no other process is at it is certain already.
fn open_unlocked(settings: &sled::Config) -> sled::Result<Db> {
    let mut patience = 500;
    loop {
        match settings.open() {
            Err(sled::Error::Io(error)) if patience > 0 && error.to_string().contains("acquire lock") => {
                patience -= 1;
                std::thread::sleep(Duration::from_millis(10));
            }
            opened => return opened,
        }
    }
}

/// Renames the snapshots so that sled reads its whole log; false if there are none.
fn set_snapshots_aside(folder: &Path) -> Result<bool, SledOpenError> {
    let mut any = false;
    for path in entries(folder)?.iter().filter(|path| name(path).starts_with("snap.")) {
        let aside = path.with_file_name(format!("damaged-{}", name(path)));
        fs::rename(path, &aside).map_err(|source| failed("renamed", path, source))?;
        any = true;
    }
    Ok(any)
}

/// What a tree says of itself.
#[derive(PartialEq, Eq)]
enum Layout {
    /// It says how far it reaches, or is new.
    Present,
    /// It was written before trees said that.
    WithoutReach,
}

/// Which layout the store has; refuses one that is not known.
fn check_layout(db: &Db, folder: &Path) -> Result<Layout, SledOpenError> {
    let database = |source| SledOpenError::Database { folder: folder.to_owned(), source };
    match db.get(stored_key(Table::Meta, b"layout")).map_err(database)?.as_deref() {
        None | Some(LAYOUT) => Ok(Layout::Present),
        Some(WITHOUT_REACH) => Ok(Layout::WithoutReach),
        Some(found) => {
            let found = String::from_utf8_lossy(found).into_owned();
            Err(SledOpenError::Layout { folder: folder.to_owned(), found })
        }
    }
}

/// Writes the layout version into a store that is new or was written before; everything else of the layout stands by now.
fn write_layout(db: &Db, folder: &Path, file: &File) -> Result<(), SledOpenError> {
    let database = |source| SledOpenError::Database { folder: folder.to_owned(), source };
    let before = db.insert(stored_key(Table::Meta, b"layout"), LAYOUT).map_err(database)?;
    if before.as_deref() == Some(LAYOUT) {
        return Ok(());
    }
    db.flush().map_err(database)?;
    file.sync_all().map_err(|source| failed("synced to disk", folder, source))
}

/// Syncs every small file and the folders, so that none is missing after power loss.
fn make_entries_durable(folder: &Path) -> Result<(), SledOpenError> {
    for path in entries(folder)? {
        sync(&path)?;
    }
    sync(folder)
}

/// The head of the journal.
fn last_entry(view: &View, folder: &Path) -> Result<Chain, SledOpenError> {
    let whole = Range::of(Table::Journal).backwards().limit(1);
    let rows = view.scan(bounds(&whole), true, 1);
    let rows = rows.map_err(|source| SledOpenError::Unreadable { folder: folder.to_owned(), source })?;
    match rows.first() {
        None => Ok(Chain::default()),
        Some((key, value)) => {
            let entry = Entry::decode(key, value).map_err(SledOpenError::Journal)?;
            Ok(Chain::ending(&entry))
        }
    }
}
