//! Only a completed sign-in of exactly this challenge is a proof.

use super::*;
use crate::challenge::canned;
use crate::clock::FixedClock;
use crate::ids::{AccountId, AuthorizationId, ChallengeId, SignInId};
use crate::sso::person::{Evidence, Protocol};
use crate::sso::sign_in::{Completion, SignInEvent, Vouched};
use crate::store::Batch;
use crate::store::memory::Memory;
use crate::store::tables::sign_ins;
use certs::identifier::Identifier;
use certs::leaf::Proof;
use time::OffsetDateTime;

const NOW: i64 = 1_800_000_000;

fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(NOW).unwrap()
}

fn evidence() -> Evidence {
    Evidence {
        provider: "corp".to_owned(),
        protocol: Protocol::Saml,
        issuer: "https://idp.example.com".to_owned(),
        subject: "alice@example.com".to_owned(),
        assertion: "_1".to_owned(),
        authenticated: now() - time::Duration::minutes(1),
        context: None,
        methods: Vec::new(),
        groups: Vec::new(),
        display_name: None,
    }
}

fn attempt() -> Attempt {
    let dns = canned::attempt(Proof::Sso01, "example.com", false);
    let identifier = Identifier::from_parts("email", "alice@example.com").unwrap();
    Attempt { identifier, provider: Some("corp".to_owned()), ..dns }
}

fn sign_in(attempt: &Attempt, stage: Stage) -> SignIn {
    SignIn {
        id: sign_in_of(attempt.token.as_deref().unwrap()).unwrap(),
        account: attempt.account,
        authorization: attempt.authorization,
        challenge: attempt.challenge,
        provider: "corp".to_owned(),
        client: "192.0.2.1".parse().unwrap(),
        completion: Completion::Code { code: "ABCD-EFGH".to_owned() },
        created: now(),
        expires: now(),
        stage,
    }
}

async fn validate(sign_in: Option<SignIn>) -> Result<Control, ChallengeError> {
    let store = Store::new(Arc::new(Memory::new()));
    if let Some(sign_in) = sign_in {
        let mut batch = Batch::new();
        sign_ins::insert(&mut batch, &sign_in).unwrap();
        store.commit(batch).await.unwrap();
    }
    let clock = Arc::new(FixedClock::at(now()));
    Sso01::new(store, clock, Duration::from_secs(3600)).validate(&attempt()).await
}

fn completed() -> Stage {
    let text = || "x".to_owned();
    let vouched = Vouched {
        browser: text(),
        secret: text(),
        evidence: evidence(),
        nonce: text(),
        commitment: text(),
        tries: 0,
        vouched_at: now(),
        from: "192.0.2.1".parse().unwrap(),
    };
    Stage::Vouched(vouched).step(SignInEvent::Complete).unwrap()
}

#[tokio::test]
async fn a_completed_sign_in_is_a_proof_with_its_evidence_and_its_own_end() {
    let control = validate(Some(sign_in(&attempt(), completed()))).await.unwrap();
    assert_eq!(control.evidence(), Some(&evidence()));
    assert_eq!(control.reusable_until(), Some(now() + time::Duration::minutes(59)));
    assert_eq!(control.proof(), Proof::Sso01);
}

#[tokio::test]
async fn anything_less_is_none_and_says_why() {
    let reason = async |sign_in| match validate(sign_in).await {
        Err(ChallengeError::SignIn(reason)) => reason.word(),
        other => panic!("{other:?}"),
    };
    assert_eq!(reason(None).await, "not-completed");
    assert_eq!(reason(Some(sign_in(&attempt(), Stage::Offered))).await, "not-completed");
    let failed = Stage::Failed { reason: Reason::WrongCodes };
    assert_eq!(reason(Some(sign_in(&attempt(), failed))).await, "wrong-codes");
}

#[tokio::test]
async fn a_completed_sign_in_of_something_else_is_none() {
    let own = sign_in(&attempt(), completed());
    for other in [
        SignIn { id: SignInId::from_bytes([9; 16]), ..own.clone() },
        SignIn { account: AccountId::from_bytes([9; 16]), ..own.clone() },
        SignIn { authorization: AuthorizationId::from_bytes([9; 16]), ..own.clone() },
        SignIn { challenge: ChallengeId::from_bytes([9; 16]), ..own.clone() },
        SignIn { provider: "other".to_owned(), ..own.clone() },
    ] {
        assert!(validate(Some(other.clone())).await.is_err(), "{other:?}");
    }
}
