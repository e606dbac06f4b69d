//! The outcome of an intent: issued, or abandoned for good. One batch each, so that no half of it is ever seen.
//!
//! If the process dies before the commit, the intent is still open and `log::recover` decides; a certificate whose outcome is not
//! durable was never shown to anybody.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use data_encoding::HEXLOWER;
use time::OffsetDateTime;

use super::act::Act;
use crate::order::model::Certificate;
use crate::order::state::{CertificateEvent, Illegal};
use crate::sign::Signed;
use crate::store::tables::certificates;
use crate::store::{Batch, Store, StoreError, Versioned};

/// Why an outcome was not recorded; the intent stays as it was.
#[derive(Debug, thiserror::Error)]
pub enum OutcomeError {
    /// The certificate is past its intent.
    #[error(transparent)]
    Illegal(#[from] Illegal),
    /// The store failed, or somebody else resolved the intent (`Stale`).
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Step 8 of `docs/issuance-cycle.md`: commits `batch` (what becomes of the order) together with the certificate.
///
/// # Errors
/// [`OutcomeError`]; nothing was written.
pub async fn outcome(
    store: &Store,
    mut batch: Batch,
    signed: Signed,
    now: OffsetDateTime,
) -> Result<Certificate, OutcomeError> {
    let Signed { record, der } = signed;
    let mut issued = record.value.clone();
    issued.status = issued.status.step(CertificateEvent::Issue)?;
    issued.der = STANDARD.encode(&der);
    certificates::replace(&mut batch, &record, &issued)?;
    let certificate_sha256 = HEXLOWER.encode(digest(&SHA256, &der).as_ref());
    batch.record(now, Act::Issued { serial: issued.serial, certificate_sha256 });
    store.commit(batch).await?;
    Ok(issued)
}

/// Ends an intent that will never be completed: its serial goes onto the revocation list.
///
/// # Errors
/// [`OutcomeError`]; nothing was written.
pub async fn abandon(
    store: &Store,
    mut batch: Batch,
    record: &Versioned<Certificate>,
    reason: &str,
    now: OffsetDateTime,
) -> Result<(), OutcomeError> {
    let mut abandoned = record.value.clone();
    abandoned.status = abandoned.status.step(CertificateEvent::Abandon)?;
    abandoned.revoked = Some(now);
    certificates::replace(&mut batch, record, &abandoned)?;
    batch.record(now, Act::Abandoned { serial: abandoned.serial, reason: reason.to_owned() });
    Ok(store.commit(batch).await?)
}
