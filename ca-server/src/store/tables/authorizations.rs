//! Authorizations at rest: by id, and the valid ones by account and identifier so that later orders may reuse them.
//!
//! The index names candidates only; whether one is still usable is decided by who reads it.

use certs::identifier::Identifier;
use time::OffsetDateTime;

use super::expiry::{self, Ends};
use crate::ids::AccountId;
use crate::order::model::{Authorization, AuthorizationStatus};
use crate::store::{Batch, Range, Store, StoreError, Table, Versioned, keys};

/// Writes a new authorization.
///
/// # Errors
/// If the authorization cannot be serialised.
pub fn insert(batch: &mut Batch, authorization: &Authorization) -> Result<(), StoreError> {
    expiry::insert(batch, authorization)?;
    if let Some(row) = reuse_row(authorization) {
        batch.put(Table::AuthorizationsByIdentifier, row, Vec::new());
    }
    Ok(())
}

/// Writes `next` over `seen`; stale if the authorization changed since.
///
/// # Errors
/// If the authorization cannot be serialised.
pub fn replace(
    batch: &mut Batch,
    seen: &Versioned<Authorization>,
    next: &Authorization,
) -> Result<(), StoreError> {
    expiry::replace(batch, seen, next)?;
    let (before, after) = (reuse_row(&seen.value), reuse_row(next));
    if before != after {
        if let Some(row) = before {
            batch.delete(Table::AuthorizationsByIdentifier, row);
        }
        if let Some(row) = after {
            batch.put(Table::AuthorizationsByIdentifier, row, Vec::new());
        }
    }
    Ok(())
}

/// Removes an authorization with its rows; stale if it changed since.
pub(crate) fn remove(batch: &mut Batch, seen: &Versioned<Authorization>) {
    expiry::remove(batch, seen);
    if let Some(row) = reuse_row(&seen.value) {
        batch.delete(Table::AuthorizationsByIdentifier, row);
    }
}

impl Ends for Authorization {
    fn ends(&self) -> OffsetDateTime {
        self.expires
    }
}

/// The row under which a valid authorization is found again; none for others.
fn reuse_row(authorization: &Authorization) -> Option<Vec<u8>> {
    let Authorization { id, account, identifier, wildcard, status, expires, .. } = authorization;
    (*status == AuthorizationStatus::Valid)
        .then(|| keys::authorization_by_identifier(*account, (identifier, *wildcard), *expires, *id))
}

impl Store {
    /// The valid authorization of this account for this identifier that lasts longest, if there is one. It may be past its expiry:
    /// the reader compares.
    ///
    /// # Errors
    /// If the backend fails or the record does not parse.
    pub async fn reusable_authorization(
        &self,
        account: AccountId,
        identifier: &Identifier,
        wildcard: bool,
    ) -> Result<Option<Versioned<Authorization>>, StoreError> {
        let prefix = keys::authorizations_of(account, identifier, wildcard);
        let range = Range::of(Table::AuthorizationsByIdentifier).prefix(prefix).backwards().limit(1);
        let rows = self.scan(range).await?;
        match rows.first().and_then(|(key, _)| keys::authorization_of_row(key)) {
            Some(id) => self.load(&id).await,
            None => Ok(None),
        }
    }
}
