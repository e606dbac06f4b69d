//! An answer that is lost on the way costs a device nothing: its code can be typed again, its token refreshed again, by whoever holds the device's key. Nobody
//! else gains anything by sending the same, and nothing is given twice once a token was used.

use certs::key::SigningKey;
use rollcall_tests::device::Reply;
use rollcall_tests::internal::{InternalCa, csr, new_key};
use serde_json::{Value, json};
use time::Duration;

use crate::devices::proof;

async fn start() -> (InternalCa, Value) {
    let it = InternalCa::start().await;
    it.organisation("Corp").await;
    let view = it.device_code("Corp").await;
    (it, view)
}

async fn type_code(it: &InternalCa, view: &Value, request: &str) -> Reply {
    it.post("devices/activate", None, &json!({"code": view["code"], "csr": request})).await
}

fn token(reply: &Reply, status: u16) -> String {
    assert_eq!(reply.status, status, "{reply}");
    reply.json()["token"].as_str().unwrap().to_owned()
}

async fn certify(it: &InternalCa, token: &str, key: &SigningKey) -> Reply {
    it.post("certificates", Some(token), &json!({"csr": csr(key, &[])})).await
}

async fn refresh(it: &InternalCa, token: &str, key: &SigningKey) -> Reply {
    it.post("devices/token", Some(token), &json!({"proof": proof(it, key, token, |_| {})})).await
}

#[tokio::test]
async fn a_code_can_be_typed_again_by_the_device_that_took_it_until_a_token_is_used() {
    let (it, view) = start().await;
    let key = new_key();
    let lost = token(&type_code(&it, &view, &csr(&key, &[])).await, 201);
    it.ca.clock.advance(Duration::minutes(9));
    let kept = token(&type_code(&it, &view, &csr(&key, &[])).await, 201);
    assert_ne!(lost, kept);
    assert_eq!(certify(&it, &kept, &key).await.status, 200);
    assert_eq!(type_code(&it, &view, &csr(&key, &[])).await.status, 403, "it was used");
    let acts: Vec<String> = it
        .ca
        .audit()
        .await
        .of_kind("machine-account")
        .map(|act| act["change"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(acts, ["created", "activation code made", "activated", "activated again"]);
}

#[tokio::test]
async fn a_code_is_over_ten_minutes_after_it_was_typed() {
    let (it, view) = start().await;
    let key = new_key();
    token(&type_code(&it, &view, &csr(&key, &[])).await, 201);
    it.ca.clock.advance(Duration::minutes(9));
    token(&type_code(&it, &view, &csr(&key, &[])).await, 201);
    it.ca.clock.advance(Duration::minutes(1));
    assert_eq!(type_code(&it, &view, &csr(&key, &[])).await.status, 403, "typing it again prolongs nothing");
}

#[tokio::test]
async fn a_code_that_was_typed_is_of_no_use_to_another_key_and_a_copied_request_takes_nothing_away() {
    let (it, view) = start().await;
    let key = new_key();
    let request = csr(&key, &[]);
    let held = token(&type_code(&it, &view, &request).await, 201);
    let before = it.ca.snapshot().await.rows(ca_server::store::Table::OpaqueTokens);
    assert_eq!(type_code(&it, &view, &csr(&new_key(), &[])).await.status, 403);
    assert_eq!(it.ca.snapshot().await.rows(ca_server::store::Table::OpaqueTokens), before);
    // Somebody who saw the request sends it as it was: what he gets serves the device's key alone.
    let copied = token(&type_code(&it, &view, &request).await, 201);
    let other = new_key();
    assert_eq!(refresh(&it, &copied, &other).await.status, 403);
    assert_eq!(certify(&it, &held, &key).await.status, 200, "the device's own token is as it was");
    assert_eq!(certify(&it, &copied, &other).await.status, 403);
}

#[tokio::test]
async fn a_code_that_is_typed_again_and_again_gives_so_many_tokens_and_no_more() {
    let (it, view) = start().await;
    let key = new_key();
    let mut statuses = Vec::new();
    for _ in 0..9 {
        statuses.push(type_code(&it, &view, &csr(&key, &[])).await.status.as_u16());
    }
    assert_eq!(statuses, [201, 201, 201, 201, 201, 201, 201, 201, 403]);
}

#[tokio::test]
async fn a_further_activation_or_a_deactivation_ends_the_code_before_it() {
    let (it, view) = start().await;
    let (first, second) = (new_key(), new_key());
    token(&type_code(&it, &view, &csr(&first, &[])).await, 201);
    let id = view["id"].as_str().unwrap();
    let further = it.tell("/devices", json!({"device": id})).await;
    token(&type_code(&it, &further, &csr(&second, &[])).await, 201);
    assert_eq!(type_code(&it, &view, &csr(&first, &[])).await.status, 403, "another device has the account");
    token(&type_code(&it, &further, &csr(&second, &[])).await, 201);
    it.tell(&format!("/devices/{id}/deactivate"), json!({})).await;
    assert_eq!(type_code(&it, &further, &csr(&second, &[])).await.status, 403);
}

#[tokio::test]
async fn a_token_can_be_refreshed_again_days_later_until_its_successor_is_used() {
    let (it, view) = start().await;
    let key = new_key();
    let old = token(&type_code(&it, &view, &csr(&key, &[])).await, 201);
    it.ca.clock.advance(Duration::days(15));
    let lost = token(&refresh(&it, &old, &key).await, 200);
    it.ca.clock.advance(Duration::days(3));
    assert_eq!(certify(&it, &old, &key).await.status, 401, "for certificates it was over after an hour");
    assert_eq!(refresh(&it, &old, &new_key()).await.status, 403, "only with the device's key");
    let kept = token(&refresh(&it, &old, &key).await, 200);
    assert_eq!(certify(&it, &lost, &key).await.status, 401, "nobody has the one that was lost");
    assert_eq!(certify(&it, &kept, &key).await.status, 200);
    assert_eq!(refresh(&it, &old, &key).await.status, 401, "its successor was used");
    assert_eq!(certify(&it, &kept, &key).await.status, 200, "and that goes on");
}

#[tokio::test]
async fn a_token_cannot_be_refreshed_after_its_own_end() {
    let (it, view) = start().await;
    let key = new_key();
    let old = token(&type_code(&it, &view, &csr(&key, &[])).await, 201);
    it.ca.clock.advance(Duration::days(29));
    token(&refresh(&it, &old, &key).await, 200);
    it.ca.clock.advance(Duration::days(1));
    assert_eq!(refresh(&it, &old, &key).await.status, 401);
}

#[tokio::test]
async fn of_a_first_use_and_a_repeated_refresh_at_the_same_moment_one_wins() {
    for _ in 0..8 {
        let (it, view) = start().await;
        let key = new_key();
        let old = token(&type_code(&it, &view, &csr(&key, &[])).await, 201);
        let held = token(&refresh(&it, &old, &key).await, 200);
        let (used, again) = tokio::join!(certify(&it, &held, &key), refresh(&it, &old, &key));
        match (used.status.as_u16(), again.status.as_u16()) {
            (200, 401) => {}
            (401, 200) => {}
            other => panic!("{other:?}"),
        }
    }
}
