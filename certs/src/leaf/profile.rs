//! Profiles (draft-ietf-acme-profiles): what a kind of leaf looks like, who may be in it and how long it lives.
//!
//! A profile is data that an operator writes; [`LeafProfile::check`] says whether it makes sense before anything is issued under it. It decides
//! the form of a certificate only. Who may have one is decided by policy rules elsewhere.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Proof;
use crate::identifier::IdentifierKind;

/// The most that `not-before` may lie in the past.
pub const MAX_BACKDATE: Duration = Duration::from_secs(300);

const MAX_IDENTIFIERS: usize = 100;

/// Ten years: longer than any leaf should live, shorter than what dates can hold.
const MAX_LIFETIME: Duration = Duration::from_secs(3653 * 86_400);

/// Why a profile makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// Names are lower-case words joined by hyphens.
    #[error("profile name {name:?} is not 1 to 64 lower-case letters, digits and inner hyphens")]
    Name {
        /// What was given.
        name: String,
    },
    /// A certificate of no duration.
    #[error("lifetime is shorter than one minute")]
    LifetimeTooShort,
    /// The default exceeds the maximum.
    #[error("lifetime is longer than max-lifetime")]
    LifetimeAboveMax,
    /// A leaf that outlives its algorithms.
    #[error("max-lifetime is longer than ten years")]
    MaxLifetimeTooLong,
    /// A proof that outlives every certificate made on it.
    #[error("authorization-lifetime is longer than ten years")]
    AuthorizationLifetimeTooLong,
    /// Clock skew does not need more.
    #[error("backdate is longer than five minutes")]
    BackdateTooLong,
    /// A certificate for anything is a certificate for too much.
    #[error("extended-key-usages is empty")]
    NoExtendedKeyUsage,
    /// Nothing could ever be issued.
    #[error("identifiers is empty")]
    NoIdentifierKind,
    /// Nothing could ever be issued.
    #[error("required-identifiers has {kind}, identifiers has not")]
    RequiredNotAllowed {
        /// The kind that is required but not allowed.
        kind: IdentifierKind,
    },
    /// Nothing could ever be issued.
    #[error("proofs is empty")]
    NoProof,
    /// A DNS proof where no DNS name can be.
    #[error("proof {proof} needs {kind} among the identifiers")]
    ProofWithoutKind {
        /// The proof.
        proof: Proof,
        /// What it would prove.
        kind: IdentifierKind,
    },
    /// Approval where nobody would be asked for it.
    #[error("needs-approval is of no effect on a certificate proven by {proof}")]
    ApprovalUnasked {
        /// The proof.
        proof: Proof,
    },
    /// A guest's certificate that would look like anybody's.
    #[error(
        "proof anonymous needs policy = \"proof\": without it nothing in the certificate says that its holder is unknown"
    )]
    AnonymousUnsaid,
    /// No limit, or one beyond reason.
    #[error("max-identifiers is {max}, 1 to 100 are allowed")]
    IdentifierLimit {
        /// What was given.
        max: usize,
    },
}

/// The name by which clients ask for a profile.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProfileName(String);

impl ProfileName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProfileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ProfileName {
    type Err = ProfileError;

    fn from_str(text: &str) -> Result<Self, ProfileError> {
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let edge = |c: Option<char>| c.is_some_and(|c| c != '-');
        let fits = text.len() <= 64 && text.chars().all(inner);
        if fits && edge(text.chars().next()) && edge(text.chars().last()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ProfileError::Name { name: text.to_owned() })
        }
    }
}

impl TryFrom<String> for ProfileName {
    type Error = ProfileError;

    fn try_from(text: String) -> Result<Self, ProfileError> {
        text.parse()
    }
}

impl From<ProfileName> for String {
    fn from(name: ProfileName) -> Self {
        name.0
    }
}

/// What a leaf's key may be used for (RFC 5280 §4.2.1.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExtendedKeyUsage {
    /// `id-kp-clientAuth`.
    ClientAuth,
    /// `id-kp-serverAuth`, for the authority's own TLS certificate.
    ServerAuth,
    /// `id-kp-emailProtection`.
    EmailProtection,
    /// `id-kp-OCSPSigning`, for the authority's own responder (RFC 6960 §4.2.2.2). No file can name it: whoever holds such a certificate
    /// can unsay every revocation.
    #[serde(skip)]
    OcspSigning,
}

impl ExtendedKeyUsage {
    /// The OID in dotted form.
    pub fn oid(self) -> &'static str {
        match self {
            Self::ServerAuth => "1.3.6.1.5.5.7.3.1",
            Self::ClientAuth => "1.3.6.1.5.5.7.3.2",
            Self::EmailProtection => "1.3.6.1.5.5.7.3.4",
            Self::OcspSigning => "1.3.6.1.5.5.7.3.9",
        }
    }
}

/// What the subject's common name is. There is no other subject field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SubjectRule {
    /// No subject at all; the alternative names are then critical.
    None,
    /// The first identifier, if it has at most 64 characters; else none.
    #[default]
    FirstNameIfFits,
    /// The organisation's preferred domain, if it has one; else none.
    PreferredDomain,
}

/// Whether certificates name their proof.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PolicyRule {
    /// One policy OID per proof that was used.
    #[default]
    Proof,
    /// No certificate policies, for certificates that are not identities, such as the server's own.
    None,
}

/// One kind of leaf certificate.
///
/// ```toml
/// name = "device"
/// description = "A meeting device, proven by DNS"
/// lifetime = "7days"
/// max-lifetime = "30days"
/// extended-key-usages = ["client-auth"]
/// identifiers = ["dns"]
/// proofs = ["dns-01", "dns-account-01", "dns-persist-01"]
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LeafProfile {
    /// What clients ask for.
    pub name: ProfileName,
    /// One sentence for people; ACME shows it in `meta.profiles`.
    pub description: String,
    /// How long a certificate lives if the order does not say.
    #[serde(with = "humantime_serde")]
    pub lifetime: Duration,
    /// The longest life that an order may ask for.
    #[serde(with = "humantime_serde")]
    pub max_lifetime: Duration,
    /// How far `not-before` lies before issuance, for holders whose clocks run late. Default: 1min. At most 5min.
    #[serde(with = "humantime_serde", default = "default_backdate")]
    pub backdate: Duration,
    /// What the key may be used for; a relying party refuses any other use.
    pub extended_key_usages: BTreeSet<ExtendedKeyUsage>,
    /// What the common name is. Default: `first-name-if-fits`.
    #[serde(default)]
    pub subject: SubjectRule,
    /// The kinds of identifier that an order may have.
    pub identifiers: BTreeSet<IdentifierKind>,
    /// The kinds that it must have, each at least once. Default: none in particular.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub required_identifiers: BTreeSet<IdentifierKind>,
    /// The most identifiers in one certificate. Default: 10.
    #[serde(default = "default_max_identifiers")]
    pub max_identifiers: usize,
    /// Whether `*.` names may be certified. A wildcard speaks for devices that do not exist yet. Default: false.
    #[serde(default)]
    pub wildcards: bool,
    /// The proofs that count.
    pub proofs: BTreeSet<Proof>,
    /// Whether the proof is named in the certificate. Default: `proof`.
    #[serde(default)]
    pub policy: PolicyRule,
    /// Whether an administrator approves each certificate that is issued on a token. Over ACME nobody is asked, so only the proofs `token` and `anonymous` go with it. Default: false.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub needs_approval: bool,
    /// How long a proof may be reused for further orders of the same account. Default: 8h. `0s` turns reuse off.
    #[serde(with = "humantime_serde", default = "default_authorization_lifetime")]
    pub authorization_lifetime: Duration,
}

fn default_backdate() -> Duration {
    Duration::from_secs(60)
}

fn default_max_identifiers() -> usize {
    10
}

fn default_authorization_lifetime() -> Duration {
    Duration::from_secs(8 * 3600)
}

impl LeafProfile {
    /// The name of the [`responder`](Self::responder)'s profile.
    pub const RESPONDER: &str = "ocsp-responder";

    /// The profile of a delegated responder (RFC 6960 §4.2.2.2): it signs what is said of other certificates for `lifetime`, and may do nothing
    /// else. Built in, so that no file can change it or hand it out.
    pub fn responder(lifetime: Duration) -> Self {
        Self {
            name: ProfileName(Self::RESPONDER.to_owned()),
            description: "The authority's own OCSP responder".to_owned(),
            lifetime,
            max_lifetime: lifetime,
            backdate: MAX_BACKDATE,
            extended_key_usages: BTreeSet::from([ExtendedKeyUsage::OcspSigning]),
            subject: SubjectRule::FirstNameIfFits,
            identifiers: BTreeSet::from([IdentifierKind::Dns]),
            required_identifiers: BTreeSet::new(),
            max_identifiers: 1,
            wildcards: false,
            proofs: BTreeSet::from([Proof::Dns01]),
            policy: PolicyRule::None,
            needs_approval: false,
            authorization_lifetime: Duration::ZERO,
        }
    }

    /// Whether what is issued under it signs OCSP answers.
    pub fn is_responder(&self) -> bool {
        self.extended_key_usages.contains(&ExtendedKeyUsage::OcspSigning)
    }

    /// Every reason why nothing should be issued under this profile; empty if it makes sense.
    pub fn check(&self) -> Vec<ProfileError> {
        let mut faults = Vec::new();
        if self.lifetime < Duration::from_secs(60) {
            faults.push(ProfileError::LifetimeTooShort);
        }
        if self.lifetime > self.max_lifetime {
            faults.push(ProfileError::LifetimeAboveMax);
        }
        if self.max_lifetime > MAX_LIFETIME {
            faults.push(ProfileError::MaxLifetimeTooLong);
        }
        if self.authorization_lifetime > MAX_LIFETIME {
            faults.push(ProfileError::AuthorizationLifetimeTooLong);
        }
        if self.backdate > MAX_BACKDATE {
            faults.push(ProfileError::BackdateTooLong);
        }
        if self.extended_key_usages.is_empty() {
            faults.push(ProfileError::NoExtendedKeyUsage);
        }
        if self.max_identifiers == 0 || self.max_identifiers > MAX_IDENTIFIERS {
            faults.push(ProfileError::IdentifierLimit { max: self.max_identifiers });
        }
        let asked = |proof: &&Proof| matches!(proof, Proof::Token | Proof::Anonymous);
        if self.needs_approval
            && let Some(proof) = self.proofs.iter().find(|proof| !asked(proof))
        {
            faults.push(ProfileError::ApprovalUnasked { proof: *proof });
        }
        if self.proofs.contains(&Proof::Anonymous) && self.policy != PolicyRule::Proof {
            faults.push(ProfileError::AnonymousUnsaid);
        }
        self.check_kinds(&mut faults);
        faults
    }

    fn check_kinds(&self, faults: &mut Vec<ProfileError>) {
        if self.identifiers.is_empty() {
            faults.push(ProfileError::NoIdentifierKind);
        }
        if self.proofs.is_empty() {
            faults.push(ProfileError::NoProof);
        }
        let missing = self.required_identifiers.difference(&self.identifiers);
        faults.extend(missing.map(|kind| ProfileError::RequiredNotAllowed { kind: *kind }));
        for proof in &self.proofs {
            let kind = match proof {
                Proof::Dns01 | Proof::DnsAccount01 | Proof::DnsPersist01 => IdentifierKind::Dns,
                Proof::Sso01 => IdentifierKind::Email,
                Proof::Token | Proof::Anonymous => continue,
            };
            if !self.identifiers.contains(&kind) {
                faults.push(ProfileError::ProofWithoutKind { proof: *proof, kind });
            }
        }
    }
}

#[cfg(test)]
mod tests;
