//! Renewal information and `replaces` (RFC 9773).

use ca_server::clock::Clock as _;
use http::StatusCode;
use rollcall_tests::ca::TestCa;
use rollcall_tests::device::{Device, Issued, Order, Problem, dns};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

async fn window(ca: &TestCa, id: &str) -> (OffsetDateTime, OffsetDateTime) {
    let reply = ca.http().get(&ca.resource("external", &format!("renewal-info/{id}"))).await;
    let reply = reply.expect(StatusCode::OK);
    assert_eq!(reply.header("retry-after"), "21600");
    let window = reply.json()["suggestedWindow"].clone();
    let at = |edge: &Value| OffsetDateTime::parse(edge.as_str().unwrap(), &Rfc3339).unwrap();
    (at(&window["start"]), at(&window["end"]))
}

async fn replace(device: &Device, issued: &Issued, names: &[&str]) -> Result<Order, Problem> {
    let payload = json!({"identifiers": dns(names), "replaces": issued.renewal_id()});
    device.order(&payload).await
}

#[tokio::test]
async fn anyone_may_ask_and_the_window_is_the_third_around_two_thirds_of_life() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    let issued = alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    let report = issued.report();
    let (start, end) = window(&ca, &issued.renewal_id()).await;
    let life = report.not_after - report.not_before;
    assert!(start >= report.not_before + life / 2 && start < end && end < report.not_after);
    ca.clock.advance(time::Duration::days(2));
    assert_eq!(window(&ca, &issued.renewal_id()).await, (start, end), "the answer does not drift");
}

#[tokio::test]
async fn a_revoked_certificate_is_to_be_renewed_at_once() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    let issued = alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    let _ = alice.revoke(issued.leaf(), None).await.expect(StatusCode::OK);
    let (start, end) = window(&ca, &issued.renewal_id()).await;
    assert!(start < end && end <= ca.clock.now());
}

#[tokio::test]
async fn ids_that_are_none_or_not_ours_are_told_apart() {
    let ca = TestCa::start().await;
    let cases =
        [("aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE", 404), ("nonsense", 400), ("a.b.c", 400), (".AIdlQyE", 400)];
    for (id, status) in cases {
        let url = ca.resource("external", &format!("renewal-info/{id}"));
        let problem = ca.http().get(&url).await.problem();
        assert_eq!((problem.status, problem.kind.as_str()), (status, "malformed"), "{id}");
    }
}

#[tokio::test]
async fn a_certificate_is_replaced_once_and_the_order_says_by_what() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    let issued = alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    let order = replace(&alice, &issued, &["room-1.corp.test"]).await.unwrap();
    assert_eq!(order.body["replaces"], issued.renewal_id());
    let problem = replace(&alice, &issued, &["room-1.corp.test"]).await.unwrap_err();
    assert_eq!((problem.status, problem.kind.as_str()), (409, "alreadyReplaced"));
    let newer = alice.complete(&ca.dns, &order).await;
    let problem = replace(&alice, &issued, &["room-1.corp.test"]).await.unwrap_err();
    assert_eq!(problem.kind, "alreadyReplaced");
    replace(&alice, &newer, &["room-1.corp.test"]).await.unwrap();
}

#[tokio::test]
async fn of_two_orders_that_replace_at_once_one_wins() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    let issued = alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    let names = ["room-1.corp.test"];
    let tries = (0..8).map(|_| replace(&alice, &issued, &names));
    let outcomes = futures_util::future::join_all(tries).await;
    let won = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!(won, 1);
    for problem in outcomes.into_iter().filter_map(Result::err) {
        assert_eq!((problem.status, problem.kind.as_str()), (409, "alreadyReplaced"));
    }
}

#[tokio::test]
async fn an_order_that_failed_gives_the_certificate_free_again() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    let issued = alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    let order = replace(&alice, &issued, &["room-1.corp.test", "room-2.corp.test"]).await.unwrap();
    for url in order.authorizations() {
        let _ = alice.post(&url, &json!({"status": "deactivated"})).await.expect(StatusCode::OK);
    }
    assert_eq!(alice.seen(&order).await.status(), "invalid");
    replace(&alice, &issued, &["room-1.corp.test"]).await.unwrap();
}

#[tokio::test]
async fn what_is_not_ones_own_or_shares_no_name_is_not_replaced() {
    let ca = TestCa::start().await;
    let (alice, bob) = (ca.register("alice").await, ca.register("bob").await);
    let issued = alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    let problem = replace(&bob, &issued, &["room-1.corp.test"]).await.unwrap_err();
    assert_eq!((problem.status, problem.kind.as_str()), (403, "unauthorized"));
    let problem = replace(&alice, &issued, &["room-2.corp.test"]).await.unwrap_err();
    assert_eq!(problem.kind, "malformed");
    replace(&alice, &issued, &["room-1.corp.test"]).await.unwrap();
}
