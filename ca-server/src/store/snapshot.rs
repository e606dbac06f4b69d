//! Everything that a store holds, as it stood at one moment, read page by page while others write.
//!
//! What a backup is made of. One batch is seen whole or not at all, and everything acknowledged before the snapshot was begun is in it. It
//! is read once, forwards, so that a backend needs to remember only what changes in the part not read yet. Must never make a writer wait
//! for a reader.

use async_trait::async_trait;

use super::{Row, StoreError, Table};

/// Most rows of one page.
pub(crate) const PAGE: usize = 256;

/// Why a snapshot cannot be had, or ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotFault {
    /// Somebody else reads one.
    #[error("another snapshot of the store is being read")]
    Busy,
    /// More was written meanwhile than may be remembered.
    #[error("more changed while the store was read than may be kept in memory ({most} octets)")]
    Overtaken {
        /// How many octets may be.
        most: usize,
    },
}

impl From<SnapshotFault> for StoreError {
    fn from(fault: SnapshotFault) -> Self {
        Self::Backend(Box::new(fault))
    }
}

/// The rows of a moment, tables in the order of their numbers, rows in the order of their keys. Dropped, it is forgotten.
#[async_trait]
pub trait Snapshot: Send {
    /// The next rows, all of one table; `None` at the end.
    ///
    /// # Errors
    /// If the backend fails, or [`SnapshotFault::Overtaken`]; then the snapshot is of no use any more.
    async fn next(&mut self) -> Result<Option<(Table, Vec<Row>)>, StoreError>;
}
