//! Requests for approval at rest, one for each holder and key. They are pruned an hour after their end.

use crate::internal::approval::ApprovalRequest;
use crate::store::{Batch, Range, Record, Store, StoreError, Table, Versioned, keys};

/// Writes a request, over the one seen if there is one; stale if another came between.
///
/// # Errors
/// If it cannot be serialised.
pub fn put(
    batch: &mut Batch,
    seen: Option<&Versioned<ApprovalRequest>>,
    next: &ApprovalRequest,
) -> Result<(), StoreError> {
    match seen {
        None => batch.insert(next)?,
        Some(seen) => {
            batch.delete(Table::Expiry, expiry_row(&seen.value));
            batch.replace(seen.version, next)?
        }
    };
    batch.put(Table::Expiry, expiry_row(next), Vec::new());
    Ok(())
}

/// Removes it with its row; stale if it changed since.
pub(crate) fn remove(batch: &mut Batch, seen: &Versioned<ApprovalRequest>) {
    batch.remove(seen);
    batch.delete(Table::Expiry, expiry_row(&seen.value));
}

fn expiry_row(record: &ApprovalRequest) -> Vec<u8> {
    keys::expiry(Table::Approvals, record.expires, &ApprovalRequest::encode_key(&record.key()))
}

impl Store {
    /// Requests whose id begins so: those of one account.
    ///
    /// # Errors
    /// If the backend fails or a record does not parse.
    pub async fn approvals_of(&self, prefix: &str) -> Result<Vec<Versioned<ApprovalRequest>>, StoreError> {
        self.list(Range::of(Table::Approvals).prefix(prefix.as_bytes().to_vec())).await
    }

    /// Requests in the order of their ids, those after `after`.
    ///
    /// # Errors
    /// If the backend fails or a record does not parse.
    pub async fn approvals(
        &self,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Versioned<ApprovalRequest>>, StoreError> {
        let after = after.map(|id| id.as_bytes().to_vec());
        self.list(Range::of(Table::Approvals).after(after).limit(limit)).await
    }
}
