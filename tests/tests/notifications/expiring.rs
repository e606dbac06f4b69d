//! Certificates that end soon, with the clock held still.

use std::collections::BTreeSet;

use ca_server::notifications::expiring::look;
use rollcall_tests::receiver::Receiver;
use time::Duration;

use crate::setting::{name, next, telling, until};

#[tokio::test]
async fn a_certificate_that_nobody_renews_is_told_of_once_for_each_time_ahead() {
    let receiver = Receiver::start().await;
    // A device lives for 7 days: when 5 are left nothing is told, since its agent need not have renewed it by then.
    let hours = [5 * 24, 24, 6].map(|hours: u64| std::time::Duration::from_secs(hours * 3600));
    let ca = telling(&receiver, "events = [\"expiring\"]")
        .configure(move |config| config.notifications.expiring = hours.map(Into::into).to_vec())
        .sled()
        .start()
        .await;
    let alice = ca.register("alice").await;
    for room in ["room-1", "room-2", "room-3"] {
        alice.issue(&ca.dns, &[&format!("{room}.corp.test")]).await;
    }
    let third = alice.issue(&ca.dns, &["room-4.corp.test"]).await;
    assert_eq!(look(ca.app()).await.unwrap(), 0, "nothing ends soon");
    ca.clock.advance(Duration::hours(6 * 24 - 8));
    // One is renewed, by another account, and one is revoked: neither is told of.
    let bob = ca.register("bob").await;
    bob.issue(&ca.dns, &["room-2.corp.test"]).await;
    drop(alice.revoke(third.leaf(), None).await.expect(http::StatusCode::OK));
    ca.clock.advance(Duration::hours(9));
    let rooms = BTreeSet::from(["dns:room-1.corp.test", "dns:room-3.corp.test"].map(str::to_owned));
    assert_eq!(look(ca.app()).await.unwrap(), 2);
    assert_eq!(look(ca.app()).await.unwrap(), 0, "each once");
    // Those that end at the same moment come in any order.
    let mut told = BTreeSet::new();
    for _ in 0..2 {
        let (_, event) = next(&receiver).await;
        assert_eq!(event["type"], "rollcall.certificate.expiring.v1");
        assert_eq!(event["data"]["ahead_seconds"], 86_400);
        told.insert(name(&event).to_owned());
    }
    assert_eq!(told, rooms);
    // Of what is not noted yet when a server stops, the next one tells again.
    until(ca.app(), |seen| seen.delivered == 2).await;
    // A start looks by itself, and tells nothing twice.
    let ca = ca.restart().await;
    ca.clock.advance(Duration::hours(18));
    let ca = ca.restart().await;
    let mut told = BTreeSet::new();
    for _ in 0..2 {
        let (_, event) = next(&receiver).await;
        assert_eq!(event["data"]["ahead_seconds"], 6 * 3600);
        told.insert(name(&event).to_owned());
    }
    assert_eq!(told, rooms);
    assert_eq!(look(ca.app()).await.unwrap(), 0);
    assert_eq!(ca.audit().await.count("expiring"), 4);
    assert_eq!(receiver.rest().await.len(), 0);
}

#[tokio::test]
async fn a_server_whose_webhooks_want_no_ends_journals_none() {
    let receiver = Receiver::start().await;
    let ca = telling(&receiver, "events = [\"issued\"]").start().await;
    ca.register("alice").await.issue(&ca.dns, &["room-1.corp.test"]).await;
    ca.clock.advance(Duration::days(6));
    assert_eq!(look(ca.app()).await.unwrap(), 0);
    assert_eq!(ca.audit().await.count("expiring"), 0);
}

#[tokio::test]
async fn what_ended_while_nobody_looked_is_not_told_of() {
    let receiver = Receiver::start().await;
    let ca = telling(&receiver, "events = [\"expiring\"]").start().await;
    let alice = ca.register("alice").await;
    alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    ca.clock.advance(Duration::hours(6 * 24 + 1));
    assert_eq!(look(ca.app()).await.unwrap(), 1, "this look leaves its mark");
    alice.issue(&ca.dns, &["room-2.corp.test"]).await;
    ca.clock.advance(Duration::hours(7 * 24 + 8));
    assert_eq!(look(ca.app()).await.unwrap(), 0);
    assert_eq!(ca.audit().await.count("expiring"), 1);
}
