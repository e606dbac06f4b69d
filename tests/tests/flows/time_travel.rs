//! What time does: orders and authorizations end, proofs grow stale, records are pruned.

use ca_server::clock::Clock as _;
use ca_server::store::Table;
use ca_server::store::prune::prune;
use rollcall_tests::ca::TestCa;
use rollcall_tests::device::Order;
use time::Duration;

#[tokio::test]
async fn an_order_that_nobody_worked_on_is_invalid_after_its_time_and_says_why() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    let order = alice.new_order(&["room-1.corp.test"]).await;
    ca.clock.advance(Duration::days(7) - Duration::seconds(1));
    assert_eq!(alice.seen(&order).await.status(), "pending");
    ca.clock.advance(Duration::seconds(1));
    let order = alice.seen(&order).await;
    assert_eq!(order.status(), "invalid");
    assert!(order.body["error"]["detail"].as_str().unwrap().contains("expired"), "{}", order.body);
    let authorization = alice.read(&order.authorizations()[0]).await;
    assert_eq!(authorization["status"], "invalid");
    let (_, csr) = order.csr();
    assert_eq!(alice.finalize(&order, &csr).await.unwrap_err().kind, "orderNotReady");
}

#[tokio::test]
async fn a_proof_serves_further_orders_for_as_long_as_the_profile_says_and_no_longer() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    let issued = alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    ca.clock.advance(Duration::hours(8) - Duration::seconds(1));
    assert_eq!(alice.new_order(&["room-1.corp.test"]).await.status(), "ready");
    ca.clock.advance(Duration::seconds(1));
    let order = alice.new_order(&["room-1.corp.test"]).await;
    assert_eq!(order.status(), "pending");
    assert_ne!(order.authorizations(), issued.order.authorizations());
}

#[tokio::test]
async fn an_order_whose_proof_ended_before_finalize_is_not_ready_any_more() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    let order = alice.prove(&ca.dns, &alice.new_order(&["room-1.corp.test"]).await).await;
    assert_eq!(order.status(), "ready");
    ca.clock.advance(Duration::days(1) + Duration::seconds(1));
    let (_, csr) = order.csr();
    let problem = alice.finalize(&order, &csr).await.unwrap_err();
    assert_eq!(problem.kind, "orderNotReady");
    assert_eq!(alice.seen(&order).await.status(), "invalid");
    assert_eq!(ca.audit().await.count("intent"), 0);
}

#[tokio::test]
async fn a_certificate_lives_as_long_as_its_profile_says_from_the_moment_it_is_issued() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    let order = alice.new_order(&["room-1.corp.test"]).await;
    ca.clock.advance(Duration::hours(5));
    let report = alice.complete(&ca.dns, &order).await.report();
    let now = ca.clock.now();
    assert_eq!(report.not_before, now - Duration::minutes(1), "backdated for holders whose clocks run late");
    assert!(report.not_after <= now + Duration::days(7));
    assert!(report.not_after >= now + Duration::days(7) - Duration::minutes(1));
}

#[tokio::test]
async fn what_ended_long_ago_is_pruned_and_what_did_not_stays() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    let issued = alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    let abandoned: Order = alice.new_order(&["room-2.corp.test"]).await;
    ca.clock.advance(Duration::days(20));
    let young = alice.new_order(&["room-3.corp.test"]).await;
    ca.clock.advance(Duration::days(18));
    let kept = ca.config().store.clone();
    let pruned = prune(&ca.app().store, &kept, ca.clock.now()).await.unwrap();
    assert!(pruned.orders >= 1 && pruned.authorizations >= 1, "{pruned:?}");
    assert_eq!(pruned.certificates, 0);
    assert_eq!(alice.get(&abandoned.url).await.problem().status, 404);
    assert_eq!(alice.seen(&young).await.status(), "invalid", "it ended, but not long ago");
    assert_eq!(alice.download(&issued.url).await, issued.chain);
    ca.clock.advance(Duration::days(400));
    let pruned = prune(&ca.app().store, &kept, ca.clock.now()).await.unwrap();
    assert_eq!(pruned.certificates, 1);
    let left = ca.snapshot().await;
    for table in
        [Table::Orders, Table::Authorizations, Table::Certificates, Table::OrdersByAccount, Table::Expiry]
    {
        assert_eq!(left.rows(table), 0, "{table:?}");
    }
    assert!(left.rows(Table::Journal) > 0, "the journal is never pruned");
    assert_eq!(alice.read(alice.url()).await["status"], "valid");
}
