//! What one issuance adds to a profile: who, which key, when, proven how.
//!
//! [`LeafRequest::check`] decides whether profile and request fit together and whether the issuer can carry the result. It is called by
//! [`leaf_tbs`](super::leaf_tbs) itself, so nothing can be built that does not pass.

use std::collections::BTreeSet;
use std::time::Duration;

use time::OffsetDateTime;
use url::Url;

use super::{LeafProfile, MAX_BACKDATE, Proof};
use crate::identifier::{Identifier, IdentifierKind};
use crate::issuer::Issuer;
use crate::key::{KeyKind, PublicKey};
use crate::name::DnsName;
use crate::serial::Serial;
use crate::tbs::TbsError;

/// Why a leaf cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LeafError {
    /// A certificate about nobody.
    #[error("no identifiers")]
    NoIdentifiers,
    /// More than the profile has room for.
    #[error("{count} identifiers, profile {profile} has room for {max}")]
    TooManyIdentifiers {
        /// The profile.
        profile: String,
        /// How many were given.
        count: usize,
        /// Its limit.
        max: usize,
    },
    /// The same identifier twice.
    #[error("{0} is given twice")]
    Duplicate(Identifier),
    /// A kind that the profile does not certify.
    #[error("profile {profile} does not certify {kind} identifiers")]
    KindNotAllowed {
        /// The profile.
        profile: String,
        /// The kind.
        kind: IdentifierKind,
    },
    /// A kind that the profile demands is missing.
    #[error("profile {profile} needs an identifier of kind {kind}")]
    KindMissing {
        /// The profile.
        profile: String,
        /// The kind.
        kind: IdentifierKind,
    },
    /// A wildcard under a profile without wildcards.
    #[error("profile {profile} does not certify wildcards such as {name}")]
    Wildcard {
        /// The profile.
        profile: String,
        /// The name.
        name: DnsName,
    },
    /// The key to certify is not P-256.
    #[error("the key is on {0}; leaf keys are on P-256")]
    KeyKind(KeyKind),
    /// The key to certify is the issuer's own.
    #[error("the key to certify is the issuer's own key")]
    IssuersKey,
    /// Ends before it begins.
    #[error("not-after does not lie after not-before")]
    Reversed,
    /// Longer than the profile allows.
    #[error("a lifetime of {asked_seconds} s is longer than profile {profile} allows ({max_seconds} s)")]
    TooLong {
        /// The profile.
        profile: String,
        /// What was asked.
        asked_seconds: i64,
        /// What it allows, back-dating included.
        max_seconds: i64,
    },
    /// Would outlive its issuer.
    #[error("not-after lies after the end of the issuing certificate ({issuer_not_after})")]
    OutlivesIssuer {
        /// When the issuer ends.
        issuer_not_after: OffsetDateTime,
    },
    /// No proof, or one that the profile does not accept.
    #[error("proof {proof:?} does not count under profile {profile}")]
    Proof {
        /// The profile.
        profile: String,
        /// The proof; `None` if there is none at all.
        proof: Option<Proof>,
    },
    /// Encoding failed.
    #[error(transparent)]
    Tbs(#[from] TbsError),
}

/// Why the validity that an order asks for cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValidityError {
    /// `notBefore` lies too far in the past.
    #[error("notBefore lies more than five minutes in the past")]
    BeginsInThePast,
    /// Ends before it begins, or has ended already.
    #[error("notAfter does not lie after notBefore and the present")]
    Reversed,
    /// Longer than the profile allows, counted from now or from `notBefore` if that is earlier.
    #[error("the certificate would end later than the profile allows ({max_seconds} s from now)")]
    TooLong {
        /// What it allows.
        max_seconds: u64,
    },
}

/// From when to when a certificate is valid, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The first second.
    pub not_before: OffsetDateTime,
    /// The last second.
    pub not_after: OffsetDateTime,
}

/// Where relying parties find what they need to check a leaf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeafUrls {
    /// The revocation list.
    pub crl: Url,
    /// The issuing certificate.
    pub ca_issuers: Url,
    /// The OCSP responder, if there is one.
    pub ocsp: Option<Url>,
}

/// One leaf to be built.
#[derive(Clone, Copy, Debug)]
pub struct LeafRequest<'a> {
    /// What it looks like.
    pub profile: &'a LeafProfile,
    /// Whom it names, in the order in which they will stand.
    pub identifiers: &'a [Identifier],
    /// The holder's key.
    pub public_key: &'a PublicKey,
    /// Its serial number.
    pub serial: Serial,
    /// From when to when.
    pub validity: Validity,
    /// How the identifiers were proven.
    pub proofs: &'a BTreeSet<Proof>,
    /// The organisation's preferred domain, for profiles that use it as common name.
    pub preferred_domain: Option<&'a DnsName>,
    /// Where to look things up.
    pub urls: &'a LeafUrls,
}

impl LeafProfile {
    /// The validity of a certificate issued now, with what the order asks for (RFC 8555 §7.1.3) if the profile allows it.
    ///
    /// Times are cut to whole seconds. A certificate that the order leaves open begins [`backdate`](Self::backdate) ago. One that begins later
    /// must still end within [`max_lifetime`](Self::max_lifetime) from now, so that nobody stores certificates for years to come.
    pub fn validity(
        &self,
        now: OffsetDateTime,
        not_before: Option<OffsetDateTime>,
        not_after: Option<OffsetDateTime>,
    ) -> Result<Validity, ValidityError> {
        let too_long = ValidityError::TooLong { max_seconds: self.max_lifetime.as_secs() };
        let now = whole_seconds(now);
        let not_before = not_before.map(whole_seconds);
        if not_before.is_some_and(|asked| asked < now - MAX_BACKDATE) {
            return Err(ValidityError::BeginsInThePast);
        }
        let start = not_before.unwrap_or(now);
        let end = match not_after {
            Some(asked) => whole_seconds(asked),
            // The start may be the last second that can be written.
            None => time::Duration::try_from(self.lifetime)
                .ok()
                .and_then(|lifetime| start.checked_add(lifetime))
                .ok_or_else(|| too_long.clone())?,
        };
        if end <= start || end <= now {
            return Err(ValidityError::Reversed);
        }
        if end - start.min(now) > self.max_lifetime {
            return Err(too_long);
        }
        let backdate = self.backdate.min(MAX_BACKDATE);
        Ok(Validity { not_before: not_before.unwrap_or(now - backdate), not_after: end })
    }
}

impl LeafRequest<'_> {
    /// Whether this can be built under its profile by `issuer`.
    pub fn check(&self, issuer: &Issuer) -> Result<(), LeafError> {
        self.check_identifiers()?;
        self.check_key(issuer)?;
        self.check_validity(issuer)?;
        self.check_proofs()
    }

    fn check_identifiers(&self) -> Result<(), LeafError> {
        let profile = || self.profile.name.to_string();
        let count = self.identifiers.len();
        if count == 0 {
            return Err(LeafError::NoIdentifiers);
        }
        if count > self.profile.max_identifiers {
            let max = self.profile.max_identifiers;
            return Err(LeafError::TooManyIdentifiers { profile: profile(), count, max });
        }
        let mut seen = BTreeSet::new();
        for identifier in self.identifiers {
            if !seen.insert(identifier) {
                return Err(LeafError::Duplicate(identifier.clone()));
            }
            let kind = identifier.kind();
            if !self.profile.identifiers.contains(&kind) {
                return Err(LeafError::KindNotAllowed { profile: profile(), kind });
            }
            let wildcard = identifier.as_dns().filter(|name| name.is_wildcard());
            if let Some(name) = wildcard.filter(|_| !self.profile.wildcards) {
                return Err(LeafError::Wildcard { profile: profile(), name: name.clone() });
            }
        }
        let present: BTreeSet<_> = self.identifiers.iter().map(Identifier::kind).collect();
        match self.profile.required_identifiers.difference(&present).next() {
            Some(kind) => Err(LeafError::KindMissing { profile: profile(), kind: *kind }),
            None => Ok(()),
        }
    }

    fn check_key(&self, issuer: &Issuer) -> Result<(), LeafError> {
        if self.public_key.kind() != KeyKind::P256 {
            return Err(LeafError::KeyKind(self.public_key.kind()));
        }
        if self.public_key == issuer.public_key() {
            return Err(LeafError::IssuersKey);
        }
        Ok(())
    }

    fn check_validity(&self, issuer: &Issuer) -> Result<(), LeafError> {
        let Validity { not_before, not_after } = self.validity;
        if not_after <= not_before {
            return Err(LeafError::Reversed);
        }
        let max = self.profile.max_lifetime + self.profile.backdate;
        if not_after - not_before > max {
            return Err(LeafError::TooLong {
                profile: self.profile.name.to_string(),
                asked_seconds: (not_after - not_before).whole_seconds(),
                max_seconds: i64::try_from(max.as_secs()).unwrap_or(i64::MAX),
            });
        }
        if not_after > issuer.not_after() {
            return Err(LeafError::OutlivesIssuer { issuer_not_after: issuer.not_after() });
        }
        Ok(())
    }

    fn check_proofs(&self) -> Result<(), LeafError> {
        let profile = || self.profile.name.to_string();
        if self.proofs.is_empty() {
            return Err(LeafError::Proof { profile: profile(), proof: None });
        }
        match self.proofs.difference(&self.profile.proofs).next() {
            Some(proof) => Err(LeafError::Proof { profile: profile(), proof: Some(*proof) }),
            None => Ok(()),
        }
    }
}

fn whole_seconds(time: OffsetDateTime) -> OffsetDateTime {
    time - Duration::from_nanos(u64::from(time.nanosecond()))
}
