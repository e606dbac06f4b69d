//! Authorizations (RFC 8555 §7.1.4, §7.5): what has to be proven, by which challenges, and how that stands.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;
use time::OffsetDateTime;
use time::serde::rfc3339;

use super::account::Account;
use super::challenge::{Challenge, ChallengeType};
use super::directory::{NotOffered, Resource};
use super::identifier::Identifier;
use super::poll::{Poll, PollPolicy};
use super::problem::Problem;
use super::request::{RequestError, located};
use super::resource_url::ResourceUrl;

/// The state of an authorization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuthorizationStatus {
    /// Nothing is proven yet.
    Pending,
    /// Proven.
    Valid,
    /// A challenge failed.
    Invalid,
    /// Given up by the account.
    Deactivated,
    /// Lapsed.
    Expired,
    /// Withdrawn by the authority.
    Revoked,
}

impl std::fmt::Display for AuthorizationStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Pending => "pending",
            Self::Valid => "valid",
            Self::Invalid => "invalid",
            Self::Deactivated => "deactivated",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        })
    }
}

/// What has to be proven, and how it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authorization {
    /// Where it lives.
    pub url: ResourceUrl,
    /// What is to be proven. Without `*.` even for a wildcard.
    pub identifier: Identifier,
    /// Its state.
    pub status: AuthorizationStatus,
    /// When it lapses.
    #[serde(with = "rfc3339::option", default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<OffsetDateTime>,
    /// The ways to prove it; any one will do.
    pub challenges: Vec<Challenge>,
    /// Whether the order named a wildcard.
    #[serde(default)]
    pub wildcard: bool,
}

impl Authorization {
    /// Reads the wire form of the authorization at `url`. Total: any bytes give one or an error.
    ///
    /// # Errors
    /// If it is not JSON of this shape.
    pub fn parse(url: &ResourceUrl, bytes: &[u8]) -> Result<Self, serde_json::Error> {
        located(url, bytes)
    }

    /// The first challenge of this type.
    #[must_use]
    pub fn challenge(&self, kind: &ChallengeType) -> Option<&Challenge> {
        self.challenges.iter().find(|challenge| &challenge.kind == kind)
    }
}

/// An authorization did not come to a good end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorizationError {
    /// The authority refused or could not be reached.
    #[error("{0}")]
    Request(#[from] RequestError),
    /// It did not become valid.
    #[error("{} is not proven: the authorization is {}{}", .authorization.identifier, .authorization.status, reason(.problem.as_deref()))]
    Refused {
        /// The authorization.
        authorization: Box<Authorization>,
        /// Why, if a challenge says so.
        problem: Option<Box<Problem>>,
    },
    /// The wait was too long.
    #[error("authorization {url} was still pending after {}", humantime::format_duration(*.waited))]
    TimedOut {
        /// The authorization.
        url: ResourceUrl,
        /// How long was waited.
        waited: Duration,
    },
    /// The authority has no `newAuthz`.
    #[error(transparent)]
    NotOffered(#[from] NotOffered),
}

fn reason(problem: Option<&Problem>) -> String {
    problem.map(|problem| format!(": {problem}")).unwrap_or_default()
}

impl Account {
    /// The authorization at `url`, as it is now.
    ///
    /// # Errors
    /// If the authority refuses or cannot be reached.
    pub async fn authorization(&self, url: &ResourceUrl) -> Result<Authorization, RequestError> {
        self.ask(url).await?.json_at(url, "authorization")
    }

    /// Opens an authorization before any order (RFC 8555 §7.4.1).
    ///
    /// # Errors
    /// If the authority does not offer that, refuses, or cannot be reached.
    pub async fn new_authorization(
        &self,
        identifier: &Identifier,
    ) -> Result<Authorization, AuthorizationError> {
        let url = self.client.directory().resource(Resource::NewAuthorization)?;
        let answer = self.tell(url, &json!({ "identifier": identifier })).await?;
        Ok(answer.json_at(&answer.location()?, "authorization")?)
    }

    /// Gives the authorization up, so that it cannot be used again.
    ///
    /// # Errors
    /// If the authority refuses or cannot be reached.
    pub async fn deactivate_authorization(&self, url: &ResourceUrl) -> Result<Authorization, RequestError> {
        let change = json!({ "status": AuthorizationStatus::Deactivated });
        self.tell(url, &change).await?.json_at(url, "authorization")
    }

    /// Waits until the authorization is valid.
    ///
    /// # Errors
    /// If it ends otherwise, takes too long, or the authority cannot be reached.
    pub async fn wait_for_authorization(
        &self,
        url: &ResourceUrl,
    ) -> Result<Authorization, AuthorizationError> {
        self.wait_for_authorization_within(url, self.client.poll_policy()).await
    }

    /// As [`wait_for_authorization`](Self::wait_for_authorization), with a patience of its own: people take longer than servers.
    ///
    /// # Errors
    /// If it ends otherwise, takes too long, or the authority cannot be reached.
    pub async fn wait_for_authorization_within(
        &self,
        url: &ResourceUrl,
        patience: PollPolicy,
    ) -> Result<Authorization, AuthorizationError> {
        let mut poll = Poll::new(patience, self.client.elapsed());
        loop {
            let answer = self.ask(url).await?;
            let authorization: Authorization = answer.json_at(url, "authorization")?;
            match authorization.status {
                AuthorizationStatus::Valid => return Ok(authorization),
                AuthorizationStatus::Pending => {}
                AuthorizationStatus::Invalid
                | AuthorizationStatus::Deactivated
                | AuthorizationStatus::Expired
                | AuthorizationStatus::Revoked => {
                    let problem =
                        authorization.challenges.iter().find_map(|one| one.error.clone()).map(Box::new);
                    return Err(AuthorizationError::Refused {
                        authorization: Box::new(authorization),
                        problem,
                    });
                }
            }
            let elapsed = self.client.elapsed();
            let Some(pause) = poll.next(answer.retry_after, elapsed) else {
                return Err(AuthorizationError::TimedOut { url: url.clone(), waited: poll.waited(elapsed) });
            };
            self.client.sleep(pause).await;
        }
    }
}

#[cfg(test)]
mod tests;
