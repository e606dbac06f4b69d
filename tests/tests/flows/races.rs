//! Many requests at once: one certificate, one account, one answer.

use std::collections::BTreeSet;

use ca_server::store::Table;
use futures_util::future::join_all;
use http::StatusCode;
use rollcall_tests::ca::TestCa;
use rollcall_tests::device::csr;
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixty_four_finalizes_of_one_order_give_one_certificate_and_consistent_answers() {
    let ca = TestCa::builder().sled().start().await;
    let alice = ca.register("alice").await;
    let order = alice.prove(&ca.dns, &alice.new_order(&["room-1.corp.test"]).await).await;
    let (_, csr) = order.csr();
    let replies = join_all((0..64).map(|_| alice.finalize_once(&order, &csr))).await;
    for reply in &replies {
        assert_eq!(reply.status, StatusCode::OK, "{reply}");
        let status = reply.json()["status"].as_str().unwrap().to_owned();
        assert!(status == "processing" || status == "valid", "{reply}");
    }
    let valid = alice.until(&order.url, |seen| seen["status"] != "processing").await;
    assert_eq!(valid["status"], "valid");
    let certificates: BTreeSet<_> =
        replies.iter().filter_map(|reply| reply.json()["certificate"].as_str().map(str::to_owned)).collect();
    assert!(certificates.iter().all(|url| valid["certificate"] == *url), "{certificates:?}");
    assert_eq!(ca.snapshot().await.rows(Table::Certificates), 1);
    let audit = ca.audit().await;
    assert_eq!((audit.count("intent"), audit.count("issued")), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_sixty_four_different_requests_for_one_order_one_wins_and_the_others_are_told() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    let order = alice.prove(&ca.dns, &alice.new_order(&["room-1.corp.test"]).await).await;
    let requests: Vec<_> = (0..64).map(|_| order.csr()).collect();
    let replies = join_all(requests.iter().map(|(_, csr)| alice.finalize_once(&order, csr))).await;
    let (won, lost): (Vec<_>, Vec<_>) = replies.into_iter().partition(|reply| reply.status == StatusCode::OK);
    assert_eq!(won.len(), 1);
    for reply in lost {
        let problem = reply.problem();
        assert_eq!((problem.status, problem.kind.as_str()), (403, "orderNotReady"));
    }
    assert_eq!(ca.audit().await.count("intent"), 1);
}

#[tokio::test]
async fn the_same_request_again_gets_the_same_order_and_another_one_is_refused() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    let order = alice.prove(&ca.dns, &alice.new_order(&["room-1.corp.test"]).await).await;
    let (key, first) = order.csr();
    let valid = alice.finalize(&order, &first).await.unwrap();
    let again = alice.finalize(&order, &first).await.unwrap();
    assert_eq!(again.body, valid.body);
    let other = csr(&key, &["room-1.corp.test"]);
    assert_ne!(other, first, "ECDSA signatures differ");
    assert_eq!(alice.finalize(&order, &other).await.unwrap_err().kind, "orderNotReady");
    assert_eq!(ca.audit().await.count("intent"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_key_that_registers_many_times_at_once_has_one_account() {
    let ca = TestCa::start().await;
    let alice = ca.stranger("external", "alice");
    let url = alice.resource("new-account");
    let payload = json!({});
    let replies = join_all((0..32).map(|_| alice.post(&url, &payload))).await;
    let locations: BTreeSet<_> = replies.iter().map(|reply| reply.header("location").to_owned()).collect();
    assert_eq!(locations.len(), 1);
    assert_eq!(replies.iter().filter(|reply| reply.status == StatusCode::CREATED).count(), 1);
    assert_eq!(ca.audit().await.count("account-created"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_nonce_sent_many_times_at_once_is_taken_once() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    let nonce = ca.http().nonce(&ca.resource("external", "new-nonce")).await;
    let replies =
        join_all((0..32).map(|_| alice.draft_read(alice.url()).header("nonce", nonce.as_str()).send())).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == StatusCode::OK).count(), 1);
    for reply in replies.into_iter().filter(|reply| reply.status != StatusCode::OK) {
        assert_eq!(reply.problem().kind, "badNonce");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_certificate_revoked_many_times_at_once_is_revoked_once() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    let issued = alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    let replies = join_all((0..16).map(|_| alice.revoke(issued.leaf(), None))).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == StatusCode::OK).count(), 1);
    assert_eq!(ca.audit().await.count("revoked"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_devices_at_once_each_get_their_own() {
    let ca = TestCa::builder().sled().start().await;
    let devices = join_all((0..12).map(|at| {
        let ca = &ca;
        async move {
            let device = ca.register(&format!("device-{at}")).await;
            device.issue(&ca.dns, &[&format!("room-{at}.corp.test")]).await.report()
        }
    }))
    .await;
    let serials: BTreeSet<_> = devices.iter().map(|report| report.serial.clone()).collect();
    assert_eq!(serials.len(), 12);
    for (at, report) in devices.iter().enumerate() {
        assert_eq!(report.names, [format!("dns:room-{at}.corp.test")]);
    }
    let report = ca_server::log::verify::verify(&ca.app().store, None).await.unwrap();
    assert!(report.broken.is_none(), "{report:?}");
    assert_eq!(report.verified, 1 + 12 * 3, "the first list; an account, an intent and an issuance for each");
}
