//! Failures and ends of the process between any two steps of `docs/issuance-cycle.md`.

use ca_server::log::recover::{Recovered, recover};
use ca_server::order::model::{Certificate, CertificateStatus, Order, OrderStatus};
use ca_server::store::tables::orders;
use ca_server::store::{Batch, Range, Table};
use http::StatusCode;
use time::Duration;

use crate::device::{Device, acts, csr};
use crate::support::Ca;

async fn open_intents(ca: &Ca) -> usize {
    ca.running.app().store.scan(Range::of(Table::OpenIntents)).await.unwrap().len()
}

#[tokio::test]
async fn a_store_that_fails_at_the_intent_gives_500_and_leaves_the_order_ready() {
    let ca = Ca::start().await;
    let device = Device::register(&ca).await;
    let (url, order) = device.ready(&ca, &["room-1.corp.test"]).await;
    let csr = csr(&["room-1.corp.test"]);
    ca.switches.fail_next_commits(1);
    let reply = device.finalize(&ca, &order, &csr).await;
    assert_eq!(
        (reply.status, reply.problem().as_str()),
        (StatusCode::INTERNAL_SERVER_ERROR, "serverInternal")
    );
    assert!(!reply.json()["detail"].as_str().unwrap().contains("space"), "the cause stays inside: {reply:?}");
    assert_eq!(device.read(&ca, &url).await.json()["status"], "ready");
    assert_eq!((open_intents(&ca).await, acts(&ca, "intent").await), (0, 0));
    assert_eq!(device.finalize(&ca, &order, &csr).await.json()["status"], "valid");
}

#[tokio::test]
async fn a_store_that_fails_at_the_outcome_shows_no_certificate_until_recovery_completes_it() {
    let ca = Ca::start().await;
    let device = Device::register(&ca).await;
    let (url, order) = device.ready(&ca, &["room-1.corp.test"]).await;
    let csr = csr(&["room-1.corp.test"]);
    ca.switches.fail_commit_after(1);
    let reply = device.finalize(&ca, &order, &csr).await;
    assert_eq!(reply.problem(), "serverInternal");
    let half = device.read(&ca, &url).await;
    assert_eq!(half.json()["status"], "processing");
    assert!(!half.header("retry-after").is_empty());
    assert!(half.json().get("certificate").is_none());
    assert_eq!((open_intents(&ca).await, acts(&ca, "issued").await), (1, 0));
    assert_eq!(device.finalize(&ca, &order, &csr).await.json()["status"], "processing");

    let ca = ca.again().await;
    assert_eq!(open_intents(&ca).await, 0, "resolved before the listener opened");
    let order = device.read(&ca, &url).await.json();
    assert_eq!(order["status"], "valid");
    assert_eq!(device.download(&ca, &order).await.len(), 2);
    assert_eq!((acts(&ca, "intent").await, acts(&ca, "issued").await), (1, 1));
    assert_eq!(device.finalize(&ca, &order, &csr).await.json(), order);
}

#[tokio::test]
async fn an_intent_whose_acknowledgement_was_lost_is_completed_from_the_recorded_bytes() {
    let ca = Ca::start().await;
    let device = Device::register(&ca).await;
    let (url, order) = device.ready(&ca, &["room-1.corp.test"]).await;
    ca.switches.lose_next_answers(1);
    let reply = device.finalize(&ca, &order, &csr(&["room-1.corp.test"])).await;
    assert_eq!(reply.problem(), "serverInternal");
    assert_eq!(device.read(&ca, &url).await.json()["status"], "processing");
    let ca = ca.again().await;
    assert_eq!(device.read(&ca, &url).await.json()["status"], "valid");
}

#[tokio::test]
async fn an_intent_whose_order_no_longer_waits_is_abandoned_and_revoked() {
    let ca = Ca::start().await;
    let device = Device::register(&ca).await;
    let (_, order) = device.ready(&ca, &["room-1.corp.test"]).await;
    ca.switches.lose_next_answers(1);
    device.finalize(&ca, &order, &csr(&["room-1.corp.test"])).await;
    let store = &ca.running.app().store;
    let open = store.open_intents(None, 10).await.unwrap();
    let seen = store.load::<Order>(&open[0].value.order.unwrap()).await.unwrap().unwrap();
    let (mut next, mut batch) = (seen.value.clone(), Batch::new());
    next.status = OrderStatus::Invalid;
    orders::replace(&mut batch, &seen, &next).unwrap();
    store.commit(batch).await.unwrap();

    let ca = ca.again().await;
    let store = &ca.running.app().store;
    let record = store.load::<Certificate>(&open[0].value.serial).await.unwrap().unwrap();
    assert_eq!(record.value.status, CertificateStatus::Abandoned);
    assert_eq!((open_intents(&ca).await, acts(&ca, "abandoned").await), (0, 1));
    let name = ca.running.app().authorities.iter().next().unwrap().name().clone();
    let on_list: usize = {
        let mut count = 0;
        for authority in ca.running.app().authorities.iter() {
            count += store.revocations(authority.name(), None, 10).await.unwrap().len();
        }
        count
    };
    assert_eq!(on_list, 1, "{name}");
}

#[tokio::test]
async fn recovery_is_idempotent_and_leaves_young_intents_alone() {
    let ca = Ca::start().await;
    let device = Device::register(&ca).await;
    let (_, order) = device.ready(&ca, &["room-1.corp.test"]).await;
    ca.switches.lose_next_answers(1);
    device.finalize(&ca, &order, &csr(&["room-1.corp.test"])).await;
    let app = ca.running.app();
    let now = app.clock.now();
    let run = |before| recover(&app.store, &app.authorities, now, before);
    assert_eq!(run(now).await.unwrap(), Recovered::default(), "it may still be at work");
    let later = now + Duration::seconds(1);
    let (one, two) = tokio::join!(run(later), run(later));
    assert_eq!(one.unwrap().completed + two.unwrap().completed, 1);
    assert_eq!(run(later).await.unwrap(), Recovered::default());
    assert_eq!(acts(&ca, "issued").await, 1);
}

#[tokio::test]
async fn recovery_that_cannot_write_leaves_the_intent_for_later() {
    let ca = Ca::start().await;
    let device = Device::register(&ca).await;
    let (_, order) = device.ready(&ca, &["room-1.corp.test"]).await;
    ca.switches.lose_next_answers(1);
    device.finalize(&ca, &order, &csr(&["room-1.corp.test"])).await;
    let app = ca.running.app();
    let later = app.clock.now() + Duration::seconds(1);
    ca.switches.fail_all_commits(true);
    let failed = recover(&app.store, &app.authorities, later, later).await.unwrap();
    assert_eq!(failed, Recovered { left: 1, ..Recovered::default() });
    ca.switches.fail_all_commits(false);
    let done = recover(&app.store, &app.authorities, later, later).await.unwrap();
    assert_eq!(done, Recovered { completed: 1, ..Recovered::default() });
}

#[tokio::test]
async fn a_challenge_answered_before_the_end_is_validated_after_it() {
    let ca = Ca::start().await;
    let device = Device::register(&ca).await;
    let (_, order) = device.order(&ca, &["room-1.corp.test"]).await;
    let authorization = order["authorizations"][0].as_str().unwrap();
    // The first attempt finds no record and is put off.
    let object = device.read(&ca, authorization).await.json();
    let challenge = crate::device::challenge(&object, "dns-01");
    device.post(&ca, challenge["url"].as_str().unwrap(), &serde_json::json!({})).await;
    let store = &ca.running.app().store;
    let mut waiting = store.validations(9).await.unwrap();
    while waiting.first().is_none_or(|due| due.attempts == 0) {
        tokio::task::yield_now().await;
        waiting = store.validations(9).await.unwrap();
    }
    // The second one, of another process, falls due at once and finds the record.
    device.publish(&ca, &object);
    ca.clock.advance(Duration::minutes(5));
    let ca = ca.again().await;
    assert_eq!(device.settled(&ca, authorization).await["status"], "valid");
    assert!(ca.running.app().store.validations(9).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_order_that_could_not_be_stored_leaves_nothing_behind() {
    let ca = Ca::start().await;
    let device = Device::register(&ca).await;
    let before = ca.store.rows();
    ca.switches.fail_next_commits(1);
    let payload = serde_json::json!({"identifiers": crate::device::dns(&["room-1.corp.test"])});
    let reply = device.post(&ca, &ca.url("new-order"), &payload).await;
    assert_eq!(reply.problem(), "serverInternal");
    assert_eq!(ca.store.rows(), before);
}
