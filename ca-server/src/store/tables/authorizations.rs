//! Authorizations at rest: by id, and the valid ones by account and identifier so that later orders may reuse them.
//!
//! The index names candidates only; whether one is still usable is decided by who reads it.

use certs::identifier::Identifier;
use time::OffsetDateTime;

use super::expiry::{self, Ends};
use crate::ids::AccountId;
use crate::ids::AuthorizationId;
use crate::order::model::{Authorization, AuthorizationStatus};
use crate::store::page::{Cursor, Page};
use crate::store::{Batch, Range, Store, StoreError, Table, Versioned, keys};

/// Most rows that one page of failed authorizations reads.
const MOST_ROWS_READ: usize = 2000;
/// Rows read at once.
const STEP: usize = 200;

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
    /// Authorizations of which a challenge failed, about the latest first. One call reads a bounded number of rows, so a page may have fewer
    /// items than asked for although more follow.
    ///
    /// # Errors
    /// If the backend fails or a record does not parse.
    pub async fn failed_authorizations(
        &self,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<Authorization>, StoreError> {
        let (mut items, mut read, mut place) = (Vec::new(), 0, after.cloned());
        loop {
            let range = Range::of(Table::Expiry).prefix(vec![Table::Authorizations.number()]);
            let range = range.after(place.as_ref().map(Cursor::key)).backwards().limit(STEP);
            let rows = self.scan(range).await?;
            read += rows.len();
            for (key, _) in &rows {
                place = Some(Cursor::after(key));
                let id = keys::expiry_parts(key).and_then(|(_, id)| id.try_into().ok());
                let Some(id) = id.map(AuthorizationId::from_bytes) else { continue };
                let found = self.load::<Authorization>(&id).await?.map(|seen| seen.value);
                items.extend(found.filter(|found| found.challenges.iter().any(|one| one.error.is_some())));
                if items.len() >= limit {
                    return Ok(Page { items, next: place });
                }
            }
            if rows.len() < STEP {
                return Ok(Page { items, next: None });
            }
            if read >= MOST_ROWS_READ {
                return Ok(Page { items, next: place });
            }
            // Reading never waits for anything; others on this thread get their turn here.
            tokio::task::yield_now().await;
        }
    }

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
