//! The store in memory: for tests, and for trying things out. It forgets everything when it is dropped.
//!
//! Same semantics as the embedded one, journal included; only nothing is durable.

use std::collections::BTreeMap;

use async_trait::async_trait;
use parking_lot::RwLock;

use super::evaluate::{bounds, holds, measured, stored_key, writes};
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

    async fn health(&self) -> Result<(), StoreError> {
        if self.state.read().closed { Err(StoreError::Closed) } else { Ok(()) }
    }

    async fn close(&self) {
        self.state.write().closed = true;
    }
}
