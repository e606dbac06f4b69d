//! A backend that fails on demand, around any other: for tests of failure handling, such as a full disk. No server is built with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;

use super::{Backend, Batch, Range, Row, Snapshot, StoreError, Table};

/// What the switches pretend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no space left on device (pretended)")]
pub struct Pretended;

/// The switches; clones turn the same ones.
#[derive(Clone, Debug, Default)]
pub struct Switches(Arc<Positions>);

#[derive(Debug, Default)]
struct Positions {
    commits_to_fail: AtomicU64,
    commits_until_failure: AtomicU64,
    lose_answers: AtomicU64,
    all_commits_fail: AtomicBool,
    reads_fail: AtomicBool,
    reads_fail_after_commit: AtomicBool,
    delay_ms: AtomicU64,
    commits_held: watch::Sender<bool>,
}

impl Switches {
    /// The next `count` commits fail and write nothing.
    pub fn fail_next_commits(&self, count: u64) {
        self.0.commits_to_fail.store(count, Ordering::SeqCst);
    }

    /// Lets `count` commits through and fails the one after them.
    ///
    /// The commits are those of all requests together, so the server should be at rest otherwise.
    pub fn fail_commit_after(&self, count: u64) {
        self.0.commits_until_failure.store(count.saturating_add(1), Ordering::SeqCst);
    }

    /// The next `count` commits are written, but reported as failed.
    pub fn lose_next_answers(&self, count: u64) {
        self.0.lose_answers.store(count, Ordering::SeqCst);
    }

    /// Every commit fails while `on`, and health says so.
    pub fn fail_all_commits(&self, on: bool) {
        self.0.all_commits_fail.store(on, Ordering::SeqCst);
    }

    /// Every read fails while `on`.
    pub fn fail_reads(&self, on: bool) {
        self.0.reads_fail.store(on, Ordering::SeqCst);
    }

    /// Every read fails from the next commit on that succeeds.
    pub fn fail_reads_after_next_commit(&self) {
        self.0.reads_fail_after_commit.store(true, Ordering::SeqCst);
    }

    /// Every commit waits so long first.
    pub fn delay_commits(&self, by: Duration) {
        let millis = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.0.delay_ms.store(millis, Ordering::SeqCst);
    }

    /// Every commit waits first while `on`.
    pub fn hold_commits(&self, on: bool) {
        self.0.commits_held.send_replace(on);
    }

    /// Whether this was the last of what was counted.
    fn count_down(counter: &AtomicU64) -> bool {
        counter.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)) == Ok(1)
    }

    fn take(counter: &AtomicU64) -> bool {
        counter.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
    }
}

/// A backend with switches.
pub struct Faulty {
    inner: Arc<dyn Backend>,
    switches: Switches,
}

impl Faulty {
    /// `inner`, failing when a switch says so.
    #[must_use]
    pub fn new(inner: Arc<dyn Backend>, switches: Switches) -> Self {
        Self { inner, switches }
    }

    fn readable(&self) -> Result<(), StoreError> {
        if self.switches.0.reads_fail.load(Ordering::SeqCst) { Err(failure()) } else { Ok(()) }
    }
}

fn failure() -> StoreError {
    StoreError::Backend(Box::new(Pretended))
}

#[async_trait]
impl Backend for Faulty {
    async fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.readable()?;
        self.inner.get(table, key).await
    }

    async fn scan(&self, range: Range) -> Result<Vec<Row>, StoreError> {
        self.readable()?;
        self.inner.scan(range).await
    }

    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        let positions = &self.switches.0;
        match positions.delay_ms.load(Ordering::SeqCst) {
            0 => {}
            millis => tokio::time::sleep(Duration::from_millis(millis)).await,
        }
        // It fails only without a sender, and that one is ours.
        let _ = positions.commits_held.subscribe().wait_for(|held| !held).await;
        let counted = Switches::count_down(&positions.commits_until_failure);
        if counted
            || positions.all_commits_fail.load(Ordering::SeqCst)
            || Switches::take(&positions.commits_to_fail)
        {
            return Err(failure());
        }
        self.inner.commit(batch).await?;
        if positions.reads_fail_after_commit.swap(false, Ordering::SeqCst) {
            self.switches.fail_reads(true);
        }
        if Switches::take(&positions.lose_answers) { Err(failure()) } else { Ok(()) }
    }

    async fn snapshot(&self) -> Result<Box<dyn Snapshot>, StoreError> {
        self.readable()?;
        self.inner.snapshot().await
    }

    async fn health(&self) -> Result<(), StoreError> {
        if self.switches.0.all_commits_fail.load(Ordering::SeqCst) {
            return Err(failure());
        }
        self.inner.health().await
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}
