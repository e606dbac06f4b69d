//! Accounts (RFC 8555 §7.3): made once, changed, given a new key, given up.

use http::StatusCode;
use rollcall_tests::ca::TestCa;
use rollcall_tests::device::{AccountKey, Device};
use serde_json::{Value, json};

/// keyChange to `next`, as the account's present key signs it.
async fn change_key(device: &Device, next: &AccountKey) -> rollcall_tests::device::Reply {
    let url = device.resource("key-change");
    let header = json!({"alg": next.alg(), "jwk": next.jwk(), "url": url}).to_string();
    let payload = json!({"account": device.url(), "oldKey": device.key().jwk()}).to_string();
    let inner = Value::Object(next.flattened(&header, payload.as_bytes()));
    device.post(&url, &inner).await
}

#[tokio::test]
async fn one_key_has_one_account_however_often_it_asks() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    let again = alice.draft(&alice.resource("new-account"), &json!({})).with_jwk().send().await;
    let again = again.expect(StatusCode::OK);
    assert_eq!(again.header("location"), alice.url());
    let existing = json!({"onlyReturnExisting": true});
    let found = alice.draft(&alice.resource("new-account"), &existing).with_jwk().send().await;
    assert_eq!(found.expect(StatusCode::OK).header("location"), alice.url());
    assert_eq!(ca.audit().await.count("account-created"), 1);
}

#[tokio::test]
async fn every_kind_of_account_key_can_order() {
    let ca = TestCa::start().await;
    for key in [AccountKey::p256(), AccountKey::p384(), AccountKey::rsa(), AccountKey::ed25519()] {
        let alg = key.alg();
        let mut device = ca.stranger("external", "keys").with_key(key);
        device.register().await;
        let name = format!("{}.corp.test", alg.to_ascii_lowercase());
        let issued = device.issue(&ca.dns, &[&name]).await;
        assert_eq!(issued.report().names, [format!("dns:{name}")], "{alg}");
    }
}

#[tokio::test]
async fn contacts_are_changed_and_unknown_members_ignored() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    let payload = json!({"contact": ["mailto:new@corp.test"], "colour": "green", "orders": "x"});
    let view = alice.post(alice.url(), &payload).await.expect(StatusCode::OK).json();
    assert_eq!(view["contact"], json!(["mailto:new@corp.test"]));
    assert_eq!(view["orders"], format!("{}/orders", alice.url()));
    assert_eq!(alice.read(alice.url()).await, view);
}

#[tokio::test]
async fn a_new_key_takes_the_account_over_with_all_its_orders() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    let order = alice.prove(&ca.dns, &alice.new_order(&["room-1.corp.test"]).await).await;
    let next = AccountKey::p256();
    let _ = change_key(&alice, &next).await.expect(StatusCode::OK);
    let refused = alice.get(alice.url()).await.problem();
    assert_eq!(refused.kind, "malformed", "the old key signs nothing any more");
    let alice = alice.with_key(next);
    let (_, csr) = order.csr();
    let order = alice.finalize(&order, &csr).await.unwrap();
    assert_eq!(order.status(), "valid");
    assert_eq!(ca.audit().await.count("key-changed"), 1);
}

#[tokio::test]
async fn a_key_that_another_account_has_is_refused_and_the_answer_names_that_account() {
    let ca = TestCa::start().await;
    let (alice, bob) = (ca.register("alice").await, ca.register("bob").await);
    let before = ca.snapshot().await;
    let problem = change_key(&alice, bob.key()).await.problem();
    assert_eq!((problem.status, problem.kind.as_str()), (409, "malformed"));
    assert_eq!(problem.reply.header("location"), bob.url());
    assert_eq!(ca.snapshot().await, before);
}

#[tokio::test]
async fn a_deactivated_account_can_do_nothing_and_its_pending_orders_end() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    let order = alice.prove(&ca.dns, &alice.new_order(&["room-1.corp.test"]).await).await;
    let view = alice.post(alice.url(), &json!({"status": "deactivated"})).await.expect(StatusCode::OK);
    assert_eq!(view.json()["status"], "deactivated");
    let (_, csr) = order.csr();
    for reply in [alice.get(alice.url()).await, alice.finalize_once(&order, &csr).await] {
        let problem = reply.problem();
        assert_eq!((problem.status, problem.kind.as_str()), (401, "unauthorized"));
    }
    let again = alice.draft(&alice.resource("new-account"), &json!({})).with_jwk().send().await.problem();
    assert_eq!((again.status, again.kind.as_str()), (401, "unauthorized"));
    let audit = ca.audit().await;
    assert_eq!((audit.count("account-deactivated"), audit.count("intent")), (1, 0));
}

#[tokio::test]
async fn an_account_of_one_authority_is_unknown_to_another() {
    let ca = TestCa::start().await;
    let alice = ca.register("alice").await;
    let elsewhere = ca.resource("unbound", "new-order");
    let payload = json!({"identifiers": [{"type": "dns", "value": "room-1.corp.test"}]});
    let problem = alice.post(&elsewhere, &payload).await.problem();
    assert_eq!(problem.kind, "accountDoesNotExist");
}
