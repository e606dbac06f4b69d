//! Why the embedded store did not read or write.

use std::io;
use std::sync::Arc;

use super::SledOpenError;
use crate::store::StoreError;

/// What failed, and what the system said.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SledFailure {
    /// A read failed. If it was the committer's, nothing more is written: sled fails every read after a write that failed unseen.
    #[error("the store could not be read")]
    Read(#[source] sled::Error),
    /// A block of rows does not parse: the store is damaged.
    #[error("a block of rows in the store is damaged")]
    Block,
    /// A write failed; the store writes nothing more until it is opened again.
    #[error("the store could not be written; it stays read-only until the server is restarted")]
    Write(#[source] sled::Error),
    /// A sync failed; the store writes nothing more until it is opened again, since what the kernel dropped cannot be known.
    #[error("the store could not be synced to disk; it stays read-only until the server is restarted")]
    Sync(#[source] Arc<io::Error>),
    /// The write-ahead log could not be written or synced; the store writes nothing more until it is opened again.
    #[error(
        "the store's write-ahead log could not be written; it stays read-only until the server is restarted"
    )]
    Log(#[source] Arc<io::Error>),
    /// The database did not open again after a checkpoint.
    #[error("the store did not open again after a checkpoint; restart the server")]
    Checkpoint(#[source] Arc<SledOpenError>),
    /// A write or sync failed earlier.
    #[error("the store is read-only after an earlier failure; restart the server")]
    ReadOnly,
    /// A thread of the store ended by a panic, which is in the log.
    #[error("a thread of the store ended by a bug; restart the server")]
    Ended,
    /// The disk has too little free space; nothing was written. Writing goes on by itself when there is more.
    #[error("the disk of the store has {free} octets free, fewer than the {reserve} kept in reserve")]
    DiskFull {
        /// Free octets.
        free: u64,
        /// Octets that must stay free.
        reserve: u64,
    },
}

impl SledFailure {
    /// Whether only opening the store again can help.
    pub(super) fn is_final(&self) -> bool {
        match self {
            Self::Read(_)
            | Self::Block
            | Self::Write(_)
            | Self::Sync(_)
            | Self::Log(_)
            | Self::Checkpoint(_)
            | Self::ReadOnly
            | Self::Ended => true,
            Self::DiskFull { .. } => false,
        }
    }
}

impl From<SledFailure> for StoreError {
    fn from(failure: SledFailure) -> Self {
        Self::Backend(Box::new(failure))
    }
}
