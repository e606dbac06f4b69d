//! Many certificates revoked by one decision of the operator, some together in one batch.
//!
//! Where a revocation ends what a device's account is bound to ([`Line`]), it goes the way of a single one, whoever else is on the page. Whatever was
//! recorded before a failure stays; those that somebody else revoked meanwhile are left out.

use certs::crl::RevocationReason;
use time::OffsetDateTime;

use super::{Ended, RevokeError, put, record};
use crate::internal::DeviceId;
use crate::internal::line::Line;
use crate::order::model::Certificate;
use crate::store::{Batch, Store, StoreError, Table, Versioned};

/// Revocations in one batch: few enough rows for the embedded store to write at once.
const TOGETHER: usize = 25;

/// What a revocation of many did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Many {
    /// How many were revoked, with those that went with them.
    pub revoked: usize,
    /// Machine accounts that are bound to nothing any more.
    pub unbound: Vec<DeviceId>,
}

/// Records that all of them are revoked ([`record`]).
///
/// # Errors
/// [`RevokeError`]; those before the failure are revoked.
pub async fn record_all(
    store: &Store,
    all: &[Versioned<Certificate>],
    reason: RevocationReason,
    by: &str,
    now: OffsetDateTime,
) -> Result<Many, RevokeError> {
    let (lines, plain): (Vec<_>, Vec<_>) =
        all.iter().partition(|seen| Line::ended_by(&seen.value, reason).is_some());
    let mut done = Many::default();
    for some in plain.chunks(TOGETHER) {
        let mut batch = Batch::new();
        for seen in some {
            put(&mut batch, seen, reason, by.to_owned(), now)?;
        }
        match store.commit(batch).await {
            Ok(()) => done.revoked += some.len(),
            Err(StoreError::Stale(_)) => one_by_one(store, some, (reason, by), now, &mut done).await?,
            Err(error) => return Err(error.into()),
        }
    }
    one_by_one(store, &lines, (reason, by), now, &mut done).await?;
    Ok(done)
}

async fn one_by_one(
    store: &Store,
    some: &[&Versioned<Certificate>],
    (reason, by): (RevocationReason, &str),
    now: OffsetDateTime,
    done: &mut Many,
) -> Result<(), RevokeError> {
    for seen in some {
        match record(store, seen, reason, by.to_owned(), now).await {
            Ok(Ended { also, unbound }) => {
                done.revoked += 1 + also.len();
                done.unbound.extend(unbound);
            }
            // Somebody else was faster, or it went with another one of its device.
            Err(RevokeError::Store(StoreError::Stale(Table::Certificates))) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
