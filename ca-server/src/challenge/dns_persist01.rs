//! `dns-persist-01` (draft-ietf-acme-dns-persist): a standing TXT record names this authority and the account; there is no token.
//!
//! A record at the name itself suffices for that name; for a wildcard, and for names below the record's own, it needs
//! `policy=wildcard`. A proof may be reused no longer than the record's time to live. A top-level domain vouches for nobody.

pub mod record;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use certs::name::DnsName;
use futures_util::stream::{self, StreamExt as _};
use subtle::ConstantTimeEq as _;
use time::OffsetDateTime;

use self::record::PersistRecord;
use super::resolver::{DnsFailure, Resolve, TxtAnswer};
use super::validator::{Attempt, ChallengeError, Validator};
use super::{Control, show};
use crate::clock::Clock;

/// Lookups of one attempt that run at the same time.
const CONCURRENT_LOOKUPS: usize = 8;

/// The validator of `dns-persist-01`.
pub struct DnsPersist01 {
    resolver: Arc<dyn Resolve>,
    clock: Arc<dyn Clock>,
    issuer_domains: Vec<String>,
}

impl DnsPersist01 {
    /// A validator that asks `resolver`; records mean this authority by one of `issuer_domains`.
    #[must_use]
    pub fn new(resolver: Arc<dyn Resolve>, clock: Arc<dyn Clock>, issuer_domains: Vec<String>) -> Self {
        Self { resolver, clock, issuer_domains }
    }

    async fn look<'p>(&self, place: &'p Place) -> (&'p Place, Result<TxtAnswer, DnsFailure>) {
        (place, self.resolver.txt(&place.name).await)
    }

    /// What the records at one name say to this attempt.
    fn examine(&self, attempt: &Attempt, place: &Place, answer: &TxtAnswer, now: OffsetDateTime) -> Finding {
        let mut finding = Finding::Nothing;
        for value in answer.records.iter().filter(|value| self.speaks_to_us(value)) {
            let complaint = match record::parse(value) {
                Ok(record) => match objection(&record, attempt, place, now) {
                    None => return Finding::Authorized { ttl: answer.ttl },
                    Some(reason) => ChallengeError::NotAuthorized {
                        name: place.name.clone(),
                        servers: answer.servers.clone(),
                        record: show::value(value),
                        reason,
                    },
                },
                Err(fault) => ChallengeError::MalformedRecord {
                    name: place.name.clone(),
                    servers: answer.servers.clone(),
                    record: show::value(value),
                    fault: fault.to_string(),
                },
            };
            finding = finding.or(complaint);
        }
        finding
    }

    fn speaks_to_us(&self, value: &[u8]) -> bool {
        let issuer = record::issuer(value);
        self.issuer_domains.iter().any(|ours| ours.as_bytes().eq_ignore_ascii_case(issuer))
    }

    fn not_found(&self, attempt: &Attempt, nearest: &Place, servers: String) -> ChallengeError {
        let policy = if attempt.wildcard { "; policy=wildcard" } else { "" };
        let issuer = self.issuer_domains.first().map_or("", String::as_str);
        ChallengeError::NotFound {
            name: nearest.name.clone(),
            servers,
            hint: format!(
                "publish {}. TXT \"{issuer}; accounturi={}{policy}\" (or policy=wildcard at a name above) and try again",
                nearest.name, attempt.account_uri
            ),
        }
    }
}

#[async_trait]
impl Validator for DnsPersist01 {
    async fn validate(&self, attempt: &Attempt) -> Result<Control, ChallengeError> {
        let now = self.clock.now();
        let places = places(attempt.dns_name()?);
        let lookups: Vec<_> = places.iter().map(|place| self.look(place)).collect();
        let mut answers = stream::iter(lookups).buffered(CONCURRENT_LOOKUPS);
        let mut failure: Option<DnsFailure> = None;
        let mut complaint = Finding::Nothing;
        let mut servers = String::new();
        while let Some((place, answer)) = answers.next().await {
            let answer = match answer {
                Ok(answer) => answer,
                Err(error) if place.own => {
                    failure = Some(error);
                    continue;
                }
                // A name above may be out of the resolver's reach; it could only have helped.
                Err(_) => continue,
            };
            match self.examine(attempt, place, &answer, now) {
                Finding::Authorized { ttl } => {
                    return Ok(attempt.control(now, Some(now + Duration::from_secs(ttl.into()))));
                }
                Finding::Complaint(error) => complaint = complaint.or(error),
                Finding::Nothing => {}
            }
            if place.own {
                servers = answer.servers;
            }
        }
        match (failure, complaint, places.first()) {
            (Some(failure), ..) => Err(failure.into()),
            (None, Finding::Complaint(error), _) => Err(error),
            (None, _, Some(nearest)) => Err(self.not_found(attempt, nearest, servers)),
            (None, _, None) => Err(ChallengeError::NotApplicable { proof: attempt.proof }),
        }
    }
}

/// A name at which a record may stand.
struct Place {
    /// With `_validation-persist.` in front.
    name: String,
    /// Whether it is the identifier's own name.
    own: bool,
}

/// The name itself, then each name above it that has at least two labels.
fn places(name: &DnsName) -> Vec<Place> {
    name.parents()
        .enumerate()
        .filter(|(at, parent)| *at == 0 || parent.as_str().contains('.'))
        .map(|(at, parent)| Place { name: format!("_validation-persist.{parent}"), own: at == 0 })
        .collect()
}

/// What was learnt at one name or at all of them.
enum Finding {
    Nothing,
    Authorized { ttl: u32 },
    Complaint(ChallengeError),
}

impl Finding {
    /// Keeps the complaint that helps more: the first one, but a malformed record before one that says no.
    fn or(self, next: ChallengeError) -> Self {
        match (self, next) {
            (Self::Nothing, next) => Self::Complaint(next),
            (
                Self::Complaint(ChallengeError::NotAuthorized { .. }),
                next @ ChallengeError::MalformedRecord { .. },
            ) => Self::Complaint(next),
            (kept @ (Self::Complaint(_) | Self::Authorized { .. }), _) => kept,
        }
    }
}

/// What a readable record lacks, if it lacks something.
fn objection(
    record: &PersistRecord,
    attempt: &Attempt,
    place: &Place,
    now: OffsetDateTime,
) -> Option<String> {
    let same_account = record.account_uri.as_bytes().ct_eq(attempt.account_uri.as_bytes());
    if !bool::from(same_account) {
        return Some(format!("accounturi is not {}", attempt.account_uri));
    }
    if attempt.wildcard && !record.wildcard {
        return Some("a wildcard needs policy=wildcard".to_owned());
    }
    if !place.own && !record.wildcard {
        return Some("names below this one need policy=wildcard".to_owned());
    }
    match record.until {
        Some(until) if now > until => Some(format!("persistUntil was {}", until.unix_timestamp())),
        Some(_) | None => None,
    }
}

#[cfg(test)]
mod tests;
