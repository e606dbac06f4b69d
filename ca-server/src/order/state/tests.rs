//! Properties of the state machines over every state, every event and random histories.

use proptest::prelude::*;

use super::*;

const ORDERS: [OrderStatus; 5] = [
    OrderStatus::Pending,
    OrderStatus::Ready,
    OrderStatus::Processing,
    OrderStatus::Valid,
    OrderStatus::Invalid,
];
const ORDER_EVENTS: [OrderEvent; 6] = [
    OrderEvent::Prove,
    OrderEvent::Lose,
    OrderEvent::Expire,
    OrderEvent::Finalize,
    OrderEvent::Issue,
    OrderEvent::Abandon,
];
const AUTHORIZATIONS: [AuthorizationStatus; 6] = [
    AuthorizationStatus::Pending,
    AuthorizationStatus::Valid,
    AuthorizationStatus::Invalid,
    AuthorizationStatus::Deactivated,
    AuthorizationStatus::Expired,
    AuthorizationStatus::Revoked,
];
const AUTHORIZATION_EVENTS: [AuthorizationEvent; 5] = [
    AuthorizationEvent::Prove,
    AuthorizationEvent::Fail,
    AuthorizationEvent::Deactivate,
    AuthorizationEvent::Expire,
    AuthorizationEvent::Revoke,
];
const CHALLENGE_EVENTS: [ChallengeEvent; 3] =
    [ChallengeEvent::Answer, ChallengeEvent::Prove, ChallengeEvent::Fail];

#[test]
fn the_legal_steps_of_an_order_are_exactly_these_eight() {
    let mut legal = Vec::new();
    for state in ORDERS {
        for event in ORDER_EVENTS {
            if let Ok(next) = state.step(event) {
                legal.push((state.name(), next.name(), event));
            }
        }
    }
    assert_eq!(
        legal,
        [
            ("pending", "ready", OrderEvent::Prove),
            ("pending", "invalid", OrderEvent::Lose),
            ("pending", "invalid", OrderEvent::Expire),
            ("ready", "invalid", OrderEvent::Lose),
            ("ready", "invalid", OrderEvent::Expire),
            ("ready", "processing", OrderEvent::Finalize),
            ("processing", "valid", OrderEvent::Issue),
            ("processing", "invalid", OrderEvent::Abandon),
        ]
    );
}

#[test]
fn ended_objects_never_change_again() {
    for event in ORDER_EVENTS {
        assert!(OrderStatus::Valid.step(event).is_err());
        assert!(OrderStatus::Invalid.step(event).is_err());
    }
    for event in AUTHORIZATION_EVENTS {
        for ended in AUTHORIZATIONS.iter().skip(2) {
            assert!(ended.step(event).is_err(), "{ended:?} {event:?}");
        }
    }
    for event in CHALLENGE_EVENTS {
        assert!(ChallengeStatus::Valid.step(event).is_err());
        assert!(ChallengeStatus::Invalid.step(event).is_err());
    }
    for event in [CertificateEvent::Issue, CertificateEvent::Abandon, CertificateEvent::Revoke] {
        assert!(CertificateStatus::Abandoned.step(event).is_err());
        assert!(CertificateStatus::Revoked.step(event).is_err());
    }
    for event in [AccountEvent::Deactivate, AccountEvent::Revoke] {
        assert!(AccountStatus::Deactivated.step(event).is_err());
        assert!(AccountStatus::Revoked.step(event).is_err());
    }
}

#[test]
fn only_an_intended_certificate_is_issued_or_abandoned_and_only_an_issued_one_revoked() {
    assert_eq!(CertificateStatus::Intended.step(CertificateEvent::Issue), Ok(CertificateStatus::Issued));
    assert_eq!(CertificateStatus::Intended.step(CertificateEvent::Abandon), Ok(CertificateStatus::Abandoned));
    assert_eq!(CertificateStatus::Issued.step(CertificateEvent::Revoke), Ok(CertificateStatus::Revoked));
    assert!(CertificateStatus::Intended.step(CertificateEvent::Revoke).is_err());
    assert!(CertificateStatus::Issued.step(CertificateEvent::Abandon).is_err());
}

#[test]
fn an_illegal_step_says_what_could_not_happen_to_what() {
    let illegal = OrderStatus::Pending.step(OrderEvent::Finalize).unwrap_err();
    assert_eq!(illegal.to_string(), "finalize is not possible while the order is pending");
}

#[test]
fn an_order_without_authorizations_is_never_ready() {
    assert_eq!(derived(OrderStatus::Pending, false, []), OrderStatus::Pending);
}

#[test]
fn a_pending_authorization_that_expires_is_invalid_and_a_valid_one_expired() {
    assert_eq!(
        AuthorizationStatus::Pending.step(AuthorizationEvent::Expire),
        Ok(AuthorizationStatus::Invalid)
    );
    assert_eq!(AuthorizationStatus::Valid.step(AuthorizationEvent::Expire), Ok(AuthorizationStatus::Expired));
}

proptest! {
    #[test]
    fn an_order_is_valid_only_after_proof_then_finalize_then_issuance(
        events in prop::collection::vec(prop::sample::select(&ORDER_EVENTS[..]), 0..20),
    ) {
        let mut state = OrderStatus::Pending;
        let mut taken = Vec::new();
        for event in events {
            if let Ok(next) = state.step(event) {
                state = next;
                taken.push(event);
            }
        }
        if state == OrderStatus::Valid {
            prop_assert_eq!(taken, vec![OrderEvent::Prove, OrderEvent::Finalize, OrderEvent::Issue]);
        }
    }

    #[test]
    fn a_challenge_is_valid_only_after_an_answer(
        events in prop::collection::vec(prop::sample::select(&CHALLENGE_EVENTS[..]), 0..10),
    ) {
        let mut state = ChallengeStatus::Pending;
        let mut taken = Vec::new();
        for event in events {
            if let Ok(next) = state.step(event) {
                state = next;
                taken.push(event);
            }
        }
        if state == ChallengeStatus::Valid {
            prop_assert_eq!(taken, vec![ChallengeEvent::Answer, ChallengeEvent::Prove]);
        }
    }

    #[test]
    fn an_order_is_ready_exactly_when_every_authorization_is_valid_and_time_is_left(
        expired: bool,
        statuses in prop::collection::vec(prop::sample::select(&AUTHORIZATIONS[..]), 1..6),
    ) {
        let order = derived(OrderStatus::Pending, expired, statuses.clone());
        let all_valid = statuses.iter().all(|status| *status == AuthorizationStatus::Valid);
        let lost = statuses.iter().any(|status| {
            !matches!(status, AuthorizationStatus::Valid | AuthorizationStatus::Pending)
        });
        prop_assert_eq!(order == OrderStatus::Ready, all_valid && !expired);
        prop_assert_eq!(order == OrderStatus::Invalid, lost || expired);
    }

    #[test]
    fn what_happens_to_authorizations_cannot_touch_an_order_past_finalize(
        stored in prop::sample::select(&ORDERS[2..]),
        expired: bool,
        statuses in prop::collection::vec(prop::sample::select(&AUTHORIZATIONS[..]), 0..6),
    ) {
        prop_assert_eq!(derived(stored, expired, statuses), stored);
    }
}
