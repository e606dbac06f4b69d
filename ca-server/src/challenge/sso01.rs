//! `sso-01` (draft-biggs-acme-sso, bound as `docs/acme-sso.md` says): a person signed in, and the client completed it.
//!
//! All checks were made when the browser came back; here the outcome is read from the store. Only a completed sign-in is a proof; one that
//! is not completed when its validation falls due has failed. CAA is asked by the worker, as for any proof.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::Control;
use super::validator::{Attempt, ChallengeError, Validator};
use crate::clock::{self, Clock};
use crate::sso::binding::sign_in_of;
use crate::sso::reason::Reason;
use crate::sso::sign_in::{SignIn, Stage};
use crate::store::Store;

/// The validator of `sso-01`.
pub struct Sso01 {
    store: Store,
    clock: Arc<dyn Clock>,
    valid_for: Duration,
}

impl Sso01 {
    /// A validator; a sign-in serves further orders for `valid_for` after the person authenticated.
    #[must_use]
    pub fn new(store: Store, clock: Arc<dyn Clock>, valid_for: Duration) -> Self {
        Self { store, clock, valid_for }
    }
}

#[async_trait]
impl Validator for Sso01 {
    async fn validate(&self, attempt: &Attempt) -> Result<Control, ChallengeError> {
        let not_applicable = ChallengeError::NotApplicable { proof: attempt.proof };
        let id = attempt.token.as_deref().and_then(sign_in_of).ok_or(not_applicable)?;
        let sign_in = self.store.load::<SignIn>(&id).await.map_err(|error| {
            tracing::error!(%error, challenge.id = %attempt.challenge, "a sign-in could not be read");
            ChallengeError::Store
        })?;
        let of_this = |sign_in: &SignIn| {
            sign_in.challenge == attempt.challenge
                && sign_in.authorization == attempt.authorization
                && sign_in.account == attempt.account
                && Some(&sign_in.provider) == attempt.provider.as_ref()
        };
        let sign_in = sign_in.map(|seen| seen.value).filter(of_this);
        match sign_in.map(|sign_in| sign_in.stage) {
            Some(Stage::Completed { evidence }) => {
                let until = clock::after(evidence.authenticated, self.valid_for);
                let proven = attempt.control(self.clock.now(), Some(until));
                Ok(Control { evidence: Some(evidence), ..proven })
            }
            Some(Stage::Failed { reason }) => Err(ChallengeError::SignIn(reason)),
            Some(Stage::Offered | Stage::Asked(_) | Stage::Vouched(_)) | None => {
                Err(ChallengeError::SignIn(Reason::NotCompleted))
            }
        }
    }
}

#[cfg(test)]
mod tests;
