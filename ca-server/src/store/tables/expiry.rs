//! The queue of what ends: one row for each record that [`Ends`], by the time at which it does.
//!
//! The rows are written and moved together with the record, by the functions here; a noun with further rows calls them from its own. The pruner reads
//! them.

use time::OffsetDateTime;

use crate::store::{Batch, Range, Record, Store, StoreError, Table, Versioned, keys};

/// A record that is over at some time.
pub trait Ends: Record {
    /// When.
    fn ends(&self) -> OffsetDateTime;
}

/// Writes a new one; stale if it exists.
///
/// # Errors
/// If it cannot be serialised.
pub fn insert<R: Ends>(batch: &mut Batch, record: &R) -> Result<(), StoreError> {
    batch.insert(record)?;
    batch.put(Table::Expiry, row(record), Vec::new());
    Ok(())
}

/// Writes `next` over `seen`, with its end; stale if it changed since.
///
/// # Errors
/// If it cannot be serialised.
pub fn replace<R: Ends>(batch: &mut Batch, seen: &Versioned<R>, next: &R) -> Result<(), StoreError> {
    batch.replace(seen.version, next)?;
    if seen.value.ends() != next.ends() {
        batch.delete(Table::Expiry, row(&seen.value));
        batch.put(Table::Expiry, row(next), Vec::new());
    }
    Ok(())
}

/// Writes `next`, over the one seen if there is one; stale if another came between.
///
/// # Errors
/// If it cannot be serialised.
pub fn put<R: Ends>(batch: &mut Batch, seen: Option<&Versioned<R>>, next: &R) -> Result<(), StoreError> {
    match seen {
        None => insert(batch, next),
        Some(seen) => replace(batch, seen, next),
    }
}

/// Removes it with its row; stale if it changed since.
pub(crate) fn remove<R: Ends>(batch: &mut Batch, seen: &Versioned<R>) {
    batch.remove(seen);
    batch.delete(Table::Expiry, row(&seen.value));
}

/// The row of a record.
pub(crate) fn row<R: Ends>(record: &R) -> Vec<u8> {
    keys::expiry(R::TABLE, record.ends(), &R::encode_key(&record.key()))
}

/// Something that ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// When.
    pub at: OffsetDateTime,
    /// The key of the record, in its table.
    pub key: Vec<u8>,
    /// The row itself.
    pub(crate) row: Vec<u8>,
}

impl Ending {
    /// Where the records of `table` begin that end at `at` or later.
    pub(crate) fn beginning(table: Table, at: OffsetDateTime) -> Self {
        Self { at, key: Vec::new(), row: keys::expiry(table, at, &[]) }
    }

    /// The one of a row that was kept.
    pub(crate) fn of_row(row: Vec<u8>) -> Option<Self> {
        let (at, key) = keys::expiry_parts(&row)?;
        Some(Self { at, key: key.to_vec(), row })
    }
}

impl Store {
    /// Records of `table` that end before `until`, the earliest first; those after `after`.
    ///
    /// # Errors
    /// If the backend fails.
    pub async fn ending(
        &self,
        table: Table,
        until: OffsetDateTime,
        after: Option<&Ending>,
        limit: usize,
    ) -> Result<Vec<Ending>, StoreError> {
        let range = Range::of(Table::Expiry)
            .prefix(vec![table.number()])
            .after(after.map(|ending| ending.row.clone()))
            .limit(limit);
        let rows = self.scan(range).await?;
        let ending = |(row, _): (Vec<u8>, Vec<u8>)| {
            let (at, key) = keys::expiry_parts(&row)?;
            Some(Ending { at, key: key.to_vec(), row })
        };
        Ok(rows.into_iter().filter_map(ending).take_while(|ending| ending.at < until).collect())
    }

    /// When the first record of `table` ends.
    ///
    /// # Errors
    /// If the backend fails.
    pub async fn next_expiry(&self, table: Table) -> Result<Option<OffsetDateTime>, StoreError> {
        let rows = self.scan(Range::of(Table::Expiry).prefix(vec![table.number()]).limit(1)).await?;
        Ok(rows.first().and_then(|(row, _)| keys::expiry_parts(row)).map(|(at, _)| at))
    }
}
