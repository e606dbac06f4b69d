//! Requests for approval at rest, one for each holder and key. They are pruned an hour after their end.

use time::OffsetDateTime;

use super::expiry::Ends;
pub use super::expiry::put;
pub(crate) use super::expiry::remove;
use crate::internal::approval::ApprovalRequest;
use crate::store::{Range, Store, StoreError, Table, Versioned};

impl Ends for ApprovalRequest {
    fn ends(&self) -> OffsetDateTime {
        self.expires
    }
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
