//! A no: why, about which identifiers, by which rule. It becomes a problem document and, when somebody decided it, a journal entry.
//!
//! What the client reads names the rule and what to do; it never carries the text of a policy file.

use std::collections::BTreeSet;

use certs::identifier::{Identifier, IdentifierKind};
use certs::leaf::ValidityError;
use certs::name::DnsName;
use policies::profiles::Misfit;
use time::OffsetDateTime;

use super::refusal_log::{RefusalLog, Refused, Subject};
use crate::challenge::caa::CaaRefusal;
use crate::ids::{AccountId, OrderId};
use crate::respond::kinds::Kind;
use crate::respond::problem::{Problem, Subproblem};
use crate::store::Store;

/// Why not.
#[derive(Debug, thiserror::Error)]
pub enum RefusalReason {
    /// The profile does not exist or is not offered here.
    #[error("profile {profile:?} is not offered by this authority; offered are: {}", offered.join(", "))]
    UnknownProfile {
        /// What was asked for.
        profile: String,
        /// What there is.
        offered: Vec<String>,
    },
    /// No profile certifies identifiers of this kind.
    #[error("this authority has no profile for {0} identifiers")]
    NoProfileFor(IdentifierKind),
    /// The profile has no place for an identifier.
    #[error("{0}")]
    Misfit(Misfit),
    /// The profile has room for fewer.
    #[error("{count} identifiers in one order, profile {profile} has room for {max}")]
    TooMany {
        /// How many were given.
        count: usize,
        /// The limit.
        max: usize,
        /// The profile.
        profile: String,
    },
    /// The profile demands a kind that is not there.
    #[error("profile {profile} needs an identifier of kind {kind}")]
    KindMissing {
        /// The profile.
        profile: String,
        /// The kind.
        kind: IdentifierKind,
    },
    /// The times asked for cannot be had.
    #[error("{0}")]
    Validity(#[from] ValidityError),
    /// The certificate would outlive its issuer.
    #[error("notAfter lies after {0}, when the issuing certificate ends")]
    OutlivesIssuer(OffsetDateTime),
    /// The external account binding key is for other domains.
    #[error("external account binding key {kid:?} is for other domains than this; it is for: {}", domains.join(", "))]
    ExternalKey {
        /// The key id.
        kid: String,
        /// What it is for.
        domains: Vec<String>,
    },
    /// A rule forbids, or none permits.
    #[error("{reason}")]
    Rule {
        /// The rules that decided; empty if none permits.
        rules: Vec<String>,
        /// Why, for people.
        reason: String,
    },
    /// No proof is offered that this identifier and profile could be proven with.
    #[error("no challenge that this server offers can prove this identifier for profile {profile}")]
    NoProofOffered {
        /// The profile.
        profile: String,
    },
    /// No identity provider may vouch for the address.
    #[error("no identity provider of this server may vouch for addresses of {domain}")]
    NoIdentityProvider {
        /// The domain of the address.
        domain: DnsName,
    },
    /// The identity provider that vouched may do so no more.
    #[error("identity provider {provider} may not vouch for this address any more; sign in anew")]
    IdentityProviderGone {
        /// Its name in the configuration then.
        provider: String,
    },
    /// The sign-in that proved it was too long ago.
    #[error("the sign-in for this address could be used until {until}; open a new order and sign in anew")]
    SignInOver {
        /// Until when it served.
        until: OffsetDateTime,
    },
    /// The authorization does not carry a proof any more.
    #[error("there is no valid authorization for this identifier")]
    Unproven,
    /// CAA forbids, or could not be asked.
    #[error("{0}")]
    Caa(#[from] CaaRefusal),
}

impl RefusalReason {
    fn kind(&self) -> Kind {
        match self {
            Self::UnknownProfile { .. } | Self::KindMissing { .. } => Kind::InvalidProfile,
            Self::NoProfileFor(_) => Kind::UnsupportedIdentifier,
            Self::Misfit(misfit) => match misfit {
                Misfit::Kind { .. } => Kind::InvalidProfile,
                Misfit::Wildcard { .. } => Kind::RejectedIdentifier,
                Misfit::NoProof | Misfit::Proof { .. } => Kind::Unauthorized,
            },
            Self::TooMany { .. } | Self::Validity(_) | Self::OutlivesIssuer(_) => Kind::Malformed,
            Self::ExternalKey { .. }
            | Self::Rule { .. }
            | Self::NoProofOffered { .. }
            | Self::NoIdentityProvider { .. } => Kind::RejectedIdentifier,
            Self::Unproven | Self::IdentityProviderGone { .. } | Self::SignInOver { .. } => {
                Kind::Unauthorized
            }
            Self::Caa(refusal) => refusal.kind(),
        }
    }

    /// What the journal calls it; `None` for mistakes of the client that nobody decided.
    fn rule(&self) -> Option<String> {
        match self {
            Self::UnknownProfile { .. }
            | Self::NoProfileFor(_)
            | Self::Misfit(_)
            | Self::TooMany { .. }
            | Self::KindMissing { .. }
            | Self::Validity(_)
            | Self::OutlivesIssuer(_)
            | Self::NoProofOffered { .. }
            | Self::NoIdentityProvider { .. } => None,
            Self::IdentityProviderGone { provider } => Some(format!("sso:{provider}-gone")),
            Self::ExternalKey { kid, .. } => Some(format!("external-key:{kid}")),
            Self::Rule { rules, .. } if rules.is_empty() => Some("no-permit".to_owned()),
            Self::Rule { rules, .. } => Some(rules.join(",")),
            Self::SignInOver { .. } => Some("sso:sign-in-over".to_owned()),
            Self::Unproven => Some("unproven".to_owned()),
            Self::Caa(_) => Some("caa".to_owned()),
        }
    }
}

/// A no.
#[derive(Debug)]
pub struct Refusal {
    /// What was asked: `order`, `issue`, `revoke`.
    pub action: &'static str,
    /// Who asked.
    pub account: Option<AccountId>,
    /// About which order, if there is one.
    pub order: Option<OrderId>,
    /// Why; an identifier stands beside what is about it alone.
    pub reasons: Vec<(Option<Identifier>, RefusalReason)>,
}

impl Refusal {
    /// What the journal is to know, if somebody decided it.
    fn refused(&self) -> Option<Refused> {
        let rules: BTreeSet<String> = self.reasons.iter().filter_map(|(_, reason)| reason.rule()).collect();
        if rules.is_empty() {
            return None;
        }
        Some(Refused {
            action: self.action,
            account: self.account,
            order: self.order,
            identifiers: self.reasons.iter().filter_map(|(identifier, _)| identifier.clone()).collect(),
            rule: rules.into_iter().collect::<Vec<_>>().join(","),
        })
    }

    /// Writes it into the journal and gives what the client is told. If the journal cannot be written, it is still a no.
    pub async fn record(self, log: &RefusalLog, store: &Store, now: OffsetDateTime) -> Problem {
        if let Some(refused) = self.refused()
            && let Err(error) = log.record(store, refused, now).await
        {
            tracing::error!(%error, "a refusal could not be journalled");
        }
        self.into()
    }

    /// The same for one whom the internal authority refuses.
    pub async fn record_of(
        self,
        subject: &Subject,
        log: &RefusalLog,
        store: &Store,
        now: OffsetDateTime,
    ) -> Problem {
        if let Some(refused) = self.refused()
            && let Err(error) = log.record_of(store, subject, refused, now).await
        {
            tracing::error!(%error, "a refusal could not be journalled");
        }
        self.into()
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let mut parts = refusal.reasons.into_iter().map(|(identifier, reason)| Subproblem {
            kind: reason.kind(),
            detail: reason.to_string(),
            identifier,
        });
        match (parts.next(), parts.next()) {
            (None, _) => Self::new(Kind::ServerInternal, "refused without a reason"),
            (Some(only), None) => summed_up(vec![only]),
            (Some(first), Some(second)) => summed_up([first, second].into_iter().chain(parts).collect()),
        }
    }
}

/// One problem of these parts: of their kind if they have one in common, else `compound` (RFC 8555 §6.7.1).
pub(crate) fn summed_up(parts: Vec<Subproblem>) -> Problem {
    let mut problem = match parts.as_slice() {
        [] => Problem::new(Kind::ServerInternal, "refused without a reason"),
        [only] => match &only.identifier {
            Some(identifier) => Problem::new(only.kind, format!("{identifier}: {}", only.detail)),
            None => return Problem::new(only.kind, only.detail.clone()),
        },
        [first, rest @ ..] => {
            let same = rest.iter().all(|part| part.kind == first.kind);
            let kind = if same { first.kind } else { Kind::Compound };
            Problem::new(kind, format!("{} identifiers are refused; see the subproblems", parts.len()))
        }
    };
    problem.subproblems = parts;
    problem
}
