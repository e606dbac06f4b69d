//! External account binding keys at rest (RFC 8555 §7.3.4). Their secrets are in the store: its folder is for the server alone.

use crate::order::model::ExternalKey;
use crate::store::{Batch, Range, Store, StoreError, Table, Versioned};

/// Writes a new key; stale if its key id is taken.
///
/// # Errors
/// If the key cannot be serialised.
pub fn insert(batch: &mut Batch, key: &ExternalKey) -> Result<(), StoreError> {
    batch.insert(key).map(|_| ())
}

/// Writes `next` over `seen`; stale if the key changed since.
///
/// # Errors
/// If the key cannot be serialised.
pub fn replace(
    batch: &mut Batch,
    seen: &Versioned<ExternalKey>,
    next: &ExternalKey,
) -> Result<(), StoreError> {
    batch.replace(seen.version, next).map(|_| ())
}

impl Store {
    /// External keys in the order of their key ids, those after `after`.
    ///
    /// # Errors
    /// If the backend fails or a record does not parse.
    pub async fn external_keys(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Versioned<ExternalKey>>, StoreError> {
        let after = after.map(|kid| kid.as_bytes().to_vec());
        self.list(Range::of(Table::ExternalKeys).after(after).limit(limit)).await
    }
}
