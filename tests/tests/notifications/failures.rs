//! Who fails again and again is told of once.

use rollcall_tests::receiver::Receiver;
use serde_json::json;
use time::Duration;

use crate::setting::{next, telling};

#[tokio::test]
async fn a_name_that_is_refused_again_and_again_is_told_of_once_in_an_hour() {
    let receiver = Receiver::start().await;
    let ca = telling(&receiver, "events = [\"failures\"]").start().await;
    let alice = ca.register("alice").await;
    let ask = async || {
        let order = json!({"identifiers": [{"type": "dns", "value": "room-1.elsewhere.test"}]});
        alice.order(&order).await.unwrap_err()
    };
    for _ in 0..12 {
        ask().await;
    }
    let (_, event) = next(&receiver).await;
    assert_eq!(event["type"], "rollcall.failures.repeated.v1");
    let data = &event["data"];
    assert_eq!(
        (&data["subject"], &event["subject"]),
        (&json!("dns:room-1.elsewhere.test"), &data["subject"])
    );
    assert_eq!(
        (&data["times"], &data["within_seconds"], &data["action"]),
        (&json!(5), &json!(3600), &json!("order"))
    );
    assert!(
        data["account"].is_string() && data["rule"].as_str().is_some_and(|rule| !rule.is_empty()),
        "{data}"
    );
    ca.clock.advance(Duration::hours(1));
    for _ in 0..5 {
        ask().await;
    }
    assert_eq!(next(&receiver).await.1["data"]["subject"], "dns:room-1.elsewhere.test");
    assert_eq!(ca.audit().await.count("failing-repeatedly"), 2);
}

#[tokio::test]
async fn a_name_whose_challenge_fails_again_and_again_is_told_of() {
    let receiver = Receiver::start().await;
    let ca = telling(&receiver, "events = [\"failures\"]")
        .configure(|config| config.notifications.failures = 3)
        .start()
        .await;
    let alice = ca.register("alice").await;
    for _ in 0..3 {
        let order = alice.new_order(&["room-1.corp.test"]).await;
        let authorization = order.authorizations().remove(0);
        let seen = alice.read(&authorization).await;
        alice.publish(&ca.dns, &seen, "dns-01");
        ca.dns.set_txt("_acme-challenge.room-1.corp.test", &["something-else"]);
        let settled = alice.answer(&authorization, "dns-01").await;
        assert_eq!(settled["status"], "invalid", "{settled}");
    }
    let data = next(&receiver).await.1["data"].clone();
    assert_eq!((&data["subject"], &data["action"]), (&json!("dns:room-1.corp.test"), &json!("challenge")));
    assert!(data["rule"].as_str().unwrap().starts_with("challenge:"), "{data}");
}
