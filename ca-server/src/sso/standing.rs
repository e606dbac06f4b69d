//! A sign-in with everything it depends on, read together: whether it still stands is asked before every step.
//!
//! A step's batch demands that the sign-in, the authorization and the account have not changed since; so an order given up, a challenge
//! settled, an account deactivated or a key rolled over in the middle always wins.

use std::sync::Arc;

use certs::identifier::Identifier;
use time::OffsetDateTime;

use super::binding::Commitment;
use super::fault::Fault;
use super::providers::{IdentityProvider, Providers};
use super::sign_in::{SignIn, Stage};
use crate::ids::SignInId;
use crate::order::model::{
    Account, AccountStatus, Authorization, AuthorizationStatus, Challenge, ChallengeStatus,
};
use crate::store::{Batch, Store, Versioned};

/// A sign-in that still stands, at a time.
pub struct Standing {
    /// The sign-in.
    pub sign_in: Versioned<SignIn>,
    /// Its authorization, which is pending.
    pub authorization: Versioned<Authorization>,
    /// Its account, which is valid.
    pub account: Versioned<Account>,
    /// Where the person signs in.
    pub provider: Arc<IdentityProvider>,
    challenge: Challenge,
}

impl Standing {
    /// Reads a sign-in, if it stands at `now`.
    ///
    /// # Errors
    /// Why it does not.
    pub async fn load(
        store: &Store,
        providers: &Providers,
        id: SignInId,
        now: OffsetDateTime,
    ) -> Result<Self, Fault> {
        let sign_in = store.load::<SignIn>(&id).await?.ok_or(Fault::Unknown)?;
        match &sign_in.value.stage {
            Stage::Failed { reason } => return Err(Fault::Failed(reason.clone())),
            Stage::Completed { .. } => return Err(Fault::AlreadyDone),
            Stage::Offered | Stage::Asked(_) | Stage::Vouched(_) => {}
        }
        if now >= sign_in.value.expires {
            return Err(Fault::Expired);
        }
        let authorization =
            store.load::<Authorization>(&sign_in.value.authorization).await?.ok_or(Fault::Over)?;
        let of = |challenge: &&Challenge| challenge.id == sign_in.value.challenge;
        let challenge = authorization.value.challenges.iter().find(of).cloned().ok_or(Fault::Over)?;
        let waits = authorization.value.status_at(now) == AuthorizationStatus::Pending
            && challenge.status == ChallengeStatus::Processing;
        if !waits {
            return Err(Fault::Over);
        }
        let account = store.load::<Account>(&sign_in.value.account).await?.ok_or(Fault::AccountGone)?;
        match account.value.status {
            AccountStatus::Valid => {}
            AccountStatus::Deactivated | AccountStatus::Revoked => return Err(Fault::AccountGone),
        }
        let provider = providers.named(&sign_in.value.provider).cloned().ok_or(Fault::ProviderGone)?;
        if !provider.may_vouch_for(&authorization.value.identifier) {
            return Err(Fault::ProviderGone);
        }
        Ok(Self { sign_in, authorization, account, provider, challenge })
    }

    /// The address that is to be proven.
    #[must_use]
    pub fn identifier(&self) -> &Identifier {
        &self.authorization.value.identifier
    }

    /// Thumbprint of the account's present key.
    #[must_use]
    pub fn thumbprint(&self) -> String {
        self.account.value.key.thumbprint()
    }

    /// The commitment to the account's present key under `nonce`.
    #[must_use]
    pub fn commitment(&self, nonce: &str) -> Commitment {
        let token = self.challenge.token.as_deref().unwrap_or_default();
        Commitment::new(&format!("{token}.{}", self.thumbprint()), nonce)
    }

    /// Demands in `batch` that nothing of it has changed, beside the sign-in itself, which the step replaces.
    pub fn demand(&self, batch: &mut Batch) {
        batch.unchanged(&self.authorization);
        batch.unchanged(&self.account);
    }
}
