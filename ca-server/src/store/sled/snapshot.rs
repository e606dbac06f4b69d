//! A snapshot of the embedded store: the present rows, with what changed since laid over them as it was before.
//!
//! The committer keeps what it is about to change, as long as the reader has still to come there; what was read is forgotten. What is kept
//! may not outgrow a bound: then the snapshot ends, and the server goes on. Must never show the reader half of a batch.

use std::ops::Bound;
use std::sync::Arc;

use async_trait::async_trait;

use super::failure::SledFailure;
use super::view::{Bounds, Rows};
use super::{Shared, Snapshot};
use crate::store::snapshot::{PAGE, SnapshotFault};
use crate::store::{Row, StoreError, Table};

/// Most octets that are kept.
const MOST: usize = 128 << 20;
/// What a kept row costs beside its octets.
const OVERHEAD: usize = 96;
/// The row that says how this backend lays out its keys: its own affair.
const LAYOUT: &[u8] = b"layout";

/// What changed since the snapshot was begun, as it was before.
pub(super) struct Pinned {
    rows: Rows,
    octets: usize,
    most: usize,
    /// The first stored key that was not read yet.
    unread: Vec<u8>,
    /// Why it is of no use any more.
    spoiled: Option<Spoiled>,
}

#[derive(Clone)]
enum Spoiled {
    Overtaken,
    Failed(SledFailure),
}

impl Pinned {
    fn new(most: usize) -> Self {
        Self { rows: Rows::new(), octets: 0, most, unread: Vec::new(), spoiled: None }
    }

    /// Whether the row at `key` must be kept before it changes.
    pub(super) fn wants(&self, key: &[u8]) -> bool {
        self.spoiled.is_none() && key >= self.unread.as_slice() && !self.rows.contains_key(key)
    }

    /// Keeps rows as they were; they are not kept already.
    pub(super) fn keep(&mut self, before: Result<Rows, SledFailure>) {
        match before {
            Ok(before) => {
                self.octets += before.iter().map(cost).sum::<usize>();
                self.rows.extend(before);
                if self.octets > self.most {
                    self.spoil(Spoiled::Overtaken);
                }
            }
            Err(failure) => self.spoil(Spoiled::Failed(failure)),
        }
    }

    fn spoil(&mut self, why: Spoiled) {
        self.rows = Rows::new();
        self.spoiled = Some(why);
    }

    /// What is kept.
    pub(super) fn rows(&self) -> Result<&Rows, StoreError> {
        match &self.spoiled {
            None => Ok(&self.rows),
            Some(Spoiled::Overtaken) => Err(SnapshotFault::Overtaken { most: self.most }.into()),
            Some(Spoiled::Failed(failure)) => Err(failure.clone().into()),
        }
    }

    /// Forgets what lies before `unread`, which was read.
    fn advance(&mut self, unread: Vec<u8>) {
        let left = self.rows.split_off(&unread);
        self.octets -= std::mem::replace(&mut self.rows, left).iter().map(cost).sum::<usize>();
        self.unread = unread;
    }
}

fn cost((key, value): (&Vec<u8>, &Option<Vec<u8>>)) -> usize {
    OVERHEAD + key.len() + value.as_ref().map_or(0, Vec::len)
}

/// The reader's end; the snapshot ends with it.
pub(super) struct Reading {
    shared: Arc<Shared>,
    /// Tables still to be read, from the last to the first.
    tables: Vec<Table>,
    unread: Vec<u8>,
}

impl Reading {
    /// Begins a snapshot of what readers see now.
    pub(super) fn begin(shared: &Arc<Shared>) -> Result<Self, StoreError> {
        Self::keeping(shared, MOST)
    }

    fn keeping(shared: &Arc<Shared>, most: usize) -> Result<Self, StoreError> {
        let mut view = shared.view.write();
        view.db()?;
        if view.pinned.is_some() {
            return Err(SnapshotFault::Busy.into());
        }
        view.pinned = Some(Pinned::new(most));
        drop(view);
        let tables = Table::ALL.iter().rev().copied().collect();
        Ok(Self { shared: Arc::clone(shared), tables, unread: Vec::new() })
    }

    /// The next rows of `table`, which may be none.
    fn page(&mut self, table: Table) -> Result<Vec<Row>, StoreError> {
        let (first, end) = (vec![table.number()], vec![table.number().saturating_add(1)]);
        let from = self.unread.clone().max(first);
        let bounds: Bounds = (Bound::Included(from), Bound::Excluded(end.clone()));
        let rows = {
            let view = self.shared.view.read();
            let pinned = view.pinned.as_ref().ok_or(StoreError::Closed)?;
            view.scan_pinned(pinned, bounds, PAGE)?
        };
        self.unread = match rows.last().filter(|_| rows.len() >= PAGE) {
            // The key that comes right after it.
            Some((last, _)) => [&[table.number()], last.as_slice(), &[0]].concat(),
            None => {
                self.tables.pop();
                end
            }
        };
        if let Some(pinned) = &mut self.shared.view.write().pinned {
            pinned.advance(self.unread.clone());
        }
        Ok(rows)
    }
}

#[async_trait]
impl Snapshot for Reading {
    async fn next(&mut self) -> Result<Option<(Table, Vec<Row>)>, StoreError> {
        while let Some(table) = self.tables.last().copied() {
            let mut rows = self.page(table)?;
            if table == Table::Meta {
                rows.retain(|(key, _)| key != LAYOUT);
            }
            if !rows.is_empty() {
                return Ok(Some((table, rows)));
            }
        }
        Ok(None)
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.shared.view.write().pinned = None;
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Sled, SledConfig};
    use super::*;
    use crate::store::{Backend as _, Batch};

    fn put(keys: std::ops::Range<u32>, octets: usize) -> Batch {
        let mut batch = Batch::new();
        for key in keys {
            batch.put(Table::Approvals, key.to_be_bytes().to_vec(), vec![7; octets]);
        }
        batch
    }

    #[tokio::test]
    async fn a_snapshot_ends_when_more_changes_than_may_be_kept_and_the_store_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let store = Sled::open(&SledConfig::new(folder.path())).unwrap();
        store.commit(put(0..10, 1000)).await.unwrap();
        let mut reading = Reading::keeping(&store.shared, 8000).unwrap();
        assert!(Reading::begin(&store.shared).is_err(), "one at a time");
        store.commit(put(5..12, 10)).await.unwrap();
        store.commit(put(0..5, 10)).await.unwrap();
        let error = reading.next().await.unwrap_err();
        assert!(crate::respond::problem::causes(&error).contains("more changed"), "{error:?}");
        drop(reading);
        let mut again = Reading::begin(&store.shared).unwrap();
        let (table, rows) = again.next().await.unwrap().unwrap();
        assert_eq!((table, rows.len(), rows[0].1.len()), (Table::Approvals, 12, 10));
    }

    #[tokio::test]
    async fn what_was_read_is_kept_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let store = Sled::open(&SledConfig::new(folder.path())).unwrap();
        store.commit(put(0..1000, 10)).await.unwrap();
        let mut reading = Reading::begin(&store.shared).unwrap();
        reading.next().await.unwrap().unwrap();
        store.commit(put(0..100, 20)).await.unwrap();
        let kept = |store: &Sled| store.shared.view.read().pinned.as_ref().unwrap().rows.len();
        assert_eq!(kept(&store), 0);
        store.commit(put(900..1000, 20)).await.unwrap();
        assert_eq!(kept(&store), 100);
        let mut rows = PAGE;
        while let Some((_, page)) = reading.next().await.unwrap() {
            assert!(page.iter().all(|(_, value)| value.len() == 10));
            rows += page.len();
        }
        assert_eq!((rows, kept(&store)), (1000, 0));
    }
}
