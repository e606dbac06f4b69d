//! Account ids that were certified, by id. They are kept, since certificates name them for good, until the operator releases one.

use crate::internal::UserId;
use crate::internal::claim::IdClaim;
use crate::store::{Batch, Range, Store, StoreError, Table, Versioned};

/// Writes that the id is another organisation's from now on; stale if it changed since.
///
/// # Errors
/// If the claim cannot be serialised.
pub(crate) fn replace(
    batch: &mut Batch,
    seen: &Versioned<IdClaim>,
    next: &IdClaim,
) -> Result<(), StoreError> {
    batch.replace(seen.version, next).map(|_| ())
}

/// Removes it: the first organisation for which the id is certified has it; stale if it changed since.
pub(crate) fn remove(batch: &mut Batch, seen: &Versioned<IdClaim>) {
    batch.remove(seen);
}

impl Store {
    /// Claims in the order of their ids, those after `after`.
    ///
    /// # Errors
    /// If the backend fails or a record does not parse.
    pub async fn id_claims(
        &self,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<Versioned<IdClaim>>, StoreError> {
        let after = after.map(|id| id.as_bytes().to_vec());
        self.list(Range::of(Table::IdClaims).after(after).limit(limit)).await
    }
}
