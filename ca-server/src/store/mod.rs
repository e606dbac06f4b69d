//! What the server remembers: typed records over a small transactional [`Backend`].
//!
//! A [`Batch`] is applied whole or not at all, and is durable when [`Store::commit`] returns: a crash afterwards must not
//! lose it. Every backend passes the one battery in `tests/store/battery.rs`. Trusts the disk to keep what it said it synced.

pub mod batch;
pub mod consistency;
mod evaluate;
pub mod faulty;
mod keys;
pub mod memory;
pub mod open;
pub mod page;
pub mod prune;
pub mod record;
pub mod restored;
pub mod sled;
pub mod snapshot;
pub mod tables;

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use tracing::Instrument as _;

use crate::traces::TARGET;
pub use batch::{Batch, Check, Op};
pub use open::{OpenError, open};
pub use page::{Cursor, Page};
pub use record::{Record, Version, Versioned};
pub use snapshot::Snapshot;
pub use tables::Table;

/// Why the store did not do what was asked. Absence is never an error.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A record changed since it was read; nothing of the batch was written. Read again and decide anew.
    #[error("{0:?} record changed since it was read")]
    Stale(Table),
    /// The backend failed to read or write; nothing of the batch may be assumed written.
    #[error("storage failed")]
    Backend(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A stored value does not parse: the store is damaged or was written by a newer version.
    #[error("{table:?} record {key} does not parse")]
    Corrupt {
        /// Where it stands.
        table: Table,
        /// The key, in hexadecimal.
        key: String,
        /// What the parser said.
        #[source]
        source: serde_json::Error,
    },
    /// A value, or a whole batch, is larger than the backend takes.
    #[error("{table:?} row of {octets} octets is too large to store")]
    TooLarge {
        /// Where it was to stand.
        table: Table,
        /// Its size.
        octets: usize,
    },
    /// The store was closed, or its committer stopped after an earlier failure.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// Whether what was to be written may stand in the store all the same.
    #[must_use]
    pub const fn may_have_written(&self) -> bool {
        matches!(self, Self::Backend(_))
    }
}

/// One row of a scan: key and value bytes.
pub type Row = (Vec<u8>, Vec<u8>);

/// Bounds of a scan over one table, in key order.
#[derive(Clone, Debug)]
pub struct Range {
    /// The table.
    pub table: Table,
    /// Only keys that begin so.
    pub prefix: Vec<u8>,
    /// Only keys strictly after this one (in the direction of the scan).
    pub after: Option<Vec<u8>>,
    /// From the last key to the first.
    pub backwards: bool,
    /// At most so many rows.
    pub limit: usize,
}

impl Range {
    /// The whole of `table`, forwards.
    #[must_use]
    pub const fn of(table: Table) -> Self {
        Self { table, prefix: Vec::new(), after: None, backwards: false, limit: usize::MAX }
    }

    /// Only keys that begin with `prefix`.
    #[must_use]
    pub fn prefix(self, prefix: Vec<u8>) -> Self {
        Self { prefix, ..self }
    }

    /// Only keys strictly after this one, in the direction of the scan; `None` begins at the beginning.
    #[must_use]
    pub fn after(self, after: Option<Vec<u8>>) -> Self {
        Self { after, ..self }
    }

    /// From the last key to the first.
    #[must_use]
    pub fn backwards(self) -> Self {
        Self { backwards: true, ..self }
    }

    /// At most `limit` rows.
    #[must_use]
    pub fn limit(self, limit: usize) -> Self {
        Self { limit, ..self }
    }
}

/// A place that keeps bytes by table and key. `None` means absent; `Err` always means the backend failed.
#[async_trait]
pub trait Backend: Send + Sync {
    /// The value at `key`.
    async fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Rows of a table in key order.
    async fn scan(&self, range: Range) -> Result<Vec<Row>, StoreError>;

    /// Applies the whole batch if every check holds, else [`StoreError::Stale`] and nothing is written.
    /// Seals the batch's acts onto the journal in the same transaction. Durable on return.
    async fn commit(&self, batch: Batch) -> Result<(), StoreError>;

    /// Everything there is as it stands now, to be read while others write. One at a time.
    async fn snapshot(&self) -> Result<Box<dyn Snapshot>, StoreError>;

    /// Whether writes can be expected to succeed; `Err` says why not.
    async fn health(&self) -> Result<(), StoreError>;

    /// Lets batches already handed over finish, then refuses further ones and lets go of the files.
    async fn close(&self);
}

/// The typed store that the stages use.
#[derive(Clone)]
pub struct Store {
    backend: Arc<dyn Backend>,
    journalled: Arc<Notify>,
}

impl Store {
    /// A typed view of `backend`.
    #[must_use]
    pub fn new(backend: Arc<dyn Backend>) -> Self {
        Self { backend, journalled: Arc::default() }
    }

    /// The record with this key, with the version that [`Batch::replace`] wants.
    ///
    /// # Errors
    /// If the backend fails or the record does not parse.
    pub async fn load<R: Record>(&self, key: &R::Key) -> Result<Option<Versioned<R>>, StoreError> {
        let key = R::encode_key(key);
        let bytes = self.backend.get(R::TABLE, &key).await?;
        bytes.map(|bytes| record::decode(&key, &bytes)).transpose()
    }

    /// Records in key order.
    ///
    /// # Errors
    /// If the backend fails or a record does not parse.
    pub async fn list<R: Record>(&self, range: Range) -> Result<Vec<Versioned<R>>, StoreError> {
        let rows = self.backend.scan(Range { table: R::TABLE, ..range }).await?;
        rows.iter().map(|(key, value)| record::decode(key, value)).collect()
    }

    /// A raw index row.
    ///
    /// # Errors
    /// If the backend fails.
    pub async fn index(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.backend.get(table, key).await
    }

    /// Raw index rows.
    ///
    /// # Errors
    /// If the backend fails.
    pub async fn scan(&self, range: Range) -> Result<Vec<Row>, StoreError> {
        self.backend.scan(range).await
    }

    /// Applies the batch whole, durable on return.
    ///
    /// # Errors
    /// [`StoreError::Stale`] if a check fails; else the backend's failure.
    pub async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        let acts: Vec<_> = batch.acts.iter().map(|(_, act)| act.kind()).collect();
        let span = tracing::debug_span!(target: TARGET, "commit", rows = batch.ops.len());
        self.backend.commit(batch).instrument(span).await?;
        if !acts.is_empty() {
            self.journalled.notify_waiters();
        }
        for act in acts {
            metrics::counter!("rollcall_journal_acts_total", "act" => act).increment(1);
        }
        Ok(())
    }

    /// Ends when this process next writes into the journal; enable it before looking at what stands there.
    pub fn journalled(&self) -> Notified<'_> {
        self.journalled.notified()
    }

    /// Everything there is as it stands now, to be read while others write.
    ///
    /// # Errors
    /// If another snapshot is being read, or the backend fails.
    pub async fn snapshot(&self) -> Result<Box<dyn Snapshot>, StoreError> {
        self.backend.snapshot().await
    }

    /// Whether writes can be expected to succeed.
    ///
    /// # Errors
    /// Why not.
    pub async fn health(&self) -> Result<(), StoreError> {
        self.backend.health().await
    }

    /// Lets batches already handed over finish, then refuses further ones and lets go of the files.
    pub async fn close(&self) {
        self.backend.close().await;
    }
}
