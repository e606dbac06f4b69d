//! One attempt: proof and CAA side by side under a timeout, then the outcome is settled or the row is put back for later.
//!
//! Decides only whether trying again may help. Must leave the row in the table unless it was settled or replaced, or its challenge is over;
//! an attempt whose row is not written yet leaves one if it has to be tried again.

use std::time::Duration;

use super::{Job, Parts};
use crate::challenge::caa::Manner;
use crate::challenge::{Attempt, ChallengeError, Control};
use crate::order::answer::{find, put_off};
use crate::order::model::{Authorization, AuthorizationStatus, ChallengeStatus};
use crate::order::{Attempted, Recording, SettleError, Settled, settle};
use crate::respond::problem::StoredProblem;
use crate::store::tables::validations::{self, Due};
use crate::store::{Batch, StoreError};

/// Wait before the second attempt; each further wait is three times as long.
const FIRST_DELAY: Duration = Duration::from_secs(2);

/// Longest wait between two attempts.
const LONGEST_DELAY: Duration = Duration::from_secs(120);

/// What became of a job.
#[derive(Debug)]
pub(super) enum Verdict {
    /// Its row is gone.
    Settled,
    /// Its row was replaced by one that is due after the delay.
    Later(Due, Duration),
    /// The outcome could not be recorded; its row stands as it was.
    NotRecorded(SettleError),
}

/// Runs one attempt to its verdict.
pub(super) async fn run(parts: &Parts, job: &Job) -> Verdict {
    let kind = job.attempt.proof.as_str();
    let count = |outcome: &'static str| {
        metrics::counter!("rollcall_challenges_total", "kind" => kind, "outcome" => outcome).increment(1);
    };
    // What cannot be read now could not be recorded either.
    let is_over = match is_over(parts, &job.due).await {
        Ok(is_over) => is_over,
        Err(error) => return Verdict::NotRecorded(error.into()),
    };
    if is_over {
        return match remove(parts, &job.due).await {
            Ok(()) => {
                count("superseded");
                Verdict::Settled
            }
            Err(error) => Verdict::NotRecorded(error.into()),
        };
    }
    let outcome = prove(parts, &job.attempt).await;
    let made = job.due.attempts.saturating_add(1);
    match outcome {
        Ok(control) => record(parts, job, Ok(control), &count).await,
        Err(error) if error.is_transient() && made < parts.config.attempts => {
            tracing::info!(challenge.id = %job.due.challenge, challenge.kind = kind, attempt = made, reason = %error,
                "validation did not succeed yet");
            count("retry");
            put_back(parts, job, delay_after(made)).await
        }
        Err(error) => {
            tracing::info!(challenge.id = %job.due.challenge, challenge.kind = kind, attempt = made, reason = %error,
                "validation failed");
            record(parts, job, Err(error.problem(&job.attempt.identifier).stored()), &count).await
        }
    }
}

/// Whether a challenge waits for no attempt any more: who asked for this one had read it before another settled it, or it was given up since. One whose
/// answer was recorded meanwhile still waits, for this very attempt: what is handed over while it runs is dropped.
async fn is_over(parts: &Parts, due: &Due) -> Result<bool, StoreError> {
    let Some(seen) = parts.store.load::<Authorization>(&due.authorization).await? else { return Ok(true) };
    let waits = |status| matches!(status, ChallengeStatus::Pending | ChallengeStatus::Processing);
    let is_waiting = find(&seen.value, due.challenge).is_some_and(|challenge| waits(challenge.status));
    Ok(!is_waiting || seen.value.status_at(parts.clock.now()) != AuthorizationStatus::Pending)
}

/// Takes the row of a challenge that is over off the queue. An attempt that began without one may have got it meanwhile.
async fn remove(parts: &Parts, due: &Due) -> Result<(), StoreError> {
    let mut batch = Batch::new();
    validations::dequeue(&mut batch, due);
    parts.store.commit(batch).await
}

/// The proof, and CAA at the same time: both must hold. A refusal by CAA is told only if the proof itself succeeded.
async fn prove(parts: &Parts, attempt: &Attempt) -> Result<Control, ChallengeError> {
    let proof = parts.validators.validate(attempt);
    let provider = attempt.provider.as_deref().and_then(|name| parts.providers.named(name));
    let manner = Manner {
        account_uri: Some(&attempt.account_uri),
        method: attempt.proof.as_str(),
        sso_provider: provider.map(|provider| provider.sso_provider()),
    };
    let caa = parts.caa.check(&attempt.identifier, attempt.wildcard, manner);
    let both = async {
        let (proof, caa) = tokio::join!(proof, caa);
        let control = proof?;
        caa?;
        Ok(control)
    };
    let after = parts.config.timeout;
    tokio::time::timeout(after, both).await.unwrap_or(Err(ChallengeError::TimedOut { after }))
}

async fn record(
    parts: &Parts,
    job: &Job,
    outcome: Result<Control, StoredProblem>,
    count: &(dyn Fn(&'static str) + Sync),
) -> Verdict {
    let attempted = Attempted { due: job.due, recorded: job.recorded, outcome };
    let Parts { store, refusals, lifetime, .. } = parts;
    let recording = Recording { store, refusals, now: parts.clock.now(), lifetime: *lifetime };
    match settle(recording, attempted).await {
        Ok(settled) => {
            count(match settled {
                Settled::Proven => "valid",
                Settled::Failed => "invalid",
                Settled::Superseded => "superseded",
            });
            Verdict::Settled
        }
        Err(error) => Verdict::NotRecorded(error),
    }
}

async fn put_back(parts: &Parts, job: &Job, delay: Duration) -> Verdict {
    match put_off(&parts.store, &job.due, parts.clock.now() + delay).await {
        Ok(later) => Verdict::Later(later, delay),
        Err(error) => Verdict::NotRecorded(error.into()),
    }
}

/// How long to wait after the `made`th attempt.
fn delay_after(made: u32) -> Duration {
    let factor = 3_u32.saturating_pow(made.saturating_sub(1));
    FIRST_DELAY.saturating_mul(factor).min(LONGEST_DELAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_threefold_up_to_two_minutes() {
        let waits: Vec<u64> = (1..=6).map(|made| delay_after(made).as_secs()).collect();
        assert_eq!(waits, [2, 6, 18, 54, 120, 120]);
    }
}
