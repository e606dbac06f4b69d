//! How far the tree reaches: a row outside every table that says which generation of the write-ahead log stands in it.
//!
//! sled 0.34 takes a record that does not count for the end of its log, so one octet that changed on the disk would take the tree back to what
//! it was before, without a word. The log knows which generations it was told are in the tree. Must be written with the last rows of a
//! generation, and looked at before anything else is written.

use std::ops::RangeInclusive;

use sled::{Batch, Db};

use super::failure::SledFailure;

/// No table has this number.
const KEY: &[u8] = &[u8::MAX];

/// Has the batch say that the tree holds all of this generation, and of every one before.
pub(super) fn mark(batch: &mut Batch, generation: u64) {
    batch.insert(KEY, &generation.to_be_bytes());
}

/// The last generation of which the tree holds everything; 0 in a new tree, as the log counts.
pub(super) fn of(db: &Db) -> Result<u64, SledFailure> {
    let row = db.get(KEY).map_err(SledFailure::Read)?;
    match row.as_deref().map(<[u8; 8]>::try_from) {
        None => Ok(0),
        Some(Ok(generation)) => Ok(u64::from_be_bytes(generation)),
        Some(Err(_)) => Err(SledFailure::Block),
    }
}

/// How far a tree reaches that does not reach where the log says; `None` if it does.
pub(super) fn elsewhere(db: &Db, wanted: &RangeInclusive<u64>) -> Result<Option<u64>, SledFailure> {
    let reach = of(db)?;
    Ok((!wanted.contains(&reach)).then_some(reach))
}
