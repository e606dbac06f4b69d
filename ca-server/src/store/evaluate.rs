//! What a batch does, whatever the backend: whether its checks hold, and the rows that applying it sets or removes.
//!
//! Both backends evaluate through here, so that they cannot differ. Nothing is written here.

use std::ops::Bound;

use super::record::stored_version;
use super::{Batch, Check, Op, Range, StoreError, Table};
use crate::log::chain::{self, Chain, Entry};

/// Largest value of one row; below the size at which the embedded store would put it into a file of its own.
pub(super) const MOST_VALUE: usize = 56 * 1024;
/// Octets of a journal row beside the text of its act: number, two hashes, time.
const ENTRY_OVERHEAD: usize = 8 + 32 + 32 + 8;
/// Largest batch, all keys and values together.
pub(super) const MOST_BATCH: usize = 1024 * 1024;

/// One write: a row set, or removed if there is no value.
pub(super) type Write = (Table, Vec<u8>, Option<Vec<u8>>);

/// The stored form of a key: the table's number in front.
pub(super) fn stored_key(table: Table, key: &[u8]) -> Vec<u8> {
    let mut stored = Vec::with_capacity(key.len() + 1);
    stored.push(table.number());
    stored.extend_from_slice(key);
    stored
}

/// Whether `check` holds for the row that stands there now.
pub(super) fn holds(check: &Check, row: Option<&[u8]>) -> Result<(), StoreError> {
    if check.seen == row.map(stored_version) { Ok(()) } else { Err(StoreError::Stale(check.table)) }
}

/// The bounds of a scan over stored keys.
pub(super) fn bounds(range: &Range) -> (Bound<Vec<u8>>, Bound<Vec<u8>>) {
    let begin = stored_key(range.table, &range.prefix);
    let end = successor(&begin);
    let after = range.after.as_ref().map(|key| stored_key(range.table, key));
    match (after, range.backwards) {
        // A place outside the prefix must not widen the scan, nor turn the bounds around.
        (Some(after), false) if after >= begin => {
            let end = if after < end { Bound::Excluded(end) } else { Bound::Included(after.clone()) };
            (Bound::Excluded(after), end)
        }
        (Some(after), true) if after < end => {
            let begin = if after > begin { begin } else { after.clone() };
            (Bound::Included(begin), Bound::Excluded(after))
        }
        (_, _) => (Bound::Included(begin), Bound::Excluded(end)),
    }
}

/// The first key after all that begin with `prefix`. The first octet is a table number, so there always is one.
fn successor(prefix: &[u8]) -> Vec<u8> {
    let kept = prefix.iter().rposition(|octet| *octet != u8::MAX).unwrap_or(0);
    let mut end: Vec<u8> = prefix.iter().copied().take(kept + 1).collect();
    if let Some(last) = end.last_mut() {
        *last = last.saturating_add(1);
    }
    end
}

/// The size of a batch with the journal entries of its acts, if it and each of its rows are small enough.
pub(super) fn measured(batch: &Batch) -> Result<usize, StoreError> {
    let mut whole = 0;
    let mut add = |table, octets| {
        whole += octets;
        if octets > MOST_VALUE || whole > MOST_BATCH {
            return Err(StoreError::TooLarge { table, octets: whole });
        }
        Ok(())
    };
    for op in &batch.ops {
        match op {
            Op::Put { table, key, value } => add(*table, key.len() + value.len())?,
            Op::Delete { table, key } => add(*table, key.len())?,
        }
    }
    for (_, act) in &batch.acts {
        let text = chain::length(act).map_err(|error| StoreError::Backend(Box::new(error)))?;
        add(Table::Journal, ENTRY_OVERHEAD + text)?;
    }
    Ok(whole)
}

/// The writes of a batch whose checks hold: its rows, then its acts sealed onto `chain`.
pub(super) fn writes(batch: Batch, chain: &mut Chain) -> Result<Vec<Write>, StoreError> {
    let mut writes = Vec::with_capacity(batch.ops.len() + batch.acts.len());
    for op in batch.ops {
        writes.push(match op {
            Op::Put { table, key, value } => (table, key, Some(value)),
            Op::Delete { table, key } => (table, key, None),
        });
    }
    for (at, act) in &batch.acts {
        let entry: Entry = chain.seal(*at, act).map_err(|error| StoreError::Backend(Box::new(error)))?;
        writes.push((Table::Journal, entry.seq.to_be_bytes().to_vec(), Some(entry.encode())));
    }
    Ok(writes)
}
