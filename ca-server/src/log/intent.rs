//! The intent: what is about to be signed, made durable before the key is asked.
//!
//! Only this stage makes a [`Permit`], and only after the commit returned. If the process dies after that, `log::recover` finds the
//! intent at the next start; if it dies before, nothing happened at all.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use data_encoding::HEXLOWER;
use time::OffsetDateTime;

use super::act::Act;
use crate::order::model::{Certificate, CertificateStatus};
use crate::sign::{Authority, Prepared};
use crate::store::tables::certificates;
use crate::store::{Batch, Store, StoreError, Version, Versioned};

/// That exactly these bytes may be signed, once: their intent is durable. Neither `Clone` nor made anywhere else.
#[derive(Debug)]
pub struct Permit {
    authority: Arc<Authority>,
    tbs: Vec<u8>,
    record: Versioned<Certificate>,
}

impl Permit {
    /// Uses it up.
    pub(crate) fn spend(self) -> (Arc<Authority>, Vec<u8>, Versioned<Certificate>) {
        (self.authority, self.tbs, self.record)
    }

    /// The permit of an intent found open in the store; `None` if it is not one of this issuer.
    pub(super) fn resume(authority: &Arc<Authority>, record: Versioned<Certificate>) -> Option<Self> {
        let open = record.value.status == CertificateStatus::Intended
            && record.value.authority == *authority.name()
            && record.value.issuer == authority.issuer_id();
        let tbs = STANDARD.decode(&record.value.der).ok()?;
        open.then(|| Self { authority: authority.clone(), tbs, record })
    }
}

/// Step 6 of `docs/issuance-cycle.md`: commits `batch` (what the intent depends on) together with the intent itself.
///
/// # Errors
/// [`StoreError::Stale`] if what the batch depends on changed, or the serial exists; then nothing was written.
pub async fn intent(
    store: &Store,
    mut batch: Batch,
    prepared: Prepared,
    now: OffsetDateTime,
) -> Result<Permit, StoreError> {
    let Prepared { authority, tbs, record, rules } = prepared;
    certificates::insert(&mut batch, &record)?;
    batch.record(
        now,
        Act::Intent {
            serial: record.serial,
            authority: record.authority.clone(),
            order: record.order,
            account: record.account,
            profile: record.profile.clone(),
            identifiers: record.identifiers.clone(),
            tbs_sha256: HEXLOWER.encode(digest(&SHA256, &tbs).as_ref()),
            rules,
            evidence: record.evidence.clone(),
            holder: record.holder.clone(),
        },
    );
    store.commit(batch).await?;
    Ok(Permit { authority, tbs, record: Versioned { value: record, version: Version::FIRST } })
}
