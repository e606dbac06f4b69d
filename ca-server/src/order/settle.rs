//! The end of a validation attempt: its outcome goes into the authorization and its row leaves the queue, in one batch.
//!
//! A success must come as a [`Control`], which only `challenge/` can make. What happened to the authorization meanwhile (given up,
//! expired, proven otherwise) wins over a late outcome. A failed sign-in is journalled as far as the log of refusals lets it. Called by the worker only; it must
//! never prove what was not answered: where the answer is not in the store yet, the attempt says so, and the answer is recorded with its outcome.

use std::time::Duration;

use certs::identifier::Identifier;
use time::OffsetDateTime;

use super::model::{Authorization, AuthorizationStatus, Challenge, ChallengeStatus};
use super::state::{AuthorizationEvent, ChallengeEvent, Illegal};
use crate::challenge::Control;
use crate::clock;
use crate::ids::{AccountId, AuthorizationId, SignInId};
use crate::policy::{Failure, RefusalLog, Refused};
use crate::respond::problem::StoredProblem;
use crate::sso::binding::sign_in_of;
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
    /// Whether the answer is in the store; if not, this attempt is the answer's.
    pub recorded: bool,
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

/// How outcomes are recorded.
#[derive(Clone, Copy)]
pub struct Recording<'a> {
    /// Where.
    pub store: &'a Store,
    /// What the journal is told of failed sign-ins, and how often.
    pub refusals: &'a RefusalLog,
    /// The present.
    pub now: OffsetDateTime,
    /// How long a proven authorization lives.
    pub lifetime: Duration,
}

/// Records the outcome of `attempt`.
///
/// # Errors
/// [`SettleError`]; nothing was written.
pub async fn settle(recording: Recording<'_>, attempt: Attempted) -> Result<Settled, SettleError> {
    let mut tries = 0;
    loop {
        let (mut batch, decision) = decide(recording, &attempt).await?;
        let admitted =
            decision.refused.and_then(|(refused, id)| recording.refusals.admit(refused, id, recording.now));
        if let Some(admitted) = &admitted {
            batch.record(recording.now, admitted.act());
        }
        // If the process dies here, the row is still queued and the attempt is made again.
        let Err(error) = recording.store.commit(batch).await else {
            if let Some(failed) = &decision.failed {
                failed.count(recording);
            }
            return Ok(decision.settled);
        };
        if let Some(admitted) = admitted {
            recording.refusals.withdraw(admitted);
        }
        match error {
            StoreError::Stale(_) if tries < TRIES => tries += 1,
            error => return Err(error.into()),
        }
    }
}

/// What an outcome means.
struct Decision {
    settled: Settled,
    /// What the journal is to know, and of which sign-in it is.
    refused: Option<(Refused, Option<SignInId>)>,
    /// What is counted although the journal does not know it.
    failed: Option<Failed>,
}

/// A challenge that failed, other than a sign-in.
struct Failed {
    name: Identifier,
    account: AccountId,
    rule: String,
}

impl Failed {
    fn count(&self, recording: Recording<'_>) {
        let subjects = [self.name.to_string(), format!("account {}", self.account)];
        let failure = Failure { action: "challenge", rule: &self.rule, account: Some(self.account) };
        recording.refusals.repeated().count(subjects, failure, recording.now);
    }
}

impl Decision {
    const fn plain(settled: Settled) -> Self {
        Self { settled, refused: None, failed: None }
    }
}

async fn decide(recording: Recording<'_>, attempt: &Attempted) -> Result<(Batch, Decision), SettleError> {
    let mut batch = Batch::new();
    validations::dequeue(&mut batch, &attempt.due);
    let Some(seen) = recording.store.load::<Authorization>(&attempt.due.authorization).await? else {
        return Ok((batch, Decision::plain(Settled::Superseded)));
    };
    if seen.value.status_at(recording.now) != AuthorizationStatus::Pending {
        return Ok((batch, Decision::plain(Settled::Superseded)));
    }
    let decision = record(&mut batch, &seen, recording, attempt)?;
    Ok((batch, decision))
}

fn record(
    batch: &mut Batch,
    seen: &Versioned<Authorization>,
    recording: Recording<'_>,
    attempt: &Attempted,
) -> Result<Decision, SettleError> {
    let mut next = seen.value.clone();
    let Some(challenge) = next.challenges.iter_mut().find(|challenge| challenge.id == attempt.due.challenge)
    else {
        return Ok(Decision::plain(Settled::Superseded));
    };
    if !attempt.recorded && challenge.status == ChallengeStatus::Pending {
        challenge.status = challenge.status.step(ChallengeEvent::Answer)?;
    }
    let decision = match &attempt.outcome {
        Ok(control) => {
            check(control, &seen.value, challenge)?;
            challenge.status = challenge.status.step(ChallengeEvent::Prove)?;
            challenge.validated = Some(control.at());
            challenge.error = None;
            challenge.evidence = control.evidence().cloned();
            next.status = next.status.step(AuthorizationEvent::Prove)?;
            next.expires = expires(control, recording.now, recording.lifetime);
            next.reusable_until = control.reusable_until();
            Decision::plain(Settled::Proven)
        }
        Err(problem) => {
            challenge.status = challenge.status.step(ChallengeEvent::Fail)?;
            challenge.error = Some(problem.clone());
            let refused = refused_sign_in(&seen.value, challenge, problem);
            let failed = refused.is_none().then(|| Failed {
                name: seen.value.identifier.clone(),
                account: seen.value.account,
                rule: format!("challenge:{}", problem.urn.rsplit(':').next().unwrap_or_default()),
            });
            next.status = next.status.step(AuthorizationEvent::Fail)?;
            Decision { settled: Settled::Failed, refused, failed }
        }
    };
    authorizations::replace(batch, seen, &next)?;
    Ok(decision)
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
fn refused_sign_in(
    seen: &Authorization,
    challenge: &Challenge,
    problem: &StoredProblem,
) -> Option<(Refused, Option<SignInId>)> {
    challenge.provider.as_ref()?;
    let word = problem.urn.rsplit(':').next().unwrap_or_default();
    let (identifiers, rule) = (vec![seen.identifier.clone()], format!("challenge:{word}"));
    let refused = Refused { action: "sign-in", account: Some(seen.account), order: None, identifiers, rule };
    Some((refused, challenge.token.as_deref().and_then(sign_in_of)))
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
