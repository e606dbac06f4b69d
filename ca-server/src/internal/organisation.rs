//! Organisations: who they are, which domains they have shown to be theirs, and whose access tokens speak for their people.
//!
//! A domain counts while [`Domain::holds`] says so, whatever is written beside it: one that was not seen for `domain_grace` is lost even if
//! nobody was there to write it down. These are plain values; who may change them is the administrator's business.

use std::time::Duration;

use certs::name::DnsName;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::holder::OrganisationId;
use crate::clock;
use crate::store::{Record, Table};

/// Most domains of one organisation.
pub const MOST_DOMAINS: usize = 200;

/// An organisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organisation {
    /// Its id.
    pub id: OrganisationId,
    /// Its name, unique on this server.
    pub name: String,
    /// The domains that it claims, in the order of claiming.
    pub domains: Vec<Domain>,
    /// The domain that its devices carry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preferred: Option<DnsName>,
    /// The `[[token_issuer]]`s whose tokens speak for its people, by name.
    pub token_issuers: Vec<String>,
    /// When it was made.
    #[serde(with = "time::serde::timestamp")]
    pub created: OffsetDateTime,
}

/// A domain that an organisation claims.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Domain {
    /// The domain; only exactly this name counts.
    pub name: DnsName,
    /// What the TXT record must hold behind `rollcall-domain-verification=`.
    pub token: String,
    /// How far it is.
    pub status: DomainStatus,
    /// When it was claimed.
    #[serde(with = "time::serde::timestamp")]
    pub claimed: OffsetDateTime,
    /// When the record was last asked for.
    #[serde(with = "time::serde::timestamp::option")]
    pub checked: Option<OffsetDateTime>,
    /// When the record was last seen.
    #[serde(with = "time::serde::timestamp::option")]
    pub confirmed: Option<OffsetDateTime>,
    /// Why the last check did not confirm it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// How far a domain is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DomainStatus {
    /// Claimed; the record was never seen.
    Pending,
    /// The record was seen.
    Verified,
    /// It was verified once, and the record was gone for too long.
    Lost,
}

impl DomainStatus {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Verified => "verified",
            Self::Lost => "lost",
        }
    }
}

impl Domain {
    /// Until when it counts if the record is not seen again; `None` if it does not count.
    #[must_use]
    pub fn holds_until(&self, grace: Duration) -> Option<OffsetDateTime> {
        match self.status {
            DomainStatus::Verified => self.confirmed.map(|at| clock::after(at, grace)),
            DomainStatus::Pending | DomainStatus::Lost => None,
        }
    }

    /// Whether it counts at `now`.
    #[must_use]
    pub fn holds(&self, grace: Duration, now: OffsetDateTime) -> bool {
        self.holds_until(grace).is_some_and(|until| now < until)
    }

    /// The status as it is at `now`.
    #[must_use]
    pub fn status_at(&self, grace: Duration, now: OffsetDateTime) -> DomainStatus {
        match self.status {
            DomainStatus::Verified if !self.holds(grace, now) => DomainStatus::Lost,
            status => status,
        }
    }

    /// The whole TXT record.
    #[must_use]
    pub fn record(&self) -> String {
        format!("rollcall-domain-verification={}", self.token)
    }

    /// Where the TXT record is to stand.
    #[must_use]
    pub fn record_name(&self) -> String {
        format!("_rollcall-domain.{}", self.name.base_str())
    }
}

impl Organisation {
    /// The claim of this domain.
    #[must_use]
    pub fn domain(&self, name: &DnsName) -> Option<&Domain> {
        self.domains.iter().find(|domain| domain.name == *name)
    }

    /// The domain that its devices carry at `now`; none if it is lost.
    #[must_use]
    pub fn preferred_at(&self, grace: Duration, now: OffsetDateTime) -> Option<&DnsName> {
        self.preferred
            .as_ref()
            .filter(|name| self.domain(name).is_some_and(|domain| domain.holds(grace, now)))
    }
}

impl Record for Organisation {
    const TABLE: Table = Table::Organisations;
    type Key = OrganisationId;

    fn key(&self) -> OrganisationId {
        self.id
    }

    fn encode_key(key: &OrganisationId) -> Vec<u8> {
        key.as_bytes().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_domain_that_was_not_seen_for_the_grace_is_lost_without_anybody_writing_it_down() {
        let (seen, grace) = (datetime!(2026-11-22 10:00 UTC), Duration::from_secs(3600));
        let domain = Domain {
            name: DnsName::parse("corp.test").unwrap(),
            token: "t".to_owned(),
            status: DomainStatus::Verified,
            claimed: seen,
            checked: Some(seen),
            confirmed: Some(seen),
            fault: None,
        };
        assert!(domain.holds(grace, datetime!(2026-11-22 10:59:59 UTC)));
        assert!(!domain.holds(grace, datetime!(2026-11-22 11:00 UTC)));
        assert_eq!(domain.status_at(grace, datetime!(2026-11-22 11:00 UTC)), DomainStatus::Lost);
        let pending = Domain { status: DomainStatus::Pending, ..domain };
        assert!(!pending.holds(grace, seen));
        assert_eq!(pending.record_name(), "_rollcall-domain.corp.test");
    }
}
