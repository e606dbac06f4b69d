//! The validation queue: answered challenges wait in [`Table::Validations`] until a worker has settled them (RFC 8555 §7.5.1).
//!
//! The table is the truth and outlives a crash; the channel only saves looking there. An attempt that may succeed later is put back with a
//! later due time, durably. What an outcome means for the authorization is decided in `order/`, never here.

mod attempt;
mod dispatch;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::{Notify, mpsc};

use super::caa::CaaGate;
use super::{Attempt, Validators};
use crate::clock::Clock;
use crate::config::ChallengeConfig;
use crate::ids::{AuthorizationId, ChallengeId};
use crate::request::links::Links;
use crate::store::{Batch, Store, Table};

pub use dispatch::{Worker, start};

/// Jobs handed over in memory; more wait in the table alone.
const IN_MEMORY: usize = 4096;

/// One row of [`Table::Validations`]: a challenge that was answered and is not settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct QueueRow {
    /// When it is due, in milliseconds since 1970.
    due: u64,
    /// The authorization.
    pub authorization: AuthorizationId,
    /// The challenge.
    pub challenge: ChallengeId,
    /// How many attempts were made already.
    attempts: u32,
}

impl QueueRow {
    /// A row that is due at `now`.
    #[must_use]
    pub fn new(now: OffsetDateTime, authorization: AuthorizationId, challenge: ChallengeId) -> Self {
        Self { due: milliseconds(now), authorization, challenge, attempts: 0 }
    }

    /// The same challenge after one more attempt, due `delay` after `now`.
    fn again(self, now: OffsetDateTime, delay: Duration) -> Self {
        Self { due: milliseconds(now + delay), attempts: self.attempts.saturating_add(1), ..self }
    }

    /// Adds the row to `batch`; to be committed together with the challenge becoming `processing`.
    pub fn enqueue(&self, batch: &mut Batch) {
        batch.put(Table::Validations, self.key(), self.attempts.to_be_bytes().to_vec());
    }

    /// Removes the row in `batch`.
    fn dequeue(&self, batch: &mut Batch) {
        batch.delete(Table::Validations, self.key());
    }

    /// The key of the row.
    #[must_use]
    pub fn key(&self) -> Vec<u8> {
        let mut key = self.due.to_be_bytes().to_vec();
        key.extend_from_slice(self.authorization.as_bytes());
        key.extend_from_slice(self.challenge.as_bytes());
        key
    }

    /// The row with this key and value; `None` if they are not of this shape.
    fn parse(key: &[u8], value: &[u8]) -> Option<Self> {
        let (due, rest) = key.split_first_chunk::<8>()?;
        let (authorization, rest) = rest.split_first_chunk::<16>()?;
        let challenge = rest.first_chunk::<16>().filter(|_| rest.len() == 16)?;
        Some(Self {
            due: u64::from_be_bytes(*due),
            authorization: AuthorizationId::from_bytes(*authorization),
            challenge: ChallengeId::from_bytes(*challenge),
            attempts: value.first_chunk::<4>().map_or(0, |count| u32::from_be_bytes(*count)),
        })
    }
}

fn milliseconds(at: OffsetDateTime) -> u64 {
    u64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or(0)
}

/// A row with the attempt it stands for.
#[derive(Clone, Debug)]
struct Job {
    row: QueueRow,
    attempt: Arc<Attempt>,
}

/// Where answered challenges are handed over. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Queue {
    shared: Arc<Shared>,
    jobs: mpsc::Sender<Job>,
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
    jobs: mpsc::Receiver<Job>,
}

impl Queue {
    /// A queue and its other end.
    #[must_use]
    pub fn new() -> (Self, Inbox) {
        let shared = Arc::new(Shared::default());
        let (sender, receiver) = mpsc::channel(IN_MEMORY);
        (Self { shared: shared.clone(), jobs: sender }, Inbox { shared, jobs: receiver })
    }

    /// Hands over a challenge whose row was just committed: the attempt starts at once, without a look into the store.
    pub fn push(&self, row: QueueRow, attempt: Attempt) {
        self.shared.grew();
        if self.jobs.try_send(Job { row, attempt: Arc::new(attempt) }).is_err() {
            self.shared.shrank();
            self.shared.ring();
        }
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
    /// Makes account URLs for attempts read back from the table.
    pub links: Links,
    /// How long a proven authorization serves further orders.
    pub lifetime: Duration,
    /// Timeout, attempts, workers.
    pub config: ChallengeConfig,
}

#[cfg(test)]
mod tests;
