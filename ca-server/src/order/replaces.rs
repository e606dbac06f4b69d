//! `replaces` in newOrder (RFC 9773 §5): the certificate must be this account's, share an identifier, and not be replaced yet.
//!
//! An order that ended without a certificate gives the certificate free again; the unique index row decides races.

use certs::ari::CertId;
use time::OffsetDateTime;

use super::model::{Account, Certificate, CertificateStatus, Order, OrderStatus};
use super::read::OrderNow;
use super::state::OrderEvent;
use crate::policy::Wanted;
use crate::respond::kinds::Kind;
use crate::respond::problem::Problem;
use crate::sign::Authority;
use crate::store::tables::orders;
use crate::store::{Batch, Store, StoreError};

/// The certificate that this ARI id names, if `authority` issued it.
///
/// # Errors
/// If the store fails.
pub async fn certificate_named(
    store: &Store,
    authority: &crate::ids::AuthorityName,
    id: &CertId,
) -> Result<Option<Certificate>, StoreError> {
    let Some(serial) = id.serial() else { return Ok(None) };
    let found = store.load::<Certificate>(&serial).await?.map(|seen| seen.value);
    let issuer = data_encoding::HEXLOWER.encode(id.authority_key_identifier());
    Ok(found.filter(|certificate| {
        let was_issued = match certificate.status {
            CertificateStatus::Issued | CertificateStatus::Revoked => true,
            CertificateStatus::Intended | CertificateStatus::Abandoned => false,
        };
        was_issued && certificate.authority == *authority && certificate.issuer == issuer
    }))
}

/// Checks the member and gives it in canonical form.
///
/// # Errors
/// `malformed`, `unauthorized` or `alreadyReplaced`, with what to do.
pub async fn check(
    store: &Store,
    authority: &Authority,
    account: &Account,
    wanted: &Wanted,
    text: &str,
    now: OffsetDateTime,
) -> Result<String, Problem> {
    let malformed = |detail: String| Problem::new(Kind::Malformed, detail);
    let id: CertId = text.parse().map_err(|error| malformed(format!("replaces: {error}")))?;
    let replaced = certificate_named(store, authority.name(), &id).await?;
    let replaced =
        replaced.ok_or_else(|| malformed(format!("replaces: {text} was not issued by this authority")))?;
    if replaced.account != Some(account.id) {
        return Err(Problem::new(Kind::Unauthorized, "replaces: the certificate belongs to another account"));
    }
    if !replaced.identifiers.iter().any(|identifier| wanted.identifiers.contains(identifier)) {
        return Err(malformed("replaces: the certificate shares no identifier with this order".to_owned()));
    }
    let id = id.to_string();
    if let Some(by) = store.replacement_of(&id).await? {
        free(store, &id, by, now).await?;
    }
    Ok(id)
}

/// Gives the certificate free if the order that was to replace it ended without one.
async fn free(store: &Store, id: &str, by: crate::ids::OrderId, now: OffsetDateTime) -> Result<(), Problem> {
    let Some(order) = store.load::<Order>(&by).await? else { return Err(already_replaced(id)) };
    let seen = OrderNow::of(store, order, now).await?;
    match seen.status {
        OrderStatus::Pending | OrderStatus::Ready | OrderStatus::Processing | OrderStatus::Valid => {
            Err(already_replaced(id))
        }
        OrderStatus::Invalid => {
            let mut next = seen.order.value.clone();
            if next.status == OrderStatus::Invalid {
                return Ok(());
            }
            next.error = seen.error(now);
            next.status = next.status.step(OrderEvent::Lose).map_err(Problem::internal)?;
            let mut batch = Batch::new();
            orders::replace(&mut batch, &seen.order, &next)?;
            match store.commit(batch).await {
                // If it changed meanwhile, the unique row decides when the new order is inserted.
                Ok(()) | Err(StoreError::Stale(_)) => Ok(()),
                Err(error) => Err(error.into()),
            }
        }
    }
}

/// Another order replaces it.
pub(crate) fn already_replaced(id: &str) -> Problem {
    let detail =
        format!("certificate {id} is replaced by another order already; order again without \"replaces\"");
    Problem::new(Kind::AlreadyReplaced, detail)
}
