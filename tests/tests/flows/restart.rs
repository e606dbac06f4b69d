//! A restart on the embedded store: nothing acknowledged is lost, and what was begun goes on.

use ca_server::store::Table;
use http::StatusCode;
use rollcall_tests::ca::TestCa;
use rollcall_tests::device::challenge;
use rollcall_tests::dns::Fault;
use serde_json::json;

#[tokio::test]
async fn accounts_orders_proofs_certificates_and_revocations_are_there_after_a_restart() {
    let ca = TestCa::builder().sled().start().await;
    let alice = ca.register("alice").await;
    let issued = alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    let revoked = alice.issue(&ca.dns, &["room-2.corp.test"]).await;
    let _ = alice.revoke(revoked.leaf(), None).await.expect(StatusCode::OK);
    let ready = alice.prove(&ca.dns, &alice.new_order(&["room-3.corp.test"]).await).await;
    let pending = alice.new_order(&["room-4.corp.test"]).await;
    let key = ca.external_key("kid-1", "closed", &[]).await;
    let before = ca.snapshot().await;

    let ca = ca.restart().await;
    // Each start signs the lists, under numbers that are noted first.
    assert_eq!(ca.snapshot().await.changed_since(&before), [Table::Meta, Table::Journal]);
    let alice = alice.over(ca.http());
    assert_eq!(alice.read(alice.url()).await["status"], "valid");
    assert_eq!(alice.download(&issued.url).await, issued.chain);
    assert_eq!(alice.seen(&issued.order).await.body, issued.order.body);
    assert_eq!(alice.revoke(revoked.leaf(), None).await.problem().kind, "alreadyRevoked");
    assert_eq!(alice.seen(&ready).await.status(), "ready");
    alice.complete(&ca.dns, &ready).await;
    alice.complete(&ca.dns, &pending).await;
    let mut bound = ca.stranger("closed", "bob");
    let binding = key.bind(&bound.key().jwk(), &ca.resource("closed", "new-account"));
    let payload = json!({"termsOfServiceAgreed": true, "externalAccountBinding": binding});
    bound.register_with(&payload).await.unwrap();
    let report = ca_server::log::verify::verify(&ca.app().store, None).await.unwrap();
    assert!(report.broken.is_none(), "{report:?}");
}

#[tokio::test]
async fn a_nonce_from_before_a_restart_is_refused_and_the_one_in_the_refusal_works() {
    let ca = TestCa::builder().sled().start().await;
    let alice = ca.register("alice").await;
    let stale = ca.http().nonce(&ca.resource("external", "new-nonce")).await;
    let ca = ca.restart().await;
    let alice = alice.over(ca.http());
    let problem = alice.draft_read(alice.url()).header("nonce", stale).send().await.problem();
    assert_eq!(problem.kind, "badNonce");
    let fresh = problem.reply.nonce().unwrap().to_owned();
    let _ = alice.draft_read(alice.url()).header("nonce", fresh).send().await.expect(StatusCode::OK);
}

#[tokio::test]
async fn a_validation_that_was_not_done_is_done_after_the_restart() {
    let ca = TestCa::builder().sled().start().await;
    let alice = ca.register("alice").await;
    let order = alice.new_order(&["room-1.corp.test"]).await;
    let url = order.authorizations().remove(0);
    let seen = alice.read(&url).await;
    ca.dns.fault(Fault::ServFail);
    let asked = challenge(&seen, "dns-01")["url"].as_str().unwrap().to_owned();
    let _ = alice.post(&asked, &json!({})).await.expect(StatusCode::OK);
    let ca = ca.restart().await;
    let alice = alice.over(ca.http());
    assert_eq!(alice.read(&asked).await["status"], "processing");
    alice.publish(&ca.dns, &seen, "dns-01");
    ca.dns.honest();
    ca.clock.advance(time::Duration::minutes(5));
    ca.app().validations.wake();
    assert_eq!(alice.settled(&url).await["status"], "valid");
    alice.complete(&ca.dns, &order).await;
}
