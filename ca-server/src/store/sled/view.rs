//! What readers see: the tree, and laid over it what was committed since.
//!
//! Rows come in when they are durable in the write-ahead log. While they are being moved into the tree they are `frozen`: whether the tree
//! has a row already makes no difference, since the same row lies over it. So nothing is ever shown that a power loss could take back.
//! While a snapshot is being read, what changes is kept as it was before (see `snapshot`) and laid over all for that one reader.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::ops::Bound;
use std::sync::Arc;

use sled::Db;

use super::blocks;
use super::failure::SledFailure;
use super::snapshot::Pinned;
use crate::store::{Row, StoreError};

/// Rows by stored key; `None` where a row was removed.
pub(super) type Rows = BTreeMap<Vec<u8>, Option<Vec<u8>>>;
pub(super) type Bounds = (Bound<Vec<u8>>, Bound<Vec<u8>>);

/// The tree with what lies over it.
pub(super) struct View {
    db: Option<Db>,
    /// On their way into the tree.
    frozen: Arc<Rows>,
    /// Committed since those.
    recent: Rows,
    /// The snapshot that is being read.
    pub(super) pinned: Option<Pinned>,
}

impl View {
    pub(super) fn new(db: Db) -> Self {
        Self { db: Some(db), frozen: Arc::default(), recent: Rows::new(), pinned: None }
    }

    /// The tree itself.
    pub(super) fn db(&self) -> Result<&Db, StoreError> {
        self.db.as_ref().ok_or(StoreError::Closed)
    }

    /// What stands where `rows` will be shown, as far as a snapshot still has to read it.
    pub(super) fn before(&self, rows: &Rows) -> Result<Rows, SledFailure> {
        let Some(pinned) = &self.pinned else { return Ok(Rows::new()) };
        let wanted = rows.keys().filter(|key| pinned.wants(key));
        wanted.map(|key| Ok((key.clone(), self.get(key)?))).collect()
    }

    /// Shows rows that are durable now; `before` is what [`before`](Self::before) says of them.
    pub(super) fn show(&mut self, rows: Rows, before: Result<Rows, SledFailure>) {
        if let Some(pinned) = &mut self.pinned {
            pinned.keep(before);
        }
        self.recent.extend(rows);
    }

    /// What was shown since the last time, to be moved into the tree; those before must stand there.
    pub(super) fn freeze(&mut self) -> Arc<Rows> {
        self.frozen = Arc::new(std::mem::take(&mut self.recent));
        Arc::clone(&self.frozen)
    }

    /// Forgets what was frozen: it stands in the tree now.
    pub(super) fn melt(&mut self) {
        self.frozen = Arc::default();
    }

    /// Takes up the tree again after [`close`](Self::close).
    pub(super) fn reopen(&mut self, db: Db) {
        self.db = Some(db);
    }

    /// Lets go of the tree.
    pub(super) fn close(&mut self) {
        self.db = None;
    }

    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, SledFailure> {
        let db = self.db.as_ref().ok_or(SledFailure::ReadOnly)?;
        match self.recent.get(key).or_else(|| self.frozen.get(key)) {
            Some(row) => Ok(row.clone()),
            None => blocks::get(db, key),
        }
    }

    /// Rows within `bounds`, without the table number in front of their keys.
    pub(super) fn scan(&self, bounds: Bounds, backwards: bool, limit: usize) -> Result<Vec<Row>, StoreError> {
        let (recent, frozen) = (self.recent.range(bounds.clone()), self.frozen.range(bounds.clone()));
        let stored = blocks::range(self.db()?, bounds)?;
        if backwards {
            let over = laid(recent.rev(), frozen.rev(), |a, b| a > b);
            merge(stored.rev(), over, |a, b| a > b, limit)
        } else {
            let over = laid(recent, frozen, |a, b| a < b);
            merge(rising(stored), over, |a, b| a < b, limit)
        }
    }

    /// Rows within `bounds` as they were when the snapshot was begun.
    pub(super) fn scan_pinned(
        &self,
        pinned: &Pinned,
        bounds: Bounds,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let before = pinned.rows()?.range(bounds.clone());
        let (recent, frozen) = (self.recent.range(bounds.clone()), self.frozen.range(bounds.clone()));
        let stored = blocks::range(self.db()?, bounds)?;
        let over = laid(before, laid(recent, frozen, |a, b| a < b), |a, b| a < b);
        merge(rising(stored), over, |a, b| a < b, limit)
    }
}

/// Without the rows that were read already: they come a second time if their block is split while it is read.
fn rising(
    rows: impl Iterator<Item = Result<Row, SledFailure>>,
) -> impl Iterator<Item = Result<Row, SledFailure>> {
    let mut last: Option<Vec<u8>> = None;
    rows.filter(move |row| {
        let Ok((key, _)) = row else { return true };
        let new = last.as_ref().is_none_or(|last| last < key);
        if new {
            last.get_or_insert_default().clone_from(key);
        }
        new
    })
}

/// Two sequences in order as one; where both have a key, the upper one counts.
struct Laid<U: Iterator, L: Iterator> {
    upper: Peekable<U>,
    lower: Peekable<L>,
    comes_first: fn(&[u8], &[u8]) -> bool,
}

type Entry<'a> = (&'a Vec<u8>, &'a Option<Vec<u8>>);

fn laid<U: Iterator, L: Iterator>(upper: U, lower: L, comes_first: fn(&[u8], &[u8]) -> bool) -> Laid<U, L> {
    Laid { upper: upper.peekable(), lower: lower.peekable(), comes_first }
}

impl<'a, U: Iterator<Item = Entry<'a>>, L: Iterator<Item = Entry<'a>>> Iterator for Laid<U, L> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        match (self.upper.peek(), self.lower.peek()) {
            (Some((upper, _)), Some((lower, _))) if (self.comes_first)(lower, upper) => self.lower.next(),
            (Some((upper, _)), Some((lower, _))) if upper == lower => {
                self.lower.next();
                self.upper.next()
            }
            (Some(_), _) => self.upper.next(),
            (None, _) => self.lower.next(),
        }
    }
}

/// Both sequences in order; where both have a key, what lies over counts.
fn merge<'a>(
    stored: impl Iterator<Item = Result<Row, SledFailure>>,
    over: impl Iterator<Item = Entry<'a>>,
    comes_first: impl Fn(&[u8], &[u8]) -> bool,
    limit: usize,
) -> Result<Vec<Row>, StoreError> {
    let (mut stored, mut over) = (stored.peekable(), over.peekable());
    let mut rows = Vec::new();
    while rows.len() < limit {
        let next = match (stored.peek(), over.peek()) {
            (None, None) => break,
            (Some(Ok((key, _))), Some((put, _))) if comes_first(key, put) => stored.next(),
            (Some(_), None) | (Some(Err(_)), Some(_)) => stored.next(),
            (Some(Ok((key, _))), Some((put, _))) if key == *put => {
                stored.next();
                continue;
            }
            (_, Some(_)) => {
                over.next().and_then(|(key, value)| value.clone().map(|value| Ok((key.clone(), value))))
            }
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
