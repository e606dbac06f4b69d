//! An order as it stands now: the record, the authorizations it depends on, and the status that follows from both.
//!
//! An object of another account, or of another authority, is answered as `unauthorized`; ids are unguessable, so that tells nobody anything.

use time::OffsetDateTime;

use super::model::{Account, Authorization, Order, OrderStatus};
use crate::ids::{AuthorityName, AuthorizationId, OrderId};
use crate::respond::kinds::Kind;
use crate::respond::problem::{Problem, StoredProblem, Subproblem};
use crate::store::{Store, StoreError, Versioned};

/// An order, read at a time.
#[derive(Clone, Debug)]
pub struct OrderNow {
    /// The record.
    pub order: Versioned<Order>,
    /// Its authorizations, in the order of its identifiers. Empty once nothing depends on them any more.
    pub authorizations: Vec<Versioned<Authorization>>,
    /// What it is now.
    pub status: OrderStatus,
}

impl OrderNow {
    /// Reads what an order depends on.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn of(store: &Store, order: Versioned<Order>, now: OffsetDateTime) -> Result<Self, StoreError> {
        match order.value.status {
            status @ (OrderStatus::Processing | OrderStatus::Valid | OrderStatus::Invalid) => {
                return Ok(Self { order, authorizations: Vec::new(), status });
            }
            OrderStatus::Pending | OrderStatus::Ready => {}
        }
        let mut authorizations = Vec::with_capacity(order.value.authorizations.len());
        for id in &order.value.authorizations {
            authorizations.extend(store.load::<Authorization>(id).await?);
        }
        // An authorization that was pruned is one that ended.
        let status = if authorizations.len() == order.value.authorizations.len() {
            order.value.status_at(now, authorizations.iter().map(|seen| &seen.value))
        } else {
            OrderStatus::Invalid
        };
        Ok(Self { order, authorizations, status })
    }

    /// Why it is invalid, if it is.
    #[must_use]
    pub fn error(&self, now: OffsetDateTime) -> Option<StoredProblem> {
        match self.status {
            OrderStatus::Pending | OrderStatus::Ready | OrderStatus::Processing | OrderStatus::Valid => None,
            OrderStatus::Invalid => {
                self.order.value.error.clone().or_else(|| Some(self.why_invalid(now).stored()))
            }
        }
    }

    fn why_invalid(&self, now: OffsetDateTime) -> Problem {
        if now >= self.order.value.expires {
            return Problem::new(
                Kind::Malformed,
                "the order expired before it was finalized; open a new one",
            );
        }
        let mut problem = Problem::new(Kind::Unauthorized, "an authorization of this order was lost");
        for seen in &self.authorizations {
            let failed = seen.value.failure().and_then(|challenge| challenge.error.as_ref());
            let status = seen.value.status_at(now);
            let detail = match failed {
                Some(error) => error.detail.clone(),
                None => format!("the authorization is {}", status.name()),
            };
            if failed.is_some() || status.is_lost() {
                let identifier = Some(seen.value.identifier.clone());
                problem.detail = format!("{}: {detail}", seen.value.identifier);
                problem.subproblems.push(Subproblem { kind: Kind::Unauthorized, detail, identifier });
            }
        }
        problem
    }
}

/// The order with this id, if it is `account`'s.
///
/// # Errors
/// `NotFound`, `unauthorized`, or a failure of the store.
pub async fn order_of(
    store: &Store,
    authority: &AuthorityName,
    account: &Account,
    id: OrderId,
) -> Result<Versioned<Order>, Problem> {
    let order = store.load::<Order>(&id).await?.filter(|order| order.value.authority == *authority);
    let order = order.ok_or_else(|| not_found("order"))?;
    if order.value.account == account.id { Ok(order) } else { Err(not_yours("order")) }
}

/// The authorization with this id, if it is `account`'s.
///
/// # Errors
/// `NotFound`, `unauthorized`, or a failure of the store.
pub async fn authorization_of(
    store: &Store,
    authority: &AuthorityName,
    account: &Account,
    id: AuthorizationId,
) -> Result<Versioned<Authorization>, Problem> {
    let seen = store.load::<Authorization>(&id).await?.filter(|seen| seen.value.authority == *authority);
    let seen = seen.ok_or_else(|| not_found("authorization"))?;
    if seen.value.account == account.id { Ok(seen) } else { Err(not_yours("authorization")) }
}

/// There is no such thing here.
pub(crate) fn not_found(what: &str) -> Problem {
    Problem::new(Kind::NotFound, format!("there is no such {what} at this authority"))
}

/// It is another account's.
pub(crate) fn not_yours(what: &str) -> Problem {
    Problem::new(Kind::Unauthorized, format!("this {what} belongs to another account"))
}
