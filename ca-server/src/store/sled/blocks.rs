//! Many small rows in one sled value, for the tables that grow without bound.
//!
//! sled 0.34 puts at most sixteen rows on a page whatever their size, and keeps some two hundred octets in memory for every page: a
//! million certificates with an index row for each purpose would cost hundreds of mebibytes. So the rows of index tables and of the
//! journal stand in sorted blocks of a few kilobytes. A block's key is a lower bound of the keys in it, and it reaches to the next
//! block of its table; the first block of a table has the table's number alone for a key.

use std::ops::Bound;

use sled::{Batch, Db, IVec};

use super::failure::SledFailure;
use crate::store::{Row, Table};

/// Octets in a block of index rows before it is split.
const INDEX_BLOCK: usize = 1024;
/// Octets in a block of journal entries before it is split.
const JOURNAL_BLOCK: usize = 4096;

/// Octets in a block of this table before it is split; `None` if its rows stand by themselves.
fn block_size(table: u8) -> Option<usize> {
    const INDEXES: &[Table] = &[
        Table::OrdersByAccount,
        Table::CertificatesByTime,
        Table::CertificatesByIdentifier,
        Table::CertificatesByAccount,
        Table::Revoked,
        Table::Replacements,
        Table::Expiry,
    ];
    if table == Table::Journal.number() {
        return Some(JOURNAL_BLOCK);
    }
    INDEXES.iter().any(|index| index.number() == table).then_some(INDEX_BLOCK)
}

fn table_of(key: &[u8]) -> u8 {
    key.first().copied().unwrap_or_default()
}

/// The value of one row.
pub(super) fn get(db: &Db, key: &[u8]) -> Result<Option<Vec<u8>>, SledFailure> {
    if block_size(table_of(key)).is_none() {
        return Ok(db.get(key).map_err(SledFailure::Read)?.map(|value| value.to_vec()));
    }
    let (_, rows) = covering(db, key)?;
    Ok(rows.into_iter().find_map(|(found, value)| (found == key).then_some(value)))
}

/// The rows of one table within `bounds`, in order, from either end.
pub(super) fn range(
    db: &Db,
    bounds: (Bound<Vec<u8>>, Bound<Vec<u8>>),
) -> Result<Box<dyn DoubleEndedIterator<Item = Result<Row, SledFailure>>>, SledFailure> {
    let (Bound::Included(first) | Bound::Excluded(first)) = &bounds.0 else {
        return Ok(Box::new(std::iter::empty()));
    };
    if block_size(table_of(first)).is_none() {
        return Ok(Box::new(db.range(bounds).map(|row| {
            let (key, value) = row.map_err(SledFailure::Read)?;
            Ok((key.to_vec(), value.to_vec()))
        })));
    }
    let (begin, _) = covering(db, first)?;
    let blocks = db.range((Bound::Included(begin), bounds.1.clone()));
    let rows =
        blocks.flat_map(|block| match block.map_err(SledFailure::Read).and_then(|block| decode(&block.1)) {
            Ok(rows) => rows.into_iter().map(Ok).collect(),
            Err(failure) => vec![Err(failure)],
        });
    Ok(Box::new(rows.filter(move |row| match row {
        Ok((key, _)) => std::ops::RangeBounds::contains(&bounds, key),
        Err(_) => true,
    })))
}

/// What sled is to write so that these rows, which are in order, stand. A row without a value is removed.
pub(super) fn lay(db: &Db, after: &[(&[u8], Option<&[u8]>)]) -> Result<Batch, SledFailure> {
    let mut batch = Batch::default();
    let mut changes = after.iter().copied().peekable();
    while let Some((key, value)) = changes.next() {
        let table = table_of(key);
        let Some(size) = block_size(table) else {
            match value {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
            continue;
        };
        let (block, mut rows) = covering(db, key)?;
        let end = next_block(db, &block)?;
        let inside = |key: &[u8]| table_of(key) == table && end.as_ref().is_none_or(|end| key < end.as_ref());
        let mut change = Some((key, value));
        let mut grows_at_the_end = false;
        while let Some((key, value)) = change {
            let new = set(&mut rows, key, value);
            grows_at_the_end = new && rows.last().is_some_and(|(last, _)| last == key);
            change = changes.next_if(|(key, _)| inside(key));
        }
        if rows.is_empty() {
            batch.remove(block.as_slice());
        }
        for (key, value) in split(block, &rows, size, grows_at_the_end) {
            batch.insert(key, value);
        }
    }
    Ok(batch)
}

/// The block that `key` belongs into and its rows; none yet, if the block is still to be made.
fn covering(db: &Db, key: &[u8]) -> Result<(Vec<u8>, Vec<Row>), SledFailure> {
    let first = key.get(..1).unwrap_or_default().to_vec();
    match db.range(first.clone()..=key.to_vec()).next_back().transpose().map_err(SledFailure::Read)? {
        Some((block, rows)) => Ok((block.to_vec(), decode(&rows)?)),
        None => Ok((first, Vec::new())),
    }
}

/// The key of the block after this one in the same table.
fn next_block(db: &Db, block: &[u8]) -> Result<Option<IVec>, SledFailure> {
    let next = db
        .range::<&[u8], _>((Bound::Excluded(block), Bound::Unbounded))
        .next()
        .transpose()
        .map_err(SledFailure::Read)?;
    Ok(next.map(|(key, _)| key).filter(|key| table_of(key) == table_of(block)))
}

/// Sets or removes one row; whether it was not there and is now.
fn set(rows: &mut Vec<Row>, key: &[u8], value: Option<&[u8]>) -> bool {
    match (rows.binary_search_by(|(found, _)| found.as_slice().cmp(key)), value) {
        (Ok(at), Some(value)) => {
            if let Some(row) = rows.get_mut(at) {
                row.1 = value.to_vec();
            }
            false
        }
        (Ok(at), None) => {
            rows.remove(at);
            false
        }
        (Err(at), Some(value)) => {
            rows.insert(at, (key.to_vec(), value.to_vec()));
            true
        }
        (Err(_), None) => false,
    }
}

/// The rows in as many blocks as they need. Where rows come in order the blocks are filled, else room is left in them.
fn split(block: Vec<u8>, rows: &[Row], size: usize, fill: bool) -> Vec<(Vec<u8>, Vec<u8>)> {
    let whole: usize = rows.iter().map(row_size).sum();
    let limit = if fill || whole <= size { size } else { size * 2 / 3 };
    let mut blocks: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    for row in rows {
        match blocks.last_mut() {
            Some((_, octets)) if octets.len() + row_size(row) <= limit => encode(octets, row),
            Some(_) => {
                let mut octets = Vec::with_capacity(limit);
                encode(&mut octets, row);
                blocks.push((row.0.clone(), octets));
            }
            None => {
                let mut octets = Vec::with_capacity(limit);
                encode(&mut octets, row);
                blocks.push((block.clone(), octets));
            }
        }
    }
    blocks
}

fn row_size((key, value): &Row) -> usize {
    6 + key.len() + value.len()
}

/// A row in a block: length of the key (2 octets), of the value (4 octets), key, value.
fn encode(octets: &mut Vec<u8>, (key, value): &Row) {
    octets.extend_from_slice(&u16::try_from(key.len()).unwrap_or(u16::MAX).to_be_bytes());
    octets.extend_from_slice(&u32::try_from(value.len()).unwrap_or(u32::MAX).to_be_bytes());
    octets.extend_from_slice(key);
    octets.extend_from_slice(value);
}

fn decode(mut octets: &[u8]) -> Result<Vec<Row>, SledFailure> {
    let mut rows = Vec::new();
    while !octets.is_empty() {
        let (row, rest) = next_row(octets).ok_or(SledFailure::Block)?;
        rows.push(row);
        octets = rest;
    }
    Ok(rows)
}

fn next_row(octets: &[u8]) -> Option<(Row, &[u8])> {
    let (key, rest) = octets.split_first_chunk::<2>()?;
    let (value, rest) = rest.split_first_chunk::<4>()?;
    let (key, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*key)))?;
    let (value, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*value)).ok()?)?;
    Some(((key.to_vec(), value.to_vec()), rest))
}

#[cfg(test)]
mod tests;
