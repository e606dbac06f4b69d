//! External account binding keys at rest (RFC 8555 §7.3.4), and which accounts each has bound. Their secrets are in the store: its folder
//! is for the server alone.

use crate::ids::AccountId;
use crate::order::model::ExternalKey;
use crate::store::{Batch, Range, Store, StoreError, Table, Versioned, keys};

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

/// Notes that the key binds `account`; stale if the key changed since.
///
/// A key for one account is written, so that of several accounts that race for it one gets it. A reusable one must only be unchanged, so
/// that any number of accounts can be bound at the same time and its record never grows.
///
/// # Errors
/// If the key cannot be serialised.
pub fn bind(batch: &mut Batch, seen: &Versioned<ExternalKey>, account: AccountId) -> Result<(), StoreError> {
    let kid = &seen.value.kid;
    if seen.value.reusable {
        batch.unchanged(seen);
    } else {
        let mut next = seen.value.clone();
        next.accounts.push(account);
        replace(batch, seen, &next)?;
    }
    batch.put(Table::AccountsByExternalKey, keys::account_by_external_key(kid, account), Vec::new());
    Ok(())
}

impl Store {
    /// Accounts that a key has bound, at most `limit`; those bound before there was the index stand in the key's own record.
    ///
    /// # Errors
    /// If the backend fails.
    pub async fn accounts_bound_by(&self, kid: &str, limit: usize) -> Result<Vec<AccountId>, StoreError> {
        let prefix = keys::accounts_of_external_key(kid);
        let rows = self.scan(Range::of(Table::AccountsByExternalKey).prefix(prefix).limit(limit)).await?;
        Ok(rows.iter().filter_map(|(key, _)| keys::account_of_row(key)).collect())
    }

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
