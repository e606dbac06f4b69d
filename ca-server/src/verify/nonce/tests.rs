use std::collections::HashSet;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;

#[test]
fn a_nonce_is_accepted_once_and_then_reused() {
    let nonces = Nonces::new().unwrap();
    let nonce = nonces.issue();
    assert_eq!(nonces.redeem(&nonce), Ok(()));
    assert_eq!(nonces.redeem(&nonce), Err(NonceFault::Reused));
}

#[test]
fn another_process_and_forgeries_are_foreign() {
    let nonces = Nonces::new().unwrap();
    let foreign = Nonces::new().unwrap().issue();
    assert_eq!(nonces.redeem(&foreign), Err(NonceFault::Foreign));
    let genuine = nonces.issue();
    for at in 0..genuine.len() {
        let mut forged = genuine.clone().into_bytes();
        forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
        let forged = String::from_utf8(forged).unwrap();
        assert_eq!(nonces.redeem(&forged), Err(NonceFault::Foreign), "{forged}");
    }
    let padded = format!("{genuine}=");
    for bad in ["", "x", "nonce", &"A".repeat(32), &genuine[..31], &padded, &"é".repeat(16)] {
        assert_eq!(nonces.redeem(bad), Err(NonceFault::Foreign), "{bad}");
    }
    assert_eq!(nonces.redeem(&genuine), Ok(()), "the forgeries did not spend it");
}

#[test]
fn a_nonce_expires_when_a_whole_window_was_issued_after_it() {
    let nonces = Nonces::with_window(64).unwrap();
    let old = nonces.issue();
    let young = nonces.issue();
    for _ in 0..63 {
        nonces.issue();
    }
    assert_eq!(nonces.redeem(&old), Err(NonceFault::Expired));
    assert_eq!(nonces.redeem(&young), Ok(()));
}

#[test]
fn the_whole_window_can_be_redeemed_after_it_wrapped_around() {
    let nonces = Nonces::with_window(64).unwrap();
    for _ in 0..10 {
        let batch: Vec<_> = (0..64).map(|_| nonces.issue()).collect();
        assert!(batch.iter().rev().all(|nonce| nonces.redeem(nonce) == Ok(())));
        assert!(batch.iter().all(|nonce| nonces.redeem(nonce) == Err(NonceFault::Reused)));
    }
}

#[test]
fn sixteen_threads_that_all_send_the_same_nonces_get_each_accepted_once() {
    let nonces = Arc::new(Nonces::with_window(4096).unwrap());
    let issued: Arc<Vec<_>> = Arc::new((0..4096).map(|_| nonces.issue()).collect());
    let accepted = |seed: usize| {
        let (nonces, issued) = (Arc::clone(&nonces), Arc::clone(&issued));
        std::thread::spawn(move || {
            let turn = |at: usize| &issued[(at * 17 + seed) % issued.len()];
            (0..issued.len()).filter(|at| nonces.redeem(turn(*at)).is_ok()).count()
        })
    };
    let threads: Vec<_> = (0..16).map(accepted).collect();
    let total: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    assert_eq!(total, 4096);
}

proptest! {
    /// Whatever the order of issuing and (repeated) redeeming, nothing is accepted twice, and what is recent and unused is accepted.
    #[test]
    fn a_nonce_is_accepted_exactly_once(steps in prop::collection::vec((any::<bool>(), any::<u16>()), 1..600)) {
        let nonces = Nonces::with_window(64).unwrap();
        let mut issued = Vec::new();
        let mut accepted = HashSet::new();
        for (issue, pick) in steps {
            if issue || issued.is_empty() {
                issued.push(nonces.issue());
                continue;
            }
            let at = usize::from(pick) % issued.len();
            let outcome = nonces.redeem(&issued[at]);
            // Within the last half window nothing is ever too old, however the words are reused.
            let recent = issued.len() - at <= 32;
            match outcome {
                Ok(()) => prop_assert!(accepted.insert(at)),
                Err(NonceFault::Reused) => prop_assert!(accepted.contains(&at)),
                Err(NonceFault::Expired) => prop_assert!(!recent),
                Err(other) => prop_assert!(false, "{other}"),
            }
        }
    }
}
