//! The journal as the queue: stops, restarts, operators who move places, and entries that are gone.

use ca_server::store::tables::certificates::CertificateFilter;
use ca_server::store::{Batch, Table};
use rollcall_tests::receiver::{Answer, Receiver};

use crate::setting::{add, hook, name, next, telling, until};

#[tokio::test]
async fn what_happened_while_nobody_was_told_is_told_after_a_restart() {
    let (receiver, witness) = (Receiver::start().await, Receiver::start().await);
    let url = witness.url();
    let ca = telling(&receiver, "").configure(move |config| add(config, "witness", &url, "")).sled();
    let ca = ca.start().await;
    hook(ca.app(), "hook").pause(&ca.app().store, "by an operator", ca.app().started).await.unwrap();
    let alice = ca.register("alice").await;
    for number in 0..3 {
        alice.issue(&ca.dns, &[&format!("room-{number}.corp.test")]).await;
        next(&witness).await;
    }
    let ca = ca.restart().await;
    // Whoever is not paused is told by this server too.
    ca.register("bob").await.issue(&ca.dns, &["room-3.corp.test"]).await;
    while name(&next(&witness).await.1) != "dns:room-3.corp.test" {}
    assert_eq!(receiver.rest().await.len(), 0, "it is still paused");
    hook(ca.app(), "hook").resume(&ca.app().store).await.unwrap();
    for number in 0..4 {
        assert_eq!(name(&next(&receiver).await.1), format!("dns:room-{number}.corp.test"));
    }
    // What was told is not told again by a stop in order.
    until(ca.app(), |seen| seen.delivered == 4).await;
    let ca = ca.restart().await;
    ca.register("carol").await.issue(&ca.dns, &["room-9.corp.test"]).await;
    assert_eq!(name(&next(&receiver).await.1), "dns:room-9.corp.test");
}

#[tokio::test]
async fn a_replay_tells_again_under_the_same_ids_and_passes_over_what_is_refused() {
    let receiver = Receiver::start().await;
    let ca = telling(&receiver, "").start().await;
    let alice = ca.register("alice").await;
    alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    alice.issue(&ca.dns, &["room-2.corp.test"]).await;
    let (first, event) = next(&receiver).await;
    let (second, _) = next(&receiver).await;
    until(ca.app(), |seen| seen.delivered == 2).await;
    let (endpoint, store) = (hook(ca.app(), "hook"), &ca.app().store);
    endpoint.replay(store, 1).await.unwrap();
    assert_eq!(next(&receiver).await.0.id(), first.id());
    assert_eq!(next(&receiver).await.0.id(), second.id());
    // One that is never taken is passed over by an operator.
    until(ca.app(), |seen| seen.delivered == 4).await;
    receiver.answer(std::iter::repeat_n(Answer::Status(400), 3));
    let entry: u64 = event["sequence"].as_str().unwrap().parse().unwrap();
    endpoint.replay(store, entry).await.unwrap();
    for _ in 0..3 {
        assert_eq!(next(&receiver).await.0.id(), first.id());
    }
    endpoint.replay(store, entry + 1).await.unwrap();
    let mut rest = next(&receiver).await.0;
    if rest.id() == first.id() {
        // It was under way when the operator spoke.
        rest = next(&receiver).await.0;
    }
    assert_eq!(rest.id(), second.id());
}

#[tokio::test]
async fn entries_that_are_gone_are_told_as_a_gap() {
    let receiver = Receiver::start().await;
    let ca = telling(&receiver, "events = [\"issued\"]").start().await;
    let (endpoint, store) = (hook(ca.app(), "hook"), &ca.app().store);
    endpoint.pause(store, "by an operator", ca.app().started).await.unwrap();
    let (before, _) = endpoint.stands(store).await.unwrap();
    let alice = ca.register("alice").await;
    alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    let last = ca.audit().await.len() as u64;
    alice.issue(&ca.dns, &["room-2.corp.test"]).await;
    let mut batch = Batch::new();
    for seq in before + 1..=last {
        batch.delete(Table::Journal, seq.to_be_bytes().to_vec());
    }
    store.commit(batch).await.unwrap();
    endpoint.resume(store).await.unwrap();
    let (_, event) = next(&receiver).await;
    assert_eq!(event["type"], "rollcall.journal.gap.v1");
    let missing = (event["data"]["first_missing"].as_u64(), event["data"]["last_missing"].as_u64());
    assert_eq!(missing, (Some(before + 1), Some(last)));
    assert_eq!(name(&next(&receiver).await.1), "dns:room-2.corp.test");
    // A journal that is shorter than what was told is told of too.
    until(ca.app(), |seen| seen.delivered == 1).await;
    let newest = ca_server::log::journal::newest(store).await.unwrap().unwrap().seq;
    endpoint.replay(store, newest + 11).await.unwrap();
    let (_, event) = next(&receiver).await;
    assert_eq!(event["data"]["first_missing"], newest + 1, "{event}");
    assert_eq!(event["data"]["last_missing"], newest + 10, "{event}");
    alice.issue(&ca.dns, &["room-3.corp.test"]).await;
    assert_eq!(name(&next(&receiver).await.1), "dns:room-3.corp.test");
}

#[tokio::test]
async fn a_filter_holds_back_no_event_of_a_certificate_that_is_not_known_any_more() {
    let receiver = Receiver::start().await;
    let ca = telling(&receiver, "authorities = [\"unbound\"]").start().await;
    let (endpoint, store) = (hook(ca.app(), "hook"), &ca.app().store);
    endpoint.pause(store, "by an operator", ca.app().started).await.unwrap();
    let alice = ca.register("alice").await;
    alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    let filter = CertificateFilter { without_own: true, ..Default::default() };
    let found = store.certificates(&filter, None, 10).await.unwrap().items.remove(0);
    let mut batch = Batch::new();
    batch.remove(&found);
    store.commit(batch).await.unwrap();
    alice.issue(&ca.dns, &["room-2.corp.test"]).await;
    ca.register_at("unbound", "carol").await.issue(&ca.dns, &["www.corp.test"]).await;
    endpoint.resume(store).await.unwrap();
    let (_, event) = next(&receiver).await;
    assert_eq!(event["data"]["certificate"], serde_json::json!({"serial": found.value.serial.to_string()}));
    assert_eq!(name(&next(&receiver).await.1), "dns:www.corp.test");
}
