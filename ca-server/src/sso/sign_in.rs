//! One sign-in: what happens between the answer to an `sso-01` challenge and its validation.
//!
//! Plain values and one pure step. A sign-in only moves forward: offered, asked, vouched, completed; or it failed, once and for good.
//! What a browser or the client has to show again is kept as a hash. The short code, which the account may read again, and the nonce and
//! the PKCE verifier, which are needed as they are, are not; the link's own secret is the challenge's token.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::oidc::PkceVerifier;
use super::person::Evidence;
use super::reason::Reason;
use crate::ids::{AccountId, AuthorizationId, ChallengeId, SignInId};
use crate::store::{Record, Table};

/// Codes that may be typed; if the last is wrong too, the sign-in fails.
pub const MOST_TRIES: u32 = 5;

/// A sign-in of a person, asked for by an account.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignIn {
    /// The hash of the secret of its link.
    pub id: SignInId,
    /// Who asked for it.
    pub account: AccountId,
    /// For which authorization.
    pub authorization: AuthorizationId,
    /// The challenge that it answers.
    pub challenge: ChallengeId,
    /// Where the person signs in: a name in the configuration.
    pub provider: String,
    /// The address that the challenge was answered from; shown to the person.
    pub client: IpAddr,
    /// How the client proves that it is the one in front of the person.
    pub completion: Completion,
    /// When the challenge was answered.
    #[serde(with = "time::serde::timestamp")]
    pub created: OffsetDateTime,
    /// When it is too late.
    #[serde(with = "time::serde::timestamp")]
    pub expires: OffsetDateTime,
    /// How far it has come.
    pub stage: Stage,
}

/// How the client proves that it is the one in front of the person who signs in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "kebab-case")]
pub enum Completion {
    /// It shows a short code, and the person types it on the confirm page.
    Code {
        /// The code, as `XXXX-XXXX`.
        code: String,
    },
    /// It listens on this machine, is sent a one-time code there, and posts it.
    Redirect {
        /// Where it listens.
        uri: String,
    },
}

/// How far a sign-in has come.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "at", rename_all = "kebab-case")]
pub enum Stage {
    /// The link was made and not used.
    Offered,
    /// The link was used; a browser is at the provider.
    Asked(Asked),
    /// The provider vouched; the client has not completed it.
    Vouched(Vouched),
    /// All is done; the validation may succeed.
    Completed {
        /// What the provider said.
        evidence: Evidence,
    },
    /// It failed for good.
    Failed {
        /// Why.
        reason: Reason,
    },
}

/// What a sign-in remembers while a browser is at the provider.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// Hash of the browser's cookie.
    pub browser: String,
    /// Hash of the secret part of the state that the provider gives back.
    pub relay: String,
    /// What was hashed together with the key authorization, base64url.
    pub nonce: String,
    /// That hash: what the provider signs as request id or nonce, base64url.
    pub commitment: String,
    /// The PKCE verifier (OIDC). Secret, useless without the provider's code.
    pub verifier: PkceVerifier,
    /// When the browser was sent there.
    #[serde(with = "time::serde::timestamp")]
    pub since: OffsetDateTime,
}

/// What a sign-in remembers between the provider's word and the client's.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vouched {
    /// Hash of the browser's cookie.
    pub browser: String,
    /// Hash of the one-time code sent to the client, or of the secret of the confirm page's URL.
    pub secret: String,
    /// What the provider said.
    pub evidence: Evidence,
    /// As in [`Asked`].
    pub nonce: String,
    /// As in [`Asked`].
    pub commitment: String,
    /// Codes typed so far. Each is counted before it is compared.
    pub tries: u32,
    /// When the provider vouched.
    #[serde(with = "time::serde::timestamp")]
    pub vouched_at: OffsetDateTime,
    /// The address of the browser that brought the answer.
    pub from: IpAddr,
}

/// What can happen to a sign-in.
#[derive(Clone)]
pub enum SignInEvent {
    /// The link was used.
    Ask(Asked),
    /// The provider vouched, and every check passed.
    Vouch {
        /// Hash of the secret that completes it.
        secret: String,
        /// What the provider said.
        evidence: Evidence,
        /// When.
        at: OffsetDateTime,
        /// The address of the browser that brought it.
        from: IpAddr,
    },
    /// A short code was typed, right or wrong.
    Try,
    /// The right code was typed or posted.
    Complete,
    /// It cannot succeed any more.
    Fail(Reason),
}

/// The event cannot happen now; nothing may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{event} is not possible while the sign-in is {stage}")]
pub struct OutOfTurn {
    /// How far it has come.
    pub stage: &'static str,
    /// What was to happen.
    pub event: &'static str,
}

impl Completion {
    /// Where the browser is sent at the end, if that is no page of ours. Some browsers hold it against the policy of the first page's form.
    #[must_use]
    pub fn origin(&self) -> Option<String> {
        match self {
            Self::Code { .. } => None,
            Self::Redirect { uri } => Some(uri.parse::<url::Url>().ok()?.origin().ascii_serialization()),
        }
    }
}

impl Stage {
    /// The word for it in logs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Offered => "offered",
            Self::Asked(_) => "asked",
            Self::Vouched(_) => "vouched",
            Self::Completed { .. } => "completed",
            Self::Failed { .. } => "failed",
        }
    }

    /// What `event` makes of it.
    ///
    /// # Errors
    /// If the event is out of turn.
    pub fn step(&self, event: SignInEvent) -> Result<Self, OutOfTurn> {
        use SignInEvent as E;
        match (self, event) {
            (Self::Offered, E::Ask(asked)) => Ok(Self::Asked(asked)),
            (Self::Asked(asked), E::Vouch { secret, evidence, at: vouched_at, from }) => {
                let Asked { browser, nonce, commitment, .. } = asked.clone();
                let tries = 0;
                let vouched =
                    Vouched { browser, secret, evidence, nonce, commitment, tries, vouched_at, from };
                Ok(Self::Vouched(vouched))
            }
            (Self::Vouched(vouched), E::Try) if vouched.tries >= MOST_TRIES => {
                Ok(Self::Failed { reason: Reason::WrongCodes })
            }
            (Self::Vouched(vouched), E::Try) => {
                Ok(Self::Vouched(Vouched { tries: vouched.tries.saturating_add(1), ..vouched.clone() }))
            }
            (Self::Vouched(vouched), E::Complete) => {
                Ok(Self::Completed { evidence: vouched.evidence.clone() })
            }
            (Self::Offered | Self::Asked(_) | Self::Vouched(_), E::Fail(reason)) => {
                Ok(Self::Failed { reason })
            }
            (
                Self::Offered
                | Self::Asked(_)
                | Self::Vouched(_)
                | Self::Completed { .. }
                | Self::Failed { .. },
                event,
            ) => Err(OutOfTurn { stage: self.name(), event: event.name() }),
        }
    }
}

impl SignInEvent {
    const fn name(&self) -> &'static str {
        match self {
            Self::Ask(_) => "use of the link",
            Self::Vouch { .. } => "the provider's answer",
            Self::Try => "a code",
            Self::Complete => "completion",
            Self::Fail(_) => "failure",
        }
    }
}

impl SignIn {
    /// The same after `event`.
    ///
    /// # Errors
    /// If the event is out of turn.
    pub fn after(&self, event: SignInEvent) -> Result<Self, OutOfTurn> {
        Ok(Self { stage: self.stage.step(event)?, ..self.clone() })
    }
}

impl std::fmt::Debug for SignIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignIn")
            .field("challenge", &self.challenge)
            .field("provider", &self.provider)
            .field("stage", &self.stage.name())
            .finish_non_exhaustive()
    }
}

impl Record for SignIn {
    const TABLE: Table = Table::SignIns;
    type Key = SignInId;

    fn key(&self) -> SignInId {
        self.id
    }

    fn encode_key(key: &SignInId) -> Vec<u8> {
        key.as_bytes().to_vec()
    }
}

#[cfg(test)]
mod tests;
