//! The queue of challenges to be validated, in the order in which they are due. It survives a restart.
//!
//! A row is written in the batch that makes the challenge `processing` and removed in the batch that settles it.

use time::OffsetDateTime;

use crate::ids::{AuthorizationId, ChallengeId};
use crate::store::{Batch, Range, Store, StoreError, Table, keys};

/// A validation that waits for its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// When it is to be tried, to the millisecond.
    pub at: OffsetDateTime,
    /// The authorization.
    pub authorization: AuthorizationId,
    /// Its challenge.
    pub challenge: ChallengeId,
    /// Attempts already made.
    pub attempts: u32,
}

impl Due {
    /// Whether both stand in the same row; more than milliseconds no row tells.
    #[must_use]
    pub fn is_row_of(&self, other: &Self) -> bool {
        row(self) == row(other)
    }
}

/// Queues a challenge.
pub fn enqueue(batch: &mut Batch, due: &Due) {
    batch.put(Table::Validations, row(due), due.attempts.to_be_bytes().to_vec());
}

/// Takes a challenge off the queue; no error if it is off already.
pub fn dequeue(batch: &mut Batch, due: &Due) {
    batch.delete(Table::Validations, row(due));
}

/// Puts off a challenge to a later time, one more attempt having been made.
pub fn postpone(batch: &mut Batch, due: &Due, at: OffsetDateTime) -> Due {
    let later = Due { at, attempts: due.attempts.saturating_add(1), ..*due };
    dequeue(batch, due);
    enqueue(batch, &later);
    later
}

fn row(due: &Due) -> Vec<u8> {
    keys::validation(due.at, due.authorization, due.challenge)
}

impl Store {
    /// Queued validations, the earliest first, whether due or not.
    ///
    /// # Errors
    /// If the backend fails.
    pub async fn validations(&self, limit: usize) -> Result<Vec<Due>, StoreError> {
        let rows = self.scan(Range::of(Table::Validations).limit(limit)).await?;
        let due = |(key, value): &(Vec<u8>, Vec<u8>)| {
            let (at, authorization, challenge) = keys::validation_parts(key)?;
            let attempts = value.first_chunk::<4>().map_or(0, |octets| u32::from_be_bytes(*octets));
            Some(Due { at, authorization, challenge, attempts })
        };
        Ok(rows.iter().filter_map(due).collect())
    }

    /// Queued validations that are due at `now`, the earliest first.
    ///
    /// # Errors
    /// If the backend fails.
    pub async fn due_validations(&self, now: OffsetDateTime, limit: usize) -> Result<Vec<Due>, StoreError> {
        let mut due = self.validations(limit).await?;
        due.retain(|validation| validation.at <= now);
        Ok(due)
    }
}
