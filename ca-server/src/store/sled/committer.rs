//! The one thread that writes: it gathers what waits, applies it as one batch, syncs, and only then answers.
//!
//! Order: gather; compare each batch's checks with the tree as earlier batches of the gather leave it (a failed one is answered
//! `Stale` alone); put aside what readers may still see; `apply_batch`; `flush`, which writes sled's buffer to the file; `fdatasync`;
//! show the new rows; answer. sled's own flush ends with `sync_file_range`, which neither empties the disk's cache nor keeps the
//! file's size: without the `fdatasync` an acknowledged batch would not survive power loss.

use std::fs::File;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

use super::blocks;
use super::failure::SledFailure;
use super::view::Rows;
use super::{Shared, SledConfig, open};
use crate::log::chain::Chain;
use crate::store::evaluate::{holds, stored_key, writes};
use crate::store::{Batch, StoreError};

/// Most rows written by one gather, unless a single batch has more.
///
/// What is not yet synced must stay smaller than one of sled's segments: the header of each new segment says how far the log is
/// stable, and sled counts as stable what it has written, synced or not. If a gather filled a whole segment, power loss could keep a
/// header that vouches for octets that are gone. A row costs a few kilobytes of log, and up to a page more while sled moves pages out
/// of sparse segments.
const MOST_ROWS: usize = 160;
/// Most octets in one gather, for the same reason.
const MOST_OCTETS: usize = 256 * 1024;
/// How long to wait for company after a gather of several: whoever commits at the same time as others shares a sync with more of them,
/// and one sync wakes all of sled's seven writing threads. A lone client never waits.
const COMPANY: Duration = Duration::from_millis(1);
/// Octets committed that make a snapshot at the end worth its time.
const WORTH_A_SNAPSHOT: usize = 1 << 20;

/// A batch and who waits for it.
pub(super) struct Request {
    pub(super) batch: Batch,
    pub(super) octets: usize,
    pub(super) rows: usize,
    pub(super) answer: oneshot::Sender<Result<(), StoreError>>,
}

/// The files that only the committer holds.
pub(super) struct Files {
    /// The database file, for `fdatasync`.
    pub(super) database: File,
    /// Locked as long as the store is open.
    pub(super) _lock: File,
}

/// The state of the thread.
pub(super) struct Committer {
    pub(super) shared: Arc<Shared>,
    pub(super) files: Files,
    pub(super) chain: Chain,
    pub(super) config: SledConfig,
    /// Octets committed since the database was opened.
    pub(super) written: usize,
}

type Waiting = Vec<oneshot::Sender<Result<(), StoreError>>>;

impl Committer {
    /// Commits until every sender is gone and nothing waits.
    pub(super) fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        let mut in_company = false;
        while let Some(first) = requests.blocking_recv() {
            if in_company {
                std::thread::sleep(COMPANY);
            }
            let gathered = gather(first, &mut requests);
            in_company = gathered.len() > 1;
            metrics::gauge!("rollcall_queue_length", "queue" => "store").set(count(requests.len()));
            self.commit(gathered);
            if self.written >= self.config.checkpoint {
                self.checkpoint();
            }
        }
        self.finish();
    }

    /// Closes the database and opens it again: sled 0.34 writes a snapshot of its page table only when it is opened, and a start after a
    /// crash reads the log from the last snapshot on. Readers and writers wait meanwhile, a fraction of a second.
    fn checkpoint(&mut self) {
        let begun = Instant::now();
        let mut view = self.shared.view.write();
        if self.shared.trouble.read().is_some() {
            return;
        }
        view.close();
        match open::reopen(&self.config) {
            Ok(db) => {
                view.reopen(db);
                self.written = 0;
                tracing::info!(duration_ms = begun.elapsed().as_millis(), "the store made a checkpoint");
            }
            Err(error) => {
                tracing::error!(%error, cause = ?std::error::Error::source(&error), "the store did not open again");
                *self.shared.trouble.write() = Some(SledFailure::Checkpoint(Arc::new(error)));
            }
        }
    }

    /// Leaves a fresh snapshot behind, so that the next start need not read what was written since this one. sled 0.34 writes its
    /// snapshot only when it is opened.
    fn finish(self) {
        self.shared.view.write().close();
        let healthy = self.shared.trouble.read().is_none();
        if healthy && self.written >= WORTH_A_SNAPSHOT {
            match open::reopen(&self.config) {
                Ok(db) => drop(db),
                Err(error) => tracing::warn!(%error, "no snapshot was left; the next start takes longer"),
            }
        }
    }

    fn commit(&mut self, gathered: Vec<Request>) {
        let begun = Instant::now();
        if let Err(refusal) = self.may_write() {
            for request in gathered {
                answer(request.answer, Err(refusal.clone().into()));
            }
            return;
        }
        let mut after = Rows::new();
        let mut chain = self.chain;
        let mut waiting = Waiting::new();
        let mut gathered = gathered.into_iter();
        while let Some(request) = gathered.next() {
            self.written = self.written.saturating_add(request.octets);
            match self.evaluate(request.batch, &mut after, &mut chain) {
                Ok(Ok(())) => waiting.push(request.answer),
                Ok(Err(refusal)) => answer(request.answer, Err(refusal)),
                Err(failure) => {
                    waiting.push(request.answer);
                    waiting.extend(gathered.map(|request| request.answer));
                    return self.fail(&failure, waiting);
                }
            }
        }
        if waiting.is_empty() {
            return;
        }
        let batches = waiting.len();
        match self.write(after) {
            Ok(()) => {
                self.chain = chain;
                waiting.into_iter().for_each(|waiter| answer(waiter, Ok(())));
            }
            Err(failure) => self.fail(&failure, waiting),
        }
        metrics::histogram!("rollcall_store_commit_batches").record(count(batches));
        metrics::histogram!("rollcall_store_commit_seconds").record(begun.elapsed());
    }

    /// Whether writing is safe: nothing failed before, and the disk has room.
    fn may_write(&self) -> Result<(), SledFailure> {
        if self.shared.trouble.read().as_ref().is_some_and(SledFailure::is_final) {
            return Err(SledFailure::ReadOnly);
        }
        let reserve = self.config.reserve;
        let free =
            rustix::fs::fstatvfs(&self.files.database).map_or(u64::MAX, |fs| fs.f_bavail * fs.f_frsize);
        let full = (free < reserve).then_some(SledFailure::DiskFull { free, reserve });
        let known = self.shared.trouble.read().is_some();
        match &full {
            Some(failure) if !known => tracing::error!(free, reserve, "{failure}"),
            None if known => tracing::info!(free, "the store writes again"),
            Some(_) | None => {}
        }
        if full.is_some() || known {
            self.shared.trouble.write().clone_from(&full);
        }
        full.map_or(Ok(()), Err)
    }

    /// Adds the writes of a batch to `after`, if its checks hold against the tree with `after` laid over it. The inner error is the
    /// batch's own fault, the outer one the store's.
    fn evaluate(
        &self,
        batch: Batch,
        after: &mut Rows,
        chain: &mut Chain,
    ) -> Result<Result<(), StoreError>, SledFailure> {
        let view = self.shared.view.read();
        let db = view.db().map_err(|_| SledFailure::ReadOnly)?;
        for check in &batch.checks {
            let key = stored_key(check.table, &check.key);
            let held = match after.get(&key) {
                Some(row) => holds(check, row.as_deref()),
                None => holds(check, blocks::get(db, &key)?.as_deref()),
            };
            if held.is_err() {
                return Ok(held);
            }
        }
        let mut next = *chain;
        let written = match writes(batch, &mut next) {
            Ok(written) => written,
            Err(refusal) => return Ok(Err(refusal)),
        };
        for (table, key, value) in written {
            after.insert(stored_key(table, &key), value);
        }
        *chain = next;
        Ok(Ok(()))
    }

    /// Writes the rows and syncs; readers see them once that has succeeded.
    fn write(&self, after: Rows) -> Result<(), SledFailure> {
        let db = self.shared.view.read().db().map_err(|_| SledFailure::ReadOnly)?.clone();
        let (batch, before) = blocks::lay(&db, after)?;
        self.shared.view.write().put_aside(before);
        db.apply_batch(batch).map_err(SledFailure::Write)?;
        db.flush().map_err(SledFailure::Write)?;
        self.files.database.sync_data().map_err(|source| SledFailure::Sync(Arc::new(source)))?;
        self.shared.view.write().show_all();
        Ok(())
    }

    /// Nothing of the gather is acknowledged. After a failed write or sync, readers keep seeing what was durable before.
    fn fail(&self, failure: &SledFailure, waiting: Waiting) {
        tracing::error!(error = %failure, cause = ?std::error::Error::source(failure), "a commit failed");
        *self.shared.trouble.write() = Some(failure.clone());
        for waiter in waiting {
            answer(waiter, Err(failure.clone().into()));
        }
    }
}

/// What waits now, within the bounds.
fn gather(first: Request, requests: &mut mpsc::Receiver<Request>) -> Vec<Request> {
    let (mut octets, mut rows) = (first.octets, first.rows);
    let mut gathered = vec![first];
    while rows < MOST_ROWS && octets < MOST_OCTETS {
        let Ok(request) = requests.try_recv() else { break };
        octets += request.octets;
        rows += request.rows;
        gathered.push(request);
    }
    gathered
}

/// Who asked may have gone away meanwhile; the batch counts all the same.
fn answer(waiter: oneshot::Sender<Result<(), StoreError>>, outcome: Result<(), StoreError>) {
    drop(waiter.send(outcome));
}

fn count(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::MAX, f64::from)
}
