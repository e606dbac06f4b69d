//! What the revocation of a device's certificate ends: the binding of its account to a key, with everything that was got on it.
//!
//! Whoever holds the key of one certificate can have had others, for keys of his own, by re-enrolment. So the account is unbound in the batch of the
//! revocation: its tokens are void, no certificate of that binding renews, and intents that are not committed yet fail. Then every other certificate of
//! the binding is revoked as well. Only `superseded` says nothing against the device, and ends the one certificate alone.

use certs::crl::RevocationReason;
use certs::serial::Serial;
use time::OffsetDateTime;

use super::holder::{DeviceId, HolderKind};
use super::machine::{self, MachineAccount, MachineStatus};
use crate::log::outcome::{OutcomeError, abandon};
use crate::order::model::{Certificate, CertificateStatus};
use crate::store::page::Cursor;
use crate::store::tables::certificates::CertificateFilter;
use crate::store::tables::machine_accounts;
use crate::store::{Batch, Store, StoreError, Versioned};

/// Certificates looked at between two reads.
const PAGE: usize = 200;

/// The binding that a device's certificate belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// The machine account.
    pub device: DeviceId,
    /// Which of its bindings to a key.
    pub generation: u32,
}

impl Line {
    /// The line of a certificate; `None` if it is no device's.
    #[must_use]
    pub fn of(certificate: &Certificate) -> Option<Self> {
        let holder = certificate.holder.as_ref().filter(|holder| holder.kind == HolderKind::Device)?;
        Some(Self { device: holder.id.value().parse().ok()?, generation: holder.generation? })
    }

    /// The line that the revocation of `certificate` for this reason ends.
    #[must_use]
    pub fn ended_by(certificate: &Certificate, reason: RevocationReason) -> Option<Self> {
        match reason {
            RevocationReason::Superseded => None,
            RevocationReason::Unspecified
            | RevocationReason::KeyCompromise
            | RevocationReason::CaCompromise
            | RevocationReason::AffiliationChanged
            | RevocationReason::CessationOfOperation
            | RevocationReason::CertificateHold
            | RevocationReason::RemoveFromCrl
            | RevocationReason::PrivilegeWithdrawn
            | RevocationReason::AaCompromise => Self::of(certificate),
        }
    }

    /// Adds to the batch of a revocation that the account is bound to nothing any more, if it is bound as it was then. Gives whether it was; stale if
    /// the account changes meanwhile.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn unbind(
        &self,
        store: &Store,
        batch: &mut Batch,
        (serial, now): (Serial, OffsetDateTime),
    ) -> Result<bool, StoreError> {
        let Some(seen) = store.load::<MachineAccount>(&self.device).await? else { return Ok(false) };
        if seen.value.status != MachineStatus::Active || seen.value.generation != self.generation {
            batch.unchanged(&seen);
            return Ok(false);
        }
        let mut next = seen.value.clone();
        next.status = MachineStatus::Waiting;
        next.key = None;
        next.generation = next.generation.saturating_add(1);
        machine_accounts::replace(batch, &seen, &next)?;
        let change = format!("unbound: certificate {serial} revoked");
        batch.record(now, machine::act(next.id, next.organisation, &change));
        Ok(true)
    }

    /// Certificates of the line that are not over, newest first, with intents that are still open.
    ///
    /// # Errors
    /// If the store fails.
    pub async fn living(
        &self,
        store: &Store,
        now: OffsetDateTime,
    ) -> Result<Vec<Versioned<Certificate>>, StoreError> {
        let all = of_device(store, self.device, now).await?;
        Ok(all.into_iter().filter(|row| Self::of(&row.value) == Some(*self)).collect())
    }
}

/// Certificates of a device that are not over, newest first, with intents that are still open.
///
/// # Errors
/// If the store fails.
pub async fn of_device(
    store: &Store,
    device: DeviceId,
    now: OffsetDateTime,
) -> Result<Vec<Versioned<Certificate>>, StoreError> {
    let identifier = certs::identifier::Identifier::Uri(device.urn());
    let filter = CertificateFilter { identifier: Some(identifier), ..CertificateFilter::default() };
    let (mut living, mut after): (Vec<_>, Option<Cursor>) = (Vec::new(), None);
    loop {
        let page = store.certificates(&filter, after.as_ref(), PAGE).await?;
        living.extend(page.items.into_iter().filter(|row| {
            let open = match row.value.status {
                CertificateStatus::Intended | CertificateStatus::Issued => true,
                CertificateStatus::Abandoned | CertificateStatus::Revoked => false,
            };
            open && now <= row.value.not_after && Line::of(&row.value).is_some()
        }));
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(living),
        }
    }
}

/// Ends an intent of a line that ended: whoever is about to sign for it finds it closed.
///
/// # Errors
/// If the store fails.
pub async fn give_up(
    store: &Store,
    intent: &Versioned<Certificate>,
    now: OffsetDateTime,
) -> Result<(), StoreError> {
    match abandon(store, Batch::new(), intent, "its device was unbound", now).await {
        // Somebody closed it in this moment.
        Ok(()) | Err(OutcomeError::Illegal(_) | OutcomeError::Store(StoreError::Stale(_))) => Ok(()),
        Err(OutcomeError::Store(error)) => Err(error),
    }
}
