//! Orders at rest: by id, by account in creation order, and which order replaces a certificate (RFC 9773 §5).
//!
//! At most one order that is not invalid replaces a certificate: the index row is unique, and a batch that would make a second one
//! is stale on [`Table::Replacements`].

use time::OffsetDateTime;

use super::expiry::{self, Ends};
use crate::ids::{AccountId, OrderId};
use crate::order::model::{Order, OrderStatus};
use crate::store::page::{Cursor, Page};
use crate::store::{Batch, Range, Store, StoreError, Table, Versioned, keys};

/// Writes a new order; stale if the certificate it replaces has a replacement already.
///
/// # Errors
/// If the order cannot be serialised.
pub fn insert(batch: &mut Batch, order: &Order) -> Result<(), StoreError> {
    expiry::insert(batch, order)?;
    batch.put(Table::OrdersByAccount, account_row(order), Vec::new());
    if let Some(replaced) = &order.replaces {
        batch.absent(Table::Replacements, replaced.as_bytes().to_vec());
        batch.put(Table::Replacements, replaced.as_bytes().to_vec(), order.id.as_bytes().to_vec());
    }
    Ok(())
}

/// Writes `next` over `seen`; stale if the order changed since. An order that becomes invalid frees the certificate it would
/// have replaced.
///
/// # Errors
/// If the order cannot be serialised.
pub fn replace(batch: &mut Batch, seen: &Versioned<Order>, next: &Order) -> Result<(), StoreError> {
    expiry::replace(batch, seen, next)?;
    let ended = next.status == OrderStatus::Invalid && seen.value.status != OrderStatus::Invalid;
    if let Some(replaced) = seen.value.replaces.as_ref().filter(|_| ended) {
        batch.delete(Table::Replacements, replaced.as_bytes().to_vec());
    }
    Ok(())
}

/// Removes an order with its rows; stale if it changed since. What it replaced stays replaced, unless it ended without a
/// certificate while it still held the row.
pub(crate) fn remove(batch: &mut Batch, seen: &Versioned<Order>) {
    expiry::remove(batch, seen);
    let held = match seen.value.status {
        OrderStatus::Pending | OrderStatus::Ready => seen.value.replaces.as_ref(),
        OrderStatus::Processing | OrderStatus::Valid | OrderStatus::Invalid => None,
    };
    if let Some(replaced) = held {
        batch.delete(Table::Replacements, replaced.as_bytes().to_vec());
    }
    batch.delete(Table::OrdersByAccount, account_row(&seen.value));
}

fn account_row(order: &Order) -> Vec<u8> {
    keys::order_by_account(order.account, order.created, order.id)
}

impl Ends for Order {
    fn ends(&self) -> OffsetDateTime {
        self.expires
    }
}

impl Store {
    /// Orders of an account, newest first, those after `after`.
    ///
    /// # Errors
    /// If the backend fails or a record does not parse.
    pub async fn orders_of(
        &self,
        account: AccountId,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<Versioned<Order>>, StoreError> {
        let range = Range::of(Table::OrdersByAccount)
            .prefix(account.as_bytes().to_vec())
            .after(after.map(Cursor::key))
            .backwards()
            .limit(limit);
        let rows = self.scan(range).await?;
        let next = Cursor::of_full_page(&rows, limit);
        let mut items = Vec::with_capacity(rows.len());
        for (key, _) in &rows {
            let Some(id) = keys::order_of_account_row(key) else { continue };
            items.extend(self.load(&id).await?);
        }
        Ok(Page { items, next })
    }

    /// The order that replaces the certificate with this ARI id, if one does (RFC 9773 §5). The order itself may be pruned already.
    ///
    /// # Errors
    /// If the backend fails.
    pub async fn replacement_of(&self, certificate_id: &str) -> Result<Option<OrderId>, StoreError> {
        let row = self.index(Table::Replacements, certificate_id.as_bytes()).await?;
        Ok(row.and_then(|id| id.try_into().ok()).map(OrderId::from_bytes))
    }
}
