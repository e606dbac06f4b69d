//! The end of a validation attempt: its outcome goes into the authorization and its row leaves the queue, in one batch.
//!
//! A success must come as a [`Control`], which only `challenge/` can make. What happened to the authorization meanwhile (given up,
//! expired, proven otherwise) wins over a late outcome. Called by the worker only; it must never prove what was not answered.

use std::time::Duration;

use time::OffsetDateTime;

use super::model::{Authorization, AuthorizationStatus, Challenge};
use super::state::{AuthorizationEvent, ChallengeEvent, Illegal};
use crate::challenge::Control;
use crate::clock;
use crate::ids::AuthorizationId;
use crate::log::act::Act;
use crate::policy::Refused;
use crate::respond::problem::StoredProblem;
use crate::store::tables::authorizations;
use crate::store::tables::validations::{self, Due};
use crate::store::{Batch, Store, StoreError, Versioned};

/// How often a batch is decided anew because the authorization changed in between.
const TRIES: usize = 5;

/// The least time that an order has after a person signed in for it.
pub const TO_FINALIZE: Duration = Duration::from_secs(3600);

/// A finished attempt.
#[derive(Debug)]
pub struct Attempted {
    /// Its row in the queue: which authorization and challenge it was made for.
    pub due: Due,
    /// What came of it.
    pub outcome: Result<Control, StoredProblem>,
}

/// What became of an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// The authorization is valid now.
    Proven,
    /// The authorization is invalid now.
    Failed,
    /// It came too late and changed nothing; the row is gone.
    Superseded,
}

/// Why an outcome was not recorded; the row stays in the queue.
#[derive(Debug, thiserror::Error)]
pub enum SettleError {
    /// The control is for something else than the attempt.
    #[error("control of {found} was presented for authorization {authorization}")]
    Mismatch {
        /// The authorization of the attempt.
        authorization: AuthorizationId,
        /// The identifier that the control is for.
        found: String,
    },
    /// The challenge was never answered.
    #[error(transparent)]
    Illegal(#[from] Illegal),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Records the outcome of `attempt` as of `now`; a proven authorization then lives for `lifetime`.
///
/// # Errors
/// [`SettleError`]; nothing was written.
pub async fn settle(
    store: &Store,
    now: OffsetDateTime,
    lifetime: Duration,
    attempt: Attempted,
) -> Result<Settled, SettleError> {
    let mut tries = 0;
    loop {
        let (batch, settled) = decide(store, now, lifetime, &attempt).await?;
        // If the process dies here, the row is still queued and the attempt is made again.
        match store.commit(batch).await {
            Ok(()) => return Ok(settled),
            Err(StoreError::Stale(_)) if tries < TRIES => tries += 1,
            Err(error) => return Err(error.into()),
        }
    }
}

async fn decide(
    store: &Store,
    now: OffsetDateTime,
    lifetime: Duration,
    attempt: &Attempted,
) -> Result<(Batch, Settled), SettleError> {
    let mut batch = Batch::new();
    validations::dequeue(&mut batch, &attempt.due);
    let Some(seen) = store.load::<Authorization>(&attempt.due.authorization).await? else {
        return Ok((batch, Settled::Superseded));
    };
    if seen.value.status_at(now) != AuthorizationStatus::Pending {
        return Ok((batch, Settled::Superseded));
    }
    let settled = record(&mut batch, &seen, now, lifetime, attempt)?;
    Ok((batch, settled))
}

fn record(
    batch: &mut Batch,
    seen: &Versioned<Authorization>,
    now: OffsetDateTime,
    lifetime: Duration,
    attempt: &Attempted,
) -> Result<Settled, SettleError> {
    let mut next = seen.value.clone();
    let Some(challenge) = next.challenges.iter_mut().find(|challenge| challenge.id == attempt.due.challenge)
    else {
        return Ok(Settled::Superseded);
    };
    let settled = match &attempt.outcome {
        Ok(control) => {
            check(control, &seen.value, challenge)?;
            challenge.status = challenge.status.step(ChallengeEvent::Prove)?;
            challenge.validated = Some(control.at());
            challenge.error = None;
            challenge.evidence = control.evidence().cloned();
            next.status = next.status.step(AuthorizationEvent::Prove)?;
            next.expires = expires(control, now, lifetime);
            next.reusable_until = control.reusable_until();
            Settled::Proven
        }
        Err(problem) => {
            challenge.status = challenge.status.step(ChallengeEvent::Fail)?;
            challenge.error = Some(problem.clone());
            if challenge.provider.is_some() {
                batch.record(now, refused_sign_in(&seen.value, problem));
            }
            next.status = next.status.step(AuthorizationEvent::Fail)?;
            Settled::Failed
        }
    };
    authorizations::replace(batch, seen, &next)?;
    Ok(settled)
}

/// When the proven authorization stops being usable. That of a person says when the next sign-in is needed, so that an agent can tell ahead
/// of time; but it leaves the order that it was made for its time.
fn expires(control: &Control, now: OffsetDateTime, lifetime: Duration) -> OffsetDateTime {
    let usual = clock::after(now, lifetime);
    match (control.evidence(), control.reusable_until()) {
        (Some(_), Some(until)) => usual.min(until.max(clock::after(now, TO_FINALIZE))),
        (Some(_), None) | (None, _) => usual,
    }
}

/// That a challenge for which a person was to sign in has failed.
fn refused_sign_in(seen: &Authorization, problem: &StoredProblem) -> Act {
    let word = problem.urn.rsplit(':').next().unwrap_or_default();
    let (identifiers, rule) = (vec![seen.identifier.clone()], format!("challenge:{word}"));
    Refused { action: "sign-in", account: Some(seen.account), order: None, identifiers, rule }.act(0)
}

fn check(control: &Control, seen: &Authorization, challenge: &Challenge) -> Result<(), SettleError> {
    let fits = control.account() == seen.account
        && control.authorization() == seen.id
        && control.challenge() == challenge.id
        && control.proof() == challenge.kind
        && *control.identifier() == seen.identifier;
    if fits {
        return Ok(());
    }
    Err(SettleError::Mismatch { authorization: seen.id, found: control.identifier().to_string() })
}

#[cfg(test)]
mod tests;
