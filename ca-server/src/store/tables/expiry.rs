//! The queue of what ends: one row for each order, authorization and certificate, by the time at which it expires.
//!
//! The rows are written and moved by the noun's own functions; the pruner reads them.

use time::OffsetDateTime;

use crate::store::{Range, Store, StoreError, Table, keys};

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
