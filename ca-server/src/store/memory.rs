//! The store in memory: for tests, and for trying things out. It forgets everything when it is dropped.
//!
//! Same semantics as the embedded one, journal included; only nothing is durable.

use std::collections::BTreeMap;

use async_trait::async_trait;
use parking_lot::RwLock;

use super::evaluate::{bounds, holds, measured, stored_key, writes};
use super::snapshot::{PAGE, Snapshot};
use super::{Backend, Batch, Range, Row, StoreError, Table};
use crate::log::chain::Chain;

/// Rows in a sorted map behind a lock.
#[derive(Debug, Default)]
pub struct Memory {
    state: RwLock<State>,
}

#[derive(Debug, Default)]
struct State {
    rows: BTreeMap<Vec<u8>, Vec<u8>>,
    chain: Chain,
    closed: bool,
}

impl Memory {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Number of rows in all tables.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.state.read().rows.len()
    }

    fn apply(&self, batch: Batch) -> Result<(), StoreError> {
        measured(&batch)?;
        let mut state = self.state.write();
        if state.closed {
            return Err(StoreError::Closed);
        }
        for check in &batch.checks {
            holds(check, state.rows.get(&stored_key(check.table, &check.key)).map(Vec::as_slice))?;
        }
        let mut chain = state.chain;
        let writes = writes(batch, &mut chain)?;
        state.chain = chain;
        for (table, key, value) in writes {
            let key = stored_key(table, &key);
            match value {
                Some(value) => state.rows.insert(key, value),
                None => state.rows.remove(&key),
            };
        }
        Ok(())
    }
}

#[async_trait]
impl Backend for Memory {
    async fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.state.read().rows.get(&stored_key(table, key)).cloned())
    }

    async fn scan(&self, range: Range) -> Result<Vec<Row>, StoreError> {
        let state = self.state.read();
        let rows = state.rows.range(bounds(&range));
        let row = |(key, value): (&Vec<u8>, &Vec<u8>)| (key.iter().skip(1).copied().collect(), value.clone());
        Ok(if range.backwards {
            rows.rev().take(range.limit).map(row).collect()
        } else {
            rows.take(range.limit).map(row).collect()
        })
    }

    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        self.apply(batch)
    }

    async fn snapshot(&self) -> Result<Box<dyn Snapshot>, StoreError> {
        Ok(Box::new(Copied(self.state.read().rows.clone())))
    }

    async fn health(&self) -> Result<(), StoreError> {
        if self.state.read().closed { Err(StoreError::Closed) } else { Ok(()) }
    }

    async fn close(&self) {
        self.state.write().closed = true;
    }
}

/// A copy of all rows, used up from the front.
struct Copied(BTreeMap<Vec<u8>, Vec<u8>>);

#[async_trait]
impl Snapshot for Copied {
    async fn next(&mut self) -> Result<Option<(Table, Vec<Row>)>, StoreError> {
        let first = self.0.first_key_value().and_then(|(key, _)| key.first().copied());
        let table = Table::ALL.iter().copied().find(|table| Some(table.number()) == first);
        let Some(table) = table else { return Ok(None) };
        let mut rows = Vec::new();
        while rows.len() < PAGE
            && let Some(entry) = self.0.first_entry()
            && entry.key().first() == Some(&table.number())
        {
            let (key, value) = entry.remove_entry();
            rows.push((key.into_iter().skip(1).collect(), value));
        }
        Ok(Some((table, rows)))
    }
}
