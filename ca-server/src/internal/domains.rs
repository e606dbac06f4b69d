//! Whether an organisation's domains are its own: a TXT record at `_rollcall-domain.<domain>`, looked for when the administrator says so and then on
//! a schedule.
//!
//! A record that is gone does not end a domain at once: it holds until `domain_grace` after it was last seen, whatever the reason for not seeing it.
//! Then it is written down as lost, and another organisation may verify it. Two organisations never hold the same domain.

use std::time::Duration;

use certs::name::DnsName;
use subtle::ConstantTimeEq as _;
use time::OffsetDateTime;

use super::holder::OrganisationId;
use super::organisation::{Domain, DomainStatus, Organisation};
use crate::app::App;
use crate::challenge::resolver::Resolve;
use crate::clock;
use crate::log::act::Act;
use crate::store::tables::organisations;
use crate::store::{Batch, StoreError, Table, Versioned};

/// How long a claim that was never verified is looked at by the schedule.
const CLAIM: Duration = Duration::from_secs(30 * 86_400);

/// What stands beside a claim whose record is there and whose domain is another's.
const HELD_BY_OTHER: &str = "another organisation holds it";

/// How often a check is decided anew because the organisation changed meanwhile.
const TRIES: usize = 4;

/// Why a domain could not be checked.
#[derive(Debug, thiserror::Error)]
pub enum DomainError {
    /// There is no such claim.
    #[error("the organisation does not claim this domain")]
    NotClaimed,
    /// Another organisation holds it.
    #[error("another organisation holds this domain")]
    HeldByOther,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Looks for the record now and writes down what was found.
///
/// # Errors
/// [`DomainError`]; a record that is not found is no error but stands in [`Domain::fault`].
pub async fn check(
    app: &App,
    organisation: OrganisationId,
    name: &DnsName,
) -> Result<Versioned<Organisation>, DomainError> {
    for _ in 0..TRIES {
        let seen = load(app, organisation).await?;
        let domain = seen.value.domain(name).ok_or(DomainError::NotClaimed)?;
        let found = look(&*app.resolver, domain).await;
        match settle(app, &seen, name, found).await {
            Err(DomainError::Store(StoreError::Stale(Table::OrganisationDomains))) => {
                // Written down, so that `org show` says why, and the schedule looks again in its time.
                match settle(app, &seen, name, Err(HELD_BY_OTHER.to_owned())).await {
                    Err(DomainError::Store(StoreError::Stale(_))) => continue,
                    done => done?,
                };
                return Err(DomainError::HeldByOther);
            }
            Err(DomainError::Store(StoreError::Stale(_))) => {}
            done => return done,
        }
    }
    Err(StoreError::Stale(Table::Organisations).into())
}

async fn load(app: &App, id: OrganisationId) -> Result<Versioned<Organisation>, DomainError> {
    app.store.load::<Organisation>(&id).await?.ok_or(DomainError::NotClaimed)
}

/// Whether the record is there; else why not, for people.
async fn look(resolver: &dyn Resolve, domain: &Domain) -> Result<(), String> {
    let (name, expected) = (domain.record_name(), domain.record());
    match resolver.txt(&name).await {
        Ok(answer) if answer.records.iter().any(|record| bool::from(record.ct_eq(expected.as_bytes()))) => {
            Ok(())
        }
        Ok(answer) if answer.records.is_empty() => Err(format!("there is no TXT record at {name}")),
        Ok(answer) => Err(format!("none of the {} TXT records at {name} is ours", answer.records.len())),
        Err(failure) => Err(failure.to_string()),
    }
}

async fn settle(
    app: &App,
    seen: &Versioned<Organisation>,
    name: &DnsName,
    found: Result<(), String>,
) -> Result<Versioned<Organisation>, DomainError> {
    let (now, grace) = (app.clock.now(), app.config.internal.domain_grace);
    let mut next = seen.value.clone();
    let mut batch = Batch::new();
    let mut changed = None;
    for domain in next.domains.iter_mut().filter(|domain| domain.name == *name) {
        let before = domain.status;
        domain.checked = Some(now);
        match &found {
            Ok(()) => {
                domain.status = DomainStatus::Verified;
                domain.confirmed = Some(now);
                domain.fault = None;
            }
            Err(fault) => {
                domain.status = domain.status_at(grace, now);
                domain.fault = Some(fault.clone());
            }
        }
        changed = (before != domain.status).then_some(domain.status).or(changed);
    }
    organisations::replace(&mut batch, seen, &next)?;
    match changed {
        Some(DomainStatus::Verified) => organisations::hold(&mut batch, name, next.id),
        Some(DomainStatus::Lost) => organisations::release(&mut batch, name),
        Some(DomainStatus::Pending) | None => {}
    }
    if let Some(status) = changed {
        batch.record(now, act(&next, &format!("domain {name} {}", status.as_str())));
        tracing::info!(organisation.id = %next.id, domain = name.as_str(), status = status.as_str(), "domain settled");
    }
    app.store.commit(batch).await?;
    Ok(Versioned { value: next, version: seen.version.next() })
}

/// What the journal says of an organisation.
pub(crate) fn act(organisation: &Organisation, change: &str) -> Act {
    Act::Organisation { organisation: organisation.id, change: change.to_owned() }
}

/// Checks every domain whose last check is `domain_recheck` ago. Gives how many were checked.
///
/// # Errors
/// If the store cannot be read; what was checked before stays.
pub async fn recheck(app: &App) -> Result<usize, StoreError> {
    let now = app.clock.now();
    let mut checked = 0;
    for organisation in app.store.organisations().await? {
        for domain in &organisation.value.domains {
            if !is_due(domain, app.config.internal.domain_recheck, now) {
                continue;
            }
            checked += 1;
            match check(app, organisation.value.id, &domain.name).await {
                Ok(_) | Err(DomainError::NotClaimed | DomainError::HeldByOther) => {}
                Err(DomainError::Store(error)) => return Err(error),
            }
        }
    }
    Ok(checked)
}

fn is_due(domain: &Domain, every: Duration, now: OffsetDateTime) -> bool {
    let wanted = match domain.status {
        DomainStatus::Verified | DomainStatus::Lost => true,
        DomainStatus::Pending => now < clock::after(domain.claimed, CLAIM),
    };
    wanted && domain.checked.is_none_or(|at| clock::after(at, every) <= now)
}
