//! What readers see: the tree, except for rows that a batch under way has changed but not yet made durable.
//!
//! Before a batch is applied, the rows it will change are put aside as they are; readers get those until the sync has succeeded.
//! So nothing is ever shown that a power loss could take back.

use std::collections::BTreeMap;
use std::ops::Bound;

use sled::Db;

use super::blocks;
use super::failure::SledFailure;
use crate::store::{Row, StoreError};

/// Rows by stored key; `None` where there was no row.
pub(super) type Rows = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// The tree with what is put aside.
pub(super) struct View {
    db: Option<Db>,
    aside: Rows,
}

impl View {
    pub(super) const fn new(db: Db) -> Self {
        Self { db: Some(db), aside: Rows::new() }
    }

    /// The tree itself, durable or not: for the one writer.
    pub(super) fn db(&self) -> Result<&Db, StoreError> {
        self.db.as_ref().ok_or(StoreError::Closed)
    }

    /// Shows `before` instead of what stands in the tree for these keys.
    pub(super) fn put_aside(&mut self, before: Rows) {
        self.aside = before;
    }

    /// Shows the tree as it is: everything in it is durable.
    pub(super) fn show_all(&mut self) {
        self.aside.clear();
    }

    /// Takes up the tree again after [`close`](Self::close).
    pub(super) fn reopen(&mut self, db: Db) {
        self.db = Some(db);
    }

    /// Lets go of the tree.
    pub(super) fn close(&mut self) {
        self.db = None;
    }

    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        if let Some(before) = self.aside.get(key) {
            return Ok(before.clone());
        }
        Ok(blocks::get(self.db()?, key)?)
    }

    /// Rows within `bounds`, without the table number in front of their keys.
    pub(super) fn scan(
        &self,
        bounds: (Bound<Vec<u8>>, Bound<Vec<u8>>),
        backwards: bool,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let aside = self.aside.range(bounds.clone()).map(|(key, value)| (key.clone(), value.clone()));
        let stored = blocks::range(self.db()?, bounds)?;
        if backwards {
            merge(stored.rev(), aside.rev(), |a, b| a > b, limit)
        } else {
            merge(stored, aside, |a, b| a < b, limit)
        }
    }
}

/// Both sequences in order; where both have a key, what was put aside counts.
fn merge(
    stored: impl Iterator<Item = Result<Row, SledFailure>>,
    aside: impl Iterator<Item = (Vec<u8>, Option<Vec<u8>>)>,
    comes_first: impl Fn(&[u8], &[u8]) -> bool,
    limit: usize,
) -> Result<Vec<Row>, StoreError> {
    let (mut stored, mut aside) = (stored.peekable(), aside.peekable());
    let mut rows = Vec::new();
    while rows.len() < limit {
        let next = match (stored.peek(), aside.peek()) {
            (None, None) => break,
            (Some(Ok((key, _))), Some((put, _))) if comes_first(key, put) => stored.next(),
            (Some(_), None) | (Some(Err(_)), Some(_)) => stored.next(),
            (Some(Ok((key, _))), Some((put, _))) if key == put => {
                stored.next();
                continue;
            }
            (_, Some(_)) => aside.next().and_then(|(key, value)| value.map(|value| Ok((key, value)))),
        };
        if let Some(row) = next.transpose()? {
            rows.push(without_table(row));
        }
    }
    Ok(rows)
}

fn without_table((mut key, value): Row) -> Row {
    key.drain(..1.min(key.len()));
    (key, value)
}

#[cfg(test)]
mod tests;
