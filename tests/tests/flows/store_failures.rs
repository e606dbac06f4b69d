//! A store that fails: 500 without half-issued certificates, health that says so, and everything as before once it works again.

use ca_server::store::Table;
use http::StatusCode;
use rollcall_tests::ca::TestCa;
use rollcall_tests::device::dns;
use serde_json::json;

#[tokio::test]
async fn a_full_disk_gives_500_changes_nothing_and_health_says_so() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    let order = alice.prove(&ca.dns, &alice.new_order(&["room-1.corp.test"]).await).await;
    let (_, csr) = order.csr();
    let before = ca.snapshot().await;
    ca.store_faults.fail_all_commits(true);
    let replies = [
        alice.finalize_once(&order, &csr).await,
        alice.post(&alice.resource("new-order"), &json!({"identifiers": dns(&["room-2.corp.test"])})).await,
        alice.post(alice.url(), &json!({"status": "deactivated"})).await,
    ];
    for reply in replies {
        let problem = reply.problem();
        assert_eq!((problem.status, problem.kind.as_str()), (500, "serverInternal"));
        assert!(!problem.detail.contains("space"), "the cause stays in the log: {}", problem.detail);
    }
    let health = ca.http().get(&ca.url("/health")).await;
    assert_eq!(health.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(health.json()["store"], "failing");
    ca.store_faults.fail_all_commits(false);
    assert_eq!(ca.snapshot().await, before);
    assert_eq!(alice.seen(&order).await.status(), "ready");
    assert_eq!(alice.finalize(&order, &csr).await.unwrap().status(), "valid");
    assert_eq!(ca.http().get(&ca.url("/health")).await.status, StatusCode::OK);
    let audit = ca.audit().await;
    assert_eq!((audit.count("intent"), audit.count("issued")), (1, 1));
}

#[tokio::test]
async fn a_store_that_cannot_be_read_gives_500_with_a_problem() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    ca.store_faults.fail_reads(true);
    let problem = alice.get(alice.url()).await.problem();
    assert_eq!((problem.status, problem.kind.as_str()), (500, "serverInternal"));
    ca.store_faults.fail_reads(false);
    assert_eq!(alice.read(alice.url()).await["status"], "valid");
}

#[tokio::test]
async fn an_intent_that_was_written_but_reported_lost_is_resolved_and_no_second_one_is_made() {
    let ca = TestCa::builder().sled().start().await;
    let alice = ca.register("alice").await;
    let order = alice.prove(&ca.dns, &alice.new_order(&["room-1.corp.test"]).await).await;
    let (_, csr) = order.csr();
    ca.store_faults.lose_next_answers(1);
    let reply = alice.finalize_once(&order, &csr).await;
    assert_eq!(reply.status, StatusCode::INTERNAL_SERVER_ERROR, "{reply}");
    assert_eq!(ca.snapshot().await.rows(Table::OpenIntents), 1);
    assert_eq!(alice.seen(&order).await.status(), "processing");
    let ca = ca.restart().await;
    let alice = alice.over(ca.http());
    let order = alice.finalize(&order, &csr).await.unwrap();
    assert!(order.status() == "valid" || order.status() == "invalid", "{}", order.body);
    let left = ca.snapshot().await;
    assert_eq!((left.rows(Table::OpenIntents), left.rows(Table::Certificates)), (0, 1));
    assert_eq!(ca.audit().await.count("intent"), 1);
}

#[tokio::test]
async fn an_outcome_that_could_not_be_stored_is_completed_at_the_next_start() {
    let ca = TestCa::builder().sled().start().await;
    let alice = ca.register("alice").await;
    let order = alice.prove(&ca.dns, &alice.new_order(&["room-1.corp.test"]).await).await;
    let (_, csr) = order.csr();
    ca.store_faults.fail_commit_after(1);
    let reply = alice.finalize_once(&order, &csr).await;
    assert_eq!(reply.status, StatusCode::INTERNAL_SERVER_ERROR, "{reply}");
    let ca = ca.restart().await;
    let alice = alice.over(ca.http());
    let order = alice.finalize(&order, &csr).await.unwrap();
    assert_eq!(order.status(), "valid", "{}", order.body);
    alice.download(order.certificate().unwrap()).await;
    let audit = ca.audit().await;
    assert_eq!((audit.count("intent"), audit.count("issued")), (1, 1));
}
