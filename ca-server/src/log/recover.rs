//! What the last run left open: every intent without an outcome is completed from its recorded bytes, or abandoned and listed as revoked.
//!
//! Runs before the listener opens, and now and then afterwards for intents whose outcome could not be stored. Idempotent: whoever comes
//! second finds the intent closed. An intent is completed only for an order that still waits for exactly this serial.

use futures_util::StreamExt as _;
use futures_util::stream;
use time::OffsetDateTime;

use super::intent::Permit;
use super::outcome::{OutcomeError, abandon, outcome};
use crate::order::model::{Certificate, CertificateStatus, Order, OrderStatus};
use crate::order::state::{Illegal, OrderEvent};
use crate::respond::kinds::Kind;
use crate::respond::problem::Problem;
use crate::sign::{Authorities, sign};
use crate::store::tables::orders;
use crate::store::{Batch, Store, StoreError, Versioned};

/// Intents read at once.
const PAGE: usize = 256;
/// Intents resolved at the same time, so that the store can commit them together.
const AT_ONCE: usize = 64;

/// What was done about open intents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Certificates made again from their recorded bytes.
    pub completed: usize,
    /// Serials given up and put onto the revocation list.
    pub abandoned: usize,
    /// Intents that stay open because the key or the store is not available; they are tried again later.
    pub left: usize,
}

/// How one intent ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Resolved {
    Completed,
    Abandoned,
    Left,
    AlreadyClosed,
}

/// Why an intent could not be resolved.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// A state forbids it.
    #[error(transparent)]
    Illegal(#[from] Illegal),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Resolves every open intent recorded before `before` (an intent younger than the longest request may still be at work).
///
/// # Errors
/// If the store cannot be read. Intents that cannot be resolved now are counted in [`Recovered::left`].
pub async fn recover(
    store: &Store,
    authorities: &Authorities,
    now: OffsetDateTime,
    before: OffsetDateTime,
) -> Result<Recovered, StoreError> {
    let mut recovered = Recovered::default();
    let mut after = None;
    loop {
        let page = store.open_intents(after.as_ref(), PAGE).await?;
        let Some(last) = page.last().map(|record| record.value.serial) else { break };
        after = Some(last);
        let old = page.into_iter().filter(|record| record.value.created < before);
        let mut ends = stream::iter(old.map(|record| resolve(store, authorities, record, now)))
            .buffer_unordered(AT_ONCE);
        while let Some(end) = ends.next().await {
            match end {
                Resolved::Completed => recovered.completed += 1,
                Resolved::Abandoned => recovered.abandoned += 1,
                Resolved::Left => recovered.left += 1,
                Resolved::AlreadyClosed => {}
            }
        }
    }
    if recovered != Recovered::default() {
        let Recovered { completed, abandoned, left } = recovered;
        tracing::warn!(completed, abandoned, left, "open intents were resolved");
    }
    Ok(recovered)
}

async fn resolve(
    store: &Store,
    authorities: &Authorities,
    record: Versioned<Certificate>,
    now: OffsetDateTime,
) -> Resolved {
    let serial = record.value.serial;
    match try_resolve(store, authorities, record, now).await {
        Ok(resolved) => resolved,
        Err(RecoverError::Store(StoreError::Stale(_))) => match is_open(store, serial).await {
            Ok(false) => Resolved::AlreadyClosed,
            Ok(true) | Err(_) => Resolved::Left,
        },
        Err(error) => {
            tracing::error!(certificate.serial = %serial, %error, "an open intent could not be resolved");
            Resolved::Left
        }
    }
}

async fn is_open(store: &Store, serial: certs::serial::Serial) -> Result<bool, StoreError> {
    let record = store.load::<Certificate>(&serial).await?;
    Ok(record.is_some_and(|record| record.value.status == CertificateStatus::Intended))
}

async fn try_resolve(
    store: &Store,
    authorities: &Authorities,
    record: Versioned<Certificate>,
    now: OffsetDateTime,
) -> Result<Resolved, RecoverError> {
    let order = waiting_order(store, &record.value).await?;
    let wanted = order.is_some() && now < record.value.not_after;
    let authority = authorities.find(&record.value.authority).filter(|_| wanted);
    // It may have been replaced meanwhile; what it recorded before is still its own.
    let authority = authority.and_then(|authority| authority.as_issuer(&record.value.issuer));
    let permit = authority.and_then(|authority| Permit::resume(&authority, record.clone()));
    let (Some(permit), Some(order)) = (permit, &order) else {
        return give_up(store, &record, order.as_ref(), now).await;
    };
    let signed = match sign(permit).await {
        Ok(signed) => signed,
        Err(error) => {
            tracing::error!(certificate.serial = %record.value.serial, %error, "an open intent cannot be signed now");
            return Ok(Resolved::Left);
        }
    };
    let mut batch = Batch::new();
    let mut next = order.value.clone();
    next.status = next.status.step(OrderEvent::Issue)?;
    orders::replace(&mut batch, order, &next)?;
    // If the process dies here, the intent is found open once more.
    match outcome(store, batch, signed, now).await {
        Ok(_) => Ok(Resolved::Completed),
        Err(OutcomeError::Store(error)) => Err(error.into()),
        Err(OutcomeError::Illegal(error)) => Err(error.into()),
    }
}

/// The order that waits for exactly this serial.
async fn waiting_order(store: &Store, record: &Certificate) -> Result<Option<Versioned<Order>>, StoreError> {
    let Some(id) = &record.order else { return Ok(None) };
    let order = store.load::<Order>(id).await?;
    Ok(order.filter(|order| {
        order.value.status == OrderStatus::Processing && order.value.serial == Some(record.serial)
    }))
}

async fn give_up(
    store: &Store,
    record: &Versioned<Certificate>,
    order: Option<&Versioned<Order>>,
    now: OffsetDateTime,
) -> Result<Resolved, RecoverError> {
    let mut batch = Batch::new();
    if let Some(order) = order {
        let mut next = order.value.clone();
        next.status = next.status.step(OrderEvent::Abandon)?;
        let detail = "issuance was interrupted and cannot be completed; open a new order";
        next.error = Some(Problem::new(Kind::ServerInternal, detail).stored());
        orders::replace(&mut batch, order, &next)?;
    }
    match abandon(store, batch, record, "found open without a way to complete it", now).await {
        Ok(()) => Ok(Resolved::Abandoned),
        Err(OutcomeError::Store(error)) => Err(error.into()),
        Err(OutcomeError::Illegal(error)) => Err(error.into()),
    }
}
