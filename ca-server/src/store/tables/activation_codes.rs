//! Activation codes at rest, by the hash of their letters: pruned an hour after their end, which comes soon after one was used.

use crate::internal::machine::ActivationCode;
use crate::store::{Batch, Record, StoreError, Table, Versioned, keys};

/// Writes a new one; stale if it exists.
///
/// # Errors
/// If it cannot be serialised.
pub fn insert(batch: &mut Batch, record: &ActivationCode) -> Result<(), StoreError> {
    batch.insert(record)?;
    batch.put(Table::Expiry, expiry_row(record), Vec::new());
    Ok(())
}

/// Writes `next` over `seen`, with its end; stale if it changed since.
///
/// # Errors
/// If it cannot be serialised.
pub fn replace(
    batch: &mut Batch,
    seen: &Versioned<ActivationCode>,
    next: &ActivationCode,
) -> Result<(), StoreError> {
    batch.replace(seen.version, next)?;
    batch.delete(Table::Expiry, expiry_row(&seen.value));
    batch.put(Table::Expiry, expiry_row(next), Vec::new());
    Ok(())
}

/// Removes it with its row; stale if it changed since.
pub(crate) fn remove(batch: &mut Batch, seen: &Versioned<ActivationCode>) {
    batch.remove(seen);
    batch.delete(Table::Expiry, expiry_row(&seen.value));
}

fn expiry_row(record: &ActivationCode) -> Vec<u8> {
    keys::expiry(Table::ActivationCodes, record.expires, &ActivationCode::encode_key(&record.id))
}
