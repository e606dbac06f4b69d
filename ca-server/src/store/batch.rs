//! A batch: what must still hold, what to write, and what to record in the journal, applied whole or not at all.

use time::OffsetDateTime;

use super::record::{self, Record, Version, Versioned};
use super::{StoreError, Table};
use crate::log::act::Act;

/// What must hold of one row for the batch to be applied.
#[derive(Clone, Debug)]
pub struct Check {
    /// The table.
    pub table: Table,
    /// The key.
    pub key: Vec<u8>,
    /// The version the row must have; `None`: the row must be absent.
    pub seen: Option<Version>,
}

/// One write.
#[derive(Clone, Debug)]
pub enum Op {
    /// Sets a row.
    Put {
        /// The table.
        table: Table,
        /// The key.
        key: Vec<u8>,
        /// The whole value.
        value: Vec<u8>,
    },
    /// Removes a row; an absent one is no error.
    Delete {
        /// The table.
        table: Table,
        /// The key.
        key: Vec<u8>,
    },
}

/// Checks, writes and journal acts that belong together.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// All must hold.
    pub checks: Vec<Check>,
    /// Applied in order.
    pub ops: Vec<Op>,
    /// Sealed onto the journal in order.
    pub acts: Vec<(OffsetDateTime, Act)>,
}

impl Batch {
    /// An empty batch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes a new record; stale if one with its key exists.
    ///
    /// # Errors
    /// If the record cannot be serialised.
    pub fn insert<R: Record>(&mut self, record: &R) -> Result<&mut Self, StoreError> {
        let key = R::encode_key(&record.key());
        let value = record::encode(record, Version::FIRST)?;
        self.checks.push(Check { table: R::TABLE, key: key.clone(), seen: None });
        self.ops.push(Op::Put { table: R::TABLE, key, value });
        Ok(self)
    }

    /// Writes `next` over the record seen at `seen`; stale if it changed since.
    ///
    /// # Errors
    /// If the record cannot be serialised.
    pub fn replace<R: Record>(&mut self, seen: Version, next: &R) -> Result<&mut Self, StoreError> {
        let key = R::encode_key(&next.key());
        let value = record::encode(next, seen.next())?;
        self.checks.push(Check { table: R::TABLE, key: key.clone(), seen: Some(seen) });
        self.ops.push(Op::Put { table: R::TABLE, key, value });
        Ok(self)
    }

    /// Demands that a record read earlier is still the same, without writing it.
    pub fn unchanged<R: Record>(&mut self, seen: &Versioned<R>) -> &mut Self {
        let key = R::encode_key(&seen.value.key());
        self.checks.push(Check { table: R::TABLE, key, seen: Some(seen.version) });
        self
    }

    /// Removes a record seen at `seen`; stale if it changed since.
    pub fn remove<R: Record>(&mut self, seen: &Versioned<R>) -> &mut Self {
        self.unchanged(seen);
        self.ops.push(Op::Delete { table: R::TABLE, key: R::encode_key(&seen.value.key()) });
        self
    }

    /// Demands that a raw row is absent (a unique index).
    pub fn absent(&mut self, table: Table, key: Vec<u8>) -> &mut Self {
        self.checks.push(Check { table, key, seen: None });
        self
    }

    /// Sets an index row.
    pub fn put(&mut self, table: Table, key: Vec<u8>, value: Vec<u8>) -> &mut Self {
        self.ops.push(Op::Put { table, key, value });
        self
    }

    /// Removes an index row.
    pub fn delete(&mut self, table: Table, key: Vec<u8>) -> &mut Self {
        self.ops.push(Op::Delete { table, key });
        self
    }

    /// Records an act in the journal, sealed when the batch commits.
    pub fn record(&mut self, at: OffsetDateTime, act: Act) -> &mut Self {
        self.acts.push((at, act));
        self
    }

    /// Whether `text` stands in a key or a value.
    #[cfg(test)]
    pub(crate) fn holds(&self, text: &str) -> bool {
        let within = |octets: &[u8]| octets.windows(text.len()).any(|seen| seen == text.as_bytes());
        self.ops.iter().any(|op| match op {
            Op::Put { key, value, .. } => within(key) || within(value),
            Op::Delete { key, .. } => within(key),
        })
    }
}
