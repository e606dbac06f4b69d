//! Accounts at rest: by id, and by key within one authority.
//!
//! A key belongs to at most one account of an authority (RFC 8555 §7.3.1): the index row is unique, and a batch that would make a
//! second one is stale.

use crate::ids::{AccountId, AuthorityName};
use crate::order::model::Account;
use crate::store::{Batch, Range, Record, Store, StoreError, Table, Versioned, keys};

/// Writes a new account; stale if its id or its key (at its authority) is taken.
///
/// # Errors
/// If the account cannot be serialised.
pub fn insert(batch: &mut Batch, account: &Account) -> Result<(), StoreError> {
    batch.insert(account)?;
    claim_key(batch, account);
    Ok(())
}

/// Writes `next` over `seen`; stale if the account changed since, or if a new key is taken.
///
/// # Errors
/// If the account cannot be serialised.
pub fn replace(batch: &mut Batch, seen: &Versioned<Account>, next: &Account) -> Result<(), StoreError> {
    batch.replace(seen.version, next)?;
    if seen.value.key != next.key {
        batch.delete(Table::AccountsByKey, key_row(&seen.value));
        claim_key(batch, next);
    }
    Ok(())
}

fn claim_key(batch: &mut Batch, account: &Account) {
    batch.absent(Table::AccountsByKey, key_row(account));
    batch.put(Table::AccountsByKey, key_row(account), account.id.as_bytes().to_vec());
}

fn key_row(account: &Account) -> Vec<u8> {
    keys::account_by_key(&account.authority, &account.key.thumbprint())
}

impl Store {
    /// The account of this key (RFC 7638 thumbprint) at this authority.
    ///
    /// # Errors
    /// If the backend fails or the record does not parse.
    pub async fn account_by_key(
        &self,
        authority: &AuthorityName,
        thumbprint: &str,
    ) -> Result<Option<Versioned<Account>>, StoreError> {
        let row = self.index(Table::AccountsByKey, &keys::account_by_key(authority, thumbprint)).await?;
        let Some(id) = row.and_then(|id| id.try_into().ok()) else {
            return Ok(None);
        };
        self.load(&AccountId::from_bytes(id)).await
    }

    /// Accounts in the order of their ids, those after `after`.
    ///
    /// # Errors
    /// If the backend fails or a record does not parse.
    pub async fn accounts(
        &self,
        after: Option<AccountId>,
        limit: usize,
    ) -> Result<Vec<Versioned<Account>>, StoreError> {
        let after = after.map(|id| Account::encode_key(&id));
        self.list(Range::of(Table::Accounts).after(after).limit(limit)).await
    }
}
