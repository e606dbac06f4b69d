//! What outcomes do, and what they cannot do.

use std::sync::Arc;

use certs::leaf::Proof;

use super::*;
use crate::challenge::Attempt;
use crate::challenge::canned::{attempt, control};
use crate::order::answer::{answer, wanted};
use crate::order::model::ChallengeStatus;
use crate::respond::kinds::Kind;
use crate::respond::problem::Problem;
use crate::store::memory::Memory;

const LIFETIME: Duration = Duration::from_secs(3600);

fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_780_000_000).unwrap()
}

/// A pending authorization that `attempt` is about, as it was before anybody answered.
async fn opened(attempt: &Attempt) -> Store {
    let store = Store::new(Arc::new(Memory::new()));
    let challenge = Challenge {
        id: attempt.challenge,
        kind: attempt.proof,
        status: ChallengeStatus::Pending,
        token: attempt.token.clone(),
        validated: None,
        error: None,
        provider: None,
        evidence: None,
    };
    let authorization = Authorization {
        id: attempt.authorization,
        account: attempt.account,
        authority: "external".parse().unwrap(),
        identifier: attempt.identifier.clone(),
        wildcard: attempt.wildcard,
        status: AuthorizationStatus::Pending,
        expires: now() + LIFETIME,
        reusable_until: None,
        challenges: vec![challenge],
    };
    let mut batch = Batch::new();
    authorizations::insert(&mut batch, &authorization).unwrap();
    store.commit(batch).await.unwrap();
    store
}

async fn read(store: &Store, attempt: &Attempt) -> Versioned<Authorization> {
    store.load(&attempt.authorization).await.unwrap().unwrap()
}

async fn answered(attempt: &Attempt) -> (Store, Due) {
    let store = opened(attempt).await;
    let seen = read(&store, attempt).await;
    let due = wanted(&seen.value, attempt.challenge, now()).unwrap().unwrap();
    let queued = answer(&store, seen, due, now()).await.unwrap().queued;
    (store, queued.unwrap())
}

async fn settled(
    store: &Store,
    now: OffsetDateTime,
    lifetime: Duration,
    attempt: Attempted,
) -> Result<Settled, SettleError> {
    settle(Recording { store, refusals: &RefusalLog::default(), now, lifetime }, attempt).await
}

fn failure() -> StoredProblem {
    Problem::new(Kind::IncorrectResponse, "no such record").stored()
}

#[tokio::test]
async fn a_proof_makes_challenge_and_authorization_valid_and_empties_the_queue() {
    let attempt = attempt(Proof::Dns01, "room-1.corp.test", false);
    let (store, due) = answered(&attempt).await;
    let outcome = Ok(control(&attempt, now()));
    let outcome =
        settled(&store, now(), LIFETIME * 2, Attempted { due, recorded: true, outcome }).await.unwrap();
    assert_eq!(outcome, Settled::Proven);
    let proven = read(&store, &attempt).await.value;
    assert_eq!(proven.status_at(now()), AuthorizationStatus::Valid);
    assert_eq!(proven.expires, now() + LIFETIME * 2);
    assert_eq!(proven.proven_by().unwrap().validated, Some(now()));
    assert!(store.validations(9).await.unwrap().is_empty());
    let found = store.reusable_authorization(attempt.account, &attempt.identifier, false).await.unwrap();
    assert_eq!(found.unwrap().value.id, attempt.authorization);
}

#[tokio::test]
async fn an_answer_that_comes_after_its_attempt_has_failed_reads_why() {
    let attempt = attempt(Proof::Dns01, "room-1.corp.test", false);
    let store = opened(&attempt).await;
    let seen = read(&store, &attempt).await;
    let due = wanted(&seen.value, attempt.challenge, now()).unwrap().unwrap();
    let outcome = Attempted { due, recorded: false, outcome: Err(failure()) };
    assert_eq!(settled(&store, now(), LIFETIME, outcome).await.unwrap(), Settled::Failed);
    let answered = answer(&store, seen, due, now()).await.unwrap();
    assert!(answered.queued.is_none());
    assert_eq!(answered.authorization.challenges[0].error, Some(failure()));
    assert!(store.validations(9).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_failure_ends_the_authorization_and_keeps_its_reason() {
    let attempt = attempt(Proof::Dns01, "room-1.corp.test", false);
    let (store, due) = answered(&attempt).await;
    let outcome =
        settled(&store, now(), LIFETIME, Attempted { due, recorded: true, outcome: Err(failure()) })
            .await
            .unwrap();
    assert_eq!(outcome, Settled::Failed);
    let failed = read(&store, &attempt).await.value;
    assert_eq!(failed.status, AuthorizationStatus::Invalid);
    assert_eq!(failed.failure().unwrap().error, Some(failure()));
    assert!(store.validations(9).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_outcome_that_comes_after_the_authorization_was_given_up_changes_nothing() {
    let attempt = attempt(Proof::Dns01, "room-1.corp.test", false);
    let (store, due) = answered(&attempt).await;
    let seen = read(&store, &attempt).await;
    crate::order::answer::deactivate(&store, seen, now()).await.unwrap();
    let outcome = Ok(control(&attempt, now()));
    let outcome = settled(&store, now(), LIFETIME, Attempted { due, recorded: true, outcome }).await.unwrap();
    assert_eq!(outcome, Settled::Superseded);
    assert_eq!(read(&store, &attempt).await.value.status, AuthorizationStatus::Deactivated);
    assert!(store.validations(9).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_proof_that_comes_after_expiry_changes_nothing() {
    let attempt = attempt(Proof::Dns01, "room-1.corp.test", false);
    let (store, due) = answered(&attempt).await;
    let late = now() + LIFETIME;
    let outcome = Ok(control(&attempt, late));
    let outcome = settled(&store, late, LIFETIME, Attempted { due, recorded: true, outcome }).await.unwrap();
    assert_eq!(outcome, Settled::Superseded);
    assert_eq!(read(&store, &attempt).await.value.status_at(late), AuthorizationStatus::Invalid);
}

#[tokio::test]
async fn a_proof_of_something_else_is_refused_and_proves_nothing() {
    let attempt = attempt(Proof::Dns01, "room-1.corp.test", false);
    let (store, due) = answered(&attempt).await;
    let others = [
        crate::challenge::canned::attempt(Proof::Dns01, "room-2.corp.test", false),
        crate::challenge::canned::attempt(Proof::DnsAccount01, "room-1.corp.test", false),
        Attempt { account: crate::ids::AccountId::from_bytes([9; 16]), ..attempt.clone() },
    ];
    for other in others {
        let outcome = Ok(control(&other, now()));
        let refused =
            settled(&store, now(), LIFETIME, Attempted { due, recorded: true, outcome }).await.unwrap_err();
        assert!(matches!(refused, SettleError::Mismatch { .. }), "{refused}");
        assert_eq!(read(&store, &attempt).await.value.status, AuthorizationStatus::Pending);
    }
}

#[tokio::test]
async fn a_challenge_that_was_never_answered_cannot_be_proven() {
    let attempt = attempt(Proof::Dns01, "room-1.corp.test", false);
    let store = opened(&attempt).await;
    let due =
        Due { at: now(), authorization: attempt.authorization, challenge: attempt.challenge, attempts: 0 };
    let outcome = Ok(control(&attempt, now()));
    let refused =
        settled(&store, now(), LIFETIME, Attempted { due, recorded: true, outcome }).await.unwrap_err();
    assert!(matches!(refused, SettleError::Illegal(_)), "{refused}");
}
