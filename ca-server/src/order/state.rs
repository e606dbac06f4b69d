//! The state machines of RFC 8555 §7.1.6: account, order, authorization, challenge. Pure; every change of status is decided here.
//!
//! `step` says what an event makes of a state, or that it is [`Illegal`] there. An order's `Ready` is never stored: it is
//! [`derived`] from its authorizations whenever the order is read, so the two can never disagree.

use certs::identifier::Identifier;
use time::OffsetDateTime;

use super::model::{
    AccountStatus, Authorization, AuthorizationStatus, CertificateStatus, Challenge, ChallengeStatus, Order,
    OrderStatus,
};

/// The event cannot happen in this state; nothing may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{event} is not possible while the {object} is {state}")]
pub struct Illegal {
    /// `account`, `order`, `authorization` or `challenge`.
    pub object: &'static str,
    /// The state it is in, as RFC 8555 spells it.
    pub state: &'static str,
    /// What was to happen.
    pub event: &'static str,
}

/// What can happen to an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountEvent {
    /// Its holder gives it up (RFC 8555 §7.3.6).
    Deactivate,
    /// The server withdraws it.
    Revoke,
}

impl AccountStatus {
    /// The status as RFC 8555 spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Deactivated => "deactivated",
            Self::Revoked => "revoked",
        }
    }

    /// What `event` makes of it.
    ///
    /// # Errors
    /// If the account has ended.
    pub const fn step(self, event: AccountEvent) -> Result<Self, Illegal> {
        match (self, event) {
            (Self::Valid, AccountEvent::Deactivate) => Ok(Self::Deactivated),
            (Self::Valid, AccountEvent::Revoke) => Ok(Self::Revoked),
            (Self::Deactivated | Self::Revoked, AccountEvent::Deactivate) => {
                Err(Illegal { object: "account", state: self.name(), event: "deactivation" })
            }
            (Self::Deactivated | Self::Revoked, AccountEvent::Revoke) => {
                Err(Illegal { object: "account", state: self.name(), event: "revocation" })
            }
        }
    }
}

/// What can happen to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderEvent {
    /// Every authorization is valid.
    Prove,
    /// An authorization failed, ended or was given up.
    Lose,
    /// Its time is over before finalize.
    Expire,
    /// Finalize was accepted and its intent is recorded.
    Finalize,
    /// The certificate is signed and stored.
    Issue,
    /// The intent was abandoned.
    Abandon,
}

impl OrderEvent {
    const fn name(self) -> &'static str {
        match self {
            Self::Prove => "proof",
            Self::Lose => "loss of an authorization",
            Self::Expire => "expiry",
            Self::Finalize => "finalize",
            Self::Issue => "issuance",
            Self::Abandon => "abandonment",
        }
    }
}

impl OrderStatus {
    /// The status as RFC 8555 spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Ready => "ready",
            Self::Processing => "processing",
            Self::Valid => "valid",
            Self::Invalid => "invalid",
        }
    }

    /// What `event` makes of it.
    ///
    /// # Errors
    /// If the event cannot happen in this state.
    pub const fn step(self, event: OrderEvent) -> Result<Self, Illegal> {
        use OrderEvent as E;
        match (self, event) {
            (Self::Pending, E::Prove) => Ok(Self::Ready),
            (Self::Pending | Self::Ready, E::Lose | E::Expire) => Ok(Self::Invalid),
            (Self::Ready, E::Finalize) => Ok(Self::Processing),
            (Self::Processing, E::Issue) => Ok(Self::Valid),
            (Self::Processing, E::Abandon) => Ok(Self::Invalid),
            (Self::Pending, E::Finalize | E::Issue | E::Abandon)
            | (Self::Ready, E::Prove | E::Issue | E::Abandon)
            | (Self::Processing, E::Prove | E::Lose | E::Expire | E::Finalize)
            | (
                Self::Valid | Self::Invalid,
                E::Prove | E::Lose | E::Expire | E::Finalize | E::Issue | E::Abandon,
            ) => Err(Illegal { object: "order", state: self.name(), event: event.name() }),
        }
    }
}

/// What can happen to an authorization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthorizationEvent {
    /// One of its challenges is valid.
    Prove,
    /// One of its challenges failed.
    Fail,
    /// Its holder gives it up (RFC 8555 §7.5.2).
    Deactivate,
    /// Its time is over.
    Expire,
    /// The server withdraws it.
    Revoke,
}

impl AuthorizationEvent {
    const fn name(self) -> &'static str {
        match self {
            Self::Prove => "proof",
            Self::Fail => "failure",
            Self::Deactivate => "deactivation",
            Self::Expire => "expiry",
            Self::Revoke => "revocation",
        }
    }
}

impl AuthorizationStatus {
    /// The status as RFC 8555 spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Valid => "valid",
            Self::Invalid => "invalid",
            Self::Deactivated => "deactivated",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }

    /// Whether no order can be finished with it any more.
    #[must_use]
    pub const fn is_lost(self) -> bool {
        match self {
            Self::Pending | Self::Valid => false,
            Self::Invalid | Self::Deactivated | Self::Expired | Self::Revoked => true,
        }
    }

    /// What `event` makes of it. A pending one that expires is `invalid`, a valid one `expired` (RFC 8555 §7.1.6); a pending
    /// one may be given up too, as §7.5.2 lets a client that no longer wants it.
    ///
    /// # Errors
    /// If the event cannot happen in this state.
    pub const fn step(self, event: AuthorizationEvent) -> Result<Self, Illegal> {
        use AuthorizationEvent as E;
        match (self, event) {
            (Self::Pending, E::Prove) => Ok(Self::Valid),
            (Self::Pending, E::Fail | E::Expire) => Ok(Self::Invalid),
            (Self::Pending | Self::Valid, E::Deactivate) => Ok(Self::Deactivated),
            (Self::Valid, E::Expire) => Ok(Self::Expired),
            (Self::Pending | Self::Valid, E::Revoke) => Ok(Self::Revoked),
            (Self::Valid, E::Prove | E::Fail)
            | (
                Self::Invalid | Self::Deactivated | Self::Expired | Self::Revoked,
                E::Prove | E::Fail | E::Deactivate | E::Expire | E::Revoke,
            ) => Err(Illegal { object: "authorization", state: self.name(), event: event.name() }),
        }
    }
}

/// What can happen to a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChallengeEvent {
    /// The client says that it is ready (RFC 8555 §7.5.1).
    Answer,
    /// Control was proven.
    Prove,
    /// Validation failed for good.
    Fail,
}

impl ChallengeEvent {
    const fn name(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Prove => "proof",
            Self::Fail => "failure",
        }
    }
}

impl ChallengeStatus {
    /// The status as RFC 8555 spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Processing => "processing",
            Self::Valid => "valid",
            Self::Invalid => "invalid",
        }
    }

    /// What `event` makes of it.
    ///
    /// # Errors
    /// If the event cannot happen in this state.
    pub const fn step(self, event: ChallengeEvent) -> Result<Self, Illegal> {
        use ChallengeEvent as E;
        match (self, event) {
            (Self::Pending, E::Answer) => Ok(Self::Processing),
            (Self::Processing, E::Prove) => Ok(Self::Valid),
            (Self::Processing, E::Fail) => Ok(Self::Invalid),
            (Self::Pending, E::Prove | E::Fail)
            | (Self::Processing, E::Answer)
            | (Self::Valid | Self::Invalid, E::Answer | E::Prove | E::Fail) => {
                Err(Illegal { object: "challenge", state: self.name(), event: event.name() })
            }
        }
    }
}

/// What can happen to a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateEvent {
    /// It was signed and is stored.
    Issue,
    /// Its intent will never be completed.
    Abandon,
    /// It is withdrawn.
    Revoke,
}

impl CertificateEvent {
    const fn name(self) -> &'static str {
        match self {
            Self::Issue => "issuance",
            Self::Abandon => "abandonment",
            Self::Revoke => "revocation",
        }
    }
}

impl CertificateStatus {
    /// The status as records and listings spell it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Intended => "intended",
            Self::Issued => "issued",
            Self::Abandoned => "abandoned",
            Self::Revoked => "revoked",
        }
    }

    /// What `event` makes of it.
    ///
    /// # Errors
    /// If the event cannot happen in this state.
    pub const fn step(self, event: CertificateEvent) -> Result<Self, Illegal> {
        use CertificateEvent as E;
        match (self, event) {
            (Self::Intended, E::Issue) => Ok(Self::Issued),
            (Self::Intended, E::Abandon) => Ok(Self::Abandoned),
            (Self::Issued, E::Revoke) => Ok(Self::Revoked),
            (Self::Intended, E::Revoke)
            | (Self::Issued, E::Issue | E::Abandon)
            | (Self::Abandoned | Self::Revoked, E::Issue | E::Abandon | E::Revoke) => {
                Err(Illegal { object: "certificate", state: self.name(), event: event.name() })
            }
        }
    }
}

impl Authorization {
    /// Its status at `now`: what is stored, or what expiry has made of it since.
    #[must_use]
    pub fn status_at(&self, now: OffsetDateTime) -> AuthorizationStatus {
        if now < self.expires {
            return self.status;
        }
        self.status.step(AuthorizationEvent::Expire).unwrap_or(self.status)
    }

    /// Whether it is about exactly this identifier, `*.` included.
    #[must_use]
    pub fn is_for(&self, identifier: &Identifier) -> bool {
        match identifier.as_dns() {
            Some(name) if name.is_wildcard() => {
                self.wildcard && self.identifier.as_dns().is_some_and(|base| base.as_str() == name.base_str())
            }
            Some(_) | None => !self.wildcard && self.identifier == *identifier,
        }
    }

    /// The challenge that proved it.
    #[must_use]
    pub fn proven_by(&self) -> Option<&Challenge> {
        self.challenges.iter().find(|challenge| challenge.status == ChallengeStatus::Valid)
    }

    /// Why it failed, if a challenge says so.
    #[must_use]
    pub fn failure(&self) -> Option<&Challenge> {
        self.challenges.iter().find(|challenge| challenge.status == ChallengeStatus::Invalid)
    }
}

impl Order {
    /// Its status at `now`, given what its authorizations are at `now`.
    #[must_use]
    pub fn status_at<'a>(
        &self,
        now: OffsetDateTime,
        authorizations: impl IntoIterator<Item = &'a Authorization>,
    ) -> OrderStatus {
        let statuses = authorizations.into_iter().map(|authorization| authorization.status_at(now));
        derived(self.status, now >= self.expires, statuses)
    }
}

/// The status of an order: as stored, except that `Pending` is settled by its authorizations and its time.
///
/// Without any authorization an order is never ready.
#[must_use]
pub fn derived(
    stored: OrderStatus,
    expired: bool,
    authorizations: impl IntoIterator<Item = AuthorizationStatus>,
) -> OrderStatus {
    match stored {
        OrderStatus::Processing | OrderStatus::Valid | OrderStatus::Invalid => return stored,
        OrderStatus::Pending | OrderStatus::Ready => {}
    }
    if expired {
        return OrderStatus::Pending.step(OrderEvent::Expire).unwrap_or(stored);
    }
    let (mut all, mut any) = (true, false);
    for status in authorizations {
        any = true;
        match status {
            AuthorizationStatus::Valid => {}
            AuthorizationStatus::Pending => all = false,
            AuthorizationStatus::Invalid
            | AuthorizationStatus::Deactivated
            | AuthorizationStatus::Expired
            | AuthorizationStatus::Revoked => {
                return OrderStatus::Pending.step(OrderEvent::Lose).unwrap_or(stored);
            }
        }
    }
    if all && any {
        return OrderStatus::Pending.step(OrderEvent::Prove).unwrap_or(stored);
    }
    OrderStatus::Pending
}

#[cfg(test)]
mod tests;
