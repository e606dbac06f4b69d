//! One order, one certificate; and when there is none.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use ca_server::log::act::Act;
use ca_server::order::model::{Account, AccountStatus};
use ca_server::store::tables::accounts;
use ca_server::store::{Backend, Batch, Range, Row, Snapshot, StoreError, Table};
use certs::key::{KeyKind, SigningKey};
use futures_util::future::join_all;
use http::StatusCode;
use serde_json::json;

use crate::device::{Device, acts, csr};
use crate::support::{Ca, Reply};

#[tokio::test]
async fn sixty_four_parallel_finalizes_give_one_certificate_and_consistent_answers() {
    let ca = Ca::start().await;
    let device = Device::register(&ca).await;
    let (url, order) = device.ready(&ca, &["room-1.corp.test"]).await;
    let csr = csr(&["room-1.corp.test"]);
    let replies = join_all((0..64).map(|_| device.finalize(&ca, &order, &csr))).await;
    let mut certificates = BTreeSet::new();
    for reply in &replies {
        assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
        let order = reply.json();
        assert!(["processing", "valid"].contains(&order["status"].as_str().unwrap()), "{order}");
        certificates.extend(order["certificate"].as_str().map(str::to_owned));
    }
    assert_eq!(certificates.len(), 1);
    assert_eq!((acts(&ca, "intent").await, acts(&ca, "issued").await), (1, 1));
    assert_eq!(device.read(&ca, &url).await.json()["status"], "valid");
}

#[tokio::test]
async fn parallel_finalizes_with_different_requests_give_one_certificate_and_order_not_ready() {
    let ca = Ca::start().await;
    let device = Device::register(&ca).await;
    let (_, order) = device.ready(&ca, &["room-1.corp.test"]).await;
    let requests: Vec<_> = (0..8).map(|_| csr(&["room-1.corp.test"])).collect();
    let replies = join_all(requests.iter().map(|csr| device.finalize(&ca, &order, csr))).await;
    let (taken, refused): (Vec<_>, Vec<_>) = replies.iter().partition(|reply| reply.status == StatusCode::OK);
    assert_eq!((taken.len(), refused.len()), (1, 7));
    assert!(refused.iter().all(|reply| reply.problem() == "orderNotReady"));
    assert_eq!(acts(&ca, "intent").await, 1);
}

#[tokio::test]
async fn finalize_before_validation_is_order_not_ready_and_nothing_reaches_the_key() {
    let ca = Ca::start().await;
    let device = Device::register(&ca).await;
    let (url, order) = device.order(&ca, &["room-1.corp.test"]).await;
    let reply = device.finalize(&ca, &order, &csr(&["room-1.corp.test"])).await;
    assert_eq!(reply.problem(), "orderNotReady");
    assert!(reply.json()["detail"].as_str().unwrap().contains("1 of 1"), "{reply:?}");
    assert_eq!(acts(&ca, "intent").await, 0);
    assert_eq!(device.read(&ca, &url).await.json()["status"], "pending");
}

#[tokio::test]
async fn the_same_request_again_is_answered_the_same_and_another_one_is_not_ready() {
    let ca = Ca::start().await;
    let device = Device::register(&ca).await;
    let (_, order) = device.ready(&ca, &["room-1.corp.test"]).await;
    let csr_1 = csr(&["room-1.corp.test"]);
    let first = device.finalize(&ca, &order, &csr_1).await.json();
    let second = device.finalize(&ca, &order, &csr_1).await;
    assert_eq!((second.status, second.json()), (StatusCode::OK, first));
    let other = device.finalize(&ca, &order, &csr(&["room-1.corp.test"])).await;
    assert_eq!(other.problem(), "orderNotReady");
}

#[tokio::test]
async fn an_authorization_given_up_between_ready_and_finalize_stops_it() {
    let ca = Ca::start().await;
    let device = Device::register(&ca).await;
    let (url, order) = device.ready(&ca, &["room-1.corp.test", "room-2.corp.test"]).await;
    let given_up = order["authorizations"][1].as_str().unwrap();
    let reply = device.post(&ca, given_up, &json!({"status": "deactivated"})).await;
    assert_eq!(reply.json()["status"], "deactivated");
    let csr = csr(&["room-1.corp.test", "room-2.corp.test"]);
    assert_eq!(device.finalize(&ca, &order, &csr).await.problem(), "orderNotReady");
    assert_eq!(device.read(&ca, &url).await.json()["status"], "invalid");
    assert_eq!(acts(&ca, "intent").await, 0);
}

#[tokio::test]
async fn an_order_past_its_time_is_invalid_and_says_so() {
    let ca = Ca::start().await;
    let device = Device::register(&ca).await;
    let (url, order) = device.ready(&ca, &["room-1.corp.test"]).await;
    ca.clock.advance(time::Duration::days(8));
    let reply = device.finalize(&ca, &order, &csr(&["room-1.corp.test"])).await;
    assert_eq!(reply.problem(), "orderNotReady");
    let order = device.read(&ca, &url).await.json();
    assert_eq!(order["status"], "invalid");
    assert!(order["error"]["detail"].as_str().unwrap().contains("expired"), "{order}");
}

#[tokio::test]
async fn caa_is_asked_again_at_issuance_and_a_refusal_leaves_the_order_ready() {
    let ca = Ca::start().await;
    let device = Device::register(&ca).await;
    let (url, order) = device.ready(&ca, &["room-1.corp.test"]).await;
    ca.dns.set_caa("corp.test", "other-ca.test");
    let csr = csr(&["room-1.corp.test"]);
    let refused = device.finalize(&ca, &order, &csr).await;
    assert_eq!(refused.problem(), "caa");
    assert_eq!(acts(&ca, "refused").await, 1);
    assert_eq!(device.read(&ca, &url).await.json()["status"], "ready");
    ca.dns.set_caa("corp.test", "ca.test");
    assert_eq!(device.finalize(&ca, &order, &csr).await.json()["status"], "valid");
}

#[tokio::test]
async fn an_account_deactivated_before_finalize_gets_nothing() {
    let ca = Ca::start().await;
    let device = Device::register(&ca).await;
    let (_, order) = device.ready(&ca, &["room-1.corp.test"]).await;
    device.post(&ca, &device.account, &json!({"status": "deactivated"})).await;
    let reply = device.finalize(&ca, &order, &csr(&["room-1.corp.test"])).await;
    assert_eq!(reply.problem(), "unauthorized");
    assert_eq!(acts(&ca, "intent").await, 0);
}

/// Commits another batch just before the first one with an intent.
struct Meddling {
    inner: Arc<dyn Backend>,
    with: Arc<Mutex<Option<Batch>>>,
}

#[async_trait]
impl Backend for Meddling {
    async fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.get(table, key).await
    }

    async fn scan(&self, range: Range) -> Result<Vec<Row>, StoreError> {
        self.inner.scan(range).await
    }

    async fn commit(&self, batch: Batch) -> Result<(), StoreError> {
        if batch.acts.iter().any(|(_, act)| matches!(act, Act::Intent { .. })) {
            let first = self.with.lock().unwrap().take();
            if let Some(first) = first {
                self.inner.commit(first).await?;
            }
        }
        self.inner.commit(batch).await
    }

    async fn snapshot(&self) -> Result<Box<dyn Snapshot>, StoreError> {
        self.inner.snapshot().await
    }

    async fn health(&self) -> Result<(), StoreError> {
        self.inner.health().await
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}

/// What a finalize is answered if its account changes in its midst; and how many intents it left.
async fn finalize_while(change: impl FnOnce(&mut Account)) -> (Reply, usize) {
    let with = Arc::new(Mutex::new(None));
    let around = |inner| -> Arc<dyn Backend> { Arc::new(Meddling { inner, with: with.clone() }) };
    let ca = Ca::start_on("", |_| {}, around).await;
    let device = Device::register(&ca).await;
    let (_, order) = device.ready(&ca, &["room-1.corp.test"]).await;
    let id = device.account.rsplit('/').next().unwrap().parse().unwrap();
    let seen = ca.running.app().store.load::<Account>(&id).await.unwrap().unwrap();
    let (mut next, mut batch) = (seen.value.clone(), Batch::new());
    change(&mut next);
    accounts::replace(&mut batch, &seen, &next).unwrap();
    *with.lock().unwrap() = Some(batch);
    let reply = device.finalize(&ca, &order, &csr(&["room-1.corp.test"])).await;
    assert!(with.lock().unwrap().is_none(), "the account was changed");
    (reply, acts(&ca, "intent").await)
}

#[tokio::test]
async fn an_account_that_changes_its_contact_during_finalize_still_gets_its_certificate() {
    let (reply, intents) = finalize_while(|account| account.contact.clear()).await;
    assert_eq!((reply.json()["status"].as_str(), intents), (Some("valid"), 1), "{reply:?}");
}

#[tokio::test]
async fn an_account_that_ends_during_finalize_gets_nothing() {
    for status in [AccountStatus::Deactivated, AccountStatus::Revoked] {
        let (reply, intents) = finalize_while(|account| account.status = status).await;
        assert_eq!((reply.status.as_u16(), reply.problem().as_str(), intents), (401, "unauthorized", 0));
    }
}

#[tokio::test]
async fn a_key_that_is_already_certified_may_be_certified_again_for_the_same_account() {
    let ca = Ca::start().await;
    let device = Device::register(&ca).await;
    let key = SigningKey::generate(KeyKind::P256).unwrap();
    for _ in 0..2 {
        let (_, order) = device.ready(&ca, &["room-1.corp.test"]).await;
        let csr = crate::device::csr_by(&key, &["room-1.corp.test"]);
        assert_eq!(device.finalize(&ca, &order, &csr).await.json()["status"], "valid");
    }
}
