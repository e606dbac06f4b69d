//! Answering a challenge and giving up an authorization (RFC 8555 §7.5.1, §7.5.2).
//!
//! An answered challenge is tried at once, before anything is written: most are settled within the request, in one batch. One that takes longer, or has
//! to be tried again, becomes `processing` in the same batch that queues its validation: a crash afterwards loses neither, a crash before changes nothing,
//! and nothing was acknowledged. Answering again changes nothing.

use time::OffsetDateTime;

use super::model::{Authorization, AuthorizationStatus, Challenge, ChallengeStatus};
use super::state::{AuthorizationEvent, ChallengeEvent, Illegal};
use crate::ids::{AuthorizationId, ChallengeId};
use crate::store::tables::authorizations;
use crate::store::tables::validations::{self, Due};
use crate::store::{Batch, Store, StoreError, Table, Versioned};

/// How often a change is decided anew because somebody else changed the authorization.
const TRIES: usize = 5;

/// Why an authorization did not change.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// There is no such challenge in it.
    #[error("there is no such challenge in this authorization")]
    NoSuchChallenge,
    /// The authorization has ended.
    #[error("the authorization is {}; open a new order", .0.name())]
    Ended(AuthorizationStatus),
    /// Its state forbids it.
    #[error(transparent)]
    Illegal(#[from] Illegal),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What an answer did.
#[derive(Debug)]
pub struct Answered {
    /// The authorization as it is now.
    pub authorization: Authorization,
    /// The validation that was queued; `None` if nothing changed.
    pub queued: Option<Due>,
}

/// The validation that the client's word calls for, to be tried from `now` on; `None` if the challenge was answered before. Nothing is written.
///
/// # Errors
/// [`AnswerError`]
pub fn wanted(
    seen: &Authorization,
    challenge: ChallengeId,
    now: OffsetDateTime,
) -> Result<Option<Due>, AnswerError> {
    let found = find(seen, challenge).ok_or(AnswerError::NoSuchChallenge)?;
    match (seen.status_at(now), found.status) {
        (AuthorizationStatus::Pending, ChallengeStatus::Pending) => {
            Ok(Some(Due { at: now, authorization: seen.id, challenge, attempts: 0 }))
        }
        (_, ChallengeStatus::Processing | ChallengeStatus::Valid)
        | (AuthorizationStatus::Valid, ChallengeStatus::Pending | ChallengeStatus::Invalid) => Ok(None),
        (status, ChallengeStatus::Pending | ChallengeStatus::Invalid) => Err(AnswerError::Ended(status)),
    }
}

/// Takes the client's word that the challenge of `due` can be validated, and queues that.
///
/// # Errors
/// [`AnswerError`]
pub async fn answer(
    store: &Store,
    mut seen: Versioned<Authorization>,
    due: Due,
    now: OffsetDateTime,
) -> Result<Answered, AnswerError> {
    for _ in 0..TRIES {
        if wanted(&seen.value, due.challenge, now)?.is_none() {
            return Ok(Answered { authorization: seen.value, queued: None });
        }
        let mut batch = Batch::new();
        let next = answered(&mut batch, &seen, due.challenge)?;
        validations::enqueue(&mut batch, &due);
        match store.commit(batch).await {
            Ok(()) => return Ok(Answered { authorization: next, queued: Some(due) }),
            Err(StoreError::Stale(_)) => {
                seen = again(store, seen.value.id).await?;
                // An attempt was quicker: what came of it is the answer, whatever it is.
                if find(&seen.value, due.challenge).is_some_and(|one| one.status != ChallengeStatus::Pending)
                {
                    return Ok(Answered { authorization: seen.value, queued: None });
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(StoreError::Stale(Table::Authorizations).into())
}

/// Puts off the validation of `due` until `at`, one more attempt having been made; its challenge may not be `processing` yet.
///
/// # Errors
/// If the store fails.
pub async fn put_off(store: &Store, due: &Due, at: OffsetDateTime) -> Result<Due, StoreError> {
    for _ in 0..TRIES {
        let mut batch = Batch::new();
        let later = validations::postpone(&mut batch, due, at);
        let seen = store.load::<Authorization>(&due.authorization).await?;
        if let Some(seen) = seen.filter(|seen| matches!(wanted(&seen.value, due.challenge, at), Ok(Some(_))))
        {
            answered(&mut batch, &seen, due.challenge)
                .map_err(|_| StoreError::Stale(Table::Authorizations))?;
        }
        match store.commit(batch).await {
            Err(StoreError::Stale(_)) => {}
            done => return done.map(|()| later),
        }
    }
    Err(StoreError::Stale(Table::Authorizations))
}

/// Has the challenge be `processing` in `batch`.
fn answered(
    batch: &mut Batch,
    seen: &Versioned<Authorization>,
    challenge: ChallengeId,
) -> Result<Authorization, AnswerError> {
    let mut next = seen.value.clone();
    for challenge in next.challenges.iter_mut().filter(|one| one.id == challenge) {
        challenge.status = challenge.status.step(ChallengeEvent::Answer)?;
    }
    authorizations::replace(batch, seen, &next)?;
    Ok(next)
}

/// Gives the authorization up. One that is given up already stays so, without an error.
///
/// # Errors
/// [`AnswerError`]
pub async fn deactivate(
    store: &Store,
    mut seen: Versioned<Authorization>,
    now: OffsetDateTime,
) -> Result<Authorization, AnswerError> {
    for _ in 0..TRIES {
        match seen.value.status_at(now) {
            AuthorizationStatus::Deactivated => return Ok(seen.value),
            AuthorizationStatus::Pending | AuthorizationStatus::Valid => {}
            status @ (AuthorizationStatus::Invalid
            | AuthorizationStatus::Expired
            | AuthorizationStatus::Revoked) => return Err(AnswerError::Ended(status)),
        }
        let mut next = seen.value.clone();
        next.status = next.status.step(AuthorizationEvent::Deactivate)?;
        let mut batch = Batch::new();
        authorizations::replace(&mut batch, &seen, &next)?;
        match store.commit(batch).await {
            Ok(()) => return Ok(next),
            Err(StoreError::Stale(_)) => seen = again(store, seen.value.id).await?,
            Err(error) => return Err(error.into()),
        }
    }
    Err(StoreError::Stale(Table::Authorizations).into())
}

/// The challenge with this id.
#[must_use]
pub fn find(authorization: &Authorization, id: ChallengeId) -> Option<&Challenge> {
    authorization.challenges.iter().find(|challenge| challenge.id == id)
}

async fn again(store: &Store, id: AuthorizationId) -> Result<Versioned<Authorization>, AnswerError> {
    store.load(&id).await?.ok_or(AnswerError::Ended(AuthorizationStatus::Expired))
}
