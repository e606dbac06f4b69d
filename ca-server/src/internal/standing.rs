//! What a holder may have now: looked up in organisation and account at the moment of issuance, never taken from the token alone.
//!
//! An address is certified only in a domain that the holder's own organisation holds. A domain that was lost stops issuance until the record is back or
//! the administrator gives the domain up; one that nobody here claims is left out. What was looked at must be unchanged when the intent commits.

use std::time::Duration;

use certs::identifier::Identifier;
use certs::leaf::Proof;
use certs::name::{DnsName, EmailAddress};
use time::OffsetDateTime;

use super::claim::{self, Claim};
use super::error::{InternalError, TokenError};
use super::holder::{Device, Guest, Holder, OrganisationId, User};
use super::machine::MachineAccount;
use super::opaque::OpaqueToken;
use super::organisation::{DomainStatus, Organisation};
use crate::app::App;
use crate::store::tables::{opaque_tokens, organisations};
use crate::store::{Batch, Store, StoreError, Versioned};

/// Certificates that one guest token gives: anybody can have such a token, and each certificate is kept.
pub const MOST_OF_A_GUEST: u32 = 4;

/// What is to be certified, and what it was decided on.
#[derive(Debug)]
pub struct Standing {
    /// What the certificate will name, in this order.
    pub identifiers: Vec<Identifier>,
    /// The domain that a device carries.
    pub preferred: Option<DnsName>,
    /// How it is proven.
    pub proof: Proof,
    /// Since when the account is known, in seconds since 1970; 0 for people and guests.
    pub created: i64,
    organisation: Option<Versioned<Organisation>>,
    account: Option<Versioned<MachineAccount>>,
    claim: Option<Claim>,
    guest_token: Option<Versioned<OpaqueToken>>,
}

impl Standing {
    /// Adds to a batch that nothing of it changed, and that a guest's token has given one certificate more.
    ///
    /// # Errors
    /// If a record cannot be serialised.
    pub(super) fn pin(&self, batch: &mut Batch) -> Result<(), StoreError> {
        if let Some(organisation) = &self.organisation {
            batch.unchanged(organisation);
        }
        if let Some(account) = &self.account {
            batch.unchanged(account);
        }
        if let Some(claim) = &self.claim {
            claim.pin(batch)?;
        }
        if let Some(seen) = &self.guest_token {
            let certificates = seen.value.certificates.saturating_add(1);
            opaque_tokens::replace(batch, seen, &OpaqueToken { certificates, ..seen.value.clone() })?;
        }
        Ok(())
    }

    /// The names are those of a certificate that is to be replaced.
    ///
    /// # Errors
    /// [`InternalError::AccountRenamed`]
    pub(super) fn must_keep(&self, held: Option<&[Identifier]>) -> Result<(), InternalError> {
        let now = &self.identifiers;
        let kept =
            |held: &[Identifier]| now.len() == held.len() && now.iter().all(|name| held.contains(name));
        if held.is_none_or(kept) { Ok(()) } else { Err(InternalError::AccountRenamed(now.clone())) }
    }

    /// The organisation's id, if there is one.
    #[must_use]
    pub fn organisation(&self) -> Option<OrganisationId> {
        self.organisation.as_ref().map(|organisation| organisation.value.id)
    }
}

/// What the holder may have at `now`.
///
/// # Errors
/// Why he may have nothing.
pub async fn standing(app: &App, holder: &Holder, now: OffsetDateTime) -> Result<Standing, InternalError> {
    match holder {
        Holder::User(user) => of_user(app, user, now).await,
        Holder::Device(device) => of_device(app, device, now).await,
        Holder::Guest(guest) => of_guest(app, guest).await,
    }
}

async fn of_guest(app: &App, guest: &Guest) -> Result<Standing, InternalError> {
    let token = app.store.load::<OpaqueToken>(&guest.token).await?.ok_or(TokenError::Unknown)?;
    if token.value.certificates >= MOST_OF_A_GUEST {
        return Err(InternalError::GuestCertificates(MOST_OF_A_GUEST));
    }
    Ok(Standing {
        identifiers: vec![Identifier::Uri(guest.id.urn())],
        preferred: None,
        proof: Proof::Anonymous,
        created: 0,
        organisation: None,
        account: None,
        claim: None,
        guest_token: Some(token),
    })
}

async fn of_user(app: &App, user: &User, now: OffsetDateTime) -> Result<Standing, InternalError> {
    let organisation = organisation(&app.store, user.organisation).await?;
    if !organisation.value.token_issuers.contains(&user.token.issuer) {
        return Err(TokenError::OtherOrganisation.into());
    }
    let claim = claim::of_user(&app.store, user).await?;
    let mut identifiers = Vec::with_capacity(2);
    if let Some(address) = &user.email
        && certifies(&app.store, &organisation.value, address, (app.config.internal.domain_grace, now))
            .await?
    {
        identifiers.push(Identifier::Email(address.clone()));
    }
    identifiers.push(Identifier::Uri(user.id.urn()));
    Ok(Standing {
        identifiers,
        preferred: None,
        proof: Proof::Token,
        created: 0,
        organisation: Some(organisation),
        account: None,
        claim: Some(claim),
        guest_token: None,
    })
}

/// Whether the organisation may have this address certified.
async fn certifies(
    store: &Store,
    organisation: &Organisation,
    address: &EmailAddress,
    (grace, now): (Duration, OffsetDateTime),
) -> Result<bool, InternalError> {
    let name = address.domain();
    match organisation.domain(name).map(|domain| domain.status_at(grace, now)) {
        Some(DomainStatus::Verified) => Ok(true),
        Some(DomainStatus::Lost) => Err(InternalError::DomainLost(name.clone())),
        Some(DomainStatus::Pending) | None => match organisations::holder_of(store, name).await? {
            Some(other) if other != organisation.id => Err(InternalError::OtherDomain(name.clone())),
            Some(_) | None => Ok(false),
        },
    }
}

async fn of_device(app: &App, device: &Device, now: OffsetDateTime) -> Result<Standing, InternalError> {
    let account = app.store.load::<MachineAccount>(&device.id).await?.ok_or(TokenError::Unknown)?;
    account.value.must_be_active()?;
    if account.value.generation != device.generation {
        return Err(TokenError::Replaced.into());
    }
    let bound = account.value.key_thumbprint();
    if account.value.organisation != device.organisation
        || (device.key_thumbprint.is_some() && device.key_thumbprint != bound)
    {
        return Err(TokenError::Unknown.into());
    }
    let organisation = organisation(&app.store, device.organisation).await?;
    let preferred = preferred(&organisation.value, app.config.internal.domain_grace, now)?;
    let mut identifiers = vec![Identifier::Uri(device.id.urn())];
    identifiers.extend(preferred.clone().map(Identifier::Dns));
    Ok(Standing {
        identifiers,
        preferred,
        proof: Proof::Token,
        created: account.value.created.unix_timestamp(),
        organisation: Some(organisation),
        account: Some(account),
        claim: None,
        guest_token: None,
    })
}

/// The domain that devices carry; none if the organisation has none.
fn preferred(
    organisation: &Organisation,
    grace: Duration,
    now: OffsetDateTime,
) -> Result<Option<DnsName>, InternalError> {
    let Some(name) = &organisation.preferred else { return Ok(None) };
    match organisation.domain(name).map(|domain| domain.status_at(grace, now)) {
        Some(DomainStatus::Verified) => Ok(Some(name.clone())),
        Some(DomainStatus::Lost | DomainStatus::Pending) | None => {
            Err(InternalError::DomainLost(name.clone()))
        }
    }
}

async fn organisation(store: &Store, id: OrganisationId) -> Result<Versioned<Organisation>, InternalError> {
    let found = store.load::<Organisation>(&id).await?;
    found.ok_or(InternalError::Token(TokenError::OtherOrganisation))
}
