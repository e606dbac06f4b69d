//! Machine accounts at rest, by id. They are never pruned: a certificate names one for good.

use crate::internal::DeviceId;
use crate::internal::machine::MachineAccount;
use crate::store::{Batch, Range, Store, StoreError, Table, Versioned};

/// Writes a new account; stale if its id is taken.
///
/// # Errors
/// If the account cannot be serialised.
pub fn insert(batch: &mut Batch, account: &MachineAccount) -> Result<(), StoreError> {
    batch.insert(account).map(|_| ())
}

/// Writes `next` over `seen`; stale if the account changed since.
///
/// # Errors
/// If the account cannot be serialised.
pub fn replace(
    batch: &mut Batch,
    seen: &Versioned<MachineAccount>,
    next: &MachineAccount,
) -> Result<(), StoreError> {
    batch.replace(seen.version, next).map(|_| ())
}

impl Store {
    /// Machine accounts in the order of their ids, those after `after`.
    ///
    /// # Errors
    /// If the backend fails or a record does not parse.
    pub async fn machine_accounts(
        &self,
        after: Option<DeviceId>,
        limit: usize,
    ) -> Result<Vec<Versioned<MachineAccount>>, StoreError> {
        let after = after.map(|id| id.as_bytes().to_vec());
        self.list(Range::of(Table::MachineAccounts).after(after).limit(limit)).await
    }
}
