//! An authorization as its account sees it (RFC 8555 §7.1.4): while pending all its challenges, afterwards those that decided it.

use certs::identifier::Identifier;
use serde::Serialize;
use time::OffsetDateTime;

use super::challenge::{Beside, ChallengeView};
use crate::order::model::{Authorization, AuthorizationStatus, Challenge, ChallengeStatus};

/// The authorization object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuthorizationView {
    identifier: Identifier,
    status: AuthorizationStatus,
    #[serde(with = "time::serde::rfc3339")]
    expires: OffsetDateTime,
    challenges: Vec<ChallengeView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wildcard: Option<bool>,
}

impl AuthorizationView {
    /// The view of an authorization at `now`.
    #[must_use]
    pub fn new(authorization: &Authorization, beside: &Beside<'_>, now: OffsetDateTime) -> Self {
        let status = authorization.status_at(now);
        let shown = |challenge: &&Challenge| match status {
            AuthorizationStatus::Pending => true,
            AuthorizationStatus::Valid | AuthorizationStatus::Expired => {
                challenge.status == ChallengeStatus::Valid
            }
            AuthorizationStatus::Invalid
            | AuthorizationStatus::Deactivated
            | AuthorizationStatus::Revoked => challenge.status != ChallengeStatus::Pending,
        };
        let view = |challenge| ChallengeView::new(authorization, challenge, beside);
        Self {
            identifier: authorization.identifier.clone(),
            status,
            expires: authorization.expires,
            challenges: authorization.challenges.iter().filter(shown).map(view).collect(),
            wildcard: authorization.wildcard.then_some(true),
        }
    }
}
