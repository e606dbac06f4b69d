//! The proof value of this stage: an account controlled an identifier at a time, shown in a stated way.

use certs::identifier::Identifier;
use certs::leaf::Proof;
use time::OffsetDateTime;

use crate::ids::{AccountId, AuthorizationId, ChallengeId};
use crate::sso::person::Evidence;

/// That an account proved control of an identifier. Only `challenge/` can make one; it is used up when recorded.
#[derive(Debug)]
pub struct Control {
    pub(super) account: AccountId,
    pub(super) authorization: AuthorizationId,
    pub(super) challenge: ChallengeId,
    pub(super) identifier: Identifier,
    pub(super) proof: Proof,
    pub(super) at: OffsetDateTime,
    pub(super) reusable_until: Option<OffsetDateTime>,
    pub(super) evidence: Option<Evidence>,
}

impl Control {
    /// Whose control.
    #[must_use]
    pub fn account(&self) -> AccountId {
        self.account
    }

    /// The authorization it satisfies.
    #[must_use]
    pub fn authorization(&self) -> AuthorizationId {
        self.authorization
    }

    /// The challenge it answers.
    #[must_use]
    pub fn challenge(&self) -> ChallengeId {
        self.challenge
    }

    /// What is controlled.
    #[must_use]
    pub fn identifier(&self) -> &Identifier {
        &self.identifier
    }

    /// How it was shown.
    #[must_use]
    pub fn proof(&self) -> Proof {
        self.proof
    }

    /// When it was shown.
    #[must_use]
    pub fn at(&self) -> OffsetDateTime {
        self.at
    }

    /// The latest time until which the proof itself allows reuse (a DNS record's lifetime), if it limits it.
    #[must_use]
    pub fn reusable_until(&self) -> Option<OffsetDateTime> {
        self.reusable_until
    }

    /// What an identity provider said, if a person signed in.
    #[must_use]
    pub fn evidence(&self) -> Option<&Evidence> {
        self.evidence.as_ref()
    }
}
