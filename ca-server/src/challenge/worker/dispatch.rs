//! The dispatcher: starts attempts as they come or fall due, never more than `[challenge] workers` at a time, and stops in good order.
//!
//! It sleeps until a job arrives, a due time comes or an attempt ends; it reads the table at start, when told of rows it was not handed,
//! and after a failure of the store. Must never run two attempts of one challenge at a time, and never leave a row behind of one that is settled: where two
//! answers come at once, the row that is written may be another than that of the attempt.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::{Id, JoinError, JoinHandle, JoinSet};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::attempt::{Verdict, run};
use super::{Handed, IN_MEMORY, Inbox, Job, Parts};
use crate::challenge::Attempt;
use crate::ids::ChallengeId;
use crate::order::SettleError;
use crate::order::model::{Account, AccountStatus, Authorization, ChallengeStatus};
use crate::store::tables::validations::{self, Due};
use crate::store::{Batch, StoreError};

/// Most rows read from the table at a time.
const MOST_ROWS: usize = 4 * IN_MEMORY;

/// Wait after a failure of the store, or after an attempt that ended by a bug.
const AFTER_FAILURE: Duration = Duration::from_secs(5);

/// A running worker.
#[derive(Debug)]
pub struct Worker {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Worker {
    /// Starts no further attempt, waits up to `grace` for those that run, and leaves the rest to the next start.
    pub async fn stop(self, grace: Duration) {
        self.stop.cancel();
        let abort = self.task.abort_handle();
        if tokio::time::timeout(grace, self.task).await.is_err() {
            abort.abort();
            tracing::warn!("validations still running were left to the next start");
        }
    }
}

/// Starts the worker of a queue; rows left by an earlier run are taken up at once.
#[must_use]
pub fn start(inbox: Inbox, parts: Parts) -> Worker {
    let stop = CancellationToken::new();
    inbox.shared.ring();
    let dispatcher = Dispatcher {
        workers: parts.config.workers.max(1),
        parts: Arc::new(parts),
        inbox,
        running: JoinSet::new(),
        jobs: HashMap::new(),
        waits: HashMap::new(),
        known: HashMap::new(),
        doubled: HashMap::new(),
        waiting: BinaryHeap::new(),
        later: HashMap::new(),
        looking_again: None,
    };
    let task = tokio::spawn(dispatcher.work(stop.clone()));
    Worker { stop, task }
}

struct Dispatcher {
    parts: Arc<Parts>,
    workers: usize,
    inbox: Inbox,
    running: JoinSet<Verdict>,
    /// The job of each running task.
    jobs: HashMap<Id, Job>,
    /// Who waits for an attempt to end; dropping it tells them.
    waits: HashMap<ChallengeId, oneshot::Sender<()>>,
    /// Challenges that run or wait in memory, and the row of each.
    known: HashMap<ChallengeId, Due>,
    /// Further rows that some of them have; they go when the challenge is settled.
    doubled: HashMap<ChallengeId, Vec<Due>>,
    /// When the jobs in `later` fall due.
    waiting: BinaryHeap<Reverse<(Instant, ChallengeId)>>,
    /// Jobs that wait for their time or for a free worker, and that time: older ones of `waiting` mean nothing.
    later: HashMap<ChallengeId, (Instant, Job)>,
    /// Rings after a failure of the store.
    looking_again: Option<JoinHandle<()>>,
}

impl Dispatcher {
    async fn work(mut self, stop: CancellationToken) {
        loop {
            self.start_due();
            let free = self.running.len() < self.workers;
            let next = self.waiting.peek().map(|Reverse((at, _))| *at).filter(|_| free);
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(ended) = self.running.join_next_with_id() => self.ended(ended),
                Some(handed) = self.inbox.jobs.recv(), if free => self.take(handed),
                () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {}
                () = self.inbox.shared.bell.notified() => self.read_table().await,
            }
        }
        while let Some(ended) = self.running.join_next_with_id().await {
            self.ended(ended);
        }
    }

    /// Takes a job that was handed over and starts it when it is due. One that waits here gives way to what was queued anew, but never to an attempt
    /// without a row, or to one that is older than itself.
    fn take(&mut self, Handed { job, waits }: Handed) {
        let (challenge, due) = (job.due.challenge, job.due);
        if let Some(known) = self.known.get(&challenge) {
            self.inbox.shared.shrank();
            let is_newer = job.recorded && due.attempts >= known.attempts;
            if !is_newer || self.later.remove(&challenge).is_none() {
                if job.recorded && !due.is_row_of(known) {
                    self.double(due);
                }
                return;
            }
        }
        self.known.insert(challenge, due);
        if let Some(waits) = waits {
            self.waits.insert(challenge, waits);
        }
        match self.delay(&due) {
            Duration::ZERO => self.spawn(job),
            delay => self.wait(job, delay),
        }
    }

    /// How long it is until a row is due.
    fn delay(&self, due: &Due) -> Duration {
        Duration::try_from(due.at - self.parts.clock.now()).unwrap_or(Duration::ZERO)
    }

    fn spawn(&mut self, job: Job) {
        let (parts, own) = (self.parts.clone(), job.clone());
        let handle = self.running.spawn(async move { run(&parts, &own).await });
        self.jobs.insert(handle.id(), job);
    }

    fn wait(&mut self, job: Job, delay: Duration) {
        self.known.insert(job.due.challenge, job.due);
        let at = Instant::now() + delay;
        self.waiting.push(Reverse((at, job.due.challenge)));
        self.later.insert(job.due.challenge, (at, job));
    }

    /// Starts what is due, as far as workers are free.
    fn start_due(&mut self) {
        let now = Instant::now();
        while self.running.len() < self.workers {
            let Some(Reverse((at, challenge))) = self.waiting.peek().copied() else { return };
            if at > now {
                return;
            }
            self.waiting.pop();
            if self.later.get(&challenge).is_some_and(|(its, _)| *its == at)
                && let Some((_, job)) = self.later.remove(&challenge)
            {
                self.spawn(job);
            }
        }
    }

    fn ended(&mut self, ended: Result<(Id, Verdict), JoinError>) {
        let (id, verdict) = match ended {
            Ok((id, verdict)) => (id, Some(verdict)),
            Err(error) => (error.id(), None),
        };
        let Some(job) = self.jobs.remove(&id) else { return };
        self.waits.remove(&job.due.challenge);
        match verdict {
            Some(Verdict::Settled) => self.settled(job.due.challenge),
            Some(Verdict::Later(due, delay)) => self.wait(Job { due, recorded: true, ..job }, delay),
            Some(Verdict::NotRecorded(error)) => {
                tracing::error!(challenge.id = %job.due.challenge, %error, "outcome of a validation could not be stored");
                if matches!(error, SettleError::Store(StoreError::Corrupt { .. })) {
                    // Its row stays for whoever mends the record.
                    self.doubled.remove(&job.due.challenge);
                    return self.forget(job.due.challenge);
                }
                self.wait(job, AFTER_FAILURE);
                // It may have been written all the same.
                self.look_again();
            }
            None => {
                tracing::error!(challenge.id = %job.due.challenge, "a validation ended by a bug; trying again");
                self.wait(job, AFTER_FAILURE);
            }
        }
    }

    /// Forgets a challenge that is settled, and takes the further rows that it had off the queue.
    fn settled(&mut self, challenge: ChallengeId) {
        if let Some(rows) = self.doubled.remove(&challenge) {
            let (store, shared) = (self.parts.store.clone(), self.inbox.shared.clone());
            tokio::spawn(async move {
                let mut batch = Batch::new();
                rows.iter().for_each(|row| validations::dequeue(&mut batch, row));
                if store.commit(batch).await.is_err() {
                    shared.ring();
                }
            });
        }
        self.forget(challenge);
    }

    /// Notes that a challenge has this row as well.
    fn double(&mut self, row: Due) {
        let rows = self.doubled.entry(row.challenge).or_default();
        if !rows.iter().any(|noted| noted.is_row_of(&row)) {
            rows.push(row);
        }
    }

    fn forget(&mut self, challenge: ChallengeId) {
        if self.known.remove(&challenge).is_some() {
            self.inbox.shared.shrank();
        }
        if self.known.len() == IN_MEMORY && self.inbox.shared.unseen.load(Ordering::Acquire) {
            self.inbox.shared.bell.notify_one();
        }
    }

    /// Takes up all rows that are not known yet.
    async fn read_table(&mut self) {
        if !self.inbox.shared.unseen.swap(false, Ordering::AcqRel) {
            return;
        }
        if let Err(error) = self.read_rows().await {
            tracing::error!(%error, "the validation queue could not be read; trying again");
            self.look_again();
        }
    }

    /// Has the table read after a while, once however often that is asked for meanwhile.
    fn look_again(&mut self) {
        if self.looking_again.as_ref().is_some_and(|waiting| !waiting.is_finished()) {
            return;
        }
        let shared = self.inbox.shared.clone();
        self.looking_again = Some(tokio::spawn(async move {
            tokio::time::sleep(AFTER_FAILURE).await;
            shared.ring();
        }));
    }

    async fn read_rows(&mut self) -> Result<(), StoreError> {
        let rows = self.parts.store.validations(MOST_ROWS).await?;
        let more = rows.len() == MOST_ROWS;
        let mut over = Batch::new();
        for due in rows {
            if let Some(known) = self.known.get(&due.challenge) {
                if !due.is_row_of(known) {
                    self.move_forward(due);
                }
                continue;
            }
            if self.known.len() > IN_MEMORY {
                self.inbox.shared.unseen.store(true, Ordering::Release);
                break;
            }
            match load_attempt(&self.parts, &due).await {
                Ok(Some(attempt)) => self.take_row(due, attempt),
                Ok(None) => validations::dequeue(&mut over, &due),
                // It stays for whoever mends the record; the others are not to wait for that.
                Err(error @ StoreError::Corrupt { .. }) => {
                    tracing::error!(challenge.id = %due.challenge, %error, "a queued validation cannot be read");
                }
                Err(error) => return Err(error),
            }
        }
        if over.ops.is_empty() {
            if more {
                self.inbox.shared.unseen.store(true, Ordering::Release);
            }
            return Ok(());
        }
        self.parts.store.commit(over).await?;
        if more {
            // There may be others behind those that are gone now.
            self.inbox.shared.ring();
        }
        Ok(())
    }

    /// A job that waits gives way to a row of more attempts, or of as many and an earlier time. Whichever loses goes once the challenge is settled.
    fn move_forward(&mut self, due: Due) {
        let rank = |due: &Due| (due.attempts, Reverse(due.at));
        let Some((_, job)) = self.later.get(&due.challenge).filter(|(_, job)| rank(&due) > rank(&job.due))
        else {
            return self.double(due);
        };
        let (before, job) = (job.due, Job { due, recorded: true, ..job.clone() });
        let delay = self.delay(&due);
        self.wait(job, delay);
        self.double(before);
    }

    /// Takes up one row.
    fn take_row(&mut self, due: Due, attempt: Attempt) {
        self.inbox.shared.grew();
        let delay = self.delay(&due);
        self.wait(Job { due, attempt: Arc::new(attempt), recorded: true }, delay);
    }
}

/// The attempt that a row stands for, if its challenge still waits to be settled.
async fn load_attempt(parts: &Parts, due: &Due) -> Result<Option<Attempt>, StoreError> {
    let Some(authorization) = parts.store.load::<Authorization>(&due.authorization).await? else {
        return Ok(None);
    };
    let waits = |status| matches!(status, ChallengeStatus::Processing);
    let challenge = authorization.value.challenges.iter().find(|challenge| challenge.id == due.challenge);
    let Some(challenge) = challenge.filter(|challenge| waits(challenge.status)) else {
        return Ok(None);
    };
    let account = parts.store.load::<Account>(&authorization.value.account).await?;
    // An account that ended proves nothing any more (RFC 8555 §7.3.6).
    let account = account.filter(|account| account.value.status == AccountStatus::Valid);
    Ok(account.map(|account| Attempt::new(&account.value, &authorization.value, challenge, &parts.links)))
}
