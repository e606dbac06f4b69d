//! The validation queue: answered challenges wait in the store's queue until a worker has settled them (RFC 8555 §7.5.1).
//!
//! The table is the truth and outlives a crash; the channel only saves looking there. A first attempt may be made before its row is written, while the
//! client that answered waits. An attempt that may succeed later is put back with a
//! later due time, durably. What an outcome means for the authorization is decided in `order/`, never here.

mod attempt;
mod dispatch;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot};

use super::caa::CaaGate;
use super::{Attempt, Validators};
use crate::clock::Clock;
use crate::config::ChallengeConfig;
use crate::policy::RefusalLog;
use crate::request::links::Links;
use crate::sso::providers::Providers;
use crate::store::Store;
use crate::store::tables::validations::Due;

pub use dispatch::{Worker, start};

/// Jobs handed over in memory; more wait in the table alone.
const IN_MEMORY: usize = 4096;

/// A row with the attempt it stands for.
#[derive(Clone, Debug)]
struct Job {
    due: Due,
    attempt: Arc<Attempt>,
    /// Whether the row is in the table.
    recorded: bool,
}

/// A job on its way to the dispatcher, and who waits for the end of its next attempt.
#[derive(Debug)]
struct Handed {
    job: Job,
    waits: Option<oneshot::Sender<()>>,
}

/// Where answered challenges are handed over. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Queue {
    shared: Arc<Shared>,
    jobs: mpsc::Sender<Handed>,
}

/// What the queue and its worker both see.
#[derive(Debug, Default)]
struct Shared {
    /// The table holds rows that were not handed over.
    unseen: AtomicBool,
    /// Rings when `unseen` was set.
    bell: Notify,
    /// Jobs handed over and not settled.
    length: AtomicUsize,
}

impl Shared {
    fn ring(&self) {
        self.unseen.store(true, Ordering::Release);
        self.bell.notify_one();
    }

    fn grew(&self) {
        let length = self.length.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        show_length(length);
    }

    fn shrank(&self) {
        let length = self.length.fetch_sub(1, Ordering::Relaxed).saturating_sub(1);
        show_length(length);
    }
}

#[expect(clippy::cast_precision_loss, reason = "a queue never holds 2^52 jobs")]
fn show_length(length: usize) {
    metrics::gauge!("rollcall_queue_length", "queue" => "validations").set(length as f64);
}

/// The other end of a [`Queue`], to be given to [`start`].
#[derive(Debug)]
pub struct Inbox {
    shared: Arc<Shared>,
    jobs: mpsc::Receiver<Handed>,
}

impl Queue {
    /// A queue and its other end.
    #[must_use]
    pub fn new() -> (Self, Inbox) {
        let shared = Arc::new(Shared::default());
        let (sender, receiver) = mpsc::channel(IN_MEMORY);
        (Self { shared: shared.clone(), jobs: sender }, Inbox { shared, jobs: receiver })
    }

    /// Hands over a challenge whose row was just committed: the attempt starts when it is due, without a look into the store.
    pub fn push(&self, due: Due, attempt: Attempt) {
        if !self.hand_over(Job { due, attempt: Arc::new(attempt), recorded: true }, None) {
            self.shared.ring();
        }
    }

    /// Has a challenge tried whose row is not written, and waits until the attempt has ended, but no longer than `most`. Whatever came of it is in the
    /// store then; if nothing is, the row is to be written and pushed.
    pub async fn attempt(&self, due: Due, attempt: Attempt, most: Duration) {
        let (waits, ended) = oneshot::channel();
        if self.hand_over(Job { due, attempt: Arc::new(attempt), recorded: false }, Some(waits)) {
            // The sender is dropped when the attempt has ended; nothing is ever sent.
            let _ = tokio::time::timeout(most, ended).await;
        }
    }

    fn hand_over(&self, job: Job, waits: Option<oneshot::Sender<()>>) -> bool {
        self.shared.grew();
        let taken = self.jobs.try_send(Handed { job, waits }).is_ok();
        if !taken {
            self.shared.shrank();
        }
        taken
    }

    /// Says that there are new rows in the table, without handing them over.
    pub fn wake(&self) {
        self.shared.ring();
    }

    /// Jobs in memory that are not settled.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shared.length.load(Ordering::Relaxed)
    }

    /// Whether no job in memory waits to be settled.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What the worker works with.
#[derive(Clone)]
pub struct Parts {
    /// Where rows, authorizations and accounts are.
    pub store: Store,
    /// The time for due times and problem documents.
    pub clock: Arc<dyn Clock>,
    /// The proofs.
    pub validators: Validators,
    /// CAA, asked together with the proof.
    pub caa: CaaGate,
    /// The identity providers, which CAA records may name.
    pub providers: Providers,
    /// What the journal is told of failed sign-ins; the server's own.
    pub refusals: RefusalLog,
    /// Makes account URLs for attempts read back from the table.
    pub links: Links,
    /// How long a proven authorization serves further orders.
    pub lifetime: Duration,
    /// Timeout, attempts, workers.
    pub config: ChallengeConfig,
}

#[cfg(test)]
mod tests;
