//! Letting account ids go: an id is the organisation's for which it was first certified ([`super::claim`]), and a machine account the one's that made it,
//! until the operator says here that its issuer, or the device, has moved to another organisation.
//!
//! Trusts the operator, who names the organisation that has the id now. A change is one batch with its journal entries and with the end of what an
//! administrator had decided of the id for the organisation before. Must never let a person have the id of a device: a machine account only moves.

use certs::identifier::{Identifier, UuidUrn};
use time::OffsetDateTime;

use super::approval;
use super::claim::IdClaim;
use super::domains::act;
use super::holder::{DeviceId, HolderKind, OrganisationId, UserId};
use super::machine::{self, MachineAccount, MachineStatus};
use super::organisation::Organisation;
use crate::app::App;
use crate::order::model::CertificateStatus;
use crate::store::tables::certificates::CertificateFilter;
use crate::store::tables::{approvals, id_claims, machine_accounts};
use crate::store::{Batch, StoreError};

/// Claims that are read, and released, in one batch.
const PAGE: usize = 200;

/// Most certificates in force that are counted for one id.
const MOST_COUNTED: usize = 100;

/// How often a release is decided anew because something changed meanwhile.
const TRIES: usize = 4;

/// An id that was let go.
#[derive(Clone, Debug)]
pub struct Released {
    /// The id.
    pub id: UuidUrn,
    /// Whose it is.
    pub kind: HolderKind,
    /// The organisation that has it now; `None`: the first for which it is certified.
    pub to: Option<OrganisationId>,
    /// Certificates that name it and go on until they end or are revoked; at most a hundred are counted.
    pub in_force: usize,
}

/// Why an id was not let go.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// The organisation does not have it.
    #[error("the organisation has no such account id")]
    NotIts,
    /// A machine account is never nobody's.
    #[error("it is the id of a device, which cannot be without an organisation")]
    Device,
    /// The machine account was ended for good.
    #[error("the machine account is deactivated")]
    Deactivated,
    /// It would stay where it is.
    #[error("the organisation has the id already")]
    Same,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Lets one id of `from` go, or gives it to `to`.
///
/// # Errors
/// [`ReleaseError`]; then nothing changed.
pub async fn release(
    app: &App,
    from: &Organisation,
    id: UserId,
    to: Option<&Organisation>,
) -> Result<Released, ReleaseError> {
    if to.is_some_and(|to| to.id == from.id) {
        return Err(ReleaseError::Same);
    }
    let mut tries = 0;
    loop {
        match released(app, from, id, to).await {
            Err(ReleaseError::Store(StoreError::Stale(_))) if tries < TRIES => tries += 1,
            done => return done,
        }
    }
}

async fn released(
    app: &App,
    from: &Organisation,
    id: UserId,
    to: Option<&Organisation>,
) -> Result<Released, ReleaseError> {
    let mut batch = Batch::new();
    let kind = match app.store.load::<MachineAccount>(&DeviceId::from(id)).await? {
        Some(account) if account.value.organisation == from.id => {
            let to = to.ok_or(ReleaseError::Device)?;
            if account.value.status == MachineStatus::Deactivated {
                return Err(ReleaseError::Deactivated);
            }
            let next = MachineAccount { organisation: to.id, ..account.value.clone() };
            machine_accounts::replace(&mut batch, &account, &next)?;
            batch.record(app.clock.now(), machine::act(next.id, to.id, &format!("moved from {}", from.id)));
            HolderKind::Device
        }
        Some(_) => return Err(ReleaseError::NotIts),
        None => {
            let claim = app.store.load::<IdClaim>(&id).await?.ok_or(ReleaseError::NotIts)?;
            if claim.value.organisation != from.id {
                return Err(ReleaseError::NotIts);
            }
            match to {
                Some(to) => {
                    let next = IdClaim { organisation: to.id, ..claim.value.clone() };
                    id_claims::replace(&mut batch, &claim, &next)?;
                }
                None => id_claims::remove(&mut batch, &claim),
            }
            claim.value.kind
        }
    };
    settle(app, &mut batch, (from, to), id).await?;
    app.store.commit(batch).await?;
    let (id, in_force) = (id.urn(), in_force(app, id, app.clock.now()).await?);
    tracing::info!(organisation.id = %from.id, account.id = id.as_str(), "account id released");
    Ok(Released { id, kind, to: to.map(|to| to.id), in_force })
}

/// The journal of both organisations, and the end of what was decided of the id for the one before.
async fn settle(
    app: &App,
    batch: &mut Batch,
    (from, to): (&Organisation, Option<&Organisation>),
    id: UserId,
) -> Result<(), ReleaseError> {
    let (now, urn) = (app.clock.now(), id.urn());
    for request in app.store.approvals_of(&approval::prefix(urn.as_str())).await? {
        approvals::remove(batch, &request);
    }
    match to {
        None => {
            batch.record(now, act(from, &format!("account id {urn} released")));
        }
        Some(to) => {
            batch.record(now, act(from, &format!("account id {urn} given to {}", to.id)));
            batch.record(now, act(to, &format!("account id {urn} taken over from {}", from.id)));
        }
    }
    Ok(())
}

/// Lets the people's ids of `from` go, those after `after`; gives them, and after which id to go on. Ids of devices stay.
///
/// # Errors
/// [`ReleaseError::Store`]; what was let go before stays so.
pub async fn release_people(
    app: &App,
    from: &Organisation,
    after: Option<UserId>,
) -> Result<(Vec<Released>, Option<UserId>), ReleaseError> {
    let mut tries = 0;
    loop {
        match people_released(app, from, after).await {
            Err(ReleaseError::Store(StoreError::Stale(_))) if tries < TRIES => tries += 1,
            done => return done,
        }
    }
}

async fn people_released(
    app: &App,
    from: &Organisation,
    after: Option<UserId>,
) -> Result<(Vec<Released>, Option<UserId>), ReleaseError> {
    let rows = app.store.id_claims(after, PAGE).await?;
    let next = rows.last().filter(|_| rows.len() >= PAGE).map(|row| row.value.id);
    let mut batch = Batch::new();
    let mut all = Vec::new();
    for claim in rows.iter().filter(|claim| claim.value.organisation == from.id) {
        id_claims::remove(&mut batch, claim);
        settle(app, &mut batch, (from, None), claim.value.id).await?;
        let in_force = in_force(app, claim.value.id, app.clock.now()).await?;
        all.push(Released { id: claim.value.id.urn(), kind: claim.value.kind, to: None, in_force });
    }
    if !all.is_empty() {
        app.store.commit(batch).await?;
        tracing::info!(organisation.id = %from.id, count = all.len(), "account ids released");
    }
    Ok((all, next))
}

/// How many certificates name the id and are in force.
async fn in_force(app: &App, id: UserId, now: OffsetDateTime) -> Result<usize, StoreError> {
    let filter = CertificateFilter {
        identifier: Some(Identifier::Uri(id.urn())),
        status: Some(CertificateStatus::Issued),
        ..CertificateFilter::default()
    };
    let page = app.store.certificates(&filter, None, MOST_COUNTED).await?;
    Ok(page.items.iter().filter(|certificate| now <= certificate.value.not_after).count())
}
