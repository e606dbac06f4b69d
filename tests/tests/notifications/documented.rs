//! The page about notifications names every field and every type of event there is, and no other.

use std::collections::BTreeSet;

use http::StatusCode;
use rollcall_tests::internal::InternalCa;
use rollcall_tests::receiver::Receiver;
use serde_json::{Value, json};

use crate::setting::{hook, next, telling};

/// The names of all fields, at any depth.
fn fields(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(key, value)| {
            found.insert(key.clone());
            fields(value, found);
        }),
        Value::Array(items) => items.iter().for_each(|item| fields(item, found)),
        _ => {}
    }
}

#[tokio::test]
async fn every_field_that_is_told_stands_in_the_page_and_every_field_of_the_page_is_told() {
    let receiver = Receiver::start().await;
    let it = InternalCa::build(telling(&receiver, ""), |_| {}).await;
    let ca = &it.ca;
    it.organisation("Corp").await;
    assert_eq!(it.certificate(&it.issuer.token(&it.claims("alice"))).await.status, StatusCode::OK);
    let alice = ca.register("alice").await;
    let first = alice.issue(&ca.dns, &["room-1.corp.test"]).await;
    let replaced = certs::ari::CertId::from_certificate(first.leaf()).unwrap().to_string();
    let order = json!({"identifiers": [{"type": "dns", "value": "room-1.corp.test"}], "replaces": replaced});
    let order = alice.order(&order).await.unwrap();
    alice.complete(&ca.dns, &order).await;
    drop(alice.revoke(first.leaf(), Some(1)).await.expect(StatusCode::OK));
    for _ in 0..5 {
        let order = json!({"identifiers": [{"type": "dns", "value": "room-1.elsewhere.test"}]});
        alice.order(&order).await.unwrap_err();
    }
    ca.clock.advance(time::Duration::hours(6 * 24 + 1));
    ca_server::notifications::expiring::look(ca.app()).await.unwrap();
    let (mut found, mut types) = (BTreeSet::new(), BTreeSet::new());
    let mut hear = async |until: &str| {
        while !types.contains(until) {
            let (_, event) = next(&receiver).await;
            fields(&event, &mut found);
            types.insert(event["type"].as_str().unwrap().to_owned());
        }
    };
    hear("rollcall.certificate.expiring.v1").await;
    hear("rollcall.failures.repeated.v1").await;
    let endpoint = hook(ca.app(), "hook");
    let newest = ca_server::log::journal::newest(&ca.app().store).await.unwrap().unwrap().seq;
    endpoint.replay(&ca.app().store, newest + 5).await.unwrap();
    hear("rollcall.journal.gap.v1").await;
    it.tell("/notifications/hook/test", json!({})).await;
    hear("rollcall.test.v1").await;

    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/notifications.md");
    let page = std::fs::read_to_string(page).unwrap();
    let listed = |begin: &str| -> BTreeSet<String> {
        let lines = page.lines().filter_map(|line| line.strip_prefix("| `"));
        let names = lines.filter_map(|line| line.split('`').next()).map(str::to_owned);
        names.filter(|name| name.starts_with("rollcall.") == begin.starts_with("rollcall.")).collect()
    };
    let keys: BTreeSet<String> =
        listed("").into_iter().filter(|name| !name.starts_with("webhook-")).collect();
    assert_eq!(keys, found, "the fields of docs/notifications.md");
    assert_eq!(listed("rollcall."), types, "the types of docs/notifications.md");
}
