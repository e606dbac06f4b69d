use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

const AGES: Ages =
    Ages { fresh: Duration::hours(1), usable: Duration::hours(24), apart: Duration::seconds(10) };

/// A provider that counts how often it is asked, and fails when told.
#[derive(Default)]
struct Source {
    asked: AtomicU32,
}

impl Source {
    async fn give(&self) -> Result<u32, OidcRefusal> {
        Ok(self.asked.fetch_add(1, Ordering::SeqCst) + 1)
    }

    async fn fail(&self) -> Result<u32, OidcRefusal> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        Err(OidcRefusal::KeysMalformed)
    }

    fn asked(&self) -> u32 {
        self.asked.load(Ordering::SeqCst)
    }
}

fn noon() -> OffsetDateTime {
    time::macros::datetime!(2026-03-01 12:00 UTC)
}

#[tokio::test]
async fn a_fresh_document_is_not_asked_for_again() {
    let (cached, source) = (Cached::new(AGES), Source::default());
    assert_eq!(*cached.at(noon(), source.give()).await.unwrap(), 1);
    assert_eq!(*cached.at(noon() + Duration::minutes(59), source.give()).await.unwrap(), 1);
    assert_eq!(*cached.at(noon() + Duration::hours(1), source.give()).await.unwrap(), 2);
}

#[tokio::test]
async fn after_a_failure_the_provider_rests_longer_each_time() {
    let (cached, source) = (Cached::<u32>::new(AGES), Source::default());
    let mut now = noon();
    for rest in [2, 4, 8, 16] {
        assert_eq!(cached.at(now, source.fail()).await.unwrap_err().reason(), "keys-malformed");
        let asked = source.asked();
        let early = cached.at(now + Duration::seconds(rest - 1), source.give()).await.unwrap_err();
        assert!(matches!(early, OidcRefusal::Resting { reason: "keys-malformed", .. }), "{early}");
        assert_eq!(source.asked(), asked, "a resting provider is not asked");
        now += Duration::seconds(rest);
    }
    for _ in 0..70 {
        cached.at(now, source.fail()).await.unwrap_err();
        now += LONGEST_REST;
    }
    cached.at(now, source.give()).await.unwrap();
    now += Duration::hours(25);
    cached.at(now, source.fail()).await.unwrap_err();
    cached.at(now + Duration::seconds(2), source.give()).await.expect("a success forgets earlier failures");
}

#[tokio::test]
async fn an_old_document_serves_while_the_provider_fails_but_not_for_ever() {
    let (cached, source) = (Cached::new(AGES), Source::default());
    cached.at(noon(), source.give()).await.unwrap();
    assert_eq!(*cached.at(noon() + Duration::hours(2), source.fail()).await.unwrap(), 1);
    assert_eq!(*cached.at(noon() + Duration::hours(2), source.give()).await.unwrap(), 1, "it rests");
    let late = cached.at(noon() + Duration::hours(24), source.fail()).await.unwrap_err();
    assert_eq!(late.reason(), "keys-malformed");
}

#[tokio::test]
async fn a_suspicion_asks_again_but_not_at_once_and_not_when_somebody_else_did() {
    let (cached, source) = (Cached::new(AGES), Source::default());
    let first = cached.at(noon(), source.give()).await.unwrap();
    let soon = cached.newer_than(&first, noon() + Duration::seconds(9), source.give()).await.unwrap();
    assert!(soon.is_none());
    let second = cached.newer_than(&first, noon() + Duration::seconds(10), source.give()).await.unwrap();
    assert_eq!(*second.unwrap(), 2);
    let other = cached.newer_than(&first, noon() + Duration::seconds(10), source.give()).await.unwrap();
    assert_eq!(*other.unwrap(), 2, "what somebody else loaded meanwhile is newer");
    assert_eq!(source.asked(), 2);
}

#[tokio::test]
async fn many_at_once_cause_one_load() {
    let (cached, source) = (Cached::new(AGES), Source::default());
    let all = futures_util::future::join_all((0..20).map(|_| cached.at(noon(), source.give()))).await;
    assert!(all.into_iter().all(|one| *one.unwrap() == 1));
    assert_eq!(source.asked(), 1);
}
