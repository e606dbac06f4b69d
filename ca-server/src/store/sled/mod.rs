//! The embedded store: a write-ahead log in front of one sled tree. One thread commits (see `committer`), another moves what was
//! committed into the tree (see `fold`); `open` puts both back together after a crash.
//!
//! A key is the table's number and the key within it; small rows of large tables share blocks (see `blocks`). Readers see durable rows
//! only. Trusts the file system to keep what `fdatasync` said it kept. Must never acknowledge a batch before that, and never write again
//! after a write or sync has failed: what the kernel dropped then cannot be known.

mod ahead;
mod blocks;
mod committer;
mod failure;
mod fold;
mod open;
mod reach;
mod snapshot;
mod view;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::{Mutex, RwLock};
use tokio::sync::{mpsc, oneshot};

use super::evaluate::{bounds, measured, stored_key};
use super::{Backend, Batch, Range, Row, Snapshot, StoreError, Table};
use committer::{Committer, Request};
pub use failure::SledFailure;
use fold::Fold;
pub use open::SledOpenError;
use snapshot::Reading;
use view::View;

/// Requests that may wait for the committer; further ones wait to be queued.
const QUEUE: usize = 1024;

/// How the embedded store is opened.
#[derive(Clone, Debug)]
pub struct SledConfig {
    /// The folder; made if it does not exist.
    pub folder: PathBuf,
    /// Memory for cached pages, in octets.
    pub cache: u64,
    /// Free space below which nothing more is committed, in octets. What was committed before may still be moved.
    pub reserve: u64,
    /// Octets committed after which a checkpoint is made, so that a start after a crash never reads more than was written since.
    pub checkpoint: usize,
    /// Octets in the write-ahead log after which they are moved into the tree. Its two files have room for three times as many each.
    pub ahead: usize,
}

impl SledConfig {
    /// The usual settings for a store in `folder`.
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            cache: 6 << 20,
            reserve: 64 << 20,
            checkpoint: 256 << 20,
            ahead: 2 << 20,
        }
    }
}

/// The embedded store.
pub struct Sled {
    shared: Arc<Shared>,
    queue: Mutex<Option<mpsc::Sender<Request>>>,
    thread: Mutex<Option<std::thread::JoinHandle<()>>>,
}

/// What readers and the committer share.
struct Shared {
    view: RwLock<View>,
    /// Why nothing more is written, or why the last write was refused.
    trouble: RwLock<Option<SledFailure>>,
}

/// Writes nothing more until the store is opened again.
fn stop(shared: &Shared, failure: &SledFailure) {
    tracing::error!(error = %failure, cause = ?std::error::Error::source(failure), "the store failed");
    let mut trouble = shared.trouble.write();
    // The first failure is the one to look into.
    if !trouble.as_ref().is_some_and(SledFailure::is_final) {
        *trouble = Some(failure.clone());
    }
}

impl Sled {
    /// Opens the store, making it if there is none, and starts the committer.
    ///
    /// # Errors
    /// If another process has it open, the files are damaged or cannot be made durable, or it was written by another version.
    pub fn open(config: &SledConfig) -> Result<Self, SledOpenError> {
        let opened = open::open(config)?;
        let shared = Arc::new(Shared { view: RwLock::new(opened.view), trouble: RwLock::new(None) });
        let (queue, requests) = mpsc::channel(QUEUE);
        let thread = |source| SledOpenError::Thread { source };
        let committer = Committer {
            fold: Fold::start(&shared, opened.database, config).map_err(thread)?,
            shared: Arc::clone(&shared),
            ahead: opened.ahead,
            chain: opened.chain,
            config: config.clone(),
            lock: opened.lock,
            written: 0,
            folded: 0,
        };
        let thread = std::thread::Builder::new()
            .name("store-committer".to_owned())
            .spawn(move || committer.run(requests))
            .map_err(thread)?;
        Ok(Self { shared, queue: Mutex::new(Some(queue)), thread: Mutex::new(Some(thread)) })
    }
}

#[async_trait]
impl Backend for Sled {
    async fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let found = self.shared.view.read().get(&stored_key(table, key))?;
        Ok(found)
    }

    async fn scan(&self, range: Range) -> Result<Vec<Row>, StoreError> {
        let rows = self.shared.view.read().scan(bounds(&range), range.backwards, range.limit)?;
        Ok(rows)
    }

    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        let octets = measured(&batch)?;
        let queue = self.queue.lock().clone().ok_or(StoreError::Closed)?;
        let rows = batch.ops.len() + batch.acts.len();
        let (answer, outcome) = oneshot::channel();
        queue.send(Request { batch, octets, rows, answer }).await.map_err(|_| SledFailure::Ended)?;
        drop(queue);
        outcome.await.map_err(|_| SledFailure::Ended)?
    }

    async fn snapshot(&self) -> Result<Box<dyn Snapshot>, StoreError> {
        Ok(Box::new(Reading::begin(&self.shared)?))
    }

    async fn health(&self) -> Result<(), StoreError> {
        match self.queue.lock().as_ref() {
            None => return Err(StoreError::Closed),
            // It takes from the queue as long as it lives.
            Some(queue) if queue.is_closed() => return Err(SledFailure::Ended.into()),
            Some(_) => {}
        }
        match self.shared.trouble.read().clone() {
            Some(trouble) => Err(trouble.into()),
            None => Ok(()),
        }
    }

    async fn close(&self) {
        drop(self.queue.lock().take());
        let thread = self.thread.lock().take();
        if let Some(thread) = thread {
            // The committer ends when the queue is empty; joining must not hold up the runtime.
            let joined = tokio::task::spawn_blocking(move || thread.join()).await;
            if !matches!(joined, Ok(Ok(()))) {
                tracing::error!("the store's committer ended by a panic");
            }
        }
        self.shared.view.write().close();
    }
}

impl Drop for Sled {
    fn drop(&mut self) {
        drop(self.queue.lock().take());
        if let Some(thread) = self.thread.lock().take()
            && thread.join().is_err()
        {
            tracing::error!("the store's committer ended by a panic");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn health_says_that_the_committer_ended_although_nobody_closed_the_store() {
        let folder = tempfile::tempdir().unwrap();
        let store = Sled::open(&SledConfig::new(folder.path())).unwrap();
        store.health().await.unwrap();
        // A panic of the thread drops its end of the queue.
        let (queue, requests) = mpsc::channel(1);
        drop(requests);
        drop(store.queue.lock().replace(queue));
        let error = store.health().await.unwrap_err();
        let ended =
            |error: &StoreError| crate::respond::problem::causes(error).contains("restart the server");
        assert!(ended(&error), "{error:?}");
        let error = store.commit(Batch::new()).await.unwrap_err();
        assert!(ended(&error), "{error:?}");
    }
}
