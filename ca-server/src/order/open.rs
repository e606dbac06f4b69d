//! Opening orders and authorizations (RFC 8555 §7.4, §7.4.1): proven authorizations are used again, the others are made with their challenges.
//!
//! The order, its new authorizations and their index rows are one batch: a crash leaves all or nothing. Needs an [`Admitted`].

use certs::identifier::Identifier;
use certs::leaf::{LeafProfile, Proof};
use data_encoding::BASE64URL_NOPAD;
use time::OffsetDateTime;

use super::model::{
    Account, Authorization, AuthorizationStatus, Challenge, ChallengeStatus, Order, OrderStatus,
};
use super::read::OrderNow;
use crate::challenge::offer::{Offer, Way};
use crate::clock;
use crate::config::AcmeConfig;
use crate::ids::{AuthorizationId, ChallengeId, NoEntropy, OrderId, random_bytes};
use crate::policy::Admitted;
use crate::store::tables::{authorizations, orders};
use crate::store::{Batch, Store, StoreError, Version, Versioned};

/// An authorization that ends sooner than this is not used again: the order could not be finished with it.
const LEAST_REMAINING: time::Duration = time::Duration::seconds(60);

/// Why an order was not opened; nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// No ids can be drawn.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
    /// The store failed, or the certificate to replace has a replacement already (`Stale`).
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What orders and authorizations are opened with.
#[derive(Clone, Copy)]
pub struct Opening<'a> {
    /// Where they are kept.
    pub store: &'a Store,
    /// How long they live.
    pub lifetimes: &'a AcmeConfig,
    /// What can be checked.
    pub offer: Offer<'a>,
    /// The present.
    pub now: OffsetDateTime,
}

impl Opening<'_> {
    /// Opens an order of `account` for what was admitted.
    ///
    /// # Errors
    /// [`OpenError`]
    pub async fn order(
        &self,
        account: &Account,
        admitted: Admitted,
        replaces: Option<String>,
    ) -> Result<OrderNow, OpenError> {
        let Admitted { identifiers, profile, not_before, not_after } = admitted;
        let mut batch = Batch::new();
        let mut authorizations = Vec::with_capacity(identifiers.len());
        let mut expires = clock::after(self.now, self.lifetimes.order_lifetime);
        for identifier in &identifiers {
            let authorization = self.authorization(&mut batch, account, &profile, identifier).await?;
            expires = expires.min(authorization.value.expires);
            authorizations.push(authorization);
        }
        let order = Order {
            id: OrderId::fresh(self.now)?,
            account: account.id,
            authority: account.authority.clone(),
            status: OrderStatus::Pending,
            created: self.now,
            expires,
            identifiers,
            profile: profile.name.to_string(),
            not_before,
            not_after,
            replaces,
            authorizations: authorizations.iter().map(|seen| seen.value.id).collect(),
            csr_sha256: None,
            serial: None,
            error: None,
        };
        orders::insert(&mut batch, &order)?;
        self.store.commit(batch).await?;
        let status = order.status_at(self.now, authorizations.iter().map(|seen| &seen.value));
        Ok(OrderNow { order: Versioned { value: order, version: Version::FIRST }, authorizations, status })
    }

    /// Opens an authorization ahead of any order, or finds the proven one.
    ///
    /// # Errors
    /// [`OpenError`]
    pub async fn pre_authorization(
        &self,
        account: &Account,
        admitted: &Admitted,
    ) -> Result<Option<Versioned<Authorization>>, OpenError> {
        let Some(identifier) = admitted.identifiers.first() else { return Ok(None) };
        let mut batch = Batch::new();
        let seen = self.authorization(&mut batch, account, &admitted.profile, identifier).await?;
        if !batch.ops.is_empty() {
            self.store.commit(batch).await?;
        }
        Ok(Some(seen))
    }

    /// A proven authorization that may be used again, else a new one in `batch`.
    async fn authorization(
        &self,
        batch: &mut Batch,
        account: &Account,
        profile: &LeafProfile,
        identifier: &Identifier,
    ) -> Result<Versioned<Authorization>, OpenError> {
        let (base, wildcard) = base(identifier);
        let found = self.store.reusable_authorization(account.id, &base, wildcard).await?;
        if let Some(seen) = found.filter(|seen| self.is_reusable(&seen.value, account, profile)) {
            return Ok(seen);
        }
        let ways = self.offer.ways(profile, identifier);
        let authorization = Authorization {
            id: AuthorizationId::fresh(self.now)?,
            account: account.id,
            authority: account.authority.clone(),
            identifier: base,
            wildcard,
            status: AuthorizationStatus::Pending,
            expires: clock::after(self.now, self.lifetimes.pending_authorization_lifetime),
            reusable_until: None,
            challenges: ways
                .into_iter()
                .map(|way| challenge(way, self.now))
                .collect::<Result<_, NoEntropy>>()?,
        };
        authorizations::insert(batch, &authorization)?;
        Ok(Versioned { value: authorization, version: Version::FIRST })
    }

    fn is_reusable(&self, found: &Authorization, account: &Account, profile: &LeafProfile) -> bool {
        let now = self.now;
        let proof = found.proven_by().filter(|challenge| profile.proofs.contains(&challenge.kind));
        let fresh = proof.and_then(|challenge| challenge.validated).is_some_and(|at| {
            now < clock::after(at, profile.authorization_lifetime)
                && found.reusable_until.is_none_or(|until| now < until)
        });
        let trusted = proof.is_some_and(|challenge| {
            self.offer.still_trusts(&found.identifier, challenge.provider.as_deref())
        });
        fresh
            && trusted
            && found.authority == account.authority
            && found.status_at(now + LEAST_REMAINING) == AuthorizationStatus::Valid
    }
}

/// The identifier without `*.`, and whether it had one.
fn base(identifier: &Identifier) -> (Identifier, bool) {
    match identifier.as_dns() {
        Some(name) if name.is_wildcard() => (name.base().into(), true),
        Some(_) | None => (identifier.clone(), false),
    }
}

/// A challenge with a token of 256 random bits, where its kind has one.
fn challenge(way: Way<'_>, now: OffsetDateTime) -> Result<Challenge, NoEntropy> {
    let Way { proof: kind, provider } = way;
    let token = match kind {
        Proof::DnsPersist01 => None,
        Proof::Dns01 | Proof::DnsAccount01 | Proof::Sso01 | Proof::Token | Proof::Anonymous => {
            Some(BASE64URL_NOPAD.encode(&random_bytes::<32>()?))
        }
    };
    let id = ChallengeId::fresh(now)?;
    Ok(Challenge {
        id,
        kind,
        status: ChallengeStatus::Pending,
        token,
        validated: None,
        error: None,
        provider: provider.map(str::to_owned),
        evidence: None,
    })
}
