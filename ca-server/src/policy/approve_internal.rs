//! Whether a certificate of the internal authority may be signed: profile and rules, for a holder instead of an order.
//!
//! The second way to an [`Approval`], and the last: everything that is signed for a client went through here or through `approve`. The principal of
//! the rules is the holder's account id (`Account::"urn:uuid:…"`), in its authority and in its organisation. CAA is not asked: what is certified
//! is an account of this server, not control of a name.

use std::collections::BTreeSet;

use certs::identifier::Identifier;
use certs::key::PublicKey;
use certs::leaf::{LeafProfile, Proof, Validity};
use certs::name::DnsName;
use policies::Ruleset;
use policies::profiles::admit;
use policies::rules::{Account as AskedBy, Action, KeyKind, Request};
use time::OffsetDateTime;

use super::admit::decided;
use super::approve::Approval;
use super::{Policy, Refusal, RefusalReason};
use crate::internal::{Front, Holder};
use crate::sign::Authority;

/// What is to be judged.
#[derive(Clone, Copy, Debug)]
pub struct InternalCandidate<'a> {
    /// Who asks.
    pub holder: &'a Holder,
    /// Through which door.
    pub front: Front,
    /// What is to be certified.
    pub identifiers: &'a [Identifier],
    /// The domain that the certificate is to carry as its common name.
    pub preferred: Option<&'a DnsName>,
    /// How it is proven.
    pub proof: Proof,
    /// Since when the account is known, in seconds since 1970.
    pub created: i64,
    /// The key to certify.
    pub public_key: &'a PublicKey,
}

impl Policy {
    /// Judges a certificate for a holder.
    ///
    /// # Errors
    /// Every reason why not.
    pub fn approve_internal(
        &self,
        candidate: &InternalCandidate<'_>,
        authority: &Authority,
        now: OffsetDateTime,
    ) -> Result<Approval, Refusal> {
        let refuse = |reasons| Refusal { action: "issue", account: None, order: None, reasons };
        let rules = self.current();
        let (profile, validity) =
            whole(&rules, candidate, authority, now).map_err(|reason| refuse(vec![(None, reason)]))?;
        let (mut reasons, mut permits) = (Vec::new(), BTreeSet::new());
        for identifier in candidate.identifiers {
            match one(&rules, profile, candidate, authority, identifier) {
                Ok(rules) => permits.extend(rules),
                Err(reason) => reasons.push((Some(identifier.clone()), reason)),
            }
        }
        if !reasons.is_empty() {
            return Err(refuse(reasons));
        }
        Ok(Approval {
            profile: profile.clone(),
            identifiers: candidate.identifiers.to_vec(),
            proofs: BTreeSet::from([candidate.proof]),
            public_key: candidate.public_key.clone(),
            validity,
            order: None,
            account: None,
            replaces: None,
            rules: permits.into_iter().collect(),
            evidence: Vec::new(),
            preferred_domain: candidate.preferred.cloned(),
            holder: Some(candidate.holder.evidence(candidate.front)),
        })
    }
}

/// The profile of the holder's kind, if this authority offers it, and the validity.
fn whole<'r>(
    rules: &'r Ruleset,
    candidate: &InternalCandidate<'_>,
    authority: &Authority,
    now: OffsetDateTime,
) -> Result<(&'r LeafProfile, Validity), RefusalReason> {
    let name = candidate.holder.kind().profile();
    let offered = authority.profiles().iter().any(|offered| offered == name);
    let profile = rules.profiles.named(name).filter(|_| offered).ok_or_else(|| {
        RefusalReason::UnknownProfile { profile: name.to_owned(), offered: authority.profiles().to_vec() }
    })?;
    holds(profile, candidate.identifiers)?;
    let mut validity = profile.validity(now, None, None)?;
    let end = authority.issuer().not_after();
    if validity.not_before >= end {
        return Err(RefusalReason::OutlivesIssuer(end));
    }
    validity.not_after = validity.not_after.min(end);
    Ok((profile, validity))
}

/// As many identifiers as the profile has room for, and each kind that it demands.
fn holds(profile: &LeafProfile, identifiers: &[Identifier]) -> Result<(), RefusalReason> {
    let (count, max) = (identifiers.len(), profile.max_identifiers);
    if count > max {
        return Err(RefusalReason::TooMany { count, max, profile: profile.name.to_string() });
    }
    let has = |kind| identifiers.iter().any(|identifier| identifier.kind() == kind);
    match profile.required_identifiers.iter().find(|kind| !has(**kind)) {
        Some(kind) => Err(RefusalReason::KindMissing { profile: profile.name.to_string(), kind: *kind }),
        None => Ok(()),
    }
}

/// The rules that permit one identifier.
fn one(
    rules: &Ruleset,
    profile: &LeafProfile,
    candidate: &InternalCandidate<'_>,
    authority: &Authority,
    identifier: &Identifier,
) -> Result<Vec<String>, RefusalReason> {
    let proofs = [candidate.proof];
    admit(profile, identifier, Some(&proofs)).map_err(RefusalReason::Misfit)?;
    let id = candidate.holder.urn();
    let organisation = candidate.holder.organisation().map(|id| id.to_string());
    let request = Request {
        account: AskedBy {
            id: id.as_str(),
            authority: authority.name().as_str(),
            organisation: organisation.as_deref(),
            contacts: &[],
            external_binding: None,
            created: candidate.created,
        },
        action: Action::Issue,
        identifier,
        profile: profile.name.as_str(),
        proofs: &proofs,
        person: None,
        key_kind: KeyKind::P256,
        requested_lifetime: None,
        client_address: None,
    };
    decided(rules.rules.decide(&request))
}
