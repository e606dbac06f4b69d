//! The first look at an answered challenge is made within the request: settled there where the records are near, and never lost where they are not.

use std::time::Duration;

use ca_server::clock::Clock as _;
use futures_util::future::join_all;
use http::StatusCode;
use rollcall_tests::ca::{Builder, TestCa};
use rollcall_tests::device::{Device, challenge};
use rollcall_tests::dns::Fault;
use serde_json::{Value, json};

/// Longer than any first attempt takes here.
const LONG: Duration = Duration::from_secs(10);

fn waiting(first_attempt: Duration) -> Builder {
    TestCa::builder().configure(move |config| config.challenge.first_attempt = first_attempt)
}

/// An authorization of a new order with its `dns-01` challenge published: its URL, and the challenge's.
async fn published(ca: &TestCa, alice: &Device) -> (String, String) {
    let order = alice.new_order(&["room-1.corp.test"]).await;
    let authorization = order.authorizations().remove(0);
    let seen = alice.read(&authorization).await;
    alice.publish(&ca.dns, &seen, "dns-01");
    (authorization, url_of(&seen))
}

fn url_of(authorization: &Value) -> String {
    challenge(authorization, "dns-01")["url"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_challenge_whose_record_is_near_is_answered_as_valid_and_nothing_is_queued() {
    let ca = waiting(LONG).start().await;
    let alice = ca.register("alice").await;
    let (authorization, url) = published(&ca, &alice).await;
    let reply = alice.post(&url, &json!({})).await.expect(StatusCode::OK);
    assert_eq!(reply.json()["status"], "valid", "{reply}");
    assert_eq!(reply.header("retry-after"), "", "{reply}");
    assert_eq!(alice.read(&authorization).await["status"], "valid");
    assert!(ca.app().store.validations(10).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_challenge_whose_record_is_wrong_is_answered_as_invalid_with_the_reason() {
    let ca = waiting(LONG).start().await;
    let alice = ca.register("alice").await;
    let (_, url) = published(&ca, &alice).await;
    ca.dns.set_txt("_acme-challenge.room-1.corp.test", &["something-else"]);
    let reply = alice.post(&url, &json!({})).await.expect(StatusCode::OK);
    let shown = reply.json();
    assert_eq!(shown["status"], "invalid", "{reply}");
    assert!(shown["error"]["detail"].as_str().unwrap().contains("something-else"), "{reply}");
    assert!(ca.app().store.validations(10).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_challenge_that_takes_longer_is_processing_and_in_the_queue_before_it_is_answered() {
    for first_attempt in [Duration::from_millis(250), Duration::ZERO] {
        let ca = waiting(first_attempt).sled().start().await;
        let alice = ca.register("alice").await;
        let (authorization, url) = published(&ca, &alice).await;
        // The question is asked again until its time is over.
        ca.dns.fault(Fault::Silent);
        let reply = alice.post(&url, &json!({})).await.expect(StatusCode::OK);
        assert_eq!(reply.json()["status"], "processing", "{reply}");
        assert_eq!(reply.header("retry-after"), "1", "{reply}");
        let rows = ca.app().store.validations(10).await.unwrap();
        assert_eq!(rows.len(), 1, "a crash would lose the answer: {rows:?}");
        ca.dns.honest();
        assert_eq!(alice.settled(&authorization).await["status"], "valid");
        assert!(ca.app().store.validations(10).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_first_attempt_that_may_be_tried_again_leaves_its_row_for_later() {
    let ca = waiting(LONG).start().await;
    let alice = ca.register("alice").await;
    let (_, url) = published(&ca, &alice).await;
    ca.dns.fault(Fault::ServFail);
    let reply = alice.post(&url, &json!({})).await.expect(StatusCode::OK);
    assert_eq!(reply.json()["status"], "processing", "{reply}");
    let rows = ca.app().store.validations(10).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.attempts).collect::<Vec<_>>(), [1], "{rows:?}");
    assert!(rows.iter().all(|row| row.at > ca.clock.now()), "{rows:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixty_four_answers_of_one_challenge_are_one_attempt() {
    let ca = TestCa::builder().sled().start().await;
    let alice = ca.register("alice").await;
    let (authorization, url) = published(&ca, &alice).await;
    ca.dns.clear_queries();
    let empty = json!({});
    let replies = join_all((0..64).map(|_| alice.post(&url, &empty))).await;
    for reply in replies {
        let reply = reply.expect(StatusCode::OK);
        let status = reply.json()["status"].as_str().unwrap().to_owned();
        assert!(status == "processing" || status == "valid", "{reply}");
    }
    assert_eq!(alice.settled(&authorization).await["status"], "valid");
    assert!(ca.app().store.validations(10).await.unwrap().is_empty());
    let asked = ca.dns.queries();
    let txt = asked.iter().filter(|asked| asked.kind == "TXT").count();
    assert_eq!(txt, 1, "{asked:?}");
}

#[tokio::test]
async fn an_answer_whose_authorization_was_given_up_meanwhile_changes_nothing() {
    let ca = waiting(LONG).start().await;
    let alice = ca.register("alice").await;
    let (authorization, url) = published(&ca, &alice).await;
    ca.dns.fault(Fault::Slow(Duration::from_millis(100)));
    let (empty, gone) = (json!({}), json!({"status": "deactivated"}));
    let (answered, given_up) = tokio::join!(alice.post(&url, &empty), alice.post(&authorization, &gone));
    let _ = given_up.expect(StatusCode::OK);
    assert!([StatusCode::OK, StatusCode::BAD_REQUEST].contains(&answered.status), "{answered}");
    assert_eq!(alice.read(&authorization).await["status"], "deactivated");
    assert!(ca.app().store.validations(10).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_answer_waits_no_longer_than_its_request_may_take() {
    let ca = TestCa::builder()
        .configure(|config| {
            config.challenge.first_attempt = Duration::from_secs(3600);
            config.limits.request_timeout = Duration::from_secs(8);
            config.dns.timeout = Duration::from_secs(60);
            config.challenge.timeout = Duration::from_secs(60);
        })
        .start()
        .await;
    let alice = ca.register("alice").await;
    let (_, url) = published(&ca, &alice).await;
    ca.dns.fault(Fault::Silent);
    let reply = alice.post(&url, &json!({})).await.expect(StatusCode::OK);
    assert_eq!(reply.json()["status"], "processing", "{reply}");
    assert_eq!(ca.app().store.validations(10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn who_polls_a_challenge_that_was_given_up_is_not_told_to_come_again() {
    let ca = waiting(Duration::ZERO).start().await;
    let alice = ca.register("alice").await;
    let (authorization, url) = published(&ca, &alice).await;
    ca.dns.fault(Fault::Silent);
    let reply = alice.post(&url, &json!({})).await.expect(StatusCode::OK);
    assert_eq!(reply.header("retry-after"), "1", "{reply}");
    let given_up = alice.post(&authorization, &json!({"status": "deactivated"})).await;
    for reply in [given_up, alice.get(&authorization).await, alice.get(&url).await] {
        let reply = reply.expect(StatusCode::OK);
        assert_eq!(reply.header("retry-after"), "", "{reply}");
    }
}

#[tokio::test]
async fn an_answer_that_was_written_but_reported_lost_is_validated_all_the_same() {
    let ca = waiting(Duration::ZERO).start().await;
    let alice = ca.register("alice").await;
    let (authorization, url) = published(&ca, &alice).await;
    ca.store_faults.lose_next_answers(1);
    assert_eq!(alice.post(&url, &json!({})).await.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(alice.settled(&authorization).await["status"], "valid");
}
