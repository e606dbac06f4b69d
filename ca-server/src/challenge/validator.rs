//! The seam of the proofs: what an attempt is given, what it returns, and why it may fail (RFC 8555 §8).
//!
//! A validator reads the world and returns a [`Control`], which nothing outside `challenge/` can make. It never writes, never retries
//! and never decides what becomes of the authorization.

use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use certs::identifier::Identifier;
use certs::leaf::Proof;
use certs::name::DnsName;
use time::OffsetDateTime;

use super::Control;
use super::caa::CaaRefusal;
use super::dns_account01::DnsAccount01;
use super::dns_persist01::DnsPersist01;
use super::dns01::Dns01;
use super::resolver::{DnsFailure, Resolve};
use crate::clock::Clock;
use crate::config::ChallengeConfig;
use crate::ids::{AccountId, AuthorizationId, ChallengeId};
use crate::order::model::{Account, Authorization, Challenge};
use crate::request::links::Links;
use crate::respond::kinds::Kind;
use crate::respond::problem::{Problem, Subproblem};
use crate::sso::reason::Reason;

/// One answered challenge, with all that a validator needs to know of it.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Whose control is to be shown.
    pub account: AccountId,
    /// The account's URL; `accounturi` in records means it.
    pub account_uri: String,
    /// Thumbprint of the account's key (RFC 7638).
    pub thumbprint: String,
    /// The authorization.
    pub authorization: AuthorizationId,
    /// What is to be controlled, without `*.`.
    pub identifier: Identifier,
    /// Whether `*.` stands in front of it.
    pub wildcard: bool,
    /// The challenge.
    pub challenge: ChallengeId,
    /// Its kind.
    pub proof: Proof,
    /// Its token, if its kind has one.
    pub token: Option<String>,
    /// The identity provider by its name in the configuration, if the person signs in there.
    pub provider: Option<String>,
}

impl Attempt {
    /// The attempt that answers `challenge` of `authorization` for `account`.
    #[must_use]
    pub fn new(
        account: &Account,
        authorization: &Authorization,
        challenge: &Challenge,
        links: &Links,
    ) -> Self {
        Self {
            account: account.id,
            account_uri: links.account(&account.authority, account.id),
            thumbprint: account.key.thumbprint(),
            authorization: authorization.id,
            identifier: authorization.identifier.clone(),
            wildcard: authorization.wildcard,
            challenge: challenge.id,
            proof: challenge.kind,
            token: challenge.token.clone(),
            provider: challenge.provider.clone(),
        }
    }

    /// The DNS name to be proven, without `*.`.
    pub(super) fn dns_name(&self) -> Result<&DnsName, ChallengeError> {
        self.identifier.as_dns().ok_or(ChallengeError::NotApplicable { proof: self.proof })
    }

    /// Base64url of SHA-256 over the key authorization: what `dns-01` and `dns-account-01` records hold (RFC 8555 §8.1, §8.4).
    pub(super) fn digest(&self) -> Result<String, ChallengeError> {
        let authorization = self.key_authorization()?;
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, authorization.as_bytes());
        Ok(URL_SAFE_NO_PAD.encode(digest))
    }

    /// Token, dot, thumbprint (RFC 8555 §8.1).
    pub(super) fn key_authorization(&self) -> Result<String, ChallengeError> {
        let token = self.token.as_deref().ok_or(ChallengeError::NotApplicable { proof: self.proof })?;
        Ok(format!("{token}.{}", self.thumbprint))
    }

    /// The proof value of this attempt; to be called only after the check succeeded.
    pub(super) fn control(&self, at: OffsetDateTime, reusable_until: Option<OffsetDateTime>) -> Control {
        Control {
            account: self.account,
            authorization: self.authorization,
            challenge: self.challenge,
            identifier: self.identifier.clone(),
            proof: self.proof,
            at,
            reusable_until,
            evidence: None,
        }
    }
}

/// Why control was not shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChallengeError {
    /// The DNS gave no answer.
    #[error("{0}")]
    Dns(#[from] DnsFailure),
    /// The DNS has no record where one is needed.
    #[error("TXT {name} at {servers}: no record; {hint}")]
    NotFound {
        /// Where it was looked for.
        name: String,
        /// Who answered.
        servers: String,
        /// What to do.
        hint: String,
    },
    /// There are records, but none is the one that was asked for.
    #[error("TXT {name} at {servers}: found {found}, none equals \"{expected}\"; {hint}")]
    WrongRecords {
        /// Where it was looked for.
        name: String,
        /// Who answered.
        servers: String,
        /// How many records, and the first of them.
        found: String,
        /// What one of them should be.
        expected: String,
        /// What to do.
        hint: &'static str,
    },
    /// A record speaks to this authority but cannot be read.
    #[error("TXT {name} at {servers}: record {record} is malformed: {fault}")]
    MalformedRecord {
        /// Where it stands.
        name: String,
        /// Who answered.
        servers: String,
        /// The record.
        record: String,
        /// What is wrong with it.
        fault: String,
    },
    /// A record speaks to this authority but does not allow this.
    #[error("TXT {name} at {servers}: record {record} does not authorize this: {reason}")]
    NotAuthorized {
        /// Where it stands.
        name: String,
        /// Who answered.
        servers: String,
        /// The record.
        record: String,
        /// What it lacks.
        reason: String,
    },
    /// CAA forbids issuance, or could not be looked up.
    #[error("{0}")]
    Caa(#[from] CaaRefusal),
    /// The attempt took too long.
    #[error("validation did not end within {}", humantime::format_duration(*.after))]
    TimedOut {
        /// The limit.
        after: std::time::Duration,
    },
    /// The sign-in failed, or nobody completed it in time.
    #[error("{0}")]
    SignIn(Reason),
    /// The store could not be read.
    #[error("the server could not look the sign-in up")]
    Store,
    /// The kind of proof does not fit the identifier, or is not offered any more.
    #[error("{} cannot prove this identifier here", .proof.as_str())]
    NotApplicable {
        /// The kind.
        proof: Proof,
    },
}

impl ChallengeError {
    /// Whether the same attempt may succeed a little later without anybody doing anything.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Dns(_) | Self::NotFound { .. } | Self::TimedOut { .. } | Self::Store => true,
            Self::Caa(refusal) => matches!(refusal, CaaRefusal::Lookup(_)),
            Self::WrongRecords { .. }
            | Self::MalformedRecord { .. }
            | Self::NotAuthorized { .. }
            | Self::SignIn(_)
            | Self::NotApplicable { .. } => false,
        }
    }

    /// The kind of problem it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Dns(_) | Self::TimedOut { .. } => Kind::Dns,
            Self::NotFound { .. } | Self::WrongRecords { .. } => Kind::IncorrectResponse,
            Self::MalformedRecord { .. } => Kind::Malformed,
            Self::NotAuthorized { .. } => Kind::Unauthorized,
            Self::NotApplicable { .. } => Kind::RejectedIdentifier,
            Self::SignIn(reason) => reason.kind(),
            Self::Store => Kind::ServerInternal,
            Self::Caa(refusal) => refusal.kind(),
        }
    }

    /// The problem document about `identifier`.
    #[must_use]
    pub fn problem(&self, identifier: &Identifier) -> Problem {
        let detail = self.to_string();
        let part =
            Subproblem { kind: self.kind(), detail: detail.clone(), identifier: Some(identifier.clone()) };
        Problem::new(self.kind(), detail).with(part)
    }
}

/// One kind of proof.
#[async_trait]
pub trait Validator: Send + Sync {
    /// Checks that the account controls the identifier now. Called under a timeout; must not retry.
    async fn validate(&self, attempt: &Attempt) -> Result<Control, ChallengeError>;
}

/// The validators of the proofs that are offered.
#[derive(Clone)]
pub struct Validators {
    offered: Vec<(Proof, Arc<dyn Validator>)>,
}

impl Validators {
    /// The validators that `[challenge] offer` names. Records mean this server by one of `issuer_domains`.
    #[must_use]
    pub fn new(
        config: &ChallengeConfig,
        issuer_domains: &[String],
        resolver: &Arc<dyn Resolve>,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        let all: [(Proof, Arc<dyn Validator>); 3] = [
            (Proof::Dns01, Arc::new(Dns01::new(resolver.clone(), clock.clone()))),
            (Proof::DnsAccount01, Arc::new(DnsAccount01::new(resolver.clone(), clock.clone()))),
            (
                Proof::DnsPersist01,
                Arc::new(DnsPersist01::new(resolver.clone(), clock.clone(), issuer_domains.to_vec())),
            ),
        ];
        Self { offered: all.into_iter().filter(|(proof, _)| config.offer.contains(proof)).collect() }
    }

    /// The same with one more, for a kind that is offered otherwise than by `[challenge] offer`.
    #[must_use]
    pub fn with(mut self, proof: Proof, validator: Arc<dyn Validator>) -> Self {
        self.offered.push((proof, validator));
        self
    }

    /// The validator of `attempt`'s kind, run.
    ///
    /// # Errors
    /// Why control was not shown; [`ChallengeError::NotApplicable`] if the kind is not offered.
    pub async fn validate(&self, attempt: &Attempt) -> Result<Control, ChallengeError> {
        match self.offered.iter().find(|(proof, _)| *proof == attempt.proof) {
            Some((_, validator)) => validator.validate(attempt).await,
            None => Err(ChallengeError::NotApplicable { proof: attempt.proof }),
        }
    }
}
