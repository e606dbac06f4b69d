//! Whether an order may be opened: profile, times, external binding, rules (RFC 8555 §7.4; draft-ietf-acme-profiles). Nothing is proven yet.
//!
//! Decides for all identifiers at once, so that the client learns of every refusal in one answer.

use std::time::Duration;

use certs::identifier::Identifier;
use certs::leaf::{LeafProfile, Proof};
use certs::name::DnsName;
use policies::Ruleset;
use policies::profiles::admit;
use policies::rules::{Account as AskedBy, Action, Decision, KeyKind, Request};
use time::OffsetDateTime;

use super::{Policy, Refusal, RefusalReason};
use crate::challenge::offer::Offer;
use crate::clock;
use crate::order::model::{Account, ExternalKey};
use crate::sign::Authority;

/// What a client wants, read but not judged.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Sorted, each once, never empty.
    pub identifiers: Vec<Identifier>,
    /// The profile by name, if it chose one.
    pub profile: Option<String>,
    /// The notBefore it asked for.
    pub not_before: Option<OffsetDateTime>,
    /// The notAfter it asked for.
    pub not_after: Option<OffsetDateTime>,
}

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub struct Asker<'a> {
    /// The account.
    pub account: &'a Account,
    /// The external account binding key it was made with.
    pub external_key: Option<&'a ExternalKey>,
}

/// That an order with these contents may be opened.
#[derive(Debug)]
pub struct Admitted {
    pub(crate) identifiers: Vec<Identifier>,
    pub(crate) profile: LeafProfile,
    pub(crate) not_before: Option<OffsetDateTime>,
    pub(crate) not_after: Option<OffsetDateTime>,
}

impl Policy {
    /// Judges an order that is to be opened; `offer` is what the server can check.
    ///
    /// # Errors
    /// Every reason why not.
    pub fn admit(
        &self,
        asker: &Asker<'_>,
        authority: &Authority,
        wanted: Wanted,
        offer: &Offer<'_>,
        now: OffsetDateTime,
    ) -> Result<Admitted, Refusal> {
        let refuse =
            |reasons| Refusal { action: "order", account: Some(asker.account.id), order: None, reasons };
        let rules = self.current();
        let profile = choose(&rules, authority, &wanted).map_err(|reason| refuse(vec![(None, reason)]))?;
        let mut reasons = Vec::new();
        if let Err(reason) = whole(profile, authority, &wanted, now) {
            reasons.push((None, reason));
        }
        let lifetime = lifetime(profile, &wanted, now);
        for identifier in &wanted.identifiers {
            if let Err(reason) = one(&rules, profile, asker, identifier, offer, lifetime) {
                reasons.push((Some(identifier.clone()), reason));
            }
        }
        if !reasons.is_empty() {
            return Err(refuse(reasons));
        }
        let Wanted { identifiers, not_before, not_after, .. } = wanted;
        Ok(Admitted { identifiers, profile: profile.clone(), not_before, not_after })
    }
}

/// The profile asked for; else the default if it fits; else the first that does.
fn choose<'r>(
    rules: &'r Ruleset,
    authority: &Authority,
    wanted: &Wanted,
) -> Result<&'r LeafProfile, RefusalReason> {
    let offered = || authority.profiles().iter().filter_map(|name| rules.profiles.named(name));
    if let Some(name) = &wanted.profile {
        return offered().find(|profile| profile.name.as_str() == name).ok_or_else(|| {
            RefusalReason::UnknownProfile { profile: name.clone(), offered: authority.profiles().to_vec() }
        });
    }
    let fits = |profile: &&LeafProfile| {
        wanted.identifiers.iter().all(|identifier| profile.identifiers.contains(&identifier.kind()))
    };
    let default = rules.profiles.named(authority.default_profile());
    if let Some(profile) = default.into_iter().chain(offered()).find(fits) {
        return Ok(profile);
    }
    let known =
        |identifier: &&Identifier| offered().any(|profile| profile.identifiers.contains(&identifier.kind()));
    match (wanted.identifiers.iter().find(|identifier| !known(identifier)), default) {
        (Some(identifier), _) => Err(RefusalReason::NoProfileFor(identifier.kind())),
        (None, Some(default)) => Ok(default),
        (None, None) => Err(RefusalReason::UnknownProfile {
            profile: authority.default_profile().to_owned(),
            offered: authority.profiles().to_vec(),
        }),
    }
}

/// What concerns the order as a whole.
fn whole(
    profile: &LeafProfile,
    authority: &Authority,
    wanted: &Wanted,
    now: OffsetDateTime,
) -> Result<(), RefusalReason> {
    let (count, max) = (wanted.identifiers.len(), profile.max_identifiers);
    if count > max {
        return Err(RefusalReason::TooMany { count, max, profile: profile.name.to_string() });
    }
    let has = |kind| wanted.identifiers.iter().any(|identifier| identifier.kind() == kind);
    if let Some(kind) = profile.required_identifiers.iter().find(|kind| !has(**kind)) {
        return Err(RefusalReason::KindMissing { profile: profile.name.to_string(), kind: *kind });
    }
    profile.validity(now, wanted.not_before, wanted.not_after)?;
    let end = authority.issuer().not_after();
    match wanted.not_after.or(wanted.not_before) {
        Some(asked) if asked > end => Err(RefusalReason::OutlivesIssuer(end)),
        Some(_) | None => Ok(()),
    }
}

/// The lifetime that was asked for, as rules see it.
fn lifetime(profile: &LeafProfile, wanted: &Wanted, now: OffsetDateTime) -> Option<Duration> {
    asked_lifetime(profile, wanted.not_before, wanted.not_after, now)
}

pub(super) fn asked_lifetime(
    profile: &LeafProfile,
    not_before: Option<OffsetDateTime>,
    not_after: Option<OffsetDateTime>,
    now: OffsetDateTime,
) -> Option<Duration> {
    if not_before.is_none() && not_after.is_none() {
        return None;
    }
    let start = not_before.unwrap_or(now);
    let end = not_after.unwrap_or_else(|| clock::after(start, profile.lifetime));
    Duration::try_from(end - start).ok()
}

/// What concerns one identifier.
fn one(
    rules: &Ruleset,
    profile: &LeafProfile,
    asker: &Asker<'_>,
    identifier: &Identifier,
    offer: &Offer<'_>,
    lifetime: Option<Duration>,
) -> Result<(), RefusalReason> {
    admit(profile, identifier, None).map_err(RefusalReason::Misfit)?;
    if let Some(key) = asker.external_key {
        within(key, identifier)?;
    }
    let id = asker.account.id.to_string();
    let request = Request {
        account: asked_by(asker.account, &id),
        action: Action::Order,
        identifier,
        profile: profile.name.as_str(),
        proofs: &[],
        key_kind: KeyKind::P256,
        requested_lifetime: lifetime,
        person: None,
        client_address: None,
    };
    decided(rules.rules.decide(&request))?;
    if !offer.ways(profile, identifier).is_empty() {
        return Ok(());
    }
    match identifier.as_email() {
        Some(address) if profile.proofs.contains(&Proof::Sso01) => {
            Err(RefusalReason::NoIdentityProvider { domain: address.domain().clone() })
        }
        Some(_) | None => Err(RefusalReason::NoProofOffered { profile: profile.name.to_string() }),
    }
}

/// Whether this kind of proof can be about this kind of identifier.
pub(crate) fn proves(proof: Proof, identifier: &Identifier) -> bool {
    match identifier {
        Identifier::Dns(_) => proof.is_dns(),
        Identifier::Email(_) => proof == Proof::Sso01,
        Identifier::Uri(_) => false,
    }
}

/// Whether the external account binding key covers the identifier; one without domains leaves it to the rules.
fn within(key: &ExternalKey, identifier: &Identifier) -> Result<(), RefusalReason> {
    let covers = |text: &String| match (DnsName::parse_allowing_single_label(text), identifier.domain()) {
        (Ok(domain), Some(name)) => name.is_within(&domain),
        (Ok(_), None) | (Err(_), _) => false,
    };
    if key.domains.is_empty() || key.domains.iter().any(covers) {
        return Ok(());
    }
    Err(RefusalReason::ExternalKey { kid: key.kid.clone(), domains: key.domains.clone() })
}

pub(crate) fn asked_by<'a>(account: &'a Account, id: &'a str) -> AskedBy<'a> {
    AskedBy {
        id,
        authority: account.authority.as_str(),
        organisation: None,
        contacts: &account.contact,
        external_binding: account.external_key.as_deref(),
        created: account.created.unix_timestamp(),
    }
}

/// The rules that permit, or the refusal.
pub(crate) fn decided(decision: Decision) -> Result<Vec<String>, RefusalReason> {
    let names =
        |rules: Vec<policies::rules::RuleId>| rules.iter().map(|rule| rule.as_str().to_owned()).collect();
    match decision {
        Decision::Allowed { rules } => Ok(names(rules)),
        Decision::Denied { rules, reason } => Err(RefusalReason::Rule { rules: names(rules), reason }),
    }
}
