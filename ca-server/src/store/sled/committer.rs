//! The one thread that commits: it gathers what waits, writes it to the log as one record, syncs, and only then answers.
//!
//! Order: gather; compare each batch's checks with what stands as earlier batches of the gather leave it (a failed one is answered
//! `Stale` alone); append to the write-ahead log, which ends with `fdatasync`; show the new rows; answer. Now and then the rows that
//! came together are handed to the thread that folds them into the tree. Must never answer before the log is synced.

use std::fs::File;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::RwLockUpgradableReadGuard;
use tokio::sync::{mpsc, oneshot};

use super::ahead::Ahead;
use super::failure::SledFailure;
use super::fold::Fold;
use super::view::Rows;
use super::{Shared, SledConfig, open};
use crate::log::chain::Chain;
use crate::store::evaluate::{holds, stored_key, writes};
use crate::store::{Batch, StoreError};

/// Rows after which a gather takes up no further batch.
const MOST_ROWS: usize = 1024;
/// Octets after which a gather takes up no further batch, so that none waits long for others.
const MOST_OCTETS: usize = 512 * 1024;
/// How long to wait for company after a gather of several: whoever commits at the same time as others shares a sync with more of them.
/// A lone client never waits.
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

/// The state of the thread.
pub(super) struct Committer {
    pub(super) shared: Arc<Shared>,
    pub(super) ahead: Ahead,
    pub(super) fold: Fold,
    pub(super) chain: Chain,
    pub(super) config: SledConfig,
    /// Locked as long as the store is open.
    pub(super) lock: File,
    /// Octets that came to be committed since the store was opened.
    pub(super) written: usize,
    /// How many of these had been handed to the fold.
    pub(super) folded: usize,
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
            self.fold_when_full();
        }
        self.finish();
    }

    /// Hands what came together to the fold, once it is enough; waits for the one before only when twice as much has come.
    fn fold_when_full(&mut self) {
        let (full, limit) = (self.ahead.len(), self.config.ahead as u64);
        let folded = self.fold.is_idle().and_then(|idle| {
            // Where the disk is short of room, what stands in the log stays there.
            let due = (idle && full >= limit) || full >= limit.saturating_mul(2);
            if due && !self.is_troubled() { self.fold_all() } else { Ok(()) }
        });
        if let Err(failure) = folded {
            super::stop(&self.shared, &failure);
        }
    }

    fn fold_all(&mut self) -> Result<(), SledFailure> {
        self.fold.wait()?;
        self.ahead.switch().map_err(|source| SledFailure::Log(Arc::new(source)))?;
        let rows = self.shared.view.write().freeze();
        self.fold.begin(rows, self.ahead.former(), self.written - self.folded)?;
        self.folded = self.written;
        Ok(())
    }

    /// Whether something failed, or the disk is short of room.
    fn is_troubled(&self) -> bool {
        self.shared.trouble.read().is_some()
    }

    /// Leaves nothing in the log, and a fresh snapshot behind, so that the next start need not read what was written since this one. sled
    /// 0.34 writes its snapshot only when it is opened.
    fn finish(mut self) {
        let settled = !self.is_troubled()
            && self.fold_all().and_then(|()| self.fold.wait()).is_ok()
            && !self.is_troubled();
        drop(self.fold);
        self.shared.view.write().close();
        if !settled {
            return;
        }
        if let Err(error) = self.ahead.settle() {
            tracing::warn!(%error, "the log was not marked as settled; the next start reads it again");
        }
        if self.written >= WORTH_A_SNAPSHOT {
            match open::reopen(&self.config) {
                Ok(db) => drop(db),
                Err(error) => tracing::warn!(%error, "no snapshot was left; the next start takes longer"),
            }
        }
        drop(self.lock);
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
        match self.ahead.append(&after) {
            Ok(()) => {
                self.chain = chain;
                self.show(after);
                waiting.into_iter().for_each(|waiter| answer(waiter, Ok(())));
            }
            Err(source) => self.fail(&SledFailure::Log(Arc::new(source)), waiting),
        }
        metrics::histogram!("rollcall_store_commit_batches").record(count(batches));
        metrics::histogram!("rollcall_store_commit_seconds").record(begun.elapsed());
    }

    /// Shows rows that are durable now. Nobody can begin a snapshot between the look at what stood before and the change.
    fn show(&self, after: Rows) {
        let view = self.shared.view.upgradable_read();
        let before = view.before(&after);
        RwLockUpgradableReadGuard::upgrade(view).show(after, before);
    }

    /// Whether writing is safe: nothing failed before, and the disk has room.
    fn may_write(&self) -> Result<(), SledFailure> {
        let reserve = self.config.reserve;
        let free = rustix::fs::fstatvfs(self.ahead.file()).map_or(u64::MAX, |fs| fs.f_bavail * fs.f_frsize);
        let full = (free < reserve).then_some(SledFailure::DiskFull { free, reserve });
        let mut trouble = self.shared.trouble.write();
        if trouble.as_ref().is_some_and(SledFailure::is_final) {
            return Err(SledFailure::ReadOnly);
        }
        match &full {
            Some(failure) if trouble.is_none() => tracing::error!(free, reserve, "{failure}"),
            None if trouble.is_some() => tracing::info!(free, "the store writes again"),
            Some(_) | None => {}
        }
        trouble.clone_from(&full);
        drop(trouble);
        full.map_or(Ok(()), Err)
    }

    /// Adds the writes of a batch to `after`, if its checks hold against what stands with `after` laid over it. The inner error is the
    /// batch's own fault, the outer one the store's.
    fn evaluate(
        &self,
        batch: Batch,
        after: &mut Rows,
        chain: &mut Chain,
    ) -> Result<Result<(), StoreError>, SledFailure> {
        let view = self.shared.view.read();
        for check in &batch.checks {
            let key = stored_key(check.table, &check.key);
            let held = match after.get(&key) {
                Some(row) => holds(check, row.as_deref()),
                None => holds(check, view.get(&key)?.as_deref()),
            };
            if held.is_err() {
                return Ok(held);
            }
        }
        drop(view);
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

    /// Nothing of the gather is acknowledged. After a failed write or sync, readers keep seeing what was durable before.
    fn fail(&self, failure: &SledFailure, waiting: Waiting) {
        super::stop(&self.shared, failure);
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
