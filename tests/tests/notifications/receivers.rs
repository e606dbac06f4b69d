//! Receivers that are slow, broken, gone or not who they should be.

use std::time::Duration;

use rollcall_tests::ca::TestCa;
use rollcall_tests::receiver::{Answer, Receiver};

use crate::setting::{add, hook, name, next, telling, until};

#[tokio::test]
async fn an_event_is_told_again_until_it_is_taken_and_none_overtakes_it() {
    let receiver = Receiver::start().await;
    let elsewhere = Receiver::start().await;
    let bad = [
        Answer::Status(500),
        Answer::Status(404),
        Answer::With(302, "location", elsewhere.url()),
        Answer::With(307, "location", elsewhere.url()),
        Answer::Raw(b"HTTP/1.1 two hundred\r\n\r\n"),
        Answer::Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999999\r\n\r\n"),
        Answer::Raw(b""),
        Answer::With(429, "retry-after", "soon".to_owned()),
    ];
    let tries = bad.len();
    receiver.answer(bad);
    let ca = telling(&receiver, "").start().await;
    let alice = ca.register("alice").await;
    alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    alice.issue(&ca.dns, &["room-2.corp.test"]).await;
    let (first, _) = next(&receiver).await;
    for number in 0..tries {
        let (again, event) = next(&receiver).await;
        assert_eq!((again.id(), name(&event)), (first.id(), "dns:room-1.corp.test"), "try {number}");
        assert_eq!(again.body, first.body);
    }
    assert_eq!(name(&next(&receiver).await.1), "dns:room-2.corp.test");
    assert_eq!(elsewhere.rest().await.len(), 0, "a redirect is not followed");
    until(ca.app(), |seen| seen.delivered == 2 && seen.failures == 0).await;
}

#[tokio::test]
async fn a_receiver_that_asks_for_time_gets_it_but_not_for_ever() {
    let receiver = Receiver::start().await;
    receiver.answer([
        Answer::With(429, "retry-after", "1".to_owned()),
        // It lies: nothing waits longer than `retry_longest`, which is 2 s here.
        Answer::With(503, "retry-after", "99999999".to_owned()),
    ]);
    let ca = telling(&receiver, "").start().await;
    ca.register("alice").await.issue(&ca.dns, &["room-1.corp.test"]).await;
    let (first, second, third) = (receiver.next().await, receiver.next().await, receiver.next().await);
    assert!(second.at - first.at >= Duration::from_secs(1), "{:?}", second.at - first.at);
    assert!(third.at - second.at >= Duration::from_secs(2), "{:?}", third.at - second.at);
}

#[tokio::test]
async fn one_that_never_answers_holds_up_neither_issuance_nor_another() {
    let (dead, well) = (Receiver::start().await, Receiver::start().await);
    dead.answer(std::iter::repeat_n(Answer::Never, 1000));
    let urls = [dead.url(), well.url()];
    let ca = TestCa::builder()
        .configure(move |config| {
            add(config, "hook", &urls[0], "timeout = \"50ms\"");
            add(config, "well", &urls[1], "");
        })
        .start()
        .await;
    let alice = ca.register("alice").await;
    for number in 0..10 {
        alice.issue(&ca.dns, &[&format!("room-{number}.corp.test")]).await;
        assert_eq!(name(&next(&well).await.1), format!("dns:room-{number}.corp.test"));
    }
    until(ca.app(), |seen| seen.failures > 2).await;
    let seen = hook(ca.app(), "hook").seen();
    assert!(seen.delivered == 0 && seen.waits_since.is_some(), "{seen:?}");
    assert!(seen.problem.as_ref().unwrap().contains("did not answer"), "{seen:?}");
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_and_counts_by_its_status() {
    let receiver = Receiver::start().await;
    receiver.answer([Answer::Endless]);
    let ca = telling(&receiver, "").start().await;
    let alice = ca.register("alice").await;
    alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    alice.issue(&ca.dns, &["room-2.corp.test"]).await;
    assert_eq!(name(&next(&receiver).await.1), "dns:room-1.corp.test");
    assert_eq!(name(&next(&receiver).await.1), "dns:room-2.corp.test");
}

#[tokio::test]
async fn one_that_says_it_is_gone_is_paused_over_a_restart_until_it_is_resumed() {
    let (receiver, witness) = (Receiver::start().await, Receiver::start().await);
    receiver.answer([Answer::Status(410)]);
    let url = witness.url();
    let ca = telling(&receiver, "").configure(move |config| add(config, "witness", &url, "")).sled();
    let ca = ca.start().await;
    let alice = ca.register("alice").await;
    alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    let (first, _) = next(&receiver).await;
    until(ca.app(), |seen| seen.problem.is_some()).await;
    let ca = ca.restart().await;
    let store = &ca.app().store;
    let (_, paused) = hook(ca.app(), "hook").stands(store).await.unwrap();
    assert!(paused.unwrap().0.contains("410 Gone"));
    // Whoever is not paused is told by this server too.
    ca.register("bob").await.issue(&ca.dns, &["room-2.corp.test"]).await;
    while name(&next(&witness).await.1) != "dns:room-2.corp.test" {}
    assert_eq!(receiver.rest().await.len(), 0);
    hook(ca.app(), "hook").resume(store).await.unwrap();
    assert_eq!(next(&receiver).await.0.id(), first.id());
}

#[tokio::test]
async fn a_receiver_must_show_a_certificate_that_is_trusted() {
    let receiver = Receiver::start_tls().await;
    let (url, root) = (receiver.url(), receiver.root().to_owned());
    let ca = telling(&receiver, "timeout = \"5s\"").sled().start().await;
    ca.register("alice").await.issue(&ca.dns, &["room-1.corp.test"]).await;
    until(ca.app(), |seen| seen.failures > 0).await;
    let problem = hook(ca.app(), "hook").seen().problem.unwrap();
    assert!(problem.contains("certificate"), "{problem}");
    assert_eq!(receiver.rest().await.len(), 0);
    std::fs::write(ca.folder().join("hook-root.pem"), root).unwrap();
    let mut config = ca.config().clone();
    config.notifications.webhook.clear();
    add(&mut config, "hook", &url, "roots = \"hook-root.pem\"");
    let _ca = ca.restart_with(config).await;
    assert_eq!(name(&next(&receiver).await.1), "dns:room-1.corp.test");
}

#[tokio::test]
async fn one_that_takes_everything_but_slowly_is_seen_to_fall_behind() {
    let receiver = Receiver::start().await;
    let url = receiver.url();
    let ca = TestCa::builder().configure(move |config| add(config, "slow", &url, "")).start().await;
    let (endpoint, store) = (hook(ca.app(), "slow"), &ca.app().store);
    endpoint.pause(store, "by an operator", ca.app().started).await.unwrap();
    let alice = ca.register("alice").await;
    for number in 0..2 {
        alice.issue(&ca.dns, &[&format!("room-{number}.corp.test")]).await;
    }
    ca.clock.advance(time::Duration::hours(2));
    receiver.answer([Answer::After(Duration::from_millis(1500)), Answer::Never]);
    endpoint.resume(store).await.unwrap();
    assert_eq!(name(&next(&receiver).await.1), "dns:room-0.corp.test");
    assert_eq!(name(&next(&receiver).await.1), "dns:room-1.corp.test");
    let seen = endpoint.seen();
    assert!(seen.delivered == 1 && seen.failures == 0 && seen.waits_since.is_some(), "{seen:?}");
    let metrics = ca.app().metrics.render();
    assert!(metrics.contains("rollcall_webhook_behind_seconds{webhook=\"slow\"} 7200\n"), "{metrics}");
}
