//! `enroll internal` over JSON with the client's library and a clock that stands still: tokens that are refreshed, or cannot be; certificates of hours; and requests that wait
//! for an administrator, of a person, a device and a guest.

use std::fs;

use acme_client::clock::FixedClock;
use acme_client::enroll::waiting;
use acme_client::renew::{Attempt, Why};
use acme_client::state::{Credential, Operation};
use time::Duration;

use crate::est::{Est, failure};

async fn device() -> Est {
    let est = Est::start().await;
    est.activated(est.over_json(Credential::MachineAccount)).await;
    est
}

#[tokio::test]
async fn a_device_refreshes_its_token_after_half_of_its_life_and_shows_the_new_one() {
    let it = device().await;
    assert!(matches!(it.client().renew(false).await, Attempt::Renewed { why: Why::Missing, .. }));
    let (before, key) = it.identity().machine().unwrap().unwrap();
    for _ in 0..6 {
        it.advance(Duration::days(6)).await;
        assert!(matches!(it.client().renew(false).await, Attempt::Renewed { why: Why::Lifetime, .. }));
    }
    let (after, same) = it.identity().machine().unwrap().unwrap();
    assert!(before.token != after.token && before.expires < after.since + Duration::days(1));
    assert_eq!((key, &after.account), (same, &before.account), "the key is the device's for good");
    assert!(it.identity().renewal().unwrap().refresh_error.is_none());
}

#[tokio::test]
async fn a_refresh_that_is_refused_stops_no_renewal_while_the_token_is_good() {
    let it = device().await;
    assert!(matches!(it.client().renew(false).await, Attempt::Renewed { .. }));
    it.advance(Duration::days(16)).await;
    // Its own clock is ten minutes off, so that no proof of it is taken.
    let mut client = it.client();
    client.clock = FixedClock(it.now() + Duration::minutes(10));
    assert!(matches!(client.renew(false).await, Attempt::Renewed { why: Why::Expired, .. }));
    let told = it.identity().renewal().unwrap().refresh_error.unwrap().message;
    assert!(told.contains("403") && told.contains("proof"), "{told}");
    it.advance(Duration::days(1)).await;
    assert!(matches!(it.client().renew(true).await, Attempt::Renewed { .. }));
    assert!(it.identity().renewal().unwrap().refresh_error.is_none(), "it went well since");
    // Without a good token there is nothing to show.
    it.advance(Duration::days(31)).await;
    assert!(failure(it.client().renew(false).await).contains("401"));
}

#[tokio::test]
async fn a_persons_certificate_of_twelve_hours_is_renewed_after_eight() {
    let it = Est::start().await;
    it.over_json(Credential::TokenFile(it.token_file()));
    let write = || fs::write(it.token_file(), it.it.token("alice", "alice@corp.test")).unwrap();
    write();
    assert!(matches!(it.client().renew(false).await, Attempt::Renewed { .. }));
    let lives = it.leaf().not_after - it.leaf().not_before;
    assert!(lives >= Duration::hours(12) && lives < Duration::hours(13), "{lives}");
    let mut renewals = 0;
    for _ in 0..36 {
        it.advance(Duration::hours(1)).await;
        write();
        match it.client().renew(false).await {
            Attempt::Renewed { why: Why::Lifetime, .. } => renewals += 1,
            Attempt::NotDue { .. } => {}
            other => panic!("{other:?}"),
        }
        assert!(it.leaf().not_after > it.now() + Duration::hours(2), "hour by hour there is one in force");
    }
    assert_eq!(renewals, 4);
}

#[tokio::test]
async fn whoever_needs_approval_asks_again_with_the_same_key() {
    for profile in ["internal-user", "internal-device", "guest"] {
        let it = Est::approving(profile).await;
        match profile {
            "internal-user" => {
                it.over_json(Credential::TokenFile(it.token_file()));
                fs::write(it.token_file(), it.it.token("alice", "alice@corp.test")).unwrap();
            }
            "internal-device" => it.activated(it.over_json(Credential::MachineAccount)).await,
            _ => drop(it.over_json(Credential::Guest)),
        }
        assert!(matches!(it.client().renew(false).await, Attempt::ApprovalNeeded { .. }), "{profile}");
        let (pending, key) = it.identity().enrolment().unwrap().unwrap();
        assert_eq!(pending.operation, Operation::Certificates);
        it.it.ca.clock.advance(Duration::minutes(1));
        assert!(matches!(it.client().renew(false).await, Attempt::ApprovalNeeded { .. }), "left alone");
        it.it.ca.clock.advance(Duration::minutes(2));
        assert!(matches!(it.client().renew(false).await, Attempt::ApprovalNeeded { .. }));
        assert_eq!(it.approvals().await.len(), 1, "{profile}: one request, however often it is sent");
        it.decide("approve").await;
        it.it.ca.clock.advance(Duration::minutes(2));
        assert!(matches!(it.client().renew(false).await, Attempt::Renewed { .. }), "{profile}");
        assert_eq!(it.identity().current().unwrap().unwrap().key, key, "{profile}");
        assert!(it.identity().enrolment().unwrap().is_none());
    }
}

#[tokio::test]
async fn a_denial_is_told_and_nothing_is_waited_for_any_more() {
    let it = Est::approving("internal-user").await;
    let settings = it.over_json(Credential::TokenFile(it.token_file()));
    fs::write(it.token_file(), it.it.token("alice", "alice@corp.test")).unwrap();
    assert!(matches!(it.client().renew(false).await, Attempt::ApprovalNeeded { .. }));
    assert!(waiting(&it.identity(), &settings).unwrap().is_some());
    it.decide("deny").await;
    for _ in 0..2 {
        it.it.ca.clock.advance(Duration::minutes(2));
        let told = failure(it.client().renew(true).await);
        assert!(told.contains("403") && told.contains("denied"), "{told}");
        assert!(waiting(&it.identity(), &settings).unwrap().is_none());
    }
    assert_eq!(it.approvals().await.len(), 1, "no new request is filed for it");
}
