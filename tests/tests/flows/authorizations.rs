//! Authorizations (RFC 8555 §7.5): used again, made ahead, given up.

use http::StatusCode;
use rollcall_tests::ca::TestCa;
use serde_json::{Value, json};

fn wanted(name: &str) -> Value {
    json!({"identifier": {"type": "dns", "value": name}})
}

#[tokio::test]
async fn a_proven_name_needs_no_second_proof_in_the_next_order() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    let first = alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    ca.dns.set_txt("_acme-challenge.room-1.corp.test", &[]);
    ca.dns.clear_queries();
    let second = alice.new_order(&["room-1.corp.test"]).await;
    assert_eq!(second.status(), "ready", "{}", second.body);
    assert_eq!(second.authorizations(), first.order.authorizations());
    let issued = alice.complete(&ca.dns, &second).await;
    assert_ne!(issued.report().serial, first.report().serial);
    assert!(ca.dns.queries().iter().all(|asked| asked.kind == "CAA"), "{:?}", ca.dns.queries());
}

#[tokio::test]
async fn an_order_for_an_old_and_a_new_name_asks_for_the_new_proof_only() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    let order = alice.new_order(&["room-1.corp.test", "room-2.corp.test"]).await;
    assert_eq!(order.status(), "pending");
    let mut statuses = Vec::new();
    for url in order.authorizations() {
        statuses.push(alice.read(&url).await["status"].as_str().unwrap().to_owned());
    }
    statuses.sort();
    assert_eq!(statuses, ["pending", "valid"]);
    alice.complete(&ca.dns, &order).await;
}

#[tokio::test]
async fn the_proof_of_a_wildcard_is_none_of_its_base_and_the_other_way_round() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    alice.issue(&ca.dns, &["*.rooms.corp.test"]).await;
    assert_eq!(alice.new_order(&["rooms.corp.test"]).await.status(), "pending");
    alice.issue(&ca.dns, &["hall.corp.test"]).await;
    assert_eq!(alice.new_order(&["*.hall.corp.test"]).await.status(), "pending");
}

#[tokio::test]
async fn another_account_must_prove_the_name_itself() {
    let ca = TestCa::start().await;
    let (alice, bob) = (ca.register("alice").await, ca.register("bob").await);
    let issued = alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    let order = bob.new_order(&["room-1.corp.test"]).await;
    assert_eq!(order.status(), "pending");
    let problem = bob.get(&issued.order.authorizations()[0]).await.problem();
    assert_eq!((problem.status, problem.kind.as_str()), (403, "unauthorized"));
}

#[tokio::test]
async fn a_name_authorized_ahead_makes_its_order_ready_at_once() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    let reply = alice.post(&alice.resource("new-authz"), &wanted("room-1.corp.test")).await;
    let reply = reply.expect(StatusCode::CREATED);
    let url = reply.header("location").to_owned();
    alice.publish(&ca.dns, &reply.json(), "dns-01");
    assert_eq!(alice.answer(&url, "dns-01").await["status"], "valid");
    let order = alice.new_order(&["room-1.corp.test"]).await;
    assert_eq!(order.status(), "ready");
    assert_eq!(order.authorizations(), [url]);
    alice.complete(&ca.dns, &order).await;
}

#[tokio::test]
async fn a_wildcard_and_a_foreign_name_cannot_be_authorized_ahead() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    for (name, kind) in [("*.corp.test", "malformed"), ("room-1.elsewhere.test", "rejectedIdentifier")] {
        let problem = alice.post(&alice.resource("new-authz"), &wanted(name)).await.problem();
        assert_eq!(problem.kind, kind, "{name}");
    }
}

#[tokio::test]
async fn an_authority_without_pre_authorization_does_not_offer_it() {
    let ca = TestCa::builder().configure(|config| config.acme.pre_authorization = false).start().await;
    let alice = ca.register("alice").await;
    let directory = ca.http().get(&ca.resource("external", "directory")).await.json();
    assert!(directory.get("newAuthz").is_none());
    let problem = alice.post(&alice.resource("new-authz"), &wanted("room-1.corp.test")).await.problem();
    assert_eq!(problem.status, 404);
}

#[tokio::test]
async fn an_authorization_given_up_ends_its_order_and_is_not_used_again() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    let order = alice.prove(&ca.dns, &alice.new_order(&["room-1.corp.test"]).await).await;
    assert_eq!(order.status(), "ready");
    let url = order.authorizations().remove(0);
    let given_up = alice.post(&url, &json!({"status": "deactivated"})).await.expect(StatusCode::OK);
    assert_eq!(given_up.json()["status"], "deactivated");
    assert_eq!(alice.seen(&order).await.status(), "invalid");
    let (_, csr) = order.csr();
    assert_eq!(alice.finalize(&order, &csr).await.unwrap_err().kind, "orderNotReady");
    assert_ne!(alice.new_order(&["room-1.corp.test"]).await.authorizations(), [url]);
    assert_eq!(ca.audit().await.count("intent"), 0);
}

#[tokio::test]
async fn answering_a_challenge_twice_is_no_error_and_changes_nothing() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    let order = alice.prove(&ca.dns, &alice.new_order(&["room-1.corp.test"]).await).await;
    let authorization = alice.read(&order.authorizations()[0]).await;
    let url = authorization["challenges"][0]["url"].as_str().unwrap().to_owned();
    let before = ca.snapshot().await;
    let reply = alice.post(&url, &json!({})).await.expect(StatusCode::OK);
    assert_eq!(reply.json()["status"], "valid");
    assert_eq!(ca.snapshot().await, before);
}
