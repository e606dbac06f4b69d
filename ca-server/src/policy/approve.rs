//! Whether the certificate may be signed: proofs, profile, rules, CAA, asked at finalize with what is true now (RFC 8555 §7.4, RFC 8659 §5).
//!
//! The answer is an [`Approval`] with everything that the certificate will say. It trusts authorizations as loaded: the intent demands in
//! its batch that they are still the same.

use std::collections::BTreeSet;
use std::time::Duration;

use certs::identifier::Identifier;
use certs::key::PublicKey;
use certs::leaf::{LeafProfile, Proof, Validity, ValidityError};
use certs::name::DnsName;
use futures_util::future::join_all;
use policies::Ruleset;
use policies::profiles::admit;
use policies::rules::{Action, KeyKind, Person, Request};
use time::OffsetDateTime;

use super::admit::{asked_by, asked_lifetime, decided};
use super::{Policy, Refusal, RefusalReason};
use crate::challenge::caa::{CaaGate, Manner};
use crate::clock;
use crate::ids::{AccountId, OrderId};
use crate::internal::holder::HolderEvidence;
use crate::order::model::{Account, Authorization, AuthorizationStatus, Challenge, Order};
use crate::order::settle::TO_FINALIZE;
use crate::sign::Authority;
use crate::sso::person::Evidence;
use crate::sso::providers::Providers;

/// That a certificate with exactly these contents may be signed. Used up by [`crate::sign::prepare`].
#[derive(Debug)]
pub struct Approval {
    pub(crate) profile: LeafProfile,
    pub(crate) identifiers: Vec<Identifier>,
    pub(crate) proofs: BTreeSet<Proof>,
    pub(crate) public_key: PublicKey,
    pub(crate) validity: Validity,
    pub(crate) order: Option<OrderId>,
    pub(crate) account: Option<AccountId>,
    pub(crate) replaces: Option<String>,
    pub(crate) rules: Vec<String>,
    pub(crate) evidence: Vec<Evidence>,
    pub(crate) preferred_domain: Option<DnsName>,
    pub(crate) holder: Option<HolderEvidence>,
}

/// What is to be judged.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// Who asks.
    pub account: &'a Account,
    /// The account's URL, for CAA's `accounturi`.
    pub account_uri: &'a str,
    /// For which order.
    pub order: &'a Order,
    /// The order's authorizations, in the order of its identifiers.
    pub authorizations: &'a [&'a Authorization],
    /// The key to certify.
    pub public_key: &'a PublicKey,
    /// The identity providers of now.
    pub providers: &'a Providers,
}

impl Policy {
    /// Judges an order that is to be finalized.
    ///
    /// # Errors
    /// Every reason why not.
    pub async fn approve(
        &self,
        candidate: &Candidate<'_>,
        authority: &Authority,
        caa: &CaaGate,
        now: OffsetDateTime,
    ) -> Result<Approval, Refusal> {
        let order = candidate.order;
        let refuse = |reasons| Refusal {
            action: "issue",
            account: Some(candidate.account.id),
            order: Some(order.id),
            reasons,
        };
        let rules = self.current();
        let (profile, validity) =
            whole(&rules, authority, order, now).map_err(|reason| refuse(vec![(None, reason)]))?;
        let lifetime = asked_lifetime(profile, order.not_before, order.not_after, now);
        let providers = candidate.providers;
        let judge = Judge { rules: &rules, profile, account: candidate.account, providers, lifetime, now };
        let mut reasons = Vec::new();
        let (mut proofs, mut permits) = (BTreeSet::new(), BTreeSet::new());
        let mut proven = Vec::with_capacity(order.identifiers.len());
        let mut evidence = Vec::new();
        for (at, identifier) in order.identifiers.iter().enumerate() {
            let authorization = candidate.authorizations.get(at).copied();
            match judge.one(identifier, authorization) {
                Ok((challenge, rules)) => {
                    proofs.insert(challenge.kind);
                    permits.extend(rules);
                    evidence.extend(challenge.evidence.clone());
                    proven.push((identifier, challenge));
                }
                Err(reason) => reasons.push((Some(identifier.clone()), reason)),
            }
        }
        reasons.extend(caa_refusals(caa, candidate, &proven).await);
        if !reasons.is_empty() {
            return Err(refuse(reasons));
        }
        Ok(Approval {
            profile: profile.clone(),
            identifiers: order.identifiers.clone(),
            proofs,
            public_key: candidate.public_key.clone(),
            validity,
            order: Some(order.id),
            account: Some(candidate.account.id),
            replaces: order.replaces.clone(),
            rules: permits.into_iter().collect(),
            evidence,
            preferred_domain: None,
            holder: None,
        })
    }
}

impl Approval {
    /// For the server's own TLS certificate: its configuration decides, not an order. Named in the journal as `configuration`.
    pub(crate) fn own(
        profile: LeafProfile,
        identifiers: Vec<Identifier>,
        public_key: PublicKey,
        validity: Validity,
    ) -> Self {
        let proofs = profile.proofs.iter().copied().take(1).collect();
        Self {
            profile,
            identifiers,
            proofs,
            public_key,
            validity,
            order: None,
            account: None,
            replaces: None,
            rules: vec!["configuration".to_owned()],
            evidence: Vec::new(),
            preferred_domain: None,
            holder: None,
        }
    }
}

/// The profile, if it is still offered, and the validity.
fn whole<'r>(
    rules: &'r Ruleset,
    authority: &Authority,
    order: &Order,
    now: OffsetDateTime,
) -> Result<(&'r LeafProfile, Validity), RefusalReason> {
    let offered = authority.profiles().contains(&order.profile);
    let profile = rules.profiles.named(&order.profile).filter(|_| offered).ok_or_else(|| {
        RefusalReason::UnknownProfile {
            profile: order.profile.clone(),
            offered: authority.profiles().to_vec(),
        }
    })?;
    Ok((profile, validity(profile, authority, order, now)?))
}

/// What the order asked for when it was opened, or the profile's own times counted from now; never beyond the issuer's end.
fn validity(
    profile: &LeafProfile,
    authority: &Authority,
    order: &Order,
    now: OffsetDateTime,
) -> Result<Validity, RefusalReason> {
    // A notBefore that was acceptable when the order was opened has come nearer, or passed, since then.
    let base = if order.not_before.is_some() { order.created } else { now };
    let mut validity = profile.validity(base, order.not_before, order.not_after)?;
    if validity.not_after <= now {
        return Err(ValidityError::Reversed.into());
    }
    let end = authority.issuer().not_after();
    if validity.not_after > end {
        if order.not_after.is_some() || validity.not_before >= end {
            return Err(RefusalReason::OutlivesIssuer(end));
        }
        validity.not_after = end;
    }
    Ok(validity)
}

/// What all identifiers of one order are judged by.
struct Judge<'a> {
    rules: &'a Ruleset,
    profile: &'a LeafProfile,
    account: &'a Account,
    providers: &'a Providers,
    lifetime: Option<Duration>,
    now: OffsetDateTime,
}

impl Judge<'_> {
    /// The challenge that proved one identifier, and the rules that permit it.
    fn one<'c>(
        &self,
        identifier: &Identifier,
        authorization: Option<&'c Authorization>,
    ) -> Result<(&'c Challenge, Vec<String>), RefusalReason> {
        let account = self.account;
        let authorization = authorization
            .filter(|authorization| authorization.account == account.id && authorization.is_for(identifier))
            .filter(|authorization| authorization.status_at(self.now) == AuthorizationStatus::Valid)
            .ok_or(RefusalReason::Unproven)?;
        let challenge = authorization.proven_by().ok_or(RefusalReason::Unproven)?;
        if let Some(until) = self.signed_in_until(authorization, challenge)
            && self.now >= until
        {
            return Err(RefusalReason::SignInOver { until });
        }
        if let Some(provider) = &challenge.provider
            && !self.providers.named(provider).is_some_and(|one| one.may_vouch_for(identifier))
        {
            return Err(RefusalReason::IdentityProviderGone { provider: provider.clone() });
        }
        let proofs = [challenge.kind];
        admit(self.profile, identifier, Some(&proofs)).map_err(RefusalReason::Misfit)?;
        let id = account.id.to_string();
        let request = Request {
            account: asked_by(account, &id),
            action: Action::Issue,
            identifier,
            profile: self.profile.name.as_str(),
            proofs: &proofs,
            person: challenge.evidence.as_ref().map(person),
            key_kind: KeyKind::P256,
            requested_lifetime: self.lifetime,
            client_address: None,
        };
        Ok((challenge, decided(self.rules.rules.decide(&request))?))
    }

    /// When a sign-in can be issued for no more, by `[sso] valid_for` and by the profile; `None` for other proofs, whose end is about
    /// further orders alone. The order that it was made for has its time, as the authorization has (`order/settle.rs`).
    fn signed_in_until(
        &self,
        authorization: &Authorization,
        challenge: &Challenge,
    ) -> Option<OffsetDateTime> {
        let (_, at) = (challenge.evidence.as_ref()?, challenge.validated?);
        let of_profile = clock::after(at, self.profile.authorization_lifetime);
        let until = authorization.reusable_until.map_or(of_profile, |until| until.min(of_profile));
        Some(until.max(clock::after(at, TO_FINALIZE)))
    }
}

/// What rules may ask of the person who signed in.
fn person(evidence: &Evidence) -> Person<'_> {
    Person {
        provider: &evidence.provider,
        protocol: evidence.protocol.name(),
        groups: &evidence.groups,
        authn_context: evidence.context.as_deref(),
        methods: &evidence.methods,
        display_name: evidence.display_name.as_deref(),
    }
}

/// CAA at issuance, all identifiers at the same time.
async fn caa_refusals(
    caa: &CaaGate,
    candidate: &Candidate<'_>,
    proven: &[(&Identifier, &Challenge)],
) -> Vec<(Option<Identifier>, RefusalReason)> {
    let asked = proven.iter().map(|(identifier, challenge)| async move {
        let wildcard = identifier.as_dns().is_some_and(certs::name::DnsName::is_wildcard);
        let provider = challenge.provider.as_deref().and_then(|name| candidate.providers.named(name));
        let manner = Manner {
            account_uri: Some(candidate.account_uri),
            method: challenge.kind.as_str(),
            sso_provider: provider.map(|provider| provider.sso_provider()),
        };
        let answer = caa.check(identifier, wildcard, manner).await;
        answer.err().map(|refusal| (Some((*identifier).clone()), RefusalReason::Caa(refusal)))
    });
    join_all(asked).await.into_iter().flatten().collect()
}
